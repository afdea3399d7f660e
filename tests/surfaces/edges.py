"""What leaves a guarded bot for a platform, played as cells."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import partywall as pw
from firewall.core.errors import PartywallError
from partywall.wall import Wall
from tests.surfaces.disguises import DISGUISES
from tests.surfaces.seen import kept, leaked
from tests.surfaces.town import PEOPLE, Person, recorded

# What a handler does with its bot, and what it was called with.
Said = Callable[[Any, Any], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A place where a bot can put words.

    Attributes:
        said: Puts a text there.
        split: True if the text stands in several places.
    """

    name: str
    said: Callable[[str], Said]
    split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a turn came to: what went over the wire, what was raised, and what it is called on record."""

    wire: object
    error: Exception | None
    ref: str


class Town(Protocol):
    """A platform with both people on it."""

    async def acts(self, who: str, said: Said) -> Outcome:
        """Let the bot say something in a turn of somebody's."""
        ...


async def planted(wall: Wall, who: str) -> None:
    """Keep somebody's value under the label of what they write here; to be called in their turn."""
    label = pw.turn().opened.turn.writes
    assert label is not None
    (one,) = (each for each in PEOPLE if each.name == who)
    (await wall.runtime()).excerpts.learn(one.value, label, whole=True)


async def wrong(wall: Wall, town: Town, edge: Edge, disguise: str, owner: Person) -> list[str]:
    """Play a cell for its owner and for somebody else, and say what is wrong with it."""
    text = DISGUISES[disguise](owner.value)
    (other,) = (one for one in PEOPLE if one is not owner)
    theirs, own = await town.acts(other.name, edge.said(text)), await town.acts(owner.name, edge.said(text))
    found = list(_strangers(edge, theirs, text, owner.value, await recorded(wall, theirs.ref)))
    if own.error is not None and not isinstance(own.error, PartywallError):
        # The platform or its library does not take such a text in this place.
        return [said for said in found if said.startswith("leaks")]
    if own.error is not None:
        found.append(f"owner is refused: {type(own.error).__name__}")
    elif not kept(text, own.wire, split=edge.split):
        found.append("owner's own is altered")
    rows = await recorded(wall, own.ref)
    if any("violation=True" in row and "unaccounted" not in row for row in rows):
        found.append("owner's own is a violation")
    return found


def _strangers(edge: Edge, came: Outcome, text: str, value: str, rows: list[str]) -> Iterator[str]:
    sinks = {"sent": came.wire, "recorded": rows, "raised": str(came.error or "")}
    for sink, given in sinks.items():
        if leaked(value, text, given, split=edge.split):
            yield f"leaks: {sink}"
    if not any("foreign" in row or "excerpt" in row for row in rows):
        yield "nothing on record"
    if came.error is not None and not isinstance(came.error, PartywallError):
        yield f"fails: {type(came.error).__name__}"
