"""One value in one disguise at one place, played for its owner and for a stranger."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from firewall.core.errors import Denied, PartywallError
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.surfaces.disguises import DISGUISES
from tests.surfaces.replies import STREAMED, WHOLE, Fate, Surface
from tests.surfaces.seen import kept, leaked, plain
from tests.surfaces.town import PEOPLE, Noted, Person, recorded

_UNDECLARED: Final = ("undeclared_path", "path_refused")
# What a bot in a turn gets to see of a text.
Play = Callable[[Wall, TurnHandle, str], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A surface, and how it is played."""

    name: str
    play: Play
    fate: Fate = Fate.KEPT
    split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A disguise at a place; `owner` names whose value it is."""

    place: Place
    disguise: str
    owner: Person

    @property
    def name(self) -> str:
        return f"{self.place.name} / {self.disguise} / {self.owner.name}"

    @property
    def text(self) -> str:
        return DISGUISES[self.disguise](self.owner.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What one person got, and what is on record of it."""

    given: object
    error: Exception | None
    remembered: Sequence[str]
    records: Sequence[str]


class Player:
    """Plays cells at one wall."""

    def __init__(self, wall: Wall, noted: Noted) -> None:
        self._wall, self._noted = wall, noted
        self._count = 0

    async def wrong(self, cell: Cell) -> list[str]:
        """Play a cell for its owner and for somebody else, and say what is wrong with it."""
        text = cell.text
        (other,) = (one for one in PEOPLE if one is not cell.owner)
        theirs, own = await self._came(cell, other, text), await self._came(cell, cell.owner, text)
        return [*self._strangers(cell, theirs, text), *_owners(cell, own, text)]

    def _strangers(self, cell: Cell, came: Came, text: str) -> Iterator[str]:
        value = cell.owner.value
        sinks = {"shown": came.given, "remembered": came.remembered, "recorded": came.records}
        sinks |= {"raised": str(came.error or ""), "logged": self._noted.lines}
        for sink, given in sinks.items():
            if leaked(value, text, given, split=cell.place.split):
                yield f"leaks: {sink}"
        self._noted.lines.clear()
        if cell.place.fate is Fate.KEPT and not came.records:
            yield "nothing on record"
        if came.error is not None and not isinstance(came.error, PartywallError):
            yield f"fails: {type(came.error).__name__}"

    async def _came(self, cell: Cell, who: Person, text: str) -> Came:
        self._count += 1
        given: object = None
        error: Exception | None = None
        async with self._wall.turn(who.says(self._count)) as turn:
            ref = turn.ref
            try:
                given = await cell.place.play(self._wall, turn, text)
            except Exception as raised:  # noqa: BLE001  whatever it is, it is looked at
                error = raised
            remembered = [part.text for part in turn.opened.ledger.produced]
        return Came(given=given, error=error, remembered=remembered, records=await recorded(self._wall, ref))


def _owners(cell: Cell, came: Came, text: str) -> Iterator[str]:
    fate = cell.place.fate
    if fate is Fate.REFUSED:
        if came.error is None or isinstance(came.error, Denied):
            yield "passes where it is said to be refused"
    elif fate is Fate.DENIED:
        if not isinstance(came.error, Denied):
            yield "passes where it is said to be denied"
        return
    elif isinstance(came.error, Denied) and came.error.reason in _UNDECLARED:
        # What looks like a path or an address is refused in an argument that is not declared as one.
        return
    elif came.error is not None:
        yield f"owner is refused: {type(came.error).__name__}"
    elif fate is Fate.KEPT and not kept(text, came.given, split=cell.place.split):
        yield "owner's own is altered"
    if any("violation=True" in row for row in came.records):
        yield "owner's own is a violation"


def _asks(surface: Surface) -> Play:
    async def play(wall: Wall, turn: TurnHandle, text: str) -> object:
        async def model(**request: Any) -> Any:
            return surface.make(text)

        asked = wall.guard_model(model)
        return plain(await asked(model="m", messages=[{"role": "user", "content": turn.text}]))

    return play


def _listens(surface: Surface) -> Play:
    async def play(wall: Wall, turn: TurnHandle, text: str) -> object:
        async def chunks() -> AsyncIterator[Any]:
            for one in surface.make(text):
                yield one

        async def model(**request: Any) -> Any:
            return chunks()

        asked: Any = wall.guard_model(model)
        answer = await asked(model="m", messages=[{"role": "user", "content": turn.text}], stream=True)
        got: dict[str, str] = {}
        rest: list[object] = []
        async for chunk in answer:
            for field, piece in _told(plain(chunk)):
                got[field] = got.get(field, "") + piece
            rest.append({**plain(chunk), "choices": []})
        return [got, rest]

    return play


def _told(chunk: Any) -> Iterator[tuple[str, str]]:
    """Give the pieces of text in a chunk, by field."""
    for choice in chunk["choices"]:
        delta: dict[str, Any] = choice["delta"]
        for field, value in delta.items():
            if isinstance(value, str):
                yield field, value
            for call in _listed(value):
                yield f"{call['index']} id", str(call.get("id") or "")
                for name, piece in call["function"].items():
                    yield f"{call['index']} {name}", str(piece or "")
        yield "finish", str(choice["finish_reason"] or "")


def _listed(value: object) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


MODELS: Final[Sequence[Place]] = [
    *(
        Place(name=f"reply: {name}", play=_asks(one), fate=one.fate, split=one.split)
        for name, one in WHOLE.items()
    ),
    *(
        Place(name=f"stream: {name}", play=_listens(one), fate=one.fate, split=one.split)
        for name, one in STREAMED.items()
    ),
]


def cells(places: Sequence[Place]) -> list[Cell]:
    """Give every cell of these places."""
    return [
        Cell(place=place, disguise=disguise, owner=owner)
        for place in places
        for disguise in DISGUISES
        for owner in PEOPLE
    ]
