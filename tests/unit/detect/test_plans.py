"""A plan says no only to what the library takes for no number."""

from itertools import product

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.detect.pii.plans import fewest_abroad, plan_of

REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")


def valid(digits: str, region: str) -> bool:
    return phonenumbers.PhoneNumberMatcher(digits, region, leniency=1).has_next()


@pytest.mark.parametrize("region", REGIONS)
def test_no_number_of_four_digits_or_fewer_is_left_out(region: str) -> None:
    short = [str(number).zfill(size) for size in (1, 2, 3, 4) for number in range(10**size)]
    lost = [digits for digits in short if valid(digits, region) and not plan_of(region).may_be(digits)]
    assert lost == []


@pytest.mark.parametrize("region", REGIONS)
def test_the_examples_of_every_kind_may_be_numbers_however_they_are_dialled(region: str) -> None:
    plan = plan_of(region)
    kinds = [phonenumbers.example_number_for_type(region, kind) for kind in range(11)]
    examples = [phonenumbers.national_significant_number(number) for number in kinds if number is not None]
    assert len(examples) > 3
    # With one prefix after the other: the library takes the code of the country off, and up to two more.
    prefixes = ["".join(each) for size in range(4) for each in product(("0", "1", plan.code), repeat=size)]
    for digits in examples:
        dialled = [prefix + digits for prefix in (*prefixes, f"00{plan.code}", f"011{plan.code}")]
        assert [each for each in dialled if valid(each, region) and not plan.may_be(each)] == []
        assert plan.may_be(digits)


@given(digits=st.text("0123456789", min_size=4, max_size=16), region=st.sampled_from(REGIONS))
def test_what_the_library_takes_for_a_number_may_be_one(digits: str, region: str) -> None:
    assert plan_of(region).may_be(digits) or not valid(digits, region)


@pytest.mark.parametrize("digits", ["2024", "1999", "15", "3000"])
def test_years_and_counts_are_asked_of_no_library(digits: str) -> None:
    assert not any(plan_of(region).may_be(digits) for region in REGIONS)


def test_no_country_has_numbers_of_fewer_digits_than_its_code_and_the_shortest() -> None:
    assert fewest_abroad() == 6
    assert phonenumbers.is_valid_number(phonenumbers.parse("+491640", None))
