"""One update, on its way in: read, handed over, and its way back noted."""

from collections.abc import Mapping

import msgspec

from adapters.channels import Accept, Drop, Forget
from adapters.errors import Unreadable
from adapters.telegram.form import Callback, Post, Update
from adapters.telegram.inbound import parse
from adapters.wire import Deleted, Moved, decode
from firewall.core.arrival import Arrival
from firewall.core.errors import BadIdentifier

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
        accept: Takes a message on.
        forget: Purges what was taken back.
        drop: Is told of what is not handed over.
    """

    def __init__(self, app: str, accept: Accept, forget: Forget, drop: Drop) -> None:
        self._app = app
        self._accept, self._forget, self._drop = accept, forget, drop

    async def take(self, payload: bytes) -> None:
        """Hand over one update that Telegram proved to be its own; when this returns, it is committed.

        Raises:
            Exception: It could not be committed, and Telegram must deliver it again.
        """
        problem = "an id is malformed"
        try:
            read = parse(payload, app=self._app, verified=True)
        except Unreadable as error:
            problem = str(error)
        except BadIdentifier:
            pass
        else:
            if isinstance(read, Deleted):
                return await self._forget(read)
            if isinstance(read, Moved):
                return self._drop(kind(payload), "the group goes on under another id")
            if read.sender.id == self._app:
                return None
            update = decode(payload, Update)
            if not outgoing(update):
                return await self._accept(Arrival(message=read, route=route(update)))
            problem = "what a business itself says to a customer is no question"
        return self._drop(kind(payload), problem)


def kind(payload: bytes) -> str:
    """Give Telegram's name for what kind of update this is."""
    try:
        names = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return "unknown"
    return next((name for name in names if name != "update_id"), "empty")


def outgoing(update: Update) -> bool:
    """True if this was said by a business, or in its name, to a customer, whose own the chat is."""
    post = update.business_message or update.edited_business_message
    return post is not None and (post.sender is None or post.sender.id != post.chat.id)


def route(update: Update) -> dict[str, str]:
    """Give the way back to where an update that `parse` took for a message came from.

    Keys are `chat`, and where there is one: `thread` (a topic of a group), `topic` (of a channel's direct
    messages), `business` (the connection), `reply` (the message to answer, outside of private chats), `press`
    (the callback query), `alone` (only the sender reads the chat).
    """
    if update.message_reaction is not None:
        # Not in reply: that would call the message's author, and not who reacted.
        found, post = {"chat": str(update.message_reaction.chat.id)}, None
        private = update.message_reaction.chat.type == "private"
        return found | ({"alone": "yes"} if private else {})
    press = update.callback_query
    post = _post(update, press)
    return _way(post, press)


def _post(update: Update, press: Callback | None) -> Post:
    if press is not None and press.message is not None:
        return press.message
    posts = (update.message, update.edited_message, update.channel_post, update.edited_channel_post)
    return next(
        one for one in (*posts, update.business_message, update.edited_business_message) if one is not None
    )


def _way(post: Post, press: Callback | None) -> dict[str, str]:
    private = post.chat.type == "private"
    # Of a message that Telegram no longer shows it does not tell the topic: in reply to it, the answer would
    # stand in one that nobody named.
    shown = press is None or post.sender is not None or post.sender_chat is not None
    ways: Mapping[str, object] = {
        "chat": post.chat.id,
        "thread": post.message_thread_id if post.is_topic_message else None,
        "topic": post.direct_messages_topic.topic_id if post.direct_messages_topic is not None else None,
        "business": post.business_connection_id,
        "reply": post.message_id if shown and not private else None,
        "press": press.id if press is not None else None,
        "alone": "yes" if private and post.business_connection_id is None else None,
    }
    return {name: str(value) for name, value in ways.items() if value is not None}
