"""A missing service is counted, and fails where it was promised."""

import pytest

from tests.fakes.services import LEFT_OUT, enforce, needs, required, tally

ABSENT = {"bwrap": lambda: False}
PRESENT = {"bwrap": lambda: True}


def test_a_test_goes_on_where_its_service_is_there() -> None:
    enforce("bwrap", must=frozenset({"bwrap"}), probes=PRESENT)


def test_a_missing_service_skips_with_its_remedy() -> None:
    with pytest.raises(pytest.skip.Exception, match="needs bwrap: install bubblewrap"):
        enforce("bwrap", must=frozenset({"postgres"}), probes=ABSENT)


def test_a_missing_service_that_is_required_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="PARTYWALL_REQUIRE names it"):
        enforce("bwrap", must=frozenset({"bwrap"}), probes=ABSENT)


def test_a_misspelt_service_is_an_error_and_not_a_skip() -> None:
    with pytest.raises(ValueError, match="no service is called 'bubblewrap'"):
        needs("bubblewrap")
    with pytest.raises(ValueError, match="no service is called 'pg'"):
        required({"PARTYWALL_REQUIRE": "bwrap,pg"})


def test_the_required_services_are_read_from_the_environment() -> None:
    assert required({}) == frozenset()
    assert required({"PARTYWALL_REQUIRE": " postgres, bwrap,"}) == {"postgres", "bwrap"}


def test_the_summary_counts_what_was_left_out_by_service() -> None:
    reasons = [f"Skipped: {LEFT_OUT}redis: x", f"{LEFT_OUT}bwrap: y", f"{LEFT_OUT}redis: z", "another reason"]
    assert tally(reasons).startswith("left out for a missing service: bwrap 1, redis 2 (")
    assert tally(["another reason"]) == "left out for a missing service: none"
