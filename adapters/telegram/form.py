"""The parts of a Telegram Update that are read.

Source: core.telegram.org/bots/api, types Update, Message, Chat, User, MessageOrigin, TextQuote,
    CallbackQuery, MessageReactionUpdated, PhotoSize, Document and the other files.
"""

import msgspec


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an account, which may be a program's."""

    id: int
    is_bot: bool
    first_name: str | None = None
    last_name: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A place, or a channel that speaks."""

    id: int
    type: str
    title: str | None = None
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


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message, or one size of a photo; only some kinds have a name or a type."""

    file_id: str
    file_name: str | None = None
    mime_type: str | None = None
    file_size: int | None = None
    width: int = 0


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
    photo: list[File] | None = None
    document: File | None = None
    voice: File | None = None
    video: File | None = None
    video_note: File | None = None
    audio: File | None = None
    animation: File | None = None
    sticker: File | None = None

    @property
    def words(self) -> str:
        """Its text or the text beneath its picture."""
        return self.text or self.caption or ""

    @property
    def files(self) -> tuple[File, ...]:
        """What came with it, in the order of these fields; of a photo the largest size.

        An animation stands in `document` once more, for programs that do not know animations.
        """
        largest = max(self.photo, key=lambda one: one.width) if self.photo else None
        document = self.document if self.animation is None else None
        found = (largest, document, self.voice, self.video, self.video_note, self.audio, self.animation)
        return tuple(one for one in (*found, self.sticker) if one is not None)

    @property
    def spoken(self) -> bool:
        """False for notices of the platform (joins, pins), which hold neither words nor a file."""
        return self.text is not None or self.caption is not None or bool(self.files)


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
