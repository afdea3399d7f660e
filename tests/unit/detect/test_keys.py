from collections.abc import Sequence

import pytest

from firewall.core.ports import Match
from firewall.detect.identifiers import Identifiers
from firewall.detect.keys import Keys, excused, key_of


class Counting:
    """Identifiers that count how often they looked."""

    def __init__(self) -> None:
        self.looked = 0
        self._real = Identifiers()

    @property
    def rules(self) -> Sequence[str]:
        return self._real.rules

    def scan(self, text: str) -> Sequence[Match]:
        self.looked += 1
        return self._real.scan(text)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        pytest.param("PHONE_NUMBER", "212-555-0100", "(212) 555 0100", id="phone"),
        pytest.param("CREDIT_CARD", "4111 1111 1111 1111", "4111-1111-1111-1111", id="card"),
        pytest.param("IBAN_CODE", "DE89 3704 0044", "de8937040044", id="iban"),
        pytest.param("EMAIL_ADDRESS", "Ann@Example.com", "ann\u200b@example.COM", id="mail"),
    ],
)
def test_one_value_has_one_key(kind: str, one: str, other: str) -> None:
    assert key_of(kind, one) == key_of(kind, other)


def test_a_number_is_one_value_whatever_it_was_taken_for() -> None:
    assert key_of("PHONE_NUMBER", "212-555-0100") == key_of("ID", "2125550100")


def test_two_addresses_that_differ_by_a_dot_are_two() -> None:
    assert key_of("EMAIL_ADDRESS", "a.b@example.com") != key_of("EMAIL_ADDRESS", "ab@example.com")


def test_the_keys_of_several_texts_are_those_of_each() -> None:
    keys = Keys(Identifiers())
    assert keys.of(["my order is AB-12345", "and 1234567"]) == {"ab12345", "1234567"}
    assert keys.of([]) == frozenset()


def test_a_text_is_scanned_once_while_it_is_remembered() -> None:
    detector = Counting()
    keys = Keys(detector, capacity=2)
    keys.of(["a", "b", "a", "b"])
    assert detector.looked == 2
    keys.of(["c"])
    keys.of(["b"])
    assert detector.looked == 3
    keys.of(["a"])
    assert detector.looked == 4


def test_a_lone_surrogate_is_text_like_any_other() -> None:
    assert Keys(Identifiers()).of(["\ud800 AB-12345"]) == {"ab12345"}


def test_an_excerpt_that_the_reader_already_has_is_no_finding() -> None:
    theirs = Match(start=0, stop=8, kind="EXCERPT", rule="excerpt", key="ab12345")
    assert excused([theirs], ["is ab 12345 valid?"], "AB-12345") == []
    assert excused([theirs], ["is ab 1234 valid?"], "AB-12345") == [theirs]
