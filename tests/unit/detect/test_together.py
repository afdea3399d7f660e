"""What the texts of one subject say together."""

import base64
import json
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.ports import Match
from firewall.core.subject import Leaf, ModelReply, Span, Subject
from firewall.detect.disguise.readings import BARRIER
from firewall.detect.disguise.views import views
from firewall.detect.together import Cut, together
from tests.fakes.tenants import line, mixed, outbound, part, result, spec, tool_call


def _crossed(subject: Subject, value: str, cuts: Iterable[Cut] = ()) -> list[tuple[int, str]]:
    """Give the stretch that each place of a value is charged to."""
    whole = together(subject, cuts)
    if whole is None:
        return []
    found: list[tuple[int, str]] = []
    start = whole.text.find(value)
    while start >= 0:
        match = Match(start=start, stop=start + len(value), kind="EXCERPT", rule="excerpt", key=value)
        stretch = whole.crossed(match)
        if stretch is not None:
            leaf, *place = stretch
            found.append((leaf, subject.leaves[leaf].text[slice(*place)]))
        start = whole.text.find(value, start + 1)
    return found


@given(st.text("abc-", min_size=2, max_size=30), st.data())
def test_whatever_is_split_over_texts_is_put_together_again(value: str, data: st.DataObject) -> None:
    ends = sorted({*data.draw(st.sets(st.integers(1, len(value) - 1), min_size=1)), len(value)})
    pieces = [value[start:stop] for start, stop in zip([0, *ends], ends, strict=False)]
    assert _crossed(outbound(*map(line, pieces)), value)
    assert _crossed(outbound(*map(line, reversed(pieces))), value)
    assert _crossed(tool_call(spec(), {"items": list(pieces)}), value)
    assert _crossed(tool_call(spec(), {"body": {f"k{n}": one for n, one in enumerate(pieces)}}), value)
    assert _crossed(result(json.dumps(pieces)), value)


def test_a_key_and_its_value_are_put_together() -> None:
    assert _crossed(tool_call(spec(), {"body": {"kelp-": "lantern"}}), "kelp-lantern")


@pytest.mark.parametrize("encode", [base64.b85encode, base64.a85encode], ids=["rfc-1924", "ascii85"])
def test_code_in_two_texts_stands_alone_whatever_stands_beside_them(
    encode: Callable[[bytes], bytes],
) -> None:
    code = encode(b"kelp-47-lantern").decode()
    for halves in ((code[:9], code[9:]), (code[9:], code[:9])):
        whole = together(outbound(*map(line, ("Which?", *halves, "yes"))), ())
        assert whole is not None
        assert any("kelp-47-lantern" in view.text for view in views(whole.text))


def test_words_are_not_put_together_in_twos() -> None:
    whole = together(outbound(*map(line, "abcd")), ())
    assert whole is not None
    assert whole.text.split(BARRIER) == ["abcd", "dcba", ""]


def test_names_between_words_keep_them_apart_from_nothing() -> None:
    leaves = (line("kelp-"), mixed(("name", None), fixed=True), line("lantern"))
    assert _crossed(outbound(*leaves), "kelp-lantern") == [(2, "lantern")]
    assert _crossed(outbound(*leaves), "namelantern") == [(2, "lantern")]


@pytest.mark.parametrize(
    "leaves",
    [
        pytest.param((), id="nothing"),
        pytest.param((line("kelp-lantern"),), id="one-text"),
        pytest.param((line("kelp-lantern"), line("")), id="one-text-and-an-empty-one"),
        pytest.param((line("kelp-", part("a")), line("lantern", part("b"))), id="all-accounted-for"),
    ],
)
def test_there_is_nothing_to_put_together(leaves: tuple[Leaf, ...]) -> None:
    assert together(outbound(*leaves), ()) is None


def test_numbers_alone_make_nothing_up_and_beside_words_they_do() -> None:
    shown = outbound(line("1"), line("2"), line("a"), line("3"), line("b"))
    assert _crossed(shown, "12") == []
    assert _crossed(shown, "12a3b")
    assert _crossed(tool_call(spec(), {"items": ["1", "2"]}), "12")


def test_what_a_model_says_is_put_together_elsewhere() -> None:
    assert together(ModelReply(leaves=(line("kelp-"), line("lantern"))), ()) is None


def test_what_stands_in_one_text_is_not_found_once_more() -> None:
    assert _crossed(outbound(line("kelp-lantern"), line("and more")), "kelp-lantern") == []


def test_what_was_cut_is_gone_and_its_neighbours_stay_apart() -> None:
    whole = together(outbound(line("kelp-CUTlantern"), line("!")), [(0, 5, 8)])
    assert whole is not None
    assert "CUT" not in whole.text
    assert "kelp-lantern" not in whole.text


def test_half_of_it_accounted_for_is_charged_to_the_other_half() -> None:
    known = part("kelp-lant")
    leaf = Leaf(slot="a", spans=(Span(text="kelp-lant", source=known), Span(text="e", source=None)))
    assert _crossed(outbound(leaf, line("rn", known)), "kelp-lantern") == [(0, "e")]
    accounted = outbound(line("kelp-", known), line("lantern", known), line("x"))
    assert _crossed(accounted, "kelp-lantern") == []


def test_of_long_texts_the_ends_are_put_together() -> None:
    long = "x" * 10_000
    subject = outbound(line(f"rest{long}kelp-"), line(f"lantern{long}end"))
    assert _crossed(subject, "kelp-lantern") == [(1, "lantern")]
    whole = together(subject, ())
    assert whole is not None
    assert len(whole.text) < 17_000


@pytest.mark.parametrize(
    ("text", "crosses"),
    [
        pytest.param(json.dumps([{"a": "kelp-"}, {"a": "lantern"}]), True, id="values-of-two-rows"),
        pytest.param('["\\u006belp-", "lan\\u0074ern"]', True, id="escaped"),
        pytest.param('["kelp-\\", "lantern"]', False, id="one-string-with-a-quote"),
        pytest.param('["kelp-\\x", "lantern"]', False, id="no-json"),
        pytest.param('He said "kelp-" and "lantern".', False, id="prose"),
        pytest.param('{"kelp-": "lantern"}', False, id="a-key"),
    ],
)
def test_the_strings_of_what_a_tool_gives_are_put_together(text: str, crosses: bool) -> None:
    assert bool(_crossed(result(text), "kelp-lantern")) is crosses


def test_a_string_of_which_something_was_cut_is_put_together_with_the_rest() -> None:
    text = '["CUTkelp-", "lantern"]'
    assert _crossed(result(text), "kelp-lantern", [(0, 2, 5)]) == [(0, "lantern")]
