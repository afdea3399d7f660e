"""dpytest, a Discord in this process that is not ours, and a bot of discord.ext.commands in it.

dpytest puts its own state and its own HTTP client into a client. It tells the state of a message without
going by the table of parsers that the library's gateway reads, and its HTTP client answers the library's
methods and never calls `request` below them. The guard stands in that table and at `request`, so dpytest as
it is goes round it at both ends. `wired` leads both ends by the library's own way, as Discord does: what
dpytest delivers goes through the table, in the form it has on the wire; and what the bot sends is made by the
library's own methods, goes to `request`, and from there to dpytest.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MethodType
from typing import Any, Final, cast

import discord
from discord.ext import commands
from discord.http import HTTPClient, MultipartParameters, Route

from partywall.guarding import Guarded

Model = Callable[..., Awaitable[Any]]
# dpytest makes these rooms and people in each guild, and numbers them through.
GUILDS: Final = ("ACME", "GLOBEX")
ROOMS: Final = ("kitchen", "hall")
PEOPLE: Final = ("Ada", "Ben")
_CREATE: Final = "POST /channels/{channel_id}/messages"


def dpytest() -> Any:
    """Load it: untyped, and beside the project's own environment."""
    return importlib.import_module("discord.ext.test")


class OneList(commands.Bot):
    """Answers `!ask` with everything it was ever told; `!stray` says something in a room of another guild.

    Attributes:
        heard: What everybody said, oldest first.
        handled: Released once for each command that has ended, whatever it ended with.
    """

    def __init__(self, model: Model) -> None:
        intents = discord.Intents(guilds=True, members=True, messages=True, message_content=True)
        super().__init__("!", intents=intents)
        self.heard: list[dict[str, str]] = []
        self.handled = asyncio.Semaphore(0)

        @self.command()
        async def ask(ctx: commands.Context[Any], *, text: str) -> None:
            self.heard.append({"role": "user", "content": text})
            answer: Any = await model(model="echo", messages=self.heard)
            await ctx.send(answer["choices"][0]["message"]["content"])

        @self.command()
        async def stray(ctx: commands.Context[Any], *, text: str) -> None:
            other = next(guild for guild in self.guilds if guild != ctx.guild)
            await other.text_channels[0].send(text)

        @self.after_invoke
        async def ended(_: commands.Context[Any]) -> None:
            self.handled.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the bot showed, and where."""

    guild: str
    room: str
    text: str


@dataclass(slots=True, kw_only=True, eq=False)
class Town:
    """A bot in the guilds of two tenants, with two people in each."""

    peer: Any
    bot: OneList
    guarded: Guarded | None = None

    async def told(self, guild: str, person: str, text: str, room: str = "kitchen") -> list[Said]:
        """Let somebody write in a room of their guild, and give what the bot showed, in all rooms.

        Raises:
            CommandError: As the bot's command raised it, where dpytest itself ran it.
        """
        at = GUILDS.index(guild)
        place, who = at * len(ROOMS) + ROOMS.index(room), at * len(PEOPLE) + PEOPLE.index(person)
        await self.peer.message(text, channel=place, member=who)
        async with asyncio.timeout(10):
            await self.bot.handled.acquire()
        if self.guarded is not None:
            await self.guarded.drain(60)
        return self.shown()

    def shown(self) -> list[Said]:
        """Give what the bot has shown since this was last asked."""
        found: list[Said] = []
        while not self.peer.sent_queue.empty():
            sent = self.peer.sent_queue.get_nowait()
            found.append(Said(guild=sent.guild.name, room=sent.channel.name, text=sent.content))
        return found

    def failed(self) -> list[str]:
        """Give the kinds of errors that commands ended with since dpytest last looked."""
        found: list[str] = []
        while not self.peer.error_queue.empty():
            _, error = self.peer.error_queue.get_nowait()
            found.append(type(getattr(error, "original", error)).__name__)
        return found


async def town(peer: Any, model: Model) -> Town:
    """Put a bot into dpytest's Discord, as dpytest's own page says."""
    bot = OneList(model)
    await getattr(bot, "_async_setup_hook")()  # noqa: B009  there it learns of the loop
    peer.configure(bot, guilds=[*GUILDS], text_channels=[*ROOMS], voice_channels=0, members=[*PEOPLE])
    return Town(peer=peer, bot=bot)


def wired(here: Town) -> Town:
    """Lead dpytest's deliveries and the bot's messages by the library's own way; guard the bot after it."""
    http = cast("Any", here.bot.http)
    floor = cast("Any", type(http))
    state: Any = vars(here.bot)["_connection"]

    async def arrives(route: Route, **how: Any) -> Any:
        if f"{route.method} {route.path}" != _CREATE:
            return await floor.request(http, route, **how)  # dpytest has no other, and says so
        # dpytest looks for a variable of this name in who calls it.
        channel: Any = here.bot.get_channel(int(route.channel_id or 0))
        params = MultipartParameters(payload=how["json"], multipart=None, files=None)
        return await floor.send_message(http, channel.id, params=params)

    def delivers(data: Mapping[str, Any]) -> None:
        state.parsers["MESSAGE_CREATE"](_on_the_wire(data))

    replaced: tuple[tuple[Any, str, Any], ...] = (
        (http, "request", arrives),
        (http, "send_message", MethodType(HTTPClient.send_message, http)),
        (state, "parse_message_create", delivers),
        # A gateway of the library holds the table too.
        (here.bot.ws, "_discord_parsers", state.parsers),
    )
    for holder, name, ours in replaced:
        setattr(holder, name, ours)
    return here


def _on_the_wire(data: Any, name: str = "") -> Any:
    # dpytest keeps ids as numbers; on the wire they are texts.
    if isinstance(data, Mapping):
        return {key: _on_the_wire(each, key) for key, each in cast("Mapping[str, Any]", data).items()}
    if isinstance(data, list):
        return [_on_the_wire(each, name) for each in cast("Sequence[Any]", data)]
    return str(data) if isinstance(data, int) and (name == "id" or name.endswith("_id")) else data
