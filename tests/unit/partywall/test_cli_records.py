"""Small things of the lists: moments, cells, and the filter."""

import pytest

from firewall.core.errors import MisuseError
from partywall.cli.desk import moment, plain
from partywall.cli.filters import moment_ms

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("30m", NOW_MS - 1_800_000),
        ("24h", NOW_MS - 86_400_000),
        ("7d", NOW_MS - 7 * 86_400_000),
        ("999999d", 0),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-01T01:00:01+01:00", 1_000),
    ],
)
def test_a_moment_is_so_long_ago_or_a_date(text: str, at_ms: int) -> None:
    assert moment_ms(text, NOW_MS) == at_ms


@pytest.mark.parametrize("text", ["", "yesterday", "-5m", "5", "7w"])
def test_anything_else_is_refused_rather_than_taken_for_always(text: str) -> None:
    with pytest.raises(MisuseError):
        moment_ms(text, NOW_MS)


def test_moments_are_shown_in_utc() -> None:
    assert moment(1_000) == "1970-01-01T00:00:01Z"


def test_a_name_cannot_move_the_cursor() -> None:
    assert plain("a\x1b[2Jb\r\n\u202e") == "a\\u001b[2Jb\\u000d\\u000a\\u202e"
