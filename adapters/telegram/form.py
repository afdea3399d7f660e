"""The parts of a Telegram Update that are read.

Source: core.telegram.org/bots/api, types Update, Message, Chat, User, MessageOrigin, TextQuote,
    CallbackQuery, MessageReactionUpdated.
"""

from typing import Any

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an account, which may be a program's."""

    id: int
    is_bot: bool


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A place, or a channel that speaks."""

    id: int
    type: str
    username: str | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a forwarded message was first written."""

    type: str
    sender_user: User | None = None


class TextQuote(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch of a message that a reply quotes."""

    text: str


class External(msgspec.Struct, frozen=True, kw_only=True):
    """A message of another chat that is replied to."""

    origin: Origin


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic of a channel's direct messages."""

    topic_id: int


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and the message it replies to (which has no reply of its own)."""

    message_id: int
    chat: Chat
    sender: User | None = msgspec.field(name="from", default=None)
    sender_chat: Chat | None = None
    sender_business_bot: User | None = None
    business_connection_id: str | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    direct_messages_topic: Topic | None = None
    is_automatic_forward: bool = False
    forward_origin: Origin | None = None
    via_bot: User | None = None
    quote: TextQuote | None = None
    external_reply: External | None = None
    reply_to_message: "Post | None" = None
    edit_date: int | None = None
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None
    text: str | None = None
    caption: str | None = None
    photo: Any = None
    document: Any = None
    voice: Any = None
    video: Any = None
    video_note: Any = None
    audio: Any = None
    animation: Any = None
    sticker: Any = None

    @property
    def words(self) -> str:
        """Its text or the text beneath its picture."""
        return self.text or self.caption or ""

    @property
    def spoken(self) -> bool:
        """False for notices of the platform (joins, pins), which hold neither words nor a file."""
        files = (self.photo, self.document, self.voice, self.video, self.video_note, self.audio)
        return any(one is not None for one in (self.text, self.caption, *files, self.animation, self.sticker))


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A button press."""

    id: str
    sender: User = msgspec.field(name="from")
    message: Post | None = None
    data: str | None = None


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed how they react to a message; which topic it stands in is not said."""

    chat: Chat
    message_id: int
    user: User | None = None
    actor_chat: Chat | None = None


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """Messages taken back in a business chat."""

    business_connection_id: str
    chat: Chat
    message_ids: list[int]


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery; exactly one of its fields besides the id is there."""

    update_id: int
    message: Post | None = None
    edited_message: Post | None = None
    channel_post: Post | None = None
    edited_channel_post: Post | None = None
    business_message: Post | None = None
    edited_business_message: Post | None = None
    deleted_business_messages: Withdrawn | None = None
    callback_query: Callback | None = None
    message_reaction: Reaction | None = None
