"""When a message is tried again: after seconds at first, after hours in the end, for a little over a day."""

import math

from firewall.core.ports import IdSource

# 5 s, 15 s, 45 s, ... up to three hours: 15 waits make 25 hours and a half.
_FIRST_S = 5.0
_FACTOR = 3
_LONGEST_S = 10_800.0
_MOST = 16
_JITTER = 0.2
_DRAWN_BYTES = 2
_DRAWN_MAX = 0xFFFF


def exhausted(attempts: int) -> bool:
    """True if it was tried as often as it ever is."""
    return attempts >= _MOST


def wait_s(attempts: int, ids: IdSource) -> float:
    """Give the seconds till the next attempt, a fifth more or less, so that failures do not march in step.

    Args:
        attempts: How often it was tried, at least once.
        ids: Where chance comes from.
    """
    even = min(_FIRST_S * math.pow(_FACTOR, min(attempts - 1, _MOST)), _LONGEST_S)
    drawn = int.from_bytes(ids.random(_DRAWN_BYTES), "big") / _DRAWN_MAX
    return even * (1 - _JITTER + 2 * _JITTER * drawn)
