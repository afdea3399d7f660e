"""The door of one guarded application: its deliveries become turns, and what it shows is judged."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from adapters.doors import Act, Cutting, Tell
from adapters.wire import Deleted
from firewall.core.errors import NotGuarded, StoreUnavailable
from firewall.core.message import Message
from firewall.core.session import Turn
from firewall.ledger import Ledger
from firewall.turns import OpenTurn, current
from partywall.notices import excuse, passed_over, purge, sent
from partywall.passages import Counts, Passage, Passages, here
from partywall.wall import Wall

T = TypeVar("T")


class WallDoor:
    """The wall, as one application's hooks see it (`adapters.doors.Door`).

    Args:
        wall: The wall.
        unguarded_model: True if the operator declared that no model of this bot is guarded: what it says is
            then searched and recorded, which is detection and no isolation.
        counts: Says of a task that a handler started whether its turn lasts as long as it; a library's own
            timers do not count.
    """

    def __init__(self, wall: Wall, *, unguarded_model: bool, counts: Counts = lambda _: True) -> None:
        self._wall = wall
        self._unguarded = unguarded_model
        self._counts = counts
        self._passages = Passages(wall.config.limits.turn_idle_s)

    async def deliver(self, run: Callable[[], Awaitable[T]], *, detached: T | None = None) -> T:
        """Run the handling of one delivery in a context of its own."""
        return await self._passages.deliver(Passage(self._counts), run, detached)

    async def ready(self) -> None:
        """Open the wall if nobody has yet."""
        await self._wall.runtime()

    async def enter(self, message: Message, tell: Tell) -> Turn:
        """Open the turn of the delivery that is being handled here."""
        return (await here().enter(self._turn(message, tell, here()))).turn

    @asynccontextmanager
    async def _turn(self, message: Message, tell: Tell, passage: Passage) -> AsyncGenerator[OpenTurn]:
        async with self._wall.turn(message) as handle:
            opened = handle.opened
            passage.busy = lambda: opened.under_way > 0
            passage.over = lambda: opened.over
            try:
                yield opened
            finally:
                refusal = opened.ledger.refused
                if refusal is not None:
                    # It ended with a refusal and no answer: its sender is told so, once, alone.
                    await excuse(self._wall, opened, str(refusal), tell)

    async def forget(self, deleted: Deleted) -> None:
        """Empty what was said in the turns of messages that were taken back; see `adapters.doors.Door`."""
        await purge(self._wall, deleted)

    def drop(self, kind: str, problem: str) -> None:
        """Log that a delivery was not passed on."""
        passed_over(kind, problem)

    def turn(self) -> Turn:
        """Give what was fixed at ingress for the turn that is open here."""
        return current().turn

    async def send(self, act: Act, do: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
        """Judge an act and do it with the texts that were judged."""
        opened = current()
        runtime = await self._wall.runtime()
        with opened.working() as ledger:
            self._admit(ledger)
            return await sent(runtime, ledger, act, self._wall.templates, do)

    def _admit(self, ledger: Ledger) -> None:
        if not (self._unguarded or self._wall.guards_a_model or ledger.produced):
            raise NotGuarded(
                "no model of this bot is guarded, so nothing tells its words from another tenant's; wrap it "
                "in wall.guard_model, or declare guard(app, wall, unguarded_model=True): texts are then "
                "searched and recorded, which is detection and no isolation"
            )

    async def drain(self, timeout_s: float) -> None:
        """Wait for the deliveries that are being handled; after so many seconds, cancel them."""
        await self._passages.drain(timeout_s)

    def cutting(self) -> Cutting:
        """Give what redacts one stream of the turn that is open here."""
        opened = current()
        runtime = self._wall.opened
        if runtime is None:
            raise StoreUnavailable("this wall was closed; make another one")
        return runtime.model.cutter(opened.alive())
