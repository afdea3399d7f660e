"""What Discord tells one client: each event opens a turn, or is state for the library, or is dropped.

The gateway's events are taken where the library reads them, before its cache: what is dropped here is neither
kept nor shown to a waiter, a cog, a command or a view.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from adapters.discord.asked import MOST, Asked, Desk
from adapters.discord.inbound import parse
from adapters.discord.library import Client, member
from adapters.discord.places import located
from adapters.discord.sending import Sending
from adapters.discord.shared import inside
from adapters.doors import Door, Tell
from adapters.errors import Unreadable
from adapters.taken import Taken
from adapters.wire import Deleted
from firewall.core.errors import BadIdentifier, Denied, SessionBusy
from firewall.core.identity import ConversationKind
from firewall.core.ids import MessageId
from firewall.core.message import Message

_LOG = logging.getLogger("partywall")
Parser = Callable[[dict[str, Any]], None]

# An interaction must be answered within three seconds. One that waits for an earlier turn of its session
# cannot be answered for its handler: whether by "thinking", openly or hidden, or by a form, only that knows.
ANSWER_S: Final = 2.0

# Somebody said or did something: it is judged, and the handlers run in a turn.
TURNS: Final = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_REACTION_ADD", "INTERACTION_CREATE"})
# What was said is taken back: it is purged, and the library's cache forgets it.
DELETIONS: Final = frozenset({"MESSAGE_DELETE", "MESSAGE_DELETE_BULK"})
# Nobody can be named who did it, or it is a name that somebody gave to something: whoever may rename a thread
# would speak to every bot that listens. The cache is kept right, and no handler runs.
STATE: Final = frozenset(
    {
        *("MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL", "MESSAGE_REACTION_REMOVE_EMOJI"),
        *("MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE", "PRESENCE_UPDATE", "VOICE_STATE_UPDATE"),
        *("GUILD_UPDATE", "GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE", "GUILD_INTEGRATIONS_UPDATE"),
        *("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE"),
        *("GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"),
        *("GUILD_SCHEDULED_EVENT_CREATE", "GUILD_SCHEDULED_EVENT_UPDATE", "GUILD_SCHEDULED_EVENT_DELETE"),
        *("GUILD_SCHEDULED_EVENT_USER_ADD", "GUILD_SCHEDULED_EVENT_USER_REMOVE"),
        *("GUILD_SOUNDBOARD_SOUND_CREATE", "GUILD_SOUNDBOARD_SOUND_UPDATE", "GUILD_SOUNDBOARD_SOUND_DELETE"),
        "GUILD_SOUNDBOARD_SOUNDS_UPDATE",
        *("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "CHANNEL_PINS_UPDATE"),
        *("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC"),
        *("THREAD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"),
        *("STAGE_INSTANCE_CREATE", "STAGE_INSTANCE_UPDATE", "STAGE_INSTANCE_DELETE"),
        *("INTEGRATION_CREATE", "INTEGRATION_UPDATE", "INTEGRATION_DELETE"),
    }
)
# The bot's own life, and ids alone. Handlers of these run outside of every turn, so they can say nothing and
# ask no guarded model. Any other event is dropped.
PASSED: Final = frozenset(
    {
        *("READY", "RESUMED", "USER_UPDATE", "APPLICATION_COMMAND_PERMISSIONS_UPDATE"),
        *("GUILD_CREATE", "GUILD_DELETE", "GUILD_MEMBERS_CHUNK", "VOICE_SERVER_UPDATE", "WEBHOOKS_UPDATE"),
        *("ENTITLEMENT_CREATE", "ENTITLEMENT_UPDATE", "ENTITLEMENT_DELETE"),
        *("SUBSCRIPTION_CREATE", "SUBSCRIPTION_UPDATE", "SUBSCRIPTION_DELETE"),
    }
)


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that waits for its turn, and whether it was taken back meanwhile."""

    id: MessageId
    gone: Deleted | None = None


