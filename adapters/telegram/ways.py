"""The way back to where an update came from, kept with it as text."""

from collections.abc import Mapping

from adapters.telegram.form import Callback, Post, Update
from firewall.core.identity import Sender

# Before the keys of the room in which somebody asked for an answer that they alone see.
ROOM = "room."


def route(update: Update) -> dict[str, str]:
    """Give the way back to where an update that `parse` took for a message came from.

    Keys are `chat`, and where there is one: `thread` (a topic of a group), `topic` (of a channel's direct
    messages), `business` (the connection), `reply` (the message to answer, outside of private chats), `press`
    (the callback query), `alone` (only the sender reads the chat).
    """
    if update.message_reaction is not None:
        # Not in reply: that would call the message's author, and not who reacted.
        found = {"chat": str(update.message_reaction.chat.id)}
        private = update.message_reaction.chat.type == "private"
        return found | ({"alone": "yes"} if private else {})
    press = update.callback_query
    return _way(_post(update, press), press)


def privately(sender: Sender, way: Mapping[str, str]) -> dict[str, str]:
    """Give the way to a person's own chat with the bot, and beside it the way to where they asked."""
    # A person's chat with a bot has the person's own id.
    return {"chat": sender.id, "alone": "yes", **{f"{ROOM}{name}": value for name, value in way.items()}}


def room(way: Mapping[str, str]) -> dict[str, str]:
    """Give the way to the room in which somebody asked for a private answer; empty for every other way."""
    return {name.removeprefix(ROOM): value for name, value in way.items() if name.startswith(ROOM)}


def number(way: Mapping[str, str], name: str) -> int | None:
    """Give one of the numbers on a way."""
    found = way.get(name)
    return None if found is None else int(found)


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
