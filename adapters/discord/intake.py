"""What Discord tells a bot of ours: read from the raw event, taken on in order, and nothing else."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from adapters.channels import Accept, Drop, Forget
from adapters.discord.deferring import Deferring
from adapters.discord.inbound import parse
from adapters.discord.library import Client, Thread
from adapters.discord.places import located
from adapters.errors import Unreadable
from adapters.privately import asked_privately
from adapters.wire import Deleted, body, decode
from firewall.core.arrival import Arrival
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind
from firewall.core.message import Message

_LOG = logging.getLogger("partywall")

_CREATED, _CHANGED, _ASKED = "MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE"
_REACTED: Final = "MESSAGE_REACTION_ADD"
# The events that are handed over; every other one is state for the library.
EVENTS: Final = (_CREATED, _CHANGED, _ASKED, _REACTED, "MESSAGE_DELETE", "MESSAGE_DELETE_BULK")
_EPHEMERAL: Final = 1 << 6
_MOST: Final = 20_000
_HUSH_S: Final = 10.0


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    id: str


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is answered, or whose button was pressed."""

    author: _Named | None = None
    flags: int = 0


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """What says whose an event is and whom it is meant for: ids alone."""

    channel_id: str
    id: str = ""
    guild_id: str | None = None
    author: _Named | None = None
    webhook_id: str | None = None
    user_id: str | None = None
    mentions: list[_Named] = []
    referenced_message: _Told | None = None
    message_author_id: str | None = None
    token: str = ""
    data: _Command | None = None
    message: _Told | None = None

    def by(self, ids: Collection[str]) -> bool:
        """True if one of these did it; a webhook's id is the application's in an answer of the bot's own."""
        return bool({self.author.id if self.author else None, self.webhook_id, self.user_id} & set(ids))

    def names(self, ids: Collection[str]) -> bool:
        """True if it mentions one of these, or answers one."""
        answered = self.referenced_message.author if self.referenced_message is not None else None
        named = [*self.mentions, *([answered] if answered is not None else [])]
        return any(one.id in ids for one in named) or self.message_author_id in ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """When the bot answers, and how.

    Attributes:
        everything: True if it answers in guilds whoever is spoken to.
        private: The commands that are answered to the sender alone.
        privately: What a message begins with whose answer is for its sender alone.
    """

    everything: bool
    private: frozenset[str]
    privately: tuple[str, ...]


class Intake:
    """The way in.

    Deliveries of one channel are taken on in the order in which Discord told of them.

    Args:
        client: The client, which has logged in.
        deferring: Answers interactions.
        manners: When the bot answers.
        accept: Takes a message on.
        forget: Purges what was taken back.
        drop: Says what was not passed on.
    """

    def __init__(
        self,
        client: Client,
        deferring: Deferring,
        manners: Manners,
        accept: Accept,
        forget: Forget,
        drop: Drop,
    ) -> None:
        self._client = client
        self._deferring = deferring
        self._manners = manners
        self._accept, self._forget, self._drop = accept, forget, drop
        self._app = str(client.application_id)
        self._own = {self._app, str(client.user.id) if client.user is not None else self._app}
        self._listening = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        # The youngest messages that were taken on, with the time of their last edit, in milliseconds.
        self._taken: OrderedDict[str, int] = OrderedDict()

    def parser(self, name: str) -> Callable[[Mapping[str, Any]], None]:
        """Give what stands in the place of one of the library's parsers; it never raises."""

        def hand(data: Mapping[str, Any]) -> None:
            if not self._listening:
                return
            try:
                event = decode(body(data), _Event)
            except Unreadable as error:
                self._drop(name, str(error))
                return
            if not event.by(self._own):
                before = self._last.get(event.channel_id)
                task = self._start(self._delivered(name, data, event, before))
                self._last[event.channel_id] = task
                task.add_done_callback(lambda _: self._done(event.channel_id, task))

        return hand

    async def hush(self) -> None:
        """Take nothing on any more, and finish what is being taken on."""
        self._listening = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HUSH_S):
                while self._tasks:
                    await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """End everything."""
        self._listening = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="partywall discord delivery")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _done(self, channel: str, task: asyncio.Task[None]) -> None:
        if self._last.get(channel) is task:
            del self._last[channel]

    async def _delivered(
        self, name: str, data: Mapping[str, Any], event: _Event, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        try:
            if self._meant(name, event):
                await self._read(name, data, event)
        except (Unreadable, BadIdentifier) as error:
            self._drop(name, str(error))
        except Exception as error:  # noqa: BLE001  Discord cannot be asked to deliver again; others go on
            _LOG.error("a delivery (%s) was not taken on: %s", name, type(error).__name__)

    def _meant(self, name: str, event: _Event) -> bool:
        """True if it is the bot's to answer, or takes back what may have been."""
        if name not in (_CREATED, _CHANGED, _REACTED) or event.guild_id is None or self._manners.everything:
            return True
        # An edit may take the mention away, and then the words before it are nobody's wish any more.
        return event.names(self._own) or event.id in self._taken or self._joined(event.channel_id)

    def _joined(self, number: str) -> bool:
        """True in a thread that the bot opened, or was added to: Discord adds who speaks in one."""
        found = self._client.get_channel(int(number)) if number.isdecimal() else None
        return isinstance(found, Thread) and (found.me is not None or str(found.owner_id) in self._own)

    async def _read(self, name: str, data: Mapping[str, Any], event: _Event) -> None:
        found = parse({"op": 0, "t": name, "d": data}, app=self._app, verified=True)
        place = await located(self._client, found.conversation)
        if isinstance(found, Deleted):
            await self._forget(replace(found, conversation=place or found.conversation))
        elif place is None:
            self._drop(name, "its channel is not known, and so not whose it is")
        elif name == _CHANGED and found.edit <= self._taken.get(event.id, 0):
            # A preview, a pin or a thread: its author did nothing.
            self._drop(name, "not an edit by its author")
        else:
            hidden = self._hidden(event, found)
            await self._take(name, event, replace(found, conversation=place, private=hidden))

    def _hidden(self, event: _Event, message: Message) -> bool:
        """True if the answer is for the sender alone.

        They alone saw the button, named a command that is answered so, or asked for it in words in a room.
        """
        room = message.conversation.kind is not ConversationKind.DM
        if room and asked_privately(message.text, self._manners.privately):
            return True
        pressed = event.message is not None and bool(event.message.flags & _EPHEMERAL)
        return pressed or (event.data is not None and event.data.name in self._manners.private)

    async def _take(self, name: str, event: _Event, message: Message) -> None:
        route = self._route(name, event, message)
        asked = name == _ASKED and self._deferring.expect(event.token)
        try:
            await self._accept(Arrival(message=message, route=route))
        except Exception:
            if asked:
                self._deferring.decline(event.token)
            raise
        if asked:
            # The next delivery does not wait for it: Discord waits three seconds for each.
            self._start(self._deferring.defer(event.id, route))
        if name in (_CREATED, _CHANGED):
            self._taken[event.id] = message.edit
            while len(self._taken) > _MOST:
                self._taken.popitem(last=False)

    def _route(self, name: str, event: _Event, message: Message) -> dict[str, str]:
        route = {"app": self._app, "channel": event.channel_id}
        if event.guild_id is not None:
            route["guild"] = event.guild_id
        if name == _ASKED:
            route["token"] = event.token
        elif name in (_CREATED, _CHANGED):
            route["message"] = event.id
        if message.private:
            route["private"] = "1"
            if name != _ASKED:
                route["to"] = message.sender.id
        if message.conversation.kind is ConversationKind.DM:
            route["direct"] = "1"
        return route
