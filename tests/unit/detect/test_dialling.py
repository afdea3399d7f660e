"""What is found in stretches is what the library finds in the whole text."""

from typing import Any, cast

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.errors import ServiceUnavailable
from firewall.detect.pii import dialling

REGIONS = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR")
PIECE = st.one_of(
    st.sampled_from(["212-555-0100", "1640", "+49 1640", "020 7946 0958", "(650) 253-0000", "01640", "011"]),
    st.sampled_from(
        [" ext. ", ";ext=", " x", "#", " - ", ":", ", ", "   ", "\t", "\n", "word", " and then a word "]
    ),
    st.sampled_from([*"+([/.~", "\uff0b", "\u200b", "\u0661", "\uff15", "доб", "é", "€", "%"]),
    st.text("0123456789", min_size=1, max_size=24),
    st.text("0123456789 -.()/:", max_size=12),
)


def whole(text: str) -> set[tuple[int, int]]:
    found = [phonenumbers.PhoneNumberMatcher(text, region, leniency=1) for region in REGIONS]
    return {(each.start, each.end) for matches in found for each in matches}


@given(text=st.lists(PIECE, max_size=9).map("".join))
@example(text="12:16401234 1640:15")
@example(text="2012-01-02 08:00 and 2012-01-02 08:1640")
@example(text="see + 1640")
@example(text="212-555-0100:1640")
@example(text="1640" + " " * 40 + "ext. 5")
@example(text="1640 " + "x" * 20 + "(((1640")
@example(text="2125550100212555010021255501002125550100")
def test_what_is_found_is_what_the_library_finds_in_the_whole_text(text: str) -> None:
    found = set(dialling.find(text, REGIONS))
    assert found == whole(text)
    assert not found or dialling.may_hold(text, dialling.fewest_of(REGIONS))


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        pytest.param("at 12:30:45", [("12",), ("30",), ("45",)], id="times-are-cut"),
        pytest.param("1,234", [("1",), ("234",)], id="thousands-are-cut"),
        pytest.param("212-555-0100", [("212", "555", "0100")], id="groups-are-kept"),
        pytest.param("1 ext: 2", [("1", "2")], id="extensions-are-kept"),
        pytest.param("1 and much later than that 2", [("1",), ("2",)], id="words-part"),
        pytest.param("none", [], id="no-digits"),
    ],
)
def test_a_text_is_cut_where_no_number_reaches(text: str, runs: list[tuple[str, ...]]) -> None:
    assert [each.runs for each in cast(Any, dialling)._stretches(text)] == runs


def test_a_number_behind_more_groups_than_the_library_tries_is_an_error_and_no_pass() -> None:
    # The library gives up in silence, long before a line is too long to be examined.
    crowded = "1    " * 18_000 + " é 212-555-0100"
    assert not phonenumbers.PhoneNumberMatcher(crowded, "US", leniency=1).has_next()
    with pytest.raises(ServiceUnavailable, match="too many groups"):
        list(dialling.find(crowded, ("US",)))
    assert list(dialling.find(crowded[-500:], ("US",)))
