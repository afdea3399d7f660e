"""Where people talk: chats, their messages, and everything a person can do in them.

In private chats and basic groups every bot numbers messages by itself, so one message has another number for
each bot; supergroups and channels have one number for all. The same person's private chats with two bots have
the same chat id and are two chats.
"""

import mimetypes
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.fakes.telegram.accounts import Bot, Business, User
from tests.fakes.telegram.files import told as told_file
from tests.fakes.telegram.wire import Body, File, Refused, forbidden

GROUP_ANONYMOUS_BOT = User(id=1087968824, first_name="Group", username="GroupAnonymousBot", is_bot=True)
CHANNEL_BOT = User(id=136817688, first_name="Channel", username="Channel_Bot", is_bot=True)
TELEGRAM = User(id=777000, first_name="Telegram")


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """One message; `body` is what is the same for everyone who sees it."""

    chat: "Chat"
    number: int
    numbers: dict[int, int]
    date: int
    body: Body
    by: Bot | None = None
    file: File | None = None
    reply: "Message | None" = None
    topic: "Message | None" = None

    def number_for(self, bot: Bot) -> int:
        return self.numbers.get(bot.id, self.number)

    def json(self, bot: Bot, *, inner: bool = False) -> Body:
        """Give the message as one bot sees it; the message it replies to comes without its own."""
        told: Body = {"message_id": self.number_for(bot), "date": self.date, "chat": self.chat.json}
        told |= self.body
        if self.chat.business is not None:
            told["business_connection_id"] = self.chat.business.id
        if self.file is not None:
            told |= told_file(self.file, bot.show(self.file))
        answered = self.reply or (self.topic if self.topic is not self else None)
        if self.topic is not None:
            told |= {"message_thread_id": self.topic.number, "is_topic_message": True}
        elif self.reply is not None and self.chat.kind == "supergroup":
            told["message_thread_id"] = self.reply.number_for(bot)
        if answered is not None and not inner:
            told["reply_to_message"] = answered.json(bot, inner=True)
        return told

    def origin(self, *, hidden: bool = False) -> Body:
        """Say who wrote it first, as a forwarded copy says it."""
        if "forward_origin" in self.body:
            return dict(self.body["forward_origin"])
        speaker = self.body.get("sender_chat")
        if speaker and speaker["type"] == "channel" and self.chat.kind == "channel":
            return {"type": "channel", "chat": speaker, "message_id": self.number, "date": self.date}
        if speaker:
            return {"type": "chat", "sender_chat": speaker, "date": self.date}
        author: Body = self.body["from"]
        if hidden:
            return {"type": "hidden_user", "sender_user_name": author["first_name"], "date": self.date}
        return {"type": "user", "sender_user": author, "date": self.date}


