"""Telegram's updates, as messages.

The realm is the bot: the same person under two bots is two senders. A business account's chats are a realm
of their own, because the customer's chat id is the same for every business that customer writes to.

Nothing is ever `closed`: an update does not say who else can join or read a chat.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from adapters.errors import Unreadable
from adapters.telegram.form import Callback, Chat, Origin, Post, Reaction, Update, User, Withdrawn
from adapters.wire import Deleted, Moved, body, decode, identified, shown_name
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import MessageId, canonical
from firewall.core.message import Attachment, Message, Quote

# Accounts that Telegram puts where a person would stand: every anonymous administrator of every group,
# every channel that speaks in a group, and the service itself. Keyed by these, all of them would share one
# history.
GROUP_ANONYMOUS_BOT = 1087968824
CHANNEL_BOT = 136817688
TELEGRAM = 777000
# A command, and the bot that it names where several hear it.
_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{1,64}))?(?!\S)")


def parse(
    payload: bytes | Mapping[str, object], *, app: str, verified: bool, username: str = ""
) -> Message | Deleted | Moved:
    """Give what one update of the Bot API says.

    Args:
        payload: The body of a webhook or one entry of `getUpdates`.
        app: The bot's own id, which is the realm too.
        verified: True if the transport checked the secret token (or asked for the update itself).
        username: The bot's own name: a command for a bot of another name is none. Empty if it is not known.

    Raises:
        Unreadable: Not a message, or not in the documented form; the error holds nothing of it.
        BadIdentifier: An id is missing or malformed.
    """
    update = decode(body(payload), Update)
    reader = _Reader(app=app, username=username, verified=verified, delivery=str(update.update_id))
    posts = (update.message, update.channel_post, update.business_message)
    edits = (update.edited_message, update.edited_channel_post, update.edited_business_message)
    found = [one for one in (*posts, *edits) if one is not None]
    others = (update.callback_query, update.message_reaction, update.deleted_business_messages)
    if len(found) + sum(one is not None for one in others) != 1:
        raise Unreadable("this kind of update is not a message")
    if update.callback_query is not None:
        return identified(reader.pressed(update.callback_query))
    if update.message_reaction is not None:
        return identified(reader.reacted(update.message_reaction))
    if update.deleted_business_messages is not None:
        return identified(reader.withdrawn(update.deleted_business_messages))
    post = found[0]
    if post.migrate_to_chat_id is not None or post.migrate_from_chat_id is not None:
        return identified(reader.moved(post))
    return identified(reader.message(post, edited=any(one is post for one in edits)))


def realm(app: str, business: str | None) -> str:
    """Give the realm of a bot's own chats, or of a business's whose chats it reads."""
    return app if business is None else canonical("business", app, business)


class _Reader:
    """One delivery to one bot."""

    def __init__(self, *, app: str, username: str, verified: bool, delivery: str) -> None:
        self._app, self._username = app, username
        self._verified, self._delivery = verified, delivery

    def message(self, post: Post, *, edited: bool) -> Message:
        if not post.spoken:
            raise Unreadable("a notice of the platform is nobody's words", where="message")
        if edited and not post.edit_date:
            raise Unreadable("the edit has no date", where="edit_date")
        relayed = post.forward_origin is not None or post.is_automatic_forward or post.via_bot is not None
        return Message(
            id=MessageId(str(post.message_id)),
            delivery=self._delivery,
            sender=self._sender(post),
            conversation=self._conversation(post),
            text="" if relayed else post.words,
            quotes=self._quotes(post, relayed=relayed),
            edit=post.edit_date or 0 if edited else 0,
            name=_name(post.sender, post.sender_chat),
            command="" if relayed else _command(post.words, self._username),
            attachments=_attachments(post),
        )

    def pressed(self, press: Callback) -> Message:
        """A button was pressed: the sender is who pressed; the data is a quote, since the bot wrote it."""
        if press.message is None:
            raise Unreadable("a button outside any chat the bot is in", where="callback_query.message")
        data = Quote(text=press.data or "", message=MessageId(str(press.message.message_id)))
        return Message(
            id=MessageId(press.id),
            delivery=self._delivery,
            sender=_alone(self._account(press.sender, self._realm(press.message)), press.message),
            conversation=self._conversation(press.message),
            text="",
            quotes=(data,) if press.data else (),
            name=_name(press.sender, None),
        )

    def reacted(self, reaction: Reaction) -> Message:
        """Somebody reacted: there are no words, only who and where."""
        post = Post(
            message_id=reaction.message_id,
            chat=reaction.chat,
            sender=reaction.user,
            sender_chat=reaction.actor_chat,
        )
        return Message(
            id=MessageId(canonical("reaction", str(reaction.message_id), self._delivery)),
            delivery=self._delivery,
            sender=self._sender(post),
            conversation=self._conversation(post),
            text="",
            name=_name(post.sender, post.sender_chat),
        )

    def withdrawn(self, gone: Withdrawn) -> Deleted:
        post = Post(message_id=0, chat=gone.chat, business_connection_id=gone.business_connection_id)
        if not gone.message_ids:
            raise Unreadable("no message is named", where="message_ids")
        return Deleted(
            ids=tuple(MessageId(str(one)) for one in gone.message_ids),
            conversation=self._conversation(post),
            delivery=self._delivery,
            verified=self._verified,
        )

    def moved(self, post: Post) -> Moved:
        old = post.migrate_from_chat_id or post.chat.id
        new = post.migrate_to_chat_id or post.chat.id
        return Moved(
            before=self._place(old), after=self._place(new), delivery=self._delivery, verified=self._verified
        )

    def _place(self, chat: int) -> Conversation:
        kind = ConversationKind.GROUP
        return Conversation(channel="telegram", app=self._app, realm=self._app, id=str(chat), kind=kind)

    def _realm(self, post: Post) -> str:
        return realm(self._app, post.business_connection_id)

    def _conversation(self, post: Post) -> Conversation:
        topic = post.direct_messages_topic
        thread = (
            str(post.message_thread_id)
            if post.is_topic_message and post.message_thread_id is not None
            else None
        )
        return Conversation(
            channel="telegram",
            app=self._app,
            realm=self._realm(post),
            id=str(post.chat.id),
            thread=thread if topic is None else str(topic.topic_id),
            kind=_kind(post),
        )

    def _sender(self, post: Post) -> Sender:
        realm = self._realm(post)
        speaker = post.sender_chat
        if post.is_automatic_forward:
            return self._as(realm, (speaker or post.chat).id, SenderKind.SYSTEM)
        if speaker is not None:
            return self._as(realm, speaker.id, SenderKind.ANONYMOUS)
        if post.sender is None:
            if post.chat.type != "channel":
                raise Unreadable("the message names no sender", where="from")
            return self._as(realm, post.chat.id, SenderKind.ANONYMOUS)
        if post.sender.id in (GROUP_ANONYMOUS_BOT, CHANNEL_BOT):
            return self._as(realm, post.chat.id, SenderKind.ANONYMOUS)
        if post.sender_business_bot is not None:
            return self._as(realm, post.sender_business_bot.id, SenderKind.BOT)
        return _alone(self._account(post.sender, realm), post)

    def _account(self, user: User, realm: str) -> Sender:
        if user.id == TELEGRAM:
            return self._as(realm, user.id, SenderKind.SYSTEM)
        shared = user.id in (GROUP_ANONYMOUS_BOT, CHANNEL_BOT)
        # Some platforms name the bot itself as the sender of everything; it is never a person.
        kind = SenderKind.BOT if user.is_bot or str(user.id) == self._app else SenderKind.HUMAN
        return self._as(realm, user.id, SenderKind.ANONYMOUS if shared else kind)

    def _as(self, realm: str, number: int, kind: SenderKind) -> Sender:
        return Sender(
            channel="telegram", app=self._app, realm=realm, id=str(number), kind=kind, verified=self._verified
        )

    def _quotes(self, post: Post, *, relayed: bool) -> tuple[Quote, ...]:
        """Give other people's words: what is forwarded, what an inline bot wrote, what is replied to.

        A reply to a message of another chat has ids of that chat, which mean another message here.
        """
        found: list[Quote] = []
        if relayed and post.words:
            author = self._account(post.via_bot, self._realm(post)) if post.via_bot else None
            found.append(Quote(text=post.words, author=self._author(post, post.forward_origin) or author))
        answered = post.reply_to_message
        if answered is not None and answered.chat.id == post.chat.id:
            text = post.quote.text if post.quote is not None else answered.words
            if text:
                named = answered.sender is not None and answered.forward_origin is None
                # It stands in the same chat, so in the same business's if that is one.
                inner = replace(answered, business_connection_id=post.business_connection_id)
                author = self._sender(inner) if named else None
                found.append(Quote(text=text, message=MessageId(str(answered.message_id)), author=author))
        elif post.quote is not None:
            origin = post.external_reply.origin if post.external_reply is not None else None
            found.append(Quote(text=post.quote.text, author=self._author(post, origin)))
        return tuple(found)

    def _author(self, post: Post, origin: Origin | None) -> Sender | None:
        if origin is None or origin.sender_user is None:
            return None
        return self._account(origin.sender_user, self._realm(post))


def _name(user: User | None, chat: Chat | None) -> str:
    """Give what Telegram shows the sender as; the account of a chat that speaks is a stand-in."""
    if chat is not None:
        return shown_name(chat.title)
    return shown_name(user.first_name, user.last_name) if user is not None else ""


def _command(words: str, username: str) -> str:
    """Give the command that a text begins with, in lower case, as libraries compare it."""
    found = _COMMAND.match(words)
    if found is None or (username and found[2] and found[2].lower() != username.lower()):
        return ""
    return found[1].lower()


def _attachments(post: Post) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            id=one.file_id,
            name=shown_name(one.file_name),
            media_type=one.mime_type or "",
            size_bytes=one.file_size,
        )
        for one in post.files
    )


def _alone(sender: Sender, post: Post) -> Sender:
    """Give the sender, if a private chat is the sender's own: the answer is read by whom the chat is with."""
    private = post.chat.type == "private" and post.business_connection_id is None
    if private and sender.kind is SenderKind.HUMAN and str(post.chat.id) != sender.id:
        raise Unreadable("a private chat with somebody other than its sender", where="chat.id")
    return sender


def _kind(post: Post) -> ConversationKind:
    """Give how far words carry. People's chats have ids above zero and rooms below, else it is refused."""
    if (post.chat.type == "private") != (post.chat.id > 0):
        raise Unreadable("the chat's type and id do not agree", where="chat.id")
    if post.chat.type == "private":
        # In a business chat the customer and the owner both read what the bot writes.
        return ConversationKind.DM if post.business_connection_id is None else ConversationKind.GROUP
    if post.chat.type in ("group", "supergroup"):
        return ConversationKind.PUBLIC if post.chat.username else ConversationKind.GROUP
    if post.chat.type == "channel":
        return ConversationKind.PUBLIC
    raise Unreadable("an unknown type of chat", where="chat.type")
