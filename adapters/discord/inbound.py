"""Discord's messages and interactions, as messages.

The realm is the guild, or `dm`. A thread is a channel of its own there, and a message does not name its
parent, so the conversation is the channel that was written in, and `thread` is never set here. A guarded
client knows more (`adapters.discord.places`).

A conversation is `closed` in every guild, since nobody reads a guild's channel from outside of it; a
message that was published to other guilds says so in its flags, and then it is not. A direct message is
closed to all but its sender by its kind already.
"""

from collections.abc import Mapping

import msgspec

from adapters.discord.form import Data, Embed, Frame, Gone, Interaction, Post, Reaction, User
from adapters.discord.given import command, files, handed, typed
from adapters.errors import Unreadable
from adapters.wire import MAX_QUOTES, Deleted, body, decode, identified, shown_name
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId, canonical
from firewall.core.message import Message, Quote

# Default, reply, slash command, message command. Joins, pins, boosts and the rest are nobody's words.
_SPOKEN = frozenset({0, 19, 20, 23})
_COMMAND, _COMPONENT, _FORM = 2, 3, 5
_BOT_DM = 1
_DM = 1
_ANNOUNCEMENT = frozenset({5, 10})
_CROSSPOSTED = 1 << 0 | 1 << 1


def parse(payload: bytes | Mapping[str, object], *, app: str, verified: bool) -> Message | Deleted:
    """Give what one gateway event, message object or interaction says.

    Args:
        payload: A gateway frame, the body of an interaction, or a message object. A bare message object
            must have
            `guild_id` (null in a direct message): REST leaves it out, and then nobody can tell a room from
            a chat.
        app: The bot it was delivered to.
        verified: True if the transport checked the signature (or it came over the bot's own gateway).

    Raises:
        Unreadable: Not a message, or not in the documented form; the error holds nothing of it.
        BadIdentifier: An id is missing, empty or malformed.
    """
    data = body(payload)
    frame = decode(data, Frame)
    reader = _Reader(app=app, verified=verified)
    if frame.op is not None:
        if frame.op != 0:
            raise Unreadable("this kind of gateway frame is not a message", where="op")
        return _dispatch(reader, frame.t, bytes(frame.d))
    if frame.token is not None and frame.application_id is not None:
        return identified(reader.interaction(decode(data, Interaction)))
    if frame.author is None:
        raise Unreadable("this kind of object is not a message")
    post = decode(data, Post)
    if post.guild_id is msgspec.UNSET:
        raise Unreadable("a bare message does not say where it was written", where="guild_id")
    return identified(reader.message(post))


def _dispatch(reader: "_Reader", name: str | None, data: bytes) -> Message | Deleted:
    match name:
        case "MESSAGE_CREATE" | "MESSAGE_UPDATE":
            return identified(reader.message(decode(data, Post)))
        case "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK":
            return identified(reader.deleted(decode(data, Gone)))
        case "MESSAGE_REACTION_ADD":
            return reader.reaction(decode(data, Reaction))
        case "INTERACTION_CREATE":
            return identified(reader.interaction(decode(data, Interaction)))
        case _:
            raise Unreadable("this kind of event is not a message", where="t")


