"""Acts of a turn through the public face, and ways to play them: what passes, is denied, or opens no turn."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import partywall as pw
from firewall.core.message import Message
from firewall.core.subject import Form
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.eventful import acmes, globexs, in_pieces
from tests.fakes.models import Scripted

# Gives the turn's reference.
Play = Callable[[Wall], Awaitable[str]]
Act = Callable[[Wall, TurnHandle], Awaitable[object]]


def acting(act: Act, message: Message | None = None) -> Play:
    """Play what passes."""

    async def play(wall: Wall) -> str:
        async with wall.turn(message or acmes()) as turn:
            await act(wall, turn)
        return turn.ref

    return play


def refused(act: Act, message: Message | None = None) -> Play:
    """Play what is denied; the turn itself goes on."""

    async def play(wall: Wall) -> str:
        async with wall.turn(message or acmes()) as turn:
            try:
                await act(wall, turn)
            except pw.Denied as denied:
                return denied.ref
        raise AssertionError("nothing was denied")

    return play


def unopened(message: Message) -> Play:
    """Play a message that opens no turn."""

    async def play(wall: Wall) -> str:
        try:
            async with wall.turn(message):
                pass
        except pw.Denied as denied:
            return denied.ref
        raise AssertionError("nothing was denied")

    return play


async def job(wall: Wall) -> str:
    try:
        async with wall.job("digest", creator=acmes().sender, destination=globexs().conversation):
            pass
    except pw.Denied as denied:
        return denied.ref
    raise AssertionError("nothing was denied")


def tool(name: str, arguments: Mapping[str, Any]) -> Act:
    return lambda _, turn: turn.call_tool(name, arguments)


def asks(*messages: Mapping[str, object]) -> Act:
    """Have a guarded model asked."""

    async def ask(wall: Wall, _: TurnHandle) -> object:
        return await wall.guard_model(Scripted(["fine"]).__call__)(model="x", messages=list(messages))

    return ask


def releases(text: str) -> Act:
    return lambda _, turn: turn.release(text)


def replies(text: str) -> Act:
    return lambda _, turn: turn.reply(text)


def keeps(number: int, content: bytes) -> Act:
    return lambda _, turn: turn.keep(number, in_pieces(content))


async def unreadable(wall: Wall, turn: TurnHandle) -> object:
    """Do as a guarded client does with a call that it cannot read."""
    runtime = await wall.runtime()
    opened = turn.opened
    return await runtime.guard.outbound(
        opened.ledger,
        {},
        destination=opened.turn.destination,
        private=opened.turn.audience.private,
        form=Form.UNKNOWN,
        templates=(),
    )


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}
