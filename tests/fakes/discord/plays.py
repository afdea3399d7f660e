"""What two people do with a bot, one way after another: the first says something, the second asks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.office import Office
from tests.fakes.discord.people import User
from tests.fakes.discord.server import Discord


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The platform and the bot."""

    platform: Discord
    office: Office

    async def settled(self, handlers: int = 1) -> None:
        """Wait until so many handlers have ended."""
        for _ in range(handlers):
            await self.office.finished.get()


Play = Callable[[Stage, Channel, User, str], Awaitable[None]]


def _said(way: str) -> Play:
    async def play(stage: Stage, place: Channel, user: User, text: str) -> None:
        stage.office.say = way
        place.says(user, text)
        await stage.settled()

    return play


async def _direct(stage: Stage, _: Channel, user: User, text: str) -> None:
    await _said("send")(stage, stage.platform.world.dm(user), user, text)


async def _thread(stage: Stage, place: Channel, user: User, text: str) -> None:
    await _said("send")(stage, place.thread("talk"), user, text)


async def _command(stage: Stage, place: Channel, user: User, text: str) -> None:
    place.says(user, f"!tell {text}")
    await stage.settled()


async def _edit(stage: Stage, place: Channel, user: User, text: str) -> None:
    said = place.says(user, "never mind")
    await stage.settled()
    place.edits(said, text)
    await stage.settled()


async def _reaction(stage: Stage, place: Channel, user: User, text: str) -> None:
    said = place.says(user, text)
    await stage.settled()
    place.reacts(user, said, "👍")
    await stage.settled()


async def _forward(stage: Stage, place: Channel, user: User, text: str) -> None:
    said = place.says(user, text)
    await stage.settled()
    place.forwards(user, said)
    await stage.settled()


async def _uploaded(stage: Stage, place: Channel, user: User, text: str) -> None:
    place.uploads(user, text, notes_txt=text.encode())
    await stage.settled()


def _slash(command: str, option: str) -> Play:
    async def play(stage: Stage, place: Channel, user: User, text: str) -> None:
        place.slash(command, {option: text}, user)
        await stage.settled()

    return play


async def _menu(stage: Stage, place: Channel, user: User, text: str) -> None:
    said = place.says(user, text)
    await stage.settled()
    place.menu("Explain", said, user)
    await stage.settled()


def _pressed(button: str, *values: str) -> Play:
    async def play(stage: Stage, place: Channel, user: User, text: str) -> None:
        await _slash("ask", "question")(stage, place, user, text)
        place.slash("panel", {}, user)
        await stage.settled()
        place.presses(button, user, values=values)
        await stage.settled()

    return play


async def _form(stage: Stage, place: Channel, user: User, text: str) -> None:
    await _pressed("why")(stage, place, user, text)
    place.submits("form", {"reason": text}, user)
    await stage.settled()


PLAYS: Final[Mapping[str, Play]] = {
    "direct-message": _direct,
    "channel": _said("send"),
    "reply": _said("reply"),
    "thread": _thread,
    "thread-on-the-message": _said("thread"),
    "prefix-command": _command,
    "edit": _edit,
    "reaction": _reaction,
    "forward": _forward,
    "file-in": _uploaded,
    "file-out": _said("file"),
    "embed": _said("embed"),
    "streaming": _said("stream"),
    "slash-command": _slash("ask", "question"),
    "subcommand": _slash("note add", "text"),
    "deferred-command": _slash("later", "question"),
    "message-command": _menu,
    "button": _pressed("ask"),
    "menu": _pressed("pick", "one"),
    "form": _form,
}