class _Reader:
    """One delivery to one bot."""

    def __init__(self, *, app: str, verified: bool) -> None:
        self._app, self._verified = app, verified

    def message(self, post: Post) -> Message:
        if post.type not in _SPOKEN:
            raise Unreadable("a notice of the platform is nobody's words", where="type")
        guild = None if isinstance(post.guild_id, msgspec.UnsetType) else post.guild_id
        # Only the bot's own answers to commands come back to a direct message through a webhook.
        hooked = post.webhook_id not in (None, self._app)
        if guild is None and (post.member is not None or hooked):
            raise Unreadable("a member or a webhook of a guild without a guild", where="guild_id")
        quotes = _quotes(post)
        came = files(post.files)
        if not (post.content or quotes or came or post.sticker_items or post.poll):
            # Without the message content intent every text is empty. Nothing was read, so nothing is said
            # to be safe.
            raise Unreadable("no content; the bot may lack the message content intent", where="content")
        edited = post.edited_timestamp
        return Message(
            id=MessageId(post.id),
            delivery=canonical(post.id, edited.isoformat() if edited is not None else None),
            sender=self._writer(post, guild or "dm"),
            conversation=self._place(
                post.channel_id,
                guild,
                direct=guild is None and post.channel_type in (None, _DM),
                closed=not post.flags & _CROSSPOSTED and post.channel_type not in _ANNOUNCEMENT,
            ),
            text=post.content,
            quotes=self._bounded(quotes, post, guild or "dm"),
            edit=0 if edited is None else int(edited.timestamp() * 1000),
            name=shown_name(post.shown),
            attachments=came,
        )

    def _bounded(self, quotes: list[str], post: Post, realm: str) -> tuple[Quote, ...]:
        found = [Quote(text=text) for text in quotes]
        found += [
            Quote(text=text, message=MessageId(post.id), author=self._writer(post, realm))
            for text in post.beside
        ]
        answered = post.referenced_message
        if answered is not None and answered.content:
            author = self._writer(answered, realm)
            found.append(Quote(text=answered.content, message=MessageId(answered.id), author=author))
        if len(found) > MAX_QUOTES:
            raise Unreadable(
                f"{len(found)} embeds and forwards; at most {MAX_QUOTES} are read", where="embeds"
            )
        return tuple(found)

    def deleted(self, gone: Gone) -> Deleted:
        ids = [*([gone.id] if gone.id is not None else []), *gone.ids]
        if not ids:
            raise Unreadable("no message is named", where="ids")
        return Deleted(
            ids=tuple(MessageId(one) for one in ids),
            conversation=self._place(
                gone.channel_id, gone.guild_id, direct=gone.guild_id is None, closed=True
            ),
            delivery=canonical("deleted", gone.channel_id, *ids),
            verified=self._verified,
        )

    def reaction(self, put: Reaction) -> Message:
        """Give who put a sign where; it has no words, and an id of its own."""
        if (put.member is None) != (put.guild_id is None):
            raise Unreadable("a reaction in a guild names its member, and no other does", where="member")
        if put.member is not None and put.member.user.id != put.user_id:
            raise Unreadable("the reaction names two people", where="member")
        realm = put.guild_id or "dm"
        kind = SenderKind.HUMAN if put.member is None else _kind(put.member.user)
        sign = canonical("reaction", put.message_id, put.user_id, put.emoji.id or put.emoji.name)
        return Message(
            id=MessageId(sign),
            delivery=sign,
            sender=self._sender(realm, put.user_id, kind),
            # The event does not say what kind of channel it is, so it is not said to be closed.
            conversation=self._place(put.channel_id, put.guild_id, direct=put.guild_id is None, closed=False),
            text="",
            name=shown_name(put.member.shown) if put.member is not None else "",
        )

    def interaction(self, asked: Interaction) -> Message:
        if asked.type not in (_COMMAND, _COMPONENT, _FORM) or asked.data is None:
            raise Unreadable("this kind of interaction is not a message", where="type")
        user = asked.member.user if asked.member is not None else asked.user
        if user is None or (asked.member is None) != (asked.guild_id is None):
            raise Unreadable("the interaction does not say who asked, or where", where="member")
        realm = asked.guild_id or "dm"
        # In private places between other people the answer is read by them too; only the bot's own chat is
        # direct.
        alone = asked.context == _BOT_DM and (asked.channel is None or asked.channel.type == _DM)
        direct = asked.guild_id is None and alone
        closed = asked.channel is not None and asked.channel.type not in _ANNOUNCEMENT
        return Message(
            id=MessageId(asked.id),
            delivery=asked.id,
            sender=self._sender(realm, user.id, SenderKind.BOT if user.bot else SenderKind.HUMAN),
            conversation=self._place(asked.channel_id, asked.guild_id, direct=direct, closed=closed),
            text="\n".join(typed(asked.data)),
            quotes=tuple(self._shown(asked, asked.data, realm)),
            name=shown_name(asked.member.shown if asked.member is not None else user.shown),
            command=command(asked.data) if asked.type == _COMMAND else "",
            attachments=files(handed(asked.data)),
        )

    def _shown(self, asked: Interaction, data: Data, realm: str) -> list[Quote]:
        """Give what the sender pointed at: a message, or a button whose words the bot chose."""
        chosen = "\n".join([data.custom_id, *data.values]) if asked.type == _COMPONENT else ""
        message = MessageId(asked.message.id) if asked.message is not None else None
        found = [Quote(text=chosen, message=message)] if chosen else []
        posts = list(data.resolved.messages.values()) if data.resolved is not None else []
        if len(posts) > 1:
            raise Unreadable("a command points at several messages", where="data.resolved")
        return [
            *found,
            *(
                Quote(text=one.content, message=MessageId(one.id), author=self._writer(one, realm))
                for one in posts
                if one.content
            ),
        ]

    def _writer(self, post: Post, realm: str) -> Sender:
        if post.webhook_id is not None:
            # A webhook writes under any name and picture; bridges and proxies repost people's words through
            # one.
            return self._sender(realm, post.webhook_id, SenderKind.WEBHOOK)
        return self._sender(realm, post.author.id, _kind(post.author))

    def _sender(self, realm: str, number: str, kind: SenderKind) -> Sender:
        # Some platforms name the bot itself as the sender of everything; it is never a person.
        if number == self._app and kind is SenderKind.HUMAN:
            kind = SenderKind.BOT
        return Sender(
            channel="discord", app=self._app, realm=realm, id=number, kind=kind, verified=self._verified
        )

    def _place(self, channel: str, guild: str | None, *, direct: bool, closed: bool) -> Conversation:
        # A guild called `dm` would be the place of all direct messages.
        if guild is not None and not (guild.isascii() and guild.isdigit()):
            raise Unreadable("the guild's id is not a number", where="guild_id")
        outside = ConversationKind.DM if direct else ConversationKind.GROUP
        return Conversation(
            channel="discord",
            app=self._app,
            realm=guild or "dm",
            id=channel,
            kind=outside if guild is None else ConversationKind.PUBLIC,
            closed=closed and guild is not None,
        )


def _kind(user: User) -> SenderKind:
    if user.system:
        return SenderKind.SYSTEM
    return SenderKind.BOT if user.bot else SenderKind.HUMAN


def _quotes(post: Post) -> list[str]:
    """Give the words of forwards and previews: written by somebody else, whom Discord does not name."""
    shown = [
        text for one in post.message_snapshots for text in (one.message.content, *_words(one.message.embeds))
    ]
    return [text for text in (*shown, *_words(post.embeds)) if text]


def _words(embeds: list[Embed]) -> list[str]:
    return [one.words for one in embeds]
