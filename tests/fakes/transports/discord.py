"""Discord, as it delivers to a bot of the conformance kit: by frames of the gateway."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from adapters.testing import IdKind, NotCarried, Reached, Shown, Tamper
from tests.fakes.discord.channel import DM, Channel
from tests.fakes.discord.people import Guild, User
from tests.fakes.discord.server import Discord
from tests.fakes.specimens.discord import DiscordSpecimen
from tests.fakes.transports.heard import Heard

SPECIMEN: Final = DiscordSpecimen()
BY_GATEWAY: Final[Mapping[Tamper, str]] = {
    Tamper.FORGED: "what comes over the bot's own connection is not signed",
    Tamper.STALE: "what comes over the bot's own connection bears no time that is proved",
    Tamper.TOKEN: "Discord sends no secret token with a frame",
}
_DISPATCH: Final = 0
# Frames that are about the connection itself: reconnect, invalid session, hello.
_OF_THE_CONNECTION: Final = (7, 9, 10)
_NEVER: Final = 10_000


def settled(platform: Discord) -> None:
    """Let nobody but the specimen's bot and people be there, in the specimen's guild."""
    name, world = SPECIMEN.id, platform.world
    world.bot = User(id=name(IdKind.OWN, 1), name="wall", bot=True)
    world.app = name(IdKind.APP, 1)
    people = [User(id=name(IdKind.PERSON, number), name=f"p{number}") for number in range(1, 10)]
    guild = Guild(id=name(IdKind.REALM, 1), name="KIT", owner=people[0].id)
    world.guilds.clear()
    world.channels.clear()
    world.guilds[guild.id] = guild
    for number, one in enumerate((world.bot, *people)):
        world.users[one.id] = one
        guild.join(one)
        if not one.bot:
            place = name(IdKind.DIRECT, number)
            world.channels[place] = Channel(world, id=place, kind=DM, with_=one)


def opened(platform: Discord) -> None:
    """Let the bot into the specimen's room, of which it was not told when it connected."""
    world, place = platform.world, SPECIMEN.id(IdKind.PUBLIC, 1)
    guild = world.guilds[SPECIMEN.id(IdKind.REALM, 1)]
    world.channels[place] = Channel(world, id=place, name="kitchen", guild=guild)


class DiscordTransport:
    """A bot behind Discord; arguments as for Slack's."""

    without: Mapping[Tamper, str] = BY_GATEWAY

    def __init__(self, platform: Discord, heard: Heard, ended: Callable[[], Awaitable[object]]) -> None:
        self._platform, self._heard, self._ended = platform, heard, ended

    async def deliver(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        assert not forged
        assert not stale
        assert secret is None
        frame = _frame(payload)
        for session in self._platform.gateway.sessions.values():
            assert session.line is not None
            session.line.queue.put_nowait(frame)
        await self._platform.gateway.read()
        await self._ended()

    def failing(self, *, lookups: bool) -> None:
        self._platform.faults.mend()
        if lookups:
            self._platform.faults.add("GET /", 403, times=_NEVER)

    def reached(self) -> Sequence[Reached]:
        return self._heard.reached

    def shown(self) -> Sequence[Shown]:
        return [
            Shown(words=one.content, place=one.channel or "", thread=one.thread)
            for one in self._platform.sent
            if one.content
        ]


def _frame(payload: bytes) -> str:
    try:
        text = payload.decode()
        found: Any = json.loads(text)
    except ValueError:
        raise NotCarried("a frame that is no JSON ends the client, in the library itself") from None
    if not isinstance(found, dict):
        raise NotCarried("a frame that is no object ends the client, in the library itself")
    if found.get("op", _DISPATCH) in _OF_THE_CONNECTION:  # pyright: ignore[reportUnknownMemberType]  JSON
        raise NotCarried("a hello begins a connection, and this one has begun")
    return text
