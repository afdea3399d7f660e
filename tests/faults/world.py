"""A wall over a store, with the relay of its alerts: opened, played on in troubled rounds, and drained."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from partywall.alerts.relay import Relay, relay_of
from partywall.alerts.settings import AlertRoute
from partywall.config import load
from partywall.runtime import SystemClock
from partywall.wall import Wall
from tests.fakes.eventful import KEY, KEY_VARIABLE, SETTINGS, furnish, routes
from tests.faults.stores import Store
from tests.faults.turns import LANES, Tell, one
from tests.faults.weather import Weather, trouble
from vault.delivery import DeliveryState
from vault.open import Vault

_ROUND_MS: Final = 2_000
# Longer than a receiver ever rests.
_STEP_MS: Final = 20 * 60_000
_LOOK_S: Final = 0.01
_UNTOLD: Final = (DeliveryState.WAITING, DeliveryState.SENDING)


class Ahead(SystemClock):
    """The system's clock, moved on.

    Attributes:
        ahead_ms: How far.
    """

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What everything of one life is drawn from: troubles, and what each person does."""

    troubles: random.Random
    lanes: Sequence[random.Random]

    @classmethod
    def of(cls, seed: str) -> Self:
        """Draw from a seed. What meets what is up to the loop; all else follows from it."""
        lanes = [random.Random(f"{seed} {lane}") for lane in range(LANES)]
        return cls(troubles=random.Random(seed), lanes=lanes)


@dataclass(slots=True, kw_only=True)
class World:
    """Where turns are played.

    Attributes:
        folder: Where compartments are.
        url: Where alerts go.
        number: How many turns were begun here, also by processes that are gone; the clock goes on from there.
    """

    store: Store
    folder: Path
    url: str
    number: int = 0
    clock: Ahead = field(default_factory=Ahead)

    def __post_init__(self) -> None:
        self.go_on(self.number)

    def go_on(self, number: int) -> None:
        """Go on where another process was when it had begun so many turns."""
        self.number = number
        self.clock.ahead_ms = number // LANES * _ROUND_MS

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[tuple[Wall, Vault]]:
        """Give the wall, open, and what is beneath; its alerts are told meanwhile."""
        files = {"path": str(self.folder / "files")}
        config = load({**SETTINGS, "store": self.store.section, "files": files})
        async with Wall(config, clock=self.clock) as wall:
            furnish(wall)
            vault = (await wall.runtime()).vault
            relay = self._relay(vault)
            relay.start()
            try:
                yield wall, vault
            finally:
                await relay.close()

    async def rounds(
        self, wall: Wall, vault: Vault, luck: Luck, tell: Tell, *, until: int | None = None
    ) -> None:
        """Play until the wall is to be opened anew, or so many turns were begun."""
        weather = Weather(vault, self.store)
        while until is None or self.number < until:
            what = trouble(luck.troubles)
            if what:
                tell("trouble", what)
            lanes = [
                one(wall, chance, lane, self.number + lane, tell) for lane, chance in enumerate(luck.lanes)
            ]
            self.number += LANES
            await asyncio.gather(*lanes, weather.begin(what, luck.troubles))
            await weather.clear()
            self.clock.ahead_ms += _ROUND_MS
            if what == "reopen" and self.store.lasts:
                return

    async def drained(self, vault: Vault) -> None:
        """Have written what is owed, and let days pass until nothing waits to be told."""
        await vault.records.settle()
        while await vault.outbox.count() or await _untold(vault):
            self.clock.ahead_ms += _STEP_MS
            await asyncio.sleep(_LOOK_S)

    def _relay(self, vault: Vault) -> Relay:
        wanted = routes(self.url, group_s=20, per_minute=1_000, timeout_s=0.5)
        settings = [AlertRoute.model_validate(each) for each in wanted]
        relay = relay_of(
            settings, (), vault.deliveries, self.clock, vault.ids, {KEY_VARIABLE: KEY}, poll_s=_LOOK_S
        )
        assert relay is not None
        return relay


async def _untold(vault: Vault) -> bool:
    return any([await vault.deliveries.listed(state=state, limit=1) for state in _UNTOLD])
