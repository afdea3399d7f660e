"""A bot of ours on Discord, by discord.py: connects, hands over what arrives, and answers by routes."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final, Literal

from adapters.channels import Accept, Drop, Forget
from adapters.discord.connecting import connected, ended, translated
from adapters.discord.deferring import PATIENCE_S, Calls, Deferring, Unanswered, spoken
from adapters.discord.directs import Directs, answering
from adapters.discord.filing import HOSTS, Files, Upload
from adapters.discord.intake import EVENTS, Intake, Manners
from adapters.discord.library import Client, Intents, MemberCacheFlags, member
from adapters.discord.logs import Logs
from adapters.discord.routes import CREATE, EDIT
from adapters.privately import PRIVATELY
from firewall.core.errors import MisuseError, ServiceUnavailable
from firewall.core.message import Attachment

_TYPING: Final = "POST /channels/{channel_id}/typing"
_COMMANDS: Final = "PUT /applications/{application_id}/commands"
_GUILD_COMMANDS: Final = "PUT /applications/{application_id}/guilds/{guild_id}/commands"
_SLASH, _TEXT, _FILE = 1, 3, 11
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
        commands: Slash commands, by name: what each does, in at most 100 characters. Each takes `text`
            and, if there is one, a `file`. They replace what is registered; None leaves that alone.
        guilds: The guilds to register the commands for; everywhere if empty.
        private: The commands that are answered to their sender alone.
        privately: What a message in a room begins with whose answer is for its sender alone.
        reactions: True to take on reactions to the bot's messages; they have no words.
        files: The origins that files are fetched from; Discord's own, but for a test.

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
        privately: Collection[str] = PRIVATELY,
        reactions: bool = False,
        files: Collection[str] = HOSTS,
    ) -> None:
        if not set(private) <= set(commands or ()):
            raise MisuseError("`private` names a command that `commands` does not")
        self._token = token
        self._commands = None if commands is None else dict(commands)
        self._guilds = tuple(guilds)
        self._manners = Manners(
            everything=answers == "all", private=frozenset(private), privately=tuple(privately)
        )
        self._reactions = reactions
        self._files = Files(files)
        self._logs: Logs | None = None
        self._client: Client | None = None
        self._intake: Intake | None = None
        self._running: asyncio.Task[None] | None = None

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Log in, register the commands and connect; returns once Discord tells what happens.

        Raises:
            ServiceUnavailable: Discord did not let the bot in; the message says what to look at.
        """
        self._client = client = self._made()
        self._logs = Logs()
        self._calls = Calls(client)
        self._deferring = Deferring(self._calls)
        self._directs = Directs(self._calls)
        try:
            with translated():
                async with asyncio.timeout(PATIENCE_S):
                    await client.login(self._token)
                    await self._register(str(client.application_id))
                    manners = self._manners
                    self._intake = Intake(client, self._deferring, manners, accept, forget, drop)
                    parsers: dict[str, Any] = member(client, "_connection.parsers")
                    parsers.update({name: self._intake.parser(name) for name in EVENTS})
                    self._running = asyncio.create_task(client.connect(), name="partywall discord")
                    await connected(client, self._running)
        except BaseException:
            await self.close()
            raise
        self._running.add_done_callback(ended)

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
        if self._logs is not None:
            self._logs.leave()

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, and give its id.

        Raises:
            ServiceUnavailable: Discord did not take it.
        """
        return await self._show(route, text, None)

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        """Show a file where the route leads.

        Raises:
            ServiceUnavailable: Discord did not take it.
        """
        await self._show(route, "", Upload(name=name, content=content))

    async def _show(self, route: Mapping[str, str], text: str, upload: Upload | None) -> str:
        if "token" in route:
            posted = await self._deferring.say(route, text, upload)
            if posted is not None:
                return posted
            _not_for_all(route)

        async def alone(channel: str) -> str:
            return await self._calls.show(CREATE, spoken(text), upload, channel_id=channel)

        if "to" in route:
            return await self._directs.do(route, alone)
        body = answering(spoken(text), route)
        return await self._calls.show(CREATE, body, upload, channel_id=route["channel"])

    def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        """Give the bytes of a file that came with a delivery of this route, in order and in pieces.

        Raises:
            ServiceUnavailable: It lies on no host of Discord's, or was not given in time.
        """
        del route  # the address authorizes by itself
        return self._files.fetch(attachment)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted.

        Raises:
            ServiceUnavailable: Discord did not take it.
        """
        if "token" in route:
            if await self._deferring.change(route, posted, text):
                return
            _not_for_all(route)
        await self._there(route, EDIT, spoken(text), message_id=posted)

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show that an answer is being made; an interaction says so from its start."""
        if "token" not in route:
            await self._there(route, _TYPING, {})

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone; what was not asked privately has no way in a guild."""
        if "token" in route and await self._deferring.whisper(route, text):
            return
        if "direct" in route or "to" in route:
            await self._there(route, CREATE, spoken(text))

    async def _there(
        self, route: Mapping[str, str], name: str, body: Mapping[str, object], **where: str
    ) -> None:
        """Do one call where a route leads: in its channel, or in the chat with its sender."""

        async def call(channel: str) -> str:
            return await self._calls.do(name, body, channel_id=channel, **where)

        await (self._directs.do(route, call) if "to" in route else call(route["channel"]))

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
        text = {"type": _TEXT, "name": "text", "description": "What to say to the bot", "required": True}
        file = {"type": _FILE, "name": "file", "description": "What to show it", "required": False}
        body = [
            {"type": _SLASH, "name": name, "description": about, "options": [text, file]}
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
