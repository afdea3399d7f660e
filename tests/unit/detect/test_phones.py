"""A telephone number is found as plans allow it, as people write it, or because it is called one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.detect.pii import phones


def found(text: str) -> list[str]:
    return [text[each.start : each.stop] for each in phones.find(text) if each.score >= 0.35]


@pytest.mark.parametrize(
    "written",
    [
        *[
            "(415) 555-0132",
            "(415)555-0132",
            "415-555-0132",
            "415.555.0132",
            "+1 415 555 0132",
            "+14155550132",
        ],
        *["001-755-329-4431", "+1-448-414-3381x060", "(978)645-9740x11144", "415-555-0132 ext. 12"],
        *[
            "+44 (20) 7123 4567",
            "+49 30 1234567",
            "+33 1 42 68 53 00",
            "+55 11 98456 5666",
            "0049 30 1234567",
        ],
        *["09-7625400", "090-1234-5678", "079 7602 9803", "(021) 0025-967", "13812345678", "02.27.96.63.08"],
    ],
)
def test_what_is_written_like_a_number_is_one(written: str) -> None:
    assert found(f"it is {written}, since May") == [written]


@pytest.mark.parametrize("written", ["785 8949", "9885 1152", "51-16-34-25", "25 833387", "5558949"])
@pytest.mark.parametrize(
    "words", ["call {}", "Phone: {}", "reach me at {}", "{} office", "{}-Fax", "mobile {}"]
)
def test_what_is_called_a_number_is_one_and_is_none_where_it_is_not(words: str, written: str) -> None:
    assert found(words.format(written)) == [written]
    assert found(f"take {written} and go") == []


@pytest.mark.parametrize(
    "text",
    [
        *["call me on 2024-05-17", "call me on 17.05.2024", "call 192.168.100.10", "phone 2.6.17-10-386"],
        *["version 0.16.999.70492-2", "kernel 2.6.15-27-686", "227.268830", "15 16 17 18 19 20"],
        *["it cost $4155550132", "081-80-5372", "call 12345", "size 32247698", "at 12:30:45", "", "() - x"],
    ],
)
def test_dates_versions_machines_amounts_and_counts_are_none(text: str) -> None:
    assert found(text) == []


def test_one_that_is_called_scores_higher_than_one_that_is_not() -> None:
    (plain,) = phones.find("415-555-0132")
    (called,) = phones.find("call 415-555-0132")
    assert called.score == pytest.approx(plain.score + 0.35)


def test_a_plan_is_asked_only_where_it_was_named() -> None:
    assert [each.score for each in phones.find("13812345678", regions=("US",))] == []
    assert [each.score for each in phones.find("13812345678", regions=("CN",))] == [0.4]


@given(st.text(st.sampled_from("0123456789 +-().x/"), max_size=80))
def test_whatever_digits_do_what_is_found_has_6_to_17_of_them_and_nothing_overlaps(text: str) -> None:
    last = 0
    for each in phones.find(text):
        assert last <= each.start < each.stop <= len(text)
        assert 0 < each.score <= 1
        assert sum(char.isdigit() for char in text[each.start : each.stop]) >= 6
        last = each.stop


@pytest.mark.parametrize("text", ["1 " * 20_000, "(" * 20_000, "1-" * 20_000, "+" * 20_000, "0(1)" * 10_000])
def test_hostile_text_is_read_in_time_that_grows_with_it(text: str) -> None:
    assert len(list(phones.find(text))) <= len(text)
