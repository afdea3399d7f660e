"""Which recorded part each stretch of a presented text comes from, by cases people meet."""

import pytest

from firewall.accounting import Voice, account, derived_spans
from firewall.core.message import Origin, Part
from firewall.core.subject import leaf
from firewall.templates import Template
from tests.fakes.tenants import line, mixed, part


def said(*texts: str, origin: Origin = Origin.SENDER) -> list[Part]:
    return [part(text, origin=origin, id=f"p{n}") for n, text in enumerate(texts)]


def found(
    presented: list[str], records: list[Part], *templates: Template
) -> list[list[tuple[str, str | None]]]:
    leaves = [leaf(f"m.{n}", text, None, group=n) for n, text in enumerate(presented)]
    accounted = account(leaves, records=records, templates=templates)
    return [
        [(span.text, None if span.source is None else str(span.source.id)) for span in each.spans]
        for each in accounted
    ]


def test_a_whole_part_accounts_for_a_message() -> None:
    assert found(["hello"], said("hello")) == [[("hello", "p0")]]


@pytest.mark.parametrize("text", ["Hello", "hello ", "hell", "he\u200bllo", "\uff48ello"])
def test_a_part_is_found_character_by_character_or_not_at_all(text: str) -> None:
    assert all(source is None or piece == "hello" for piece, source in found([text], said("hello"))[0])


def test_a_decorated_line_is_accounted_for_by_its_middle() -> None:
    assert found(["ann: hello\n"], said("hello")) == [[("ann: ", None), ("hello", "p0"), ("\n", None)]]


def test_several_parts_stand_in_one_prompt_in_order() -> None:
    prompt = "ann: hi\nbob: SECRET\nbot: yes\nann: bye"
    assert found([prompt], said("hi", "yes", "bye")) == [
        [
            ("ann: ", None),
            ("hi", "p0"),
            ("\nbob: SECRET\nbot: ", None),
            ("yes", "p1"),
            ("\nann: ", None),
            ("bye", "p2"),
        ]
    ]


def test_a_record_serves_once() -> None:
    accounted = found(["hello", "hello"], said("hello"))
    assert [pieces[0][1] for pieces in accounted].count("p0") == 1
    assert [pieces[0][1] for pieces in accounted].count(None) == 1


def test_records_stay_in_order() -> None:
    accounted = found(["second", "first"], said("first", "second"))
    assert sum(source is not None for pieces in accounted for _, source in pieces) == 1


def test_what_nobody_recorded_is_nobodys() -> None:
    assert found(["SECRET", ""], []) == [[("SECRET", None)], [("", None)]]
    assert found([], said("hello")) == []


def test_a_message_of_the_right_role_is_preferred() -> None:
    leaves = [leaf("m.0", "ok", None, group=0), leaf("m.1", "ok", None, group=1)]
    voices = {0: Voice.ASSISTANT, 1: Voice.USER}
    for origin, chosen in ((Origin.SENDER, 1), (Origin.MODEL, 0)):
        accounted = account(leaves, records=said("ok", origin=origin), voices=voices)
        assert [each.spans[0].source is not None for each in accounted].index(True) == chosen


def test_a_part_is_not_found_inside_a_neighbours_message_when_its_own_stands_there_too() -> None:
    assert found(["bob says ok then", "ok"], said("ok")) == [[("bob says ok then", None)], [("ok", "p0")]]
    assert found(["ok", "bob says ok then"], said("ok")) == [[("ok", "p0")], [("bob says ok then", None)]]


def test_the_holes_of_a_template_are_accounted_for_like_any_text() -> None:
    template = Template.parse("Be kind.\n{history}\nUser: {message}")
    pieces = found(["Be kind.\nbob: SECRET\nUser: hello"], said("hello"), template)[0]
    assert [(text, source) for text, source in pieces if source != "wall"] == [
        ("bob: SECRET", None),
        ("hello", "p0"),
    ]
    assert [text for text, source in pieces if source == "wall"] == ["Be kind.\n", "\nUser: "]


def test_what_has_a_source_already_keeps_it() -> None:
    known = part("hello", id="known")
    leaves = [mixed(("hello", known), (" hello", None)), line("x")]
    accounted = account(leaves, records=said("hello"), templates=[Template.parse("hello{x}")])
    assert [(span.text, span.source.id if span.source else None) for span in accounted[0].spans] == [
        ("hello", "known"),
        (" ", None),
        ("hello", "p0"),
    ]


def test_a_neighbour_cannot_use_up_the_places_of_others() -> None:
    accounted = found(["a" * 30_000, "x a y", "hello"], said("a", "hello"))
    assert accounted[2] == [("hello", "p1")]
    assert any(source == "p0" for pieces in accounted for _, source in pieces)


def test_a_neighbour_in_the_same_prompt_takes_nothing_from_its_owner() -> None:
    (pieces,) = found(["bob: " + "a" * 40 + "\nann: xyz\nann: a"], said("xyz", "a"))
    assert [source for _, source in pieces if source is not None] == ["p0", "p1"]


# What is about to be shown.


def shown(text: str, *produced: str) -> list[tuple[str, bool]]:
    return [(span.text, span.source is not None) for span in derived_spans(text, said(*produced))]


@pytest.mark.parametrize(
    ("text", "produced", "spans"),
    [
        pytest.param("hello", ("hello",), [("hello", True)], id="whole"),
        pytest.param("ell", ("hello",), [("ell", True)], id="a-piece"),
        pytest.param("one two", ("one", "two"), [("one", True), (" ", False), ("two", True)], id="joined"),
        pytest.param("one one", ("one",), [("one", True), (" ", False), ("one", True)], id="twice"),
        pytest.param("> hello!", ("hello",), [("> ", False), ("hello", True), ("!", False)], id="decorated"),
        pytest.param("ab", ("a", "ab"), [("ab", True)], id="the-whole-before-its-parts"),
        pytest.param("abc", ("a", "ab"), [("ab", True), ("c", False)], id="the-longest-first"),
        pytest.param("SECRET", ("hello",), [("SECRET", False)], id="from-nowhere"),
        pytest.param("SECRET", ("", "hello"), [("SECRET", False)], id="an-empty-part-accounts-for-nothing"),
        pytest.param("", ("hello",), [], id="nothing"),
    ],
)
def test_an_answer_is_accounted_for_by_what_this_turn_produced(
    text: str, produced: tuple[str, ...], spans: list[tuple[str, bool]]
) -> None:
    assert shown(text, *produced) == spans
