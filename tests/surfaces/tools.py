"""Every place where a tool is told something, and where it tells something."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

import partywall as pw
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.surfaces.play import Place, Play
from tests.surfaces.replies import Fate
from tests.surfaces.seen import halves


class Row(BaseModel):
    """What a tool may give besides plain values."""

    code: str


class Toolbox:
    """The tools of one wall: `take` keeps what it is told, `give` gives what it was set to give."""

    def __init__(self, wall: Wall) -> None:
        self.taken: list[object] = []
        self.gives: Callable[[], object] = str

        async def take(text: pw.Text = "", items: list[Any] = [], body: dict[str, Any] = {}) -> str:  # noqa: B006  never changed
            """Take something."""
            self.taken.append([text, items, body])
            return "Taken."

        async def give() -> Any:
            """Give something."""
            return self.gives()

        wall.tool(reads="own")(take)
        wall.tool(reads="own")(give)


def _raises(text: str) -> object:
    raise ValueError(text)


def _nested(text: str) -> dict[str, Any]:
    return {"a": [{"b": [1, {"c": text}]}]}


ARGUMENTS: Final[Mapping[str, Callable[[str], dict[str, Any] | str]]] = {
    "argument": lambda text: {"text": f"Note {text} down."},
    "argument as JSON text": lambda text: json.dumps({"text": text}),
    "item of a list": lambda text: {"items": ["a", text]},
    "nested value": lambda text: {"body": _nested(text)},
    "key": lambda text: {"body": {"a": {text: 1}}},
    "halved over arguments": lambda text: {"text": halves(text)[0], "items": [halves(text)[1]]},
    "halved over a list": lambda text: {"items": list(halves(text))},
    "letter by letter in a list": lambda text: {"items": list(text)},
}
RESULTS: Final[Mapping[str, Callable[[str], object]]] = {
    "text": lambda text: f"Well: {text} is it.",
    "nested value": _nested,
    "key": lambda text: {"a": {text: 1}},
    "model": lambda text: Row(code=text),
    "JSON in a text": lambda text: json.dumps({"a": text}),
    "JSON in JSON": lambda text: {"a": json.dumps({"b": text})},
    "halved over a list": lambda text: list(halves(text)),
    "letter by letter in a list": list,
}


def places(box: Toolbox) -> Sequence[Place]:
    """Give every place of these tools."""
    taken = [
        Place(name=f"tool takes: {name}", play=_takes(box, make), split="halved" in name or "letter" in name)
        for name, make in ARGUMENTS.items()
    ]
    given = [
        Place(name=f"tool gives: {name}", play=_gives(box, make), split="halved" in name or "letter" in name)
        for name, make in RESULTS.items()
    ]
    odd = [
        Place(name="tool gives: bytes", play=_gives(box, str.encode), fate=Fate.DENIED),
        Place(name="tool raises", play=_gives(box, _raises), fate=Fate.DROPPED),
        Place(name="tool's name", play=_named, fate=Fate.DENIED),
        Place(name="file's content", play=_filed),
        Place(name="file's name", play=_file_named),
    ]
    return [*taken, *given, *odd]


def _takes(box: Toolbox, make: Callable[[str], dict[str, Any] | str]) -> Play:
    async def play(wall: Wall, turn: TurnHandle, text: str) -> object:
        box.taken.clear()
        try:
            await turn.call_tool("take", make(text))
        finally:
            turn_told = list(box.taken)
            box.taken.clear()
        return turn_told

    return play


def _gives(box: Toolbox, make: Callable[[str], object]) -> Play:
    async def play(wall: Wall, turn: TurnHandle, text: str) -> object:
        box.gives = lambda: make(text)
        return await turn.call_tool("give", {})

    return play


async def _named(wall: Wall, turn: TurnHandle, text: str) -> object:
    return await turn.call_tool(text, {})


async def _filed(wall: Wall, turn: TurnHandle, text: str) -> object:
    await turn.call_tool("write", {"path": "/a.txt", "text": text})
    return await turn.call_tool("read", {"path": "/a.txt"})


async def _file_named(wall: Wall, turn: TurnHandle, text: str) -> object:
    await turn.call_tool("write", {"path": f"/{text}.txt", "text": "words"})
    try:
        return await turn.call_tool("list", {"path": "/"})
    finally:
        await turn.call_tool("delete", {"path": f"/{text}.txt"})