class Gate:
    """The way in to one client.

    Args:
        client: The client.
        door: The wall.
        desk: Keeps the interactions that come in.
        sending: The way out.
    """

    def __init__(self, client: Client, door: Door, desk: Desk, sending: Sending) -> None:
        self._client = client
        self._door = door
        self._desk = desk
        self._sending = sending
        self._tasks: set[asyncio.Task[None]] = set()
        # A message and its edit may wait at once, under one id.
        self._waiting: list[_Waiting] = []
        # When each message was last edited, the youngest: what comes later with the same time is no edit.
        self._edited: OrderedDict[str, int] = OrderedDict()
        self._told: set[str] = set()
        self._taken = Taken()

    def parser(self, name: str, before: Parser) -> Parser:
        """Give what stands in the place of one of the library's parsers."""

        def judge(data: dict[str, Any]) -> None:
            if self._own(data):
                # The cache holds the bot's own messages; nobody else said or did this, so no handler runs.
                self._only_state(before, data)
            elif name in STATE:
                self._say_once(name, "nobody's words; the cache is kept right, and no handler runs")
                self._only_state(before, data)
            else:
                self._start(name, before, data)

        def drop(_: dict[str, Any]) -> None:
            self._door.drop(name, "this kind of event is not passed on")

        return judge if name in TURNS | DELETIONS | STATE else drop

    def _say_once(self, name: str, problem: str) -> None:
        # There are hundreds a minute of some kinds.
        if name not in self._told:
            self._told.add(name)
            self._door.drop(name, problem)

    def _own(self, data: Mapping[str, Any]) -> bool:
        """True for what the bot did itself, told by ids alone; a webhook's id is the application's there."""
        user = self._client.user
        own = {str(user.id) if user is not None else self._sending.app, self._sending.app}
        author: Any = data.get("author") or {}
        return bool(own & {str(author.get("id")), str(data.get("webhook_id")), str(data.get("user_id"))})

    def _start(self, name: str, before: Parser, data: dict[str, Any]) -> None:
        task = asyncio.get_running_loop().create_task(
            self._delivered(name, before, data), name=f"partywall {name}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _delivered(self, name: str, before: Parser, data: dict[str, Any]) -> None:
        async def run() -> None:
            await self._handled(name, before, data)

        try:
            await self._door.deliver(run)
        except Exception as error:  # noqa: BLE001  a delivery that fails is not handled; others are
            _LOG.error("a delivery (%s) was not handled: %s", name, type(error).__name__)

    async def _handled(self, name: str, before: Parser, data: dict[str, Any]) -> None:
        try:
            found = parse({"op": 0, "t": name, "d": data}, app=self._sending.app, verified=True)
        except (Unreadable, BadIdentifier) as error:
            self._door.drop(name, str(error))
            return
        place = await located(self._client, found.conversation)
        if isinstance(found, Deleted):
            await self._taken_back(replace(found, conversation=place or found.conversation), before, data)
        elif place is None:
            self._door.drop(name, "its channel is not known, and so not whose it is")
        elif name == "MESSAGE_UPDATE" and not self._edits(found):
            # A preview, a pin or a thread: its author did nothing, and others' words would come in as theirs.
            self._door.drop(name, "not an edit by its author")
        elif await self._entered(name, replace(found, conversation=place), data):
            inside.set(self._sending)
            before(data)

    def _edits(self, message: Message) -> bool:
        """True if it is younger than what was seen of this message: a preview comes with its old time."""
        if message.edit <= self._edited.get(message.id, 0):
            return False
        self._edited[message.id] = message.edit
        while len(self._edited) > MOST:
            self._edited.popitem(last=False)
        return True

    async def _entered(self, name: str, message: Message, data: Mapping[str, Any]) -> bool:
        asked = self._asked(message, data) if name == "INTERACTION_CREATE" else None
        waiting = _Waiting(message.id)
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(ANSWER_S if asked is not None else None):
                with self._taken.once(message) as new:
                    # Whoever took a reaction back may put it again, and Discord gives that no id of its own.
                    if not new and name != "MESSAGE_REACTION_ADD":
                        self._door.drop(name, "it was delivered before")
                        return False
                    await self._door.enter(message, self._tell(message, asked))
        except TimeoutError:
            self._door.drop(name, "an earlier turn of its session did not end in time to answer it")
            return False
        except (Denied, SessionBusy):
            return False
        finally:
            self._waiting.remove(waiting)
        if waiting.gone is not None:
            await self._door.forget(waiting.gone)
        return waiting.gone is None

    async def _taken_back(self, gone: Deleted, before: Parser, data: dict[str, Any]) -> None:
        for each in self._waiting:
            if each.id in gone.ids:
                each.gone = gone
        await self._door.forget(gone)
        self._only_state(before, data)

    def _asked(self, message: Message, data: Mapping[str, Any]) -> Asked:
        asked = Asked(
            number=message.id,
            token=str(data["token"]),
            place=message.conversation,
            who=message.sender.principal_id,
        )
        return self._desk.add(asked)

    def _tell(self, message: Message, asked: Asked | None) -> Tell:
        place = message.conversation
        direct = place.id if place.kind is ConversationKind.DM else None

        async def tell(text: str) -> None:
            await self._sending.tell(text, asked=asked, person=message.sender.id, direct=direct)

        return tell

    def _only_state(self, before: Parser, data: dict[str, Any]) -> None:
        with _muted(member(self._client, "_connection")):
            before(data)


@contextmanager
def _muted(state: Any) -> Generator[None]:  # noqa: ANN401  the library's own
    """Let the library's state change and tell no handler; nothing else runs meanwhile."""
    speaks = cast("Callable[..., None]", state.dispatch)
    state.dispatch = _nothing
    try:
        yield
    finally:
        state.dispatch = speaks


def _nothing(*_: object, **__: object) -> None:
    return None
