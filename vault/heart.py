"""Whether another holder of a session still works: it lives, and its heart beats.

Nothing here compares clocks of two processes. A waiter watches the other's counter by its own monotonic
clock, so that a clock that steps neither breaks a lease nor makes it eternal.
"""

import asyncio
from dataclasses import dataclass

from firewall.core.errors import StoreUnavailable
from firewall.core.ports import Clock
from vault.database import Database, Mark
from vault.job import Job
from vault.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    beat: int
    since_s: float


class Heart:
    """Beats in the database while sessions are held here, and watches the hearts of other processes.

    Attributes:
        holding: How many sessions are held here; without any there is no need to beat.
    """

    def __init__(
        self, mark: Mark, database: Database, writer: Writer, clock: Clock, *, lease_s: float
    ) -> None:
        self.holding = 0
        self._mark = mark
        self._database = database
        self._writer = writer
        self._clock = clock
        self._lease_s = lease_s
        self._watched: dict[str, _Watched] = {}
        self._task = asyncio.create_task(self._work(), name="partywall heart")

    @property
    def id(self) -> str:
        """The holder's id, as it stands in the rows it holds."""
        return self._mark.id

    async def lives(self, other: str) -> bool:
        """True if that process still exists, working or hung."""
        return await self._mark.lives(other)

    async def gone(self, other: str) -> bool:
        """True if that process is dead, or was seen not to beat for the length of a lease."""
        if not await self.lives(other):
            self._watched.pop(other, None)
            return True
        beat = await self._database.read(lambda: _beat_of(other))
        now_s = self._clock.monotonic_s()
        watched = self._watched.get(other)
        if watched is None or watched.beat != beat:
            self._watched[other] = _Watched(beat=beat, since_s=now_s)
            return False
        return now_s - watched.since_s >= self._lease_s

    async def forget(self) -> None:
        """Remove this holder's counter; one that stays behind is never read again, so failing is no harm."""
        try:
            await self._writer.submit("", self._forgotten)
        except StoreUnavailable:
            pass

    async def close(self) -> None:
        """Stop beating."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 4)
            if self.holding:
                try:
                    await self._writer.submit("", self._beaten)
                except StoreUnavailable:
                    # Beats that fail for a whole lease are what lets another process take over.
                    continue

    def _beaten(self) -> Job[None]:
        yield (
            (
                "INSERT INTO holders (id, beat) VALUES (?, 1)"
                " ON CONFLICT (id) DO UPDATE SET beat = holders.beat + 1"
            ),
            (self.id,),
        )

    def _forgotten(self) -> Job[None]:
        yield ("DELETE FROM holders WHERE id = ?", (self.id,))


def _beat_of(holder: str) -> Job[int]:
    rows = yield ("SELECT beat FROM holders WHERE id = ?", (holder,))
    return rows[0][0] if rows else 0
