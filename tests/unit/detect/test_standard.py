"""By the standard rules each stretch is one thing, and it is the one that proves most."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.ports import Match
from firewall.detect.pii.detector import PresidioDetector
from firewall.detect.pii.standard import Standard, settled

ENTITIES = ("EMAIL_ADDRESS", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "CRYPTO", "URL")
KINDS = (*ENTITIES, "CREDIT_CARD", "PHONE_NUMBER", "PERSON")


@pytest.fixture(scope="module")
def standard() -> Standard:
    return Standard(PresidioDetector(entities=ENTITIES))


def kinds(found: Sequence[Match], text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.stop]) for each in found]


def test_each_value_is_found_once_as_what_it_is(standard: Standard) -> None:
    text = (
        "ann@acme.example.com or bob@globex.org, call 415-555-0132, card 4929697010226317, "
        "ssn 078-05-1123, from 12.92.149.211, DE89370400440532013000, https://www.example.com/a"
    )
    assert kinds(standard.scan(text), text) == [
        ("EMAIL_ADDRESS", "ann@acme.example.com"),
        ("EMAIL_ADDRESS", "bob@globex.org"),
        ("PHONE_NUMBER", "415-555-0132"),
        ("CREDIT_CARD", "4929697010226317"),
        ("US_SSN", "078-05-1123"),
        ("IP_ADDRESS", "12.92.149.211"),
        ("IBAN_CODE", "DE89370400440532013000"),
        ("URL", "https://www.example.com/a"),
    ]


@pytest.mark.parametrize("letter", ["は", "説", "은", "ค", "ｱ", "\U00020001"])
def test_letters_of_scripts_without_spaces_are_no_part_of_a_value(standard: Standard, letter: str) -> None:
    for kind, value in (("EMAIL_ADDRESS", "ann@acme.example.com"), ("IBAN_CODE", "DE89370400440532013000")):
        text = f"{letter}{value}{letter}"
        assert kinds(standard.scan(text), text) == [(kind, value)]
        assert not standard.excludes(text)
    broken = f"ann@acme{letter}.example"
    assert all(letter not in value for _, value in kinds(standard.scan(broken), broken))


def test_a_score_below_the_threshold_does_not_count() -> None:
    text = "reach me: 13812345678"
    assert kinds(Standard(None, threshold=0.75).scan(text), text) == [("PHONE_NUMBER", "13812345678")]
    assert Standard(None, threshold=0.8).scan(text) == []


def test_only_what_is_wanted_is_found() -> None:
    text = "call 415-555-0132, card 4929697010226317"
    assert kinds(Standard(None, kinds=["CREDIT_CARD"]).scan(text), text) == [
        ("CREDIT_CARD", "4929697010226317")
    ]
    assert Standard(None, kinds=["EMAIL_ADDRESS"]).scan(text) == []
    assert Standard(None, kinds=["PHONE_NUMBER"]).rules == ("pii.PHONE_NUMBER",)


def test_all_rules_are_named(standard: Standard) -> None:
    assert set(standard.rules) == {f"pii.{kind}" for kind in KINDS[:-1]}


def match(kind: str, start: int, length: int) -> Match:
    return Match(start=start, stop=start + length, kind=kind, rule=kind, key="")


matches = st.builds(match, st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 12))


@given(st.lists(matches, max_size=12))
def test_nothing_overlaps_and_whatever_goes_makes_room_for_what_stays(found: list[Match]) -> None:
    kept = settled(found)
    assert all(one.stop <= two.start for one, two in pairwise(kept))
    assert set(kept) <= set(found)
    for each in found:
        assert any(each.start < other.stop and other.start < each.stop for other in kept)
    assert settled(reversed(found)) == kept


@given(st.text(st.sampled_from("0123456789 -.()+x@a"), max_size=40))
def test_where_a_glance_excludes_nothing_is_found(text: str) -> None:
    standard = Standard(None)
    if standard.excludes(text):
        assert standard.scan(text) == []
