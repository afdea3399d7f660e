"""What is put together of a reply, and what is not."""

import base64
from collections.abc import Callable, Sequence

import pytest

from firewall.core.subject import Leaf, Span
from firewall.detect.disguise.readings import BARRIER
from firewall.detect.disguise.views import views
from partywall.joined import joined

HALVES = ("kelp-47", "-lantern")


def leaves(*texts: str, fixed: Sequence[int] = ()) -> list[Leaf]:
    return [
        Leaf(slot=str(at), spans=(Span(text=text, source=None),), fixed=at in fixed)
        for at, text in enumerate(texts)
    ]


def said(*texts: str, fixed: Sequence[int] = ()) -> str:
    return "\n".join(each.text for each in joined(leaves(*texts, fixed=fixed)))


def test_one_text_is_put_together_with_nothing() -> None:
    assert joined(leaves()) == []
    assert joined(leaves("kelp-47-lantern", "")) == []


def test_texts_are_put_together_in_both_orders_and_across_keys_and_names() -> None:
    assert "kelp-47-lantern" in said(*HALVES)
    assert "kelp-47-lantern" in said(*reversed(HALVES))
    assert "kelp-47-lantern" in said("note", "a", HALVES[0], "b", HALVES[1], fixed=(0, 1, 3))
    assert "kelp-47-lantern" in said("note", *HALVES, fixed=(0, 1)), "a key and its value"


def test_what_is_put_together_may_not_be_altered_and_comes_from_nobody() -> None:
    (one,) = joined(leaves(*HALVES))
    assert one.fixed
    assert [span.source for span in one.spans] == [None]


def test_bare_numbers_are_left_out_and_digits_that_are_text_are_not() -> None:
    assert joined(leaves("4417", "0093", "-1.5", fixed=(0, 1, 2))) == []
    assert "44170093" in said("4417", "0093")


def test_of_long_texts_only_the_ends_are_put_together() -> None:
    long = "x" * 100_000
    (one,) = joined(leaves(long + HALVES[0], HALVES[1] + long))
    assert "kelp-47-lantern" in one.text
    assert len(one.text) < 20_000


@pytest.mark.parametrize("encode", [base64.b85encode, base64.a85encode], ids=["rfc-1924", "ascii85"])
@pytest.mark.parametrize("swapped", [False, True], ids=["in-order", "swapped"])
def test_code_in_two_texts_stands_alone_whatever_stands_beside_them(
    encode: Callable[[bytes], bytes], *, swapped: bool
) -> None:
    code = encode(b"kelp-47-lantern").decode()
    halves = [code[:9], code[9:]]
    texts = ["Which?", *(reversed(halves) if swapped else halves), "yes"]
    assert any("kelp-47-lantern" in view.text for view in views(said(*texts)))


def test_words_are_not_put_together_in_twos() -> None:
    assert "ab\ncd" not in said("a", "b", "c", "d")
    assert said("a", "b", "c", "d").split(BARRIER) == ["abcd", "dcba"]


@pytest.mark.parametrize("text", ["word " * 500, "aB3 " * 600])
def test_of_many_texts_no_way_is_longer_than_they_are(text: str) -> None:
    texts = leaves(*(text for _ in range(100)), "name", fixed=(100,))
    whole = sum(len(each.text) for each in texts)
    found = joined(texts)
    assert len(found) > 1
    assert all(len(each.text) <= whole for each in found)