@dataclass(slots=True, kw_only=True, eq=False)
class Chat:
    """One chat, and the hand of the test in it. `bots` are those that hear what is said."""

    id: int
    kind: str
    tick: Callable[[], int]
    title: str = ""
    username: str | None = None
    person: User | None = None
    # The bot of a private chat; it is in `bots` only when the person has written.
    partner: Bot | None = None
    business: Business | None = None
    forum: bool = False
    linked: "Chat | None" = None
    bots: list[Bot] = field(default_factory=list[Bot])
    # What getChatMember says, by the id of the account.
    members: dict[int, tuple[User, str]] = field(default_factory=dict[int, tuple[User, str]])
    messages: list[Message] = field(default_factory=list[Message])
    moved_to: int | None = None
    _numbers: int = 0

    @property
    def json(self) -> Body:
        told: Body = {"id": self.id, "type": self.kind}
        if self.person is not None:
            return {**told, **{k: v for k, v in self.person.json.items() if k not in ("id", "is_bot")}}
        told |= {"title": self.title}
        told |= {"username": self.username} if self.username else {}
        return {**told, "is_forum": True} if self.forum else told

    def admit(self, bot: Bot) -> None:
        """Refuse a bot that may not write here, with Telegram's words."""
        if self.moved_to is not None:
            moved = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, moved, migrate_to_chat_id=self.moved_to)
        _, status = self.members.get(bot.id, (bot.user, "left"))
        if status == "kicked":
            where = "by the user" if self.kind == "private" else f"from the {self.kind} chat"
            raise forbidden(f"bot was {'blocked' if self.kind == 'private' else 'kicked'} {where}")
        if bot not in self.bots and self.kind == "private":
            raise forbidden("bot can't initiate conversation with a user")
        if bot not in self.bots:
            raise forbidden(f"bot is not a member of the {self.kind} chat")

    def find(self, bot: Bot, number: int | None) -> Message | None:
        return next((one for one in self.messages if one.number_for(bot) == number), None)

    def find_topic(self, number: int) -> Message | None:
        return next((one for one in self.messages if one.topic is one and one.number == number), None)

    def add(
        self,
        body: Body,
        *,
        by: Bot | None = None,
        file: File | None = None,
        reply: Message | None = None,
        topic: Message | None = None,
    ) -> Message:
        """Put a message into the chat and tell the bots; of another bot's message only channels tell."""
        shared = self.kind in ("supergroup", "channel")
        self._numbers += shared
        numbers = {} if shared else {bot.id: bot.next_message() for bot in self.bots}
        message = Message(
            chat=self,
            number=self._numbers,
            numbers=numbers,
            date=self.tick(),
            body=body,
            by=by,
            file=file,
            reply=reply,
            topic=topic,
        )
        self.messages.append(message)
        if by is None or self.kind == "channel":
            self._tell("message", message, but=by)
        if self.linked is not None and self.kind == "channel":
            self.linked.add(self._carried(message), file=file)
        return message

    def says(
        self,
        user: User,
        text: str,
        *,
        topic: Message | None = None,
        reply_to: Message | None = None,
        quote: str | None = None,
        via: Bot | None = None,
    ) -> Message:
        """Say something as a person, in a topic, in reply, quoting, or by choosing an inline bot's result."""
        body: Body = {"from": user.json, "text": text, **_command(text)}
        if via is not None:
            body["via_bot"] = via.user.json
        return self._speak(user, body, topic=topic, reply=reply_to, quote=quote)

    def commands(self, user: User, name: str, rest: str = "", *, to: Bot | None = None) -> Message:
        addressed = f"/{name}@{to.user.username}" if to is not None else f"/{name}"
        return self.says(user, f"{addressed} {rest}".strip())

    def uploads(
        self,
        user: User,
        name: str,
        content: bytes,
        *,
        caption: str = "",
        kind: str = "document",
        topic: Message | None = None,
    ) -> Message:
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        body: Body = {"from": user.json} | ({"caption": caption} if caption else {})
        return self._speak(
            user, body, file=File(kind=kind, name=name, mime=mime, content=content), topic=topic
        )

    def edits(self, message: Message, text: str) -> None:
        message.body |= {"edit_date": self.tick(), "text": text}
        self._tell("edited_message", message)

    def forwards(self, user: User, message: Message, *, hidden: bool = False) -> Message:
        """Forward a message into this chat; `hidden` if its author does not let forwards name them."""
        body = {"from": user.json, **content(message), "forward_origin": message.origin(hidden=hidden)}
        return self._speak(user, body, file=message.file)

    def presses(self, user: User, message: Message, data: str) -> str:
        """Press a button of a bot's message; a client may send any data. Return the query's id."""
        bot = message.by
        assert bot is not None, "only a bot's message has buttons"
        query = f"{self.tick()}-{user.id}"
        bot.queries.add(query)
        told: Body = {"id": query, "from": user.json, "message": message.json(bot)}
        bot.deliver("callback_query", {**told, "chat_instance": str(-self.id), "data": data})
        return query

    def reacts(self, user: User, message: Message, emoji: str) -> None:
        for bot in self.bots:
            told: Body = {"chat": self.json, "message_id": message.number_for(bot), "user": user.json}
            new = [{"type": "emoji", "emoji": emoji}]
            bot.deliver(
                "message_reaction", {**told, "date": self.tick(), "old_reaction": [], "new_reaction": new}
            )

    def deletes(self, messages: Iterable[Message]) -> None:
        """Take messages back; only of business chats is a bot told."""
        gone = list(messages)
        self.messages = [one for one in self.messages if one not in gone]
        if self.business is not None:
            numbers = [one.number_for(self.business.bot) for one in gone]
            told = {"business_connection_id": self.business.id, "chat": self.json, "message_ids": numbers}
            self.business.bot.deliver("deleted_business_messages", told)

    def anonymous_admin_says(self, text: str) -> Message:
        return self.add({"from": GROUP_ANONYMOUS_BOT.json, "sender_chat": self.json, "text": text})

    def posts_as_channel(self, channel: "Chat", text: str) -> Message:
        """Speak in this group under a channel's name, or post in the channel itself."""
        author: Body = {"from": CHANNEL_BOT.json} if channel is not self else {}
        return self.add({**author, "sender_chat": channel.json, "text": text})

    def opens_topic(self, user: User, name: str) -> Message:
        created = {"name": name, "icon_color": 7322096}
        self.forum = True
        root = self.add({"from": user.json, "forum_topic_created": created})
        root.topic = root
        return root

    def expels(self, user: User, bot: Bot) -> None:
        """Kick a bot out, or block it in a private chat."""
        self.bots.remove(bot)
        self.members[bot.id] = (bot.user, "kicked")
        old: Body = {"user": bot.user.json, "status": "member"}
        new: Body = {"user": bot.user.json, "status": "kicked", "until_date": 0}
        told: Body = {"chat": self.json, "from": user.json, "date": self.tick()}
        bot.deliver("my_chat_member", {**told, "old_chat_member": old, "new_chat_member": new})

    def _speak(
        self,
        user: User,
        body: Body,
        *,
        file: File | None = None,
        topic: Message | None = None,
        reply: Message | None = None,
        quote: str | None = None,
    ) -> Message:
        if self.partner is not None and self.partner not in self.bots:
            # Whoever writes to a bot starts it, and is heard by it from then on.
            self.bots.append(self.partner)
            self.members[self.partner.id] = (self.partner.user, "member")
        if quote is not None and reply is not None:
            before = reply.body.get("text", "").partition(quote)[0]
            body["quote"] = {"text": quote, "position": len(before.encode("utf-16-le")) // 2}
        if reply is not None and reply.chat is not self:
            there: Body = {"chat": reply.chat.json, "message_id": reply.number}
            body["external_reply"] = {"origin": reply.origin(), **there}
            reply = None
        return self.add(body, file=file, reply=reply, topic=topic)

    def _carried(self, post: Message) -> Body:
        """Make the copy of a channel's post that Telegram puts into the linked discussion group."""
        forwarded = {"forward_origin": post.origin(), "is_automatic_forward": True}
        return {"from": TELEGRAM.json, "sender_chat": self.json, **content(post), **forwarded}

    def _tell(self, kind: str, message: Message, *, but: Bot | None = None) -> None:
        if self.kind == "channel":
            kind = {"message": "channel_post", "edited_message": "edited_channel_post"}[kind]
        elif self.business is not None:
            kind = {"message": "business_message", "edited_message": "edited_business_message"}[kind]
        for bot in self.bots:
            if bot is not but:
                bot.deliver(kind, message.json(bot))


def content(message: Message) -> Body:
    """Give what a copy or a forward takes along; files travel beside it."""
    return {
        name: message.body[name] for name in ("text", "caption", "entities", "poll") if name in message.body
    }


def _command(text: str) -> Body:
    found = re.match(r"/\w+(@\w+)?", text, re.ASCII)
    if found is None:
        return {}
    return {"entities": [{"type": "bot_command", "offset": 0, "length": found.end()}]}
