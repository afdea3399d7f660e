"""One run: turns in rounds, each with its trouble; then everything is told, and counted."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partywall.alerts.relay import Relay, relay_of
from partywall.alerts.settings import AlertRoute
from partywall.config import load
from partywall.runtime import SystemClock
from partywall.wall import Wall
from tests.fakes.eventful import KEY, KEY_VARIABLE, SETTINGS, furnish, routes
from tests.fakes.receivers import Receiver, receiver
from tests.faults.tally import Tally, tallied
from tests.faults.turns import LANES, Told, one
from tests.faults.weather import Weather, answers, trouble
from vault.delivery import DeliveryState
from vault.open import Vault

_ROUND_MS = 2_000
_STEP_MS = 60_000
_MANY = 10_000_000
_UNTOLD = {DeliveryState.WAITING, DeliveryState.SENDING}


class _Ahead(SystemClock):
    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@dataclass(slots=True, kw_only=True)
class Run:
    """What is played, and where.

    Attributes:
        store: The section of the configuration.
        folder: Where compartments are.
        chance: What troubles are drawn from.
        lanes: What each person's turns are drawn from.
        told: What turns were told so far.
        troubles: How many rounds had one.
    """

    store: dict[str, str]
    folder: Path
    chance: random.Random
    lanes: Sequence[random.Random]
    far: Receiver
    clock: _Ahead = field(default_factory=_Ahead)
    told: Told = field(default_factory=Told)
    troubles: int = 0

    async def play(self, count: int) -> Tally:
        """Play so many turns, let all of it be told, and count."""
        while True:
            async with self._opened() as (wall, vault):
                await self._rounds(wall, vault, count)
                if self.told.turns >= count:
                    self.far.script.clear()
                    await self._drained(vault)
                    return await tallied(vault, self.told, self.far)

    async def _rounds(self, wall: Wall, vault: Vault, count: int) -> None:
        """Play until the database is restarted or all is played."""
        weather = Weather(vault, self.store["path"])
        while self.told.turns < count:
            what = trouble(self.chance)
            self.troubles += bool(what)
            lanes = [one(wall, chance, lane, self.told) for lane, chance in enumerate(self.lanes)]
            await asyncio.gather(*lanes, weather.begin(what, self.chance))
            await weather.clear()
            self.clock.ahead_ms += _ROUND_MS
            if what == "restart" and self.store["path"] != ":memory:":
                return

    async def _drained(self, vault: Vault) -> None:
        """Have written what is owed, and let days pass until nothing waits to be told."""
        await vault.records.settle()
        while await vault.outbox.count() or any(
            each.state in _UNTOLD for each in await vault.deliveries.listed(limit=_MANY)
        ):
            self.clock.ahead_ms += _STEP_MS
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def _opened(self) -> AsyncGenerator[tuple[Wall, Vault]]:
        files = {"path": str(self.folder / "files")}
        config = load({**SETTINGS, "store": self.store, "files": files})
        async with Wall(config, clock=self.clock) as wall:
            furnish(wall)
            vault = (await wall.runtime()).vault
            relay = self._relay(vault)
            relay.start()
            try:
                yield wall, vault
            finally:
                await relay.close()

    def _relay(self, vault: Vault) -> Relay:
        wanted = routes(self.far.url, group_s=20, per_minute=1_000, timeout_s=0.5)
        settings = [AlertRoute.model_validate(each) for each in wanted]
        relay = relay_of(
            settings, (), vault.deliveries, self.clock, vault.ids, {KEY_VARIABLE: KEY}, poll_s=0.01
        )
        assert relay is not None
        return relay


async def played(store: dict[str, str], folder: Path, *, count: int, seed: int) -> tuple[Run, Tally]:
    """Play one seed on one store. What meets what is up to the loop; all else is drawn from the seed."""
    chance = random.Random(seed)
    with receiver(*answers(chance, count * 4)) as far:
        lanes = [random.Random(f"{seed} {lane}") for lane in range(LANES)]
        run = Run(store=store, folder=folder, chance=chance, lanes=lanes, far=far)
        return run, await run.play(count)


def report(run: Run, tally: Tally, *, seed: int, seconds: float) -> dict[str, Any]:
    """Give what is said of a run."""
    played = {"turns": run.told.turns, "unopened": run.told.unopened, "troubles": run.troubles}
    faults = sum(tally.wrong.values())
    return {
        "seed": seed,
        **played,
        **tally.seen,
        "faults": faults,
        **tally.wrong,
        "seconds": round(seconds, 1),
    }
