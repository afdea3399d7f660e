"""What is observed: who saw which bytes, in order. Nothing rewrites them before they are compared."""

import asyncio
import json
from dataclasses import dataclass, field

from firewall.core.errors import PartywallError


@dataclass(frozen=True, slots=True)
class Event:
    """Some bytes that reached a sink in a turn of the observed actor."""

    turn: int
    sink: str
    data: bytes


@dataclass(slots=True)
class Observation:
    """One actor's events, what the second wall recorded, and errors that should not be.

    Attributes:
        excerpts: Turns in which an excerpt of somebody else was recorded.
        cut: Turns that were cancelled before they had shown all that they did.
        bugs: Errors that are neither the wall's own nor a cancellation: two worlds that both crash are equal
            and prove nothing.
    """

    events: list[Event] = field(default_factory=list[Event])
    excerpts: set[int] = field(default_factory=set[int])
    cut: set[int] = field(default_factory=set[int])
    bugs: list[str] = field(default_factory=list[str])
    turn: int = 0

    def note(self, sink: str, value: object) -> None:
        """Add a value: `bytes` as they are, everything else as JSON that keeps every character."""
        data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=True).encode()
        self.events.append(Event(turn=self.turn, sink=sink, data=data))

    def failed(self, error: BaseException) -> None:
        """Add an error by its type and text."""
        if not isinstance(error, PartywallError | asyncio.CancelledError):
            self.bugs.append(f"{type(error).__name__}: {error}")
        if isinstance(error, asyncio.CancelledError):
            self.cut.add(self.turn)
        self.note("error", [type(error).__name__, str(error)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first place at which two observations differ."""

    index: int
    turn: int
    first: str
    second: str
    recorded: bool


def difference(first: Observation, second: Observation) -> Divergence | None:
    """Give the first place at which two observations differ, byte for byte, or None.

    It is recorded if its turn recorded an excerpt, or an earlier turn did that was cut short: what such a
    turn cut out was not shown in it, and is first seen where its history is read.
    """
    excerpts, cut = first.excerpts | second.excerpts, first.cut | second.cut
    for index in range(max(len(first.events), len(second.events))):
        one, two = _at(first, index), _at(second, index)
        if one != two:
            turns = [each.turn for each in (one, two) if each is not None]
            return Divergence(
                index=index,
                turn=min(turns),
                first=_shown(one, two),
                second=_shown(two, one),
                recorded=bool(excerpts & ({*turns} | {turn for turn in cut if turn < min(turns)})),
            )
    return None


def _at(one: Observation, index: int) -> Event | None:
    return one.events[index] if index < len(one.events) else None


def _shown(event: Event | None, other: Event | None) -> str:
    """Show an event from a little before the first byte at which it differs from the other."""
    if event is None:
        return "nothing"
    data, against = event.data, b"" if other is None else other.data
    at = next((n for n, (a, b) in enumerate(zip(data, against, strict=False)) if a != b), 0)
    piece = data[max(0, at - 120) : at + 240].decode("utf-8", "replace")
    return f"turn {event.turn}, {event.sink}, byte {at}: {piece}"
