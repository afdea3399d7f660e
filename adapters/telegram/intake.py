"""One update, on its way in: read, handed over, and its way back noted."""

from collections.abc import Callable, Collection
from dataclasses import replace

import msgspec

from adapters.channels import Accept, Drop, Forget
from adapters.errors import Unreadable
from adapters.privately import asked_privately
from adapters.telegram.form import Update
from adapters.telegram.inbound import parse
from adapters.telegram.ways import privately, route
from adapters.wire import Deleted, Moved, decode
from firewall.core.arrival import Arrival
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message

# Every kind of update that is read.
KINDS = (
    *("message", "edited_message", "channel_post", "edited_channel_post"),
    *("business_message", "edited_business_message", "deleted_business_messages"),
    *("callback_query", "message_reaction"),
)


class Intake:
    """Hands the updates of one bot over.

    Args:
        app: The bot's own id.
        username: The bot's own name, which commands name it by.
        privately: What a message begins with whose answer its sender alone sees.
        accept: Takes a message on.
        forget: Purges what was taken back.
        drop: Is told of what is not handed over.
        moved: Is told that a chat goes on under another id: the old one, the new one.
    """

    def __init__(
        self,
        app: str,
        username: str,
        privately: Collection[str],
        *,
        accept: Accept,
        forget: Forget,
        drop: Drop,
        moved: Callable[[str, str], None],
    ) -> None:
        self._app, self._username, self._privately = app, username, privately
        self._accept, self._forget, self._drop, self._moved = accept, forget, drop, moved

    async def take(self, payload: bytes) -> None:
        """Hand over one update that Telegram proved to be its own; when this returns, it is committed.

        Raises:
            Exception: It could not be committed, and Telegram must deliver it again.
        """
        problem = "an id is malformed"
        try:
            read = parse(payload, app=self._app, verified=True, username=self._username)
        except Unreadable as error:
            problem = str(error)
        except BadIdentifier:
            pass
        else:
            if isinstance(read, Deleted):
                return await self._forget(read)
            if isinstance(read, Moved):
                self._moved(read.before.id, read.after.id)
                problem = "the group goes on under another id"
            elif read.sender.id == self._app:
                return None
            else:
                update = decode(payload, Update)
                problem = _unasked(update) or self._unanswered(read)
                if not problem:
                    return await self._accept(self._arrival(read, update))
        return self._drop(kind(payload), problem)

    def _unanswered(self, read: Message) -> str:
        """Say why nobody could be answered, or nothing."""
        alone = self._is_private(read) and read.sender.kind is not SenderKind.HUMAN
        return "whoever is no person has no chat of their own to be answered in" if alone else ""

    def _arrival(self, read: Message, update: Update) -> Arrival:
        way = route(update)
        if not self._is_private(read):
            return Arrival(message=read, route=way)
        return Arrival(message=replace(read, private=True), route=privately(read.sender, way))

    def _is_private(self, read: Message) -> bool:
        """True for what was asked in a room and is answered to its sender alone."""
        in_room = read.conversation.kind is not ConversationKind.DM
        return in_room and asked_privately(read.text, self._privately)


def kind(payload: bytes) -> str:
    """Give Telegram's name for what kind of update this is."""
    try:
        names = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return "unknown"
    return next((name for name in names if name != "update_id"), "empty")


def _unasked(update: Update) -> str:
    """Say so if this was said by a business, or in its name, to a customer, whose own the chat is."""
    post = update.business_message or update.edited_business_message
    outgoing = post is not None and (post.sender is None or post.sender.id != post.chat.id)
    return "what a business itself says to a customer is no question" if outgoing else ""
