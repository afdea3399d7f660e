"""A bot of ours on Discord, by discord.py: connects, hands over what arrives, and answers by routes."""

import asyncio
import logging
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

import aiohttp

from adapters.channels import Accept, Drop, Forget
from adapters.discord.deferring import PATIENCE_S, Calls, Deferring, Unanswered, refused, spoken
from adapters.discord.intake import EVENTS, Intake, Manners
from adapters.discord.library import (
    Client,
    DiscordException,
    Intents,
    LoginFailure,
    MemberCacheFlags,
    PrivilegedIntentsRequired,
    member,
)
from adapters.discord.routes import CREATE, EDIT
from firewall.core.errors import MisuseError, ServiceUnavailable

_LOG = logging.getLogger("partywall")

_TYPING: Final = "POST /channels/{channel_id}/typing"
_COMMANDS: Final = "PUT /applications/{application_id}/commands"
_GUILD_COMMANDS: Final = "PUT /applications/{application_id}/guilds/{guild_id}/commands"
_SLASH, _TEXT = 1, 3
# The longest wait for one request that the library takes upon itself.
_RATE_LIMIT_S: Final = 30.0


class DiscordChannel:
    """One bot on Discord, in guilds and in direct messages.

    In guilds it answers who mentions it or replies to it, and in threads that it was added to. Direct
    messages, slash commands, buttons and forms are always answered. A thread belongs to the channel that it
    was opened in.

    Args:
        token: The bot's token.
        answers: `all` to answer in guilds whoever is spoken to.
        commands: Slash commands, by name: what each does, in at most 100 characters. Each has one argument,
            `text`. They replace what is registered; None leaves that alone.
        guilds: The guilds to register the commands for; everywhere if empty.
        private: The commands that are answered to their sender alone.
        reactions: True to take on reactions to the bot's messages; they have no words.

    Raises:
        MisuseError: `private` names what is no command.
    """

    name: str = "discord"
    max_units: int = 2000
    edits_every_s: float | None = 1.2

    def __init__(
        self,
        token: str,
        *,
        answers: Literal["mentions", "all"] = "mentions",
        commands: Mapping[str, str] | None = None,
        guilds: Collection[str] = (),
        private: Collection[str] = (),
        reactions: bool = False,
    ) -> None:
        if not set(private) <= set(commands or ()):
            raise MisuseError("`private` names a command that `commands` does not")
        self._token = token
        self._commands = None if commands is None else dict(commands)
        self._guilds = tuple(guilds)
        self._manners = Manners(everything=answers == "all", private=frozenset(private))
        self._reactions = reactions
        self._client: Client | None = None
        self._intake: Intake | None = None
        self._running: asyncio.Task[None] | None = None

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Log in, register the commands and connect; returns once Discord tells what happens.

        Raises:
            ServiceUnavailable: Discord did not let the bot in; the message says what to look at.
        """
        self._client = client = self._made()
        self._calls = Calls(client)
        self._deferring = Deferring(self._calls)
        try:
            with _translated():
                async with asyncio.timeout(PATIENCE_S):
                    await client.login(self._token)
                    await self._register(str(client.application_id))
                    manners = self._manners
                    self._intake = Intake(client, self._deferring, manners, accept, forget, drop)
                    parsers: dict[str, Any] = member(client, "_connection.parsers")
                    parsers.update({name: self._intake.parser(name) for name in EVENTS})
                    self._running = asyncio.create_task(client.connect(), name="partywall discord")
                    await _connected(client, self._running)
        except BaseException:
            await self.close()
            raise
        self._running.add_done_callback(_ended)

    async def hush(self) -> None:
        """Take nothing on any more; what was taken on can still be answered."""
        if self._intake is not None:
            await self._intake.hush()

    async def close(self) -> None:
        """Disconnect."""
        if self._intake is not None:
            await self._intake.close()
        if self._client is not None:
            await self._client.close()
        if self._running is not None:
            # It may be waiting for its next try.
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, and give its id.

        Raises:
            ServiceUnavailable: Discord did not take it.
        """
        if "token" in route:
            posted = await self._deferring.say(route, text)
            if posted is not None:
                return posted
            _not_for_all(route)
        body = spoken(text)
        if "message" in route and "guild" in route:
            # In a room it says whom it answers; a message that is gone by now is no hindrance.
            body["message_reference"] = {"message_id": route["message"], "fail_if_not_exists": False}
        return await self._calls.do(CREATE, body, channel_id=route["channel"])

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted.

        Raises:
            ServiceUnavailable: Discord did not take it.
        """
        if "token" in route:
            if await self._deferring.change(route, posted, text):
                return
            _not_for_all(route)
        await self._calls.do(EDIT, spoken(text), channel_id=route["channel"], message_id=posted)

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show that an answer is being made; an interaction says so from its start."""
        if "token" not in route:
            await self._calls.do(_TYPING, {}, channel_id=route["channel"])

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone; in a guild there is no way but an interaction's."""
        if "token" in route and await self._deferring.whisper(route, text):
            return
        if "direct" in route:
            await self._calls.do(CREATE, spoken(text), channel_id=route["channel"])

    async def over(self, route: Mapping[str, str]) -> None:
        """Take away that the bot thinks, where nothing was said to an interaction."""
        if "token" in route:
            await self._deferring.over(route)

    def _made(self) -> Client:
        """Give a client that keeps what it needs to find a thread's channel, and no message and no member."""
        intents = Intents(
            guilds=True,
            guild_messages=True,
            dm_messages=True,
            message_content=True,
            guild_reactions=self._reactions,
            dm_reactions=self._reactions,
        )
        return Client(
            intents=intents,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=MemberCacheFlags.none(),
            max_ratelimit_timeout=_RATE_LIMIT_S,
            guild_ready_timeout=0.0,
        )

    async def _register(self, app: str) -> None:
        if self._commands is None:
            return
        option = {"type": _TEXT, "name": "text", "description": "What to say to the bot", "required": True}
        body = [
            {"type": _SLASH, "name": name, "description": about, "options": [option]}
            for name, about in self._commands.items()
        ]
        try:
            for guild in self._guilds:
                await self._calls.do(_GUILD_COMMANDS, body, application_id=app, guild_id=guild)
            if not self._guilds:
                await self._calls.do(_COMMANDS, body, application_id=app)
        except Unanswered as error:
            raise ServiceUnavailable(
                f"the commands were not registered: {error}. A name has 1 to 32 lower-case letters, digits, "
                "`-` and `_`, a description 1 to 100 characters, and the bot must be in each of the guilds"
            ) from None


def _not_for_all(route: Mapping[str, str]) -> None:
    # Everybody in the channel may read the answer to a question that was asked before them, and no other.
    if "private" in route:
        raise ServiceUnavailable("the interaction has expired, and its answer is for its sender alone")


async def _connected(client: Client, running: asyncio.Task[None]) -> None:
    """Wait until a client is connected; raise what ended it before."""
    ready = asyncio.create_task(client.wait_until_ready(), name="partywall discord ready")
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
    if running.done():
        running.result()


@contextmanager
def _translated() -> Generator[None]:
    """Raise what Discord says to a login as what an operator can do about it."""
    try:
        yield
    except LoginFailure:
        problem = (
            "Discord did not accept the bot's token; copy it again from the page `Bot` of the application in "
            "the developer portal"
        )
    except PrivilegedIntentsRequired:
        problem = (
            "the bot may not read messages: switch on `Message Content Intent` on the page `Bot` of the "
            "application in the developer portal"
        )
    except (DiscordException, aiohttp.ClientError, OSError) as error:
        problem = f"{refused(error)}; look at the network, at discordstatus.com and at the bot's page there"
    else:
        return
    raise ServiceUnavailable(problem)


def _ended(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        _LOG.error("the connection to Discord ended for good: %s", refused(error))
