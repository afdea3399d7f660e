"""The list of all cases, and what of it a platform leaves out."""

from adapters.testing import deliveries, keys, payloads, places, senders, words
from adapters.testing.case import Case, Stage, expect
from adapters.testing.live import LiveCase
from adapters.testing.specimen import IdKind, Situation, Specimen


def cases() -> tuple[Case, ...]:
    """Give every case for what an adapter reads, in reading order; names are unique."""
    return (*_OWN, *senders.CASES, *places.CASES, *words.CASES, *payloads.CASES, *keys.CASES)


def live_cases() -> tuple[LiveCase, ...]:
    """Give every case for a guarded or managed bot behind a real transport; names are unique."""
    return deliveries.CASES


def left_out(specimen: Specimen) -> tuple[str, ...]:
    """Give one line for each situation the platform lacks: its reason, and the cases not played for it."""
    lines: list[str] = []
    for situation in Situation:
        if situation in specimen.without:
            names = [one.name for one in cases() if situation in one.needs]
            idle = f" (not played: {', '.join(names)})" if names else ""
            lines.append(f"{situation}: {specimen.without[situation]}{idle}")
    return tuple(lines)


def _complete(stage: Stage) -> None:
    specimen = stage.specimen
    for situation, reason in specimen.without.items():
        expect(reason.strip(), f"{situation}: left out without a reason")
    expect(
        any(stage.offered(Situation.DIRECT, Situation.GROUP, Situation.PUBLIC)), "nothing can be said at all"
    )
    for situation in stage.offered():
        said = stage.said(situation)
        expect(
            stage.raw(situation, said) == stage.raw(situation, said),
            f"{situation}: made differently each time",
        )
    for kind in IdKind:
        names = {specimen.id(kind, number) for number in range(1, 10)}
        expect(len(names) == 9, f"{kind}: two things have one id")


def _plays(stage: Stage) -> None:
    for situation in stage.offered(*senders.SPOKEN):
        said = stage.said(situation)
        found = stage.message(situation, said)
        heard = "\n".join([found.text, *(one.text for one in found.quotes)])
        wanted = said.quoted if situation is Situation.FORWARD else said.words
        expect(wanted in heard, f"{situation}: the words that were said are not read")


_OWN = (
    Case(
        name="specimen-is-complete",
        claim="Every situation is played, or left out with a written reason.",
        examine=_complete,
    ),
    Case(
        name="words-arrive",
        claim="What people say is read, word for word.",
        examine=_plays,
    ),
)
