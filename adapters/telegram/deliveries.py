"""What Telegram delivers: each update is a turn of whoever sent it, or is not passed on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from adapters.doors import Door
from adapters.errors import Unreadable
from adapters.taken import Taken
from adapters.telegram.inbound import parse
from adapters.telegram.outgoing import Proof
from adapters.telegram.places import Places
from adapters.wire import Deleted, Moved
from firewall.core.errors import BadIdentifier
from firewall.core.identity import Conversation, ConversationKind
from firewall.core.message import Message

Payload = Mapping[str, Any]
# Shows a text at a place.
Show = Callable[[Conversation, str], Awaitable[None]]

_LOG = logging.getLogger("partywall")
# The update whose handling this is: what was let in once is not asked about again on its way to the handlers.
_handled: ContextVar[object] = ContextVar("partywall_telegram_update", default=None)


class Deliveries:
    """The updates of one bot.

    Args:
        app: The bot's own id.
        door: The wall.
        places: Told where messages stand.
        proof: Whether the transport proved where updates come from.
        show: Shows the wall's own constant texts.
    """

    def __init__(self, app: str, door: Door, places: Places, proof: Proof, show: Show) -> None:
        self._app, self._door, self._places = app, door, places
        self._proof, self._show = proof, show
        self._taken = Taken()

    async def take(
        self,
        update: object,
        tell: Callable[[], Payload | None],
        run: Callable[[], Awaitable[object]],
        refuse: Callable[[], object] = lambda: None,
    ) -> None:
        """Handle an update in a turn of its own, or refuse it.

        Nothing of the wall is raised: in an application that takes one update after the other, an error from
        here would end its only task, and nobody would be answered any more.

        Args:
            update: The library's object, by which it is recognised when it comes by again.
            tell: Gives what Telegram sent, or None if this is no update of Telegram's.
            run: Handles it.
            refuse: Called in the place of `run`.
        """
        self._proof.started = True
        if _handled.get() is update:
            await run()
            return

        async def whole() -> bool:
            # This runs in a task of its own: nothing of it is left for the application's next update.
            _handled.set(update)
            if await self._admitted(tell):
                await run()
            else:
                refuse()
            return True

        try:
            # Whoever must wait for their own earlier turn does not keep others waiting.
            await self._door.deliver(whole, detached=True)
        except asyncio.CancelledError:
            refuse()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not the application was cancelled but this delivery, by whoever drains the door.
            _LOG.warning("the handling of an update was cancelled")

    async def _admitted(self, tell: Callable[[], Payload | None]) -> bool:
        kind = "unknown"
        try:
            payload = tell()
            if payload is None:
                raise Unreadable("not an update of Telegram's")
            kind = next((name for name in payload if name != "update_id"), "empty")
            return await self._entered(payload)
        except Unreadable as error:
            self._door.drop(kind, str(error))
        except BadIdentifier:
            self._door.drop(kind, "an id is malformed")
        except Exception as error:  # noqa: BLE001  a gate that raises would end the application's only task
            # A refusal by the wall is on record there; the name of its class is all that is told here.
            self._door.drop(kind, type(error).__name__)
        return False

    async def _entered(self, payload: Payload) -> bool:
        read = parse(payload, app=self._app, verified=self._proof.given)
        if isinstance(read, Deleted):
            await self._door.forget(read)
            return read.verified
        if isinstance(read, Moved):
            # Nobody speaks here: the bot moves what it keeps itself, in no turn, and can say nothing.
            return read.verified
        if read.sender.verified:
            self._places.remember(read.conversation, _standing(payload, read))
        with self._taken.once(read) as new:
            if not new:
                raise Unreadable("it was delivered before", where="update_id")
            await self._door.enter(read, self._teller(read))
        return True

    def _teller(self, read: Message) -> Callable[[str], Awaitable[None]]:
        async def tell(text: str) -> None:
            # A group has no answer that only one of its members sees.
            if read.conversation.kind is ConversationKind.DM:
                await self._show(read.conversation, text)

        return tell


def _standing(payload: Payload, read: Message) -> list[str]:
    """Give the messages that stand where this update says; a press and a reaction are none themselves."""
    quoted: list[str] = [quote.message for quote in read.quotes if quote.message is not None]
    press: Payload | None = payload.get("callback_query")
    if press is not None:
        # Of a message that Telegram no longer shows, which has no date, it does not tell the topic either.
        return quoted if press["message"].get("date") else []
    return quoted if "message_reaction" in payload else [read.id, *quoted]
