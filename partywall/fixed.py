"""A clock that stands still and ids that repeat, for tests that compare two runs byte by byte."""

import os

from firewall.core.ids import derived

SECRET = bytes(range(32))


class FixedClock:
    """A clock that does not move; implements `ports.Clock`."""

    def now_ms(self) -> int:
        """Give the same moment every time."""
        return 1_700_000_000_000

    def monotonic_s(self) -> float:
        """Give the same moment every time."""
        return 0.0

    def cpu_s(self) -> float:
        """Give the same moment every time, so that no layer is ever too slow."""
        return 0.0


class FixedIds:
    """Ids that are the same in every run; implements `ports.IdSource`. For tests: its secret is no secret."""

    def __init__(self, secret: bytes) -> None:
        # A deployment's own secret is drawn anew for each database, so two runs would draw two sets of ids.
        del secret

    def derived(self, purpose: str, *fields: str | None) -> str:
        """Give 64 hex digits for these fields."""
        return derived(SECRET, purpose, *fields)

    def random(self, count: int) -> bytes:
        """Give unpredictable bytes: what is compared must not depend on them."""
        return os.urandom(count)
