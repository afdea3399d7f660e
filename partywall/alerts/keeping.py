"""How long what was told is kept: the relay removes it by age, a small step at a time, beside its work."""

from firewall.core.ports import Clock
from vault.deliveries import Deliveries

DAY_MS = 86_400_000
_EVERY_MS = 3_600_000


class Keeping:
    """Removes messages that arrived, and closed incidents, once they are old; looks for them once an hour.

    Args:
        deliveries: The store.
        clock: Says how old they are.
        days: How long they are kept; None keeps them for ever.
    """

    def __init__(self, deliveries: Deliveries, clock: Clock, days: int | None) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._days = days
        self._after = 0
        self._rests_until_ms = 0

    async def step(self) -> bool:
        """Take the next step, if it is time for one; True if another should follow.

        Raises:
            StoreUnavailable: The database did not answer; what was removed until then stays removed.
        """
        now_ms = self._clock.now_ms()
        if self._days is None or now_ms < self._rests_until_ms:
            return False
        done = await self._deliveries.prune(now_ms - self._days * DAY_MS, after=self._after)
        self._after = done.after or 0
        if done.after is None:
            self._rests_until_ms = now_ms + _EVERY_MS
        return done.after is not None
