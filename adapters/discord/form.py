"""The parts of Discord's messages and interactions that are read.

Source: discord.com/developers/docs, Message, Interaction and Gateway Event objects.
"""

from datetime import datetime
from typing import Any

import msgspec

from adapters.wire import shown_name
from firewall.core.message import Attachment


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account; in a webhook's message, whatever the webhook calls itself."""

    id: str
    bot: bool = False
    system: bool = False
    username: str = ""
    global_name: str | None = None

    @property
    def shown(self) -> str:
        """What Discord shows it as where it has no other name."""
        return self.global_name or self.username


class Nicked(msgspec.Struct, frozen=True, kw_only=True):
    """What a guild calls the author of a message."""

    nick: str | None = None


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """The name of an author or the text of a footer."""

    name: str = ""
    text: str = ""


class EmbedField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an embed."""

    name: str = ""
    value: str = ""


class Embed(msgspec.Struct, frozen=True, kw_only=True):
    """A preview of a page, or a card that a program made."""

    title: str = ""
    description: str = ""
    fields: list[EmbedField] = []
    author: Named | None = None
    footer: Named | None = None

    @property
    def words(self) -> str:
        """All its words, one piece a line."""
        author = self.author.name if self.author is not None else ""
        footer = self.footer.text if self.footer is not None else ""
        pairs = [text for one in self.fields for text in (one.name, one.value)]
        return "\n".join(text for text in (author, self.title, self.description, *pairs, footer) if text)


class Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A file: where it lies, what its sender called it, and what they said of it."""

    filename: str = ""
    title: str | None = None
    description: str | None = None
    content_type: str | None = None
    size: int | None = None
    url: str = ""

    @property
    def words(self) -> str:
        """What was said of it, one piece a line; its name is told with the file."""
        return "\n".join(text for text in (self.title, self.description) if text)

    @property
    def told(self) -> Attachment:
        """The file as Discord tells of it; it is fetched by its address."""
        size = self.size if self.size is not None and self.size >= 0 else None
        return Attachment(
            id=self.url,
            name=shown_name(self.filename),
            media_type=self.content_type or "",
            size_bytes=size,
        )


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A question, or what can be answered."""

    text: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of a poll's answers."""

    poll_media: Text


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A question that people vote on."""

    question: Text
    answers: list[Choice] = []

    @property
    def words(self) -> str:
        """All its words, one piece a line."""
        pieces = (self.question.text, *(one.poll_media.text for one in self.answers))
        return "\n".join(text for text in pieces if text)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a forward shows."""

    content: str = ""
    embeds: list[Embed] = []
    attachments: list[Attached] = []


class Forwarded(msgspec.Struct, frozen=True, kw_only=True):
    """A forwarded message; Discord does not say who wrote it."""

    message: Snapshot


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A message."""

    id: str
    channel_id: str
    author: User
    content: str
    type: int = 0
    guild_id: str | msgspec.UnsetType | None = msgspec.UNSET
    channel_type: int | None = None
    member: Nicked | None = None
    webhook_id: str | None = None
    flags: int = 0
    edited_timestamp: datetime | None = None
    attachments: list[Attached] = []
    poll: Poll | None = None
    sticker_items: list[Any] = []
    embeds: list[Embed] = []
    message_snapshots: list[Forwarded] = []
    referenced_message: "Post | None" = None

    @property
    def beside(self) -> list[str]:
        """What the sender wrote beside the text: a poll, and the captions of files."""
        asked = [self.poll.words] if self.poll is not None else []
        said = "\n".join(one.words for one in self.attachments if one.words)
        return [text for text in (*asked, said) if text]

    @property
    def files(self) -> list[Attached]:
        """What came with it, its own and then those of what it forwards."""
        return [
            *self.attachments,
            *(file for one in self.message_snapshots for file in one.message.attachments),
        ]

    @property
    def shown(self) -> str:
        """What its author is shown as, where it stands."""
        return (self.member.nick if self.member is not None else None) or self.author.shown


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """One deleted message, or several."""

    channel_id: str
    id: str | None = None
    ids: list[str] = []
    guild_id: str | None = None


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """Where an interaction happened."""

    id: str
    type: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user in a guild."""

    user: User
    nick: str | None = None

    @property
    def shown(self) -> str:
        """What the guild shows them as."""
        return self.nick or self.user.shown


class Emoji(msgspec.Struct, frozen=True, kw_only=True):
    """An emoji; the name of one that has an id was given by people."""

    id: str | None = None
    name: str | None = None


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """A sign that somebody put under a message; the emoji is a character, or has an id."""

    user_id: str
    channel_id: str
    message_id: str
    emoji: Emoji
    guild_id: str | None = None
    member: Member | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An argument of a command, or a subcommand with its own."""

    name: str = ""
    type: int = 0
    value: str | int | float | bool | None = None
    options: "list[Option]" = []


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a form, or what was typed into it."""

    type: int = 0
    value: str | None = None
    values: list[str] = []
    component: "Component | None" = None
    components: "list[Component]" = []


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """What the ids of a command stand for."""

    messages: dict[str, Post] = {}
    attachments: dict[str, Attached] = {}


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for."""

    name: str = ""
    type: int = 0
    custom_id: str = ""
    values: list[str] = []
    options: list[Option] = []
    components: list[Component] = []
    resolved: Resolved | None = None


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A command, a button or a form."""

    id: str
    type: int
    channel_id: str
    guild_id: str | None = None
    channel: Channel | None = None
    context: int | None = None
    member: Member | None = None
    user: User | None = None
    data: Data | None = None
    message: Post | None = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway sends: the name of an event and its data."""

    op: int | None = None
    t: str | None = None
    d: msgspec.Raw = msgspec.Raw()
    token: str | None = None
    application_id: str | None = None
    author: Any = None
