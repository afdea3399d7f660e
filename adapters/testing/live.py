"""Cases for a bot behind its real transport: what is unproved stays out, answers stay in place."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from adapters.testing.case import LeftOut, Stage, expect
from adapters.testing.senders import NAMELESS
from adapters.testing.specimen import IdKind, Said, Situation, Specimen
from adapters.testing.transport import Tamper, Transport
from adapters.testing.variants import broken, cut

_PLACES = (Situation.DIRECT, Situation.GROUP, Situation.PUBLIC, Situation.THREAD)
_PEOPLE = 4


class LiveStage(Stage):
    """A stage with a bot behind a real transport."""

    def __init__(self, specimen: Specimen, transport: Transport) -> None:
        super().__init__(specimen)
        self.transport = transport

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
        await self.transport.deliver(self.raw(situation, said))

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

    async def check(self, specimen: Specimen, transport: Transport) -> None:
        """Play this case against a bot behind a transport that has seen nothing yet.

        Raises:
            NotConformant: The promise is not kept.
            LeftOut: This cannot go wrong with the transport; pytest shows the reason.
        """
        if self.needs is not None and self.needs in transport.without:
            raise LeftOut(f"{self.name}: {transport.without[self.needs]}")
        if self.shows is not None and self.shows in specimen.without:
            raise LeftOut(f"{self.name}: {specimen.without[self.shows]}")
        await self.examine(LiveStage(specimen, transport))


def _crowd(stage: LiveStage) -> Sequence[tuple[Situation, Said]]:
    places = tuple(stage.offered(*_PLACES))
    return [(one, stage.spoken(one, number)) for number in range(1, _PEOPLE) for one in places]


async def _genuine(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        await stage.deliver(situation, said)
        stage.expect_once(said)
    expect(
        len({one.key for one in stage.transport.reached()}) == len(_crowd(stage)),
        "two people, or two places, share one session",
    )


async def _forged(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        await stage.transport.deliver(stage.raw(situation, said), forged=True)
    stage.expect_nothing("a delivery with a forged signature")
    await _still(stage)


async def _still(stage: LiveStage) -> None:
    """Expect that a genuine delivery arrives: a bot that hears nothing at all keeps every other promise."""
    said = stage.spoken(stage.room, _PEOPLE)
    await stage.deliver(stage.room, said)
    stage.expect_once(said)


async def _stale(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        await stage.transport.deliver(stage.raw(situation, said), stale=True)
    stage.expect_nothing("a delivery that was signed an hour ago")
    await _still(stage)


async def _secret(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        for secret in ("", "wrong", "*"):
            await stage.transport.deliver(stage.raw(situation, said), secret=secret)
    stage.expect_nothing("a delivery with a wrong secret")
    await _still(stage)


async def _repeated(stage: LiveStage) -> None:
    crowd = _crowd(stage)
    for situation, said in (*crowd, *crowd, *reversed(crowd)):
        await stage.deliver(situation, said)
    for _, said in crowd:
        stage.expect_once(said)


async def _reordered(stage: LiveStage) -> None:
    crowd = [*reversed(_crowd(stage))]
    for situation, said in (*crowd[1::2], *crowd[::2]):
        await stage.deliver(situation, said)
    for _, said in crowd:
        stage.expect_once(said)


async def _nameless(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        for name in NAMELESS:
            await stage.deliver(situation, replace(said, who=name))
            await stage.deliver(situation, replace(said, place=name))
    stage.expect_nothing("a delivery without a sender or a place")
    await _still(stage)


async def _garbage(stage: LiveStage) -> None:
    said = stage.spoken(stage.room, 1)
    payload = stage.raw(stage.room, said)
    for _, damaged in (*cut(payload), *broken(payload, said.words.encode())):
        await stage.transport.deliver(damaged)
    for one in stage.specimen.unknown(said):
        await stage.transport.deliver(one)
    stage.expect_nothing("a delivery that is nobody's words")
    await _still(stage)


async def _lookup(stage: LiveStage) -> None:
    crowd = _crowd(stage)
    stage.transport.failing(lookups=True)
    for situation, said in crowd:
        await stage.deliver(situation, said)
    early = {one.words: one.key for one in stage.transport.reached()}
    expect(
        len(set(early.values())) == len(early), "while lookups fail, two people or places share one session"
    )
    expect(
        all(
            (one.place, one.thread)
            in {(said.place, said.thread) for _, said in crowd if said.words in one.words}
            for one in stage.transport.shown()
        ),
        "while lookups fail, an answer stands in another place",
    )
    stage.transport.failing(lookups=False)
    await _still(stage)
    for situation, said in crowd:
        again = _fresh(stage, said)
        await stage.deliver(situation, again)
        late = {one.words: one.key for one in stage.transport.reached()}
        same = early.get(said.words) in (None, late.get(again.words))
        expect(same, "while lookups fail, somebody has another session than before")


def _fresh(stage: LiveStage, said: Said) -> Said:
    """Give the same person's next message, under ids that no delivery has had."""
    order = 1000 + len(stage.transport.reached()) * 100 + int(said.words.split()[2])
    message, delivery = (stage.specimen.id(kind, order) for kind in (IdKind.MESSAGE, IdKind.DELIVERY))
    return replace(said, words=f"{said.words} again", message=message, delivery=delivery)


async def _own(stage: LiveStage) -> None:
    await stage.deliver(Situation.OWN, stage.said(Situation.OWN))
    expect(not stage.transport.shown(), "the bot answers itself")
    await _still(stage)


CASES = (
    LiveCase(
        name="live-answers-in-place",
        claim="Each message reaches the bot once, in a session of its own, and is answered there.",
        examine=_genuine,
    ),
    LiveCase(
        name="live-forged-signature",
        claim="A delivery with a forged signature never arrives.",
        needs=Tamper.FORGED,
        examine=_forged,
    ),
    LiveCase(
        name="live-stale-timestamp",
        claim="A delivery that was signed long ago never arrives.",
        needs=Tamper.STALE,
        examine=_stale,
    ),
    LiveCase(
        name="live-wrong-secret",
        claim="A delivery with a wrong or empty secret token never arrives.",
        needs=Tamper.TOKEN,
        examine=_secret,
    ),
    LiveCase(
        name="live-delivered-thrice",
        claim="What is delivered again is neither handled nor answered again.",
        examine=_repeated,
    ),
    LiveCase(
        name="live-reordered",
        claim="Deliveries out of order are handled once each and answered in their own places.",
        examine=_reordered,
    ),
    LiveCase(
        name="live-nameless",
        claim="A delivery without a sender or a place never arrives.",
        examine=_nameless,
    ),
    LiveCase(
        name="live-garbage",
        claim="What is nobody's words never arrives and stops nothing that comes later.",
        examine=_garbage,
    ),
    LiveCase(
        name="live-lookup-fails",
        claim="While the platform answers no questions, nobody gets another session or another's answer.",
        needs=Tamper.LOOKUP,
        examine=_lookup,
    ),
    LiveCase(
        name="live-own-message",
        claim="The bot does not answer itself.",
        shows=Situation.OWN,
        examine=_own,
    ),
)
