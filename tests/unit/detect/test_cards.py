"""A card is a run of digits of an issuing range that checks; one digit off, it is none."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.detect.pii import cards

# Numbers that the networks publish for tests.
PUBLISHED = [
    "4111111111111111",
    "4222222222222",
    "4012888888881881",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "36227206271667",
    "3530111333300000",
    "6011111111111117",
    "6200000000000005",
    "6759649826438453",
    "2200000000000004",
    "122000000000003",
]
# Of each range its first digits, and how many there are.
STEMS = [
    *["4:13", "4:16", "4:19", "51:16", "2720:16", "34:15", "37:15", "301:14", "38:14", "2014:15"],
    *["2149:15", "3528:16", "1800:15", "2131:15", "6011:16", "649:16", "65:19", "5018:12", "58:12"],
    *["6763:12", "0604:12", "2204:16", "9792:16", "81:17"],
]


def completed(stem: str, seed: int) -> str:
    """A number of a range, whose last digit is right."""
    first, _, length = stem.partition(":")
    fill = random.Random(seed).choices("0123456789", k=int(length) - len(first) - 1)
    digits = first + "".join(fill)
    return next(digits + last for last in "0123456789" if cards.valid(digits + last))


numbers = st.builds(completed, st.sampled_from(STEMS), st.integers(0, 2**32))


def found(text: str) -> list[str]:
    return [text[start:stop] for start, stop in cards.find(text)]


@pytest.mark.parametrize("number", PUBLISHED)
def test_a_published_number_is_found_and_its_neighbours_are_not(number: str) -> None:
    assert found(f"pay with {number}, please") == [number]
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert found(f"pay with {wrong}, please") == []


@given(numbers, st.sampled_from(["", " ", "-"]), st.integers(2, 6))
def test_a_card_of_every_range_is_found_in_groups_of_any_size(number: str, between: str, size: int) -> None:
    written = between.join(number[at : at + size] for at in range(0, len(number), size))
    assert found(f"My card is {written}.") == [written]


@given(numbers, st.integers(0, 11), st.integers(1, 9))
def test_one_changed_digit_makes_it_no_card(number: str, place: int, by: int) -> None:
    changed = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not cards.valid(changed)


@given(numbers, numbers)
def test_two_cards_and_what_stands_beside_them_are_told_apart(one: str, two: str) -> None:
    assert found(f"7 {one} 12/29, {two} ok") == [one, two]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1748503543012", id="milliseconds"),
        pytest.param("0.4111111111111111", id="a-fraction"),
        pytest.param("36168002586008", id="does-not-check"),
        pytest.param("9999999999999995", id="of-no-range"),
        pytest.param("0000000000000000", id="zeros"),
        pytest.param("4111 1111", id="too-short"),
        pytest.param("", id="nothing"),
    ],
)
def test_other_numbers_are_no_cards(text: str) -> None:
    assert found(text) == []


def test_a_security_code_beside_a_card_hides_nothing() -> None:
    assert found("4111 1111 1111 1111 123") == ["4111 1111 1111 1111"]
    assert found("12 4111-1111-1111-1111") == ["4111-1111-1111-1111"]


def test_a_long_run_of_single_digits_is_read_in_time_that_grows_with_it() -> None:
    assert found("1 " * 20_000) == []
