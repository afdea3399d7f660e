"""Cases for a bot behind its real transport: what is unproved stays out, answers stay in place."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.testing.case import expect
from adapters.testing.live import LiveCase, LiveStage
from adapters.testing.senders import NAMELESS
from adapters.testing.specimen import IdKind, Said, Situation
from adapters.testing.transport import Tamper
from adapters.testing.variants import broken, cut

_PLACES = (Situation.DIRECT, Situation.GROUP, Situation.PUBLIC, Situation.THREAD)
_PEOPLE = 4


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
        await stage.tamper(stage.raw(situation, said), forged=True)
    stage.expect_nothing("a delivery with a forged signature")
    await _still(stage)


async def _still(stage: LiveStage) -> None:
    """Expect that a genuine delivery arrives: a bot that hears nothing at all keeps every other promise."""
    said = stage.spoken(stage.room, _PEOPLE)
    await stage.deliver(stage.room, said)
    stage.expect_once(said)


async def _stale(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        await stage.tamper(stage.raw(situation, said), stale=True)
    stage.expect_nothing("a delivery that was signed an hour ago")
    await _still(stage)


async def _secret(stage: LiveStage) -> None:
    for situation, said in _crowd(stage):
        for secret in ("", "wrong", "*"):
            await stage.tamper(stage.raw(situation, said), secret=secret)
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
        await stage.damage(damaged)
    for one in stage.specimen.unknown(said):
        await stage.damage(one)
    expect(stage.deliveries, "the transport carries nothing that is nobody's words")
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
