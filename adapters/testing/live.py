"""One case of the kit for a bot behind its real transport, and the stage on which it is played."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from adapters.testing.case import LeftOut, Stage, expect
from adapters.testing.specimen import IdKind, Said, Situation, Specimen
from adapters.testing.transport import NotCarried, Tamper, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What one live case has played.

    Attributes:
        deliveries: How many were delivered, the genuine ones too; at least one.
        not_carried: How many could not be delivered at all, by the transport's reason.
    """

    deliveries: int
    not_carried: Mapping[str, int]


class LiveStage(Stage):
    """A stage with a bot behind a real transport.

    Attributes:
        transport: The bot.
        deliveries: How many were delivered.
        not_carried: How many could not be, by reason.
    """

    def __init__(self, specimen: Specimen, transport: Transport) -> None:
        super().__init__(specimen)
        self.transport = transport
        self.deliveries = 0
        self.not_carried: Counter[str] = Counter()

    def spoken(self, situation: Situation, number: int) -> Said:
        """Give what the `number`-th person says; no two words and ids are equal."""
        name = self.specimen.id
        order = 10 * list(Situation).index(situation) + number
        return replace(
            self.said(situation, number),
            words=f"{situation} number {number} said",
            message=name(IdKind.MESSAGE, order),
            delivery=name(IdKind.DELIVERY, order),
        )

    async def deliver(self, situation: Situation, said: Said) -> None:
        """Deliver what is genuine."""
        await self.tamper(self.raw(situation, said))

    async def tamper(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        """Deliver bytes and count them."""
        await self.transport.deliver(payload, forged=forged, stale=stale, secret=secret)
        self.deliveries += 1

    async def damage(self, payload: bytes) -> None:
        """Deliver bytes that are no delivery, or count that nothing delivered can look so."""
        try:
            await self.tamper(payload)
        except NotCarried as reason:
            self.not_carried[str(reason)] += 1

    def heard(self, words: str) -> int:
        """Give how often the bot was called with these words."""
        return sum(one.words == words for one in self.transport.reached())

    def expect_once(self, said: Said) -> None:
        """Expect that this reached the bot once and was answered once, in its own place only."""
        expect(self.heard(said.words) == 1, f"{said.words!r} reached the bot {self.heard(said.words)} times")
        shown = [one for one in self.transport.shown() if said.words in one.words]
        expect(len(shown) == 1, f"{said.words!r} was answered {len(shown)} times")
        there = all((one.place, one.thread) == (said.place, said.thread) for one in shown)
        expect(there, f"{said.words!r} was answered in another place")

    def expect_nothing(self, what: str) -> None:
        """Expect that nothing has reached the bot or was shown so far."""
        expect(not self.transport.reached(), f"{what} reached the bot")
        expect(not self.transport.shown(), f"{what} made the bot show something")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCase:
    """One promise that every bot behind the wall keeps.

    Attributes:
        name: Stable; names the case in reports.
        claim: The promise, in one sentence.
        needs: What must be able to go wrong with the transport.
        shows: A situation without which there is nothing to play.
        examine: Plays it and raises `NotConformant`.
    """

    name: str
    claim: str
    needs: Tamper | None = None
    shows: Situation | None = None
    examine: Callable[[LiveStage], Awaitable[None]]

    def __str__(self) -> str:
        return self.name

    def missing(self, specimen: Specimen, without: Mapping[Tamper, str]) -> str | None:
        """Give the reason why this is not played, or None if it is.

        Args:
            specimen: The platform.
            without: What cannot be wrong with the transport, as `Transport.without`.
        """
        if self.needs is not None and self.needs in without:
            return without[self.needs]
        if self.shows is not None and self.shows in specimen.without:
            return specimen.without[self.shows]
        return None

    async def check(self, specimen: Specimen, transport: Transport) -> Played:
        """Play this case against a bot behind a transport that has seen nothing yet.

        Returns:
            How much was delivered, and what could not be.

        Raises:
            NotConformant: The promise is not kept.
            LeftOut: This cannot go wrong with the transport; pytest shows the reason.
        """
        reason = self.missing(specimen, transport.without)
        if reason is not None:
            raise LeftOut(f"{self.name}: {reason}")
        stage = LiveStage(specimen, transport)
        await self.examine(stage)
        expect(
            all(one.strip() for one in stage.not_carried),
            "some bytes were not carried, and the transport does not say why",
        )
        return Played(deliveries=stage.deliveries, not_carried=dict(stage.not_carried))
