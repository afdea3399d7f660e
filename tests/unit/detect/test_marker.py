import pytest

from firewall.core.ports import Match
from firewall.detect.marker import marker, merged, pieces, redacted


def match(start: int, stop: int, kind: str = "ID", rule: str = "identifier.DIGITS") -> Match:
    return Match(start=start, stop=stop, kind=kind, rule=rule)


def test_a_marker_shows_the_kind_and_an_unknown_kind_shows_nothing_of_itself() -> None:
    assert marker("EMAIL_ADDRESS") == "[REDACTED:EMAIL_ADDRESS]"
    assert marker("the password is hunter2") == "[REDACTED:OTHER]"


def test_every_occurrence_is_replaced() -> None:
    text, spans = redacted("1234567 and 7654321", [match(12, 19), match(0, 7)])
    assert text == "[REDACTED:ID] and [REDACTED:ID]"
    assert [(span.start, span.stop) for span in spans] == [(0, 7), (12, 19)]


def test_overlapping_matches_leave_one_marker_and_no_rest() -> None:
    text, spans = redacted("abcdefghij", [match(2, 6), match(4, 8, "EXCERPT", "excerpt"), match(5, 6)])
    assert (text, len(spans)) == ("ab[REDACTED:ID]ij", 1)


def test_touching_matches_stay_two() -> None:
    assert redacted("abcd", [match(0, 2), match(2, 4)])[0] == "[REDACTED:ID][REDACTED:ID]"


def test_of_two_names_for_one_stretch_the_telling_one_stays() -> None:
    card = match(0, 9, "CREDIT_CARD", "pii.CREDIT_CARD")
    assert merged([match(0, 9), card, match(0, 9, "EXCERPT", "excerpt")])[0].kind == "CREDIT_CARD"


def test_a_longer_match_names_the_whole() -> None:
    assert merged([match(0, 9, "EXCERPT", "excerpt"), match(0, 4)])[0].kind == "EXCERPT"


def test_what_stands_between_markers_is_given() -> None:
    assert pieces("a[REDACTED:ID]b[REDACTED:EXCERPT]") == ["a", "b"]
    assert pieces("") == []


@pytest.mark.parametrize("text", ["[REDACTED:HUNTERTWO]", "[redacted:ID]", "[REDACTED: ID]", "[REDACTED:ID"])
def test_only_a_real_marker_is_left_out(text: str) -> None:
    assert pieces(text) == [text]
