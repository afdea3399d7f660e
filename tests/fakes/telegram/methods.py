"""The methods of the Bot API that say or ask something, with Telegram's checks and Telegram's words for them.

Formatting is not interpreted: a text keeps its marks.
Lengths are counted in code points.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.fakes.telegram.accounts import Bot
from tests.fakes.telegram.files import Shelf
from tests.fakes.telegram.places import Chat, Message, content
from tests.fakes.telegram.wire import Body, Call, File, Outcome, Refused, bad

# Finds a chat for a bot by its id (or @name), and the business connection that the call names.
Find = Callable[[Bot, str, str], Chat]
_TEXT_LIMIT, _CAPTION_LIMIT, _DATA_LIMIT_BYTES = 4096, 1024, 64
_SAME = (
    "message is not modified: specified new message content and reply markup "
    "are exactly the same as a current content and reply markup of the message"
)
_RIGHTS = (
    *("can_be_edited", "can_manage_chat", "can_delete_messages", "can_manage_video_chats"),
    *("can_restrict_members", "can_promote_members", "can_change_info", "can_invite_users"),
    *("can_post_stories", "can_edit_stories", "can_delete_stories"),
)
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


class Methods:
    """Perform one call of one bot."""

    def __init__(self, find: Find, shelf: Shelf) -> None:
        self._find, self._shelf = find, shelf
        say, ask = self._say, self._ask
        self._named: Mapping[str, Callable[[Bot, Call], Outcome]] = {
            name.lower(): method for name, method in {**say(), **ask()}.items()
        }

    def _say(self) -> dict[str, Callable[[Bot, Call], Outcome]]:
        return {
            "sendMessage": self.send_message,
            "sendPhoto": lambda bot, call: self.send_file(bot, call, "photo"),
            "sendDocument": lambda bot, call: self.send_file(bot, call, "document"),
            "sendVoice": lambda bot, call: self.send_file(bot, call, "voice"),
            "sendMediaGroup": self.send_album,
            "sendPoll": self.send_poll,
            "sendChatAction": self.touch,
            "sendMessageDraft": self.send_draft,
            "copyMessage": lambda bot, call: self.carry(bot, call, named=False),
            "forwardMessage": lambda bot, call: self.carry(bot, call, named=True),
            "editMessageText": lambda bot, call: self.edit(bot, call, "text"),
            "editMessageCaption": lambda bot, call: self.edit(bot, call, "caption"),
            "editMessageReplyMarkup": lambda bot, call: self.edit(bot, call, None),
            "deleteMessage": self.delete,
            "setMessageReaction": self.react,
            "answerCallbackQuery": lambda bot, call: self.answer(bot, call, "callback_query_id"),
            "answerInlineQuery": lambda bot, call: self.answer(bot, call, "inline_query_id"),
        }

    def _ask(self) -> dict[str, Callable[[Bot, Call], Outcome]]:
        return {
            "getMe": self.get_me,
            "getChat": self.get_chat,
            "getChatMember": self.get_member,
            "getFile": self._shelf.get,
            "getBusinessConnection": self.get_business,
            "getWebhookInfo": lambda bot, call: Outcome(result=bot.webhook()),
            "setWebhook": self.set_webhook,
            "deleteWebhook": lambda bot, call: self.set_webhook(
                bot, replace(call, raw={**call.raw, "url": ""})
            ),
        }

    def perform(self, bot: Bot, call: Call) -> Outcome:
        method = self._named.get(call.method.lower())
        if method is None:
            raise Refused(404, "Not Found: method not found")
        return method(bot, call)

    def send_message(self, bot: Bot, call: Call) -> Outcome:
        chat = self._writable(bot, call)
        text = _limited(call.text("text"), _TEXT_LIMIT, "message")
        if not text.strip():
            raise bad("message text is empty")
        return self._sent(bot, call, chat, {"text": text})

    def send_file(self, bot: Bot, call: Call, kind: str) -> Outcome:
        chat = self._writable(bot, call)
        file = _file(bot, call, kind, call.raw.get(kind), kind)
        return self._sent(bot, call, chat, _captioned(call.raw), file)

    def send_album(self, bot: Bot, call: Call) -> Outcome:
        chat, items = self._writable(bot, call), call.objects("media")
        if not 2 <= len(items) <= 10:
            raise bad("the album must have from 2 to 10 messages")
        made = [(_captioned(one), _file(bot, call, "media", one["media"], one["type"])) for one in items]
        group = {"media_group_id": f"album-{bot.id}-{len(chat.messages)}"}
        done = [self._sent(bot, call, chat, {**body, **group}, file) for body, file in made]
        messages = tuple(message for one in done for message in one.messages)
        files, result = tuple(file for _, file in made), [one.result for one in done]
        return Outcome(result=result, chat=chat, messages=messages, files=files)

    def send_poll(self, bot: Bot, call: Call) -> Outcome:
        chat, options = self._writable(bot, call), call.objects("options")
        told = [
            {"text": one["text"], "voter_count": 0, "persistent_id": str(place)}
            for place, one in enumerate(options)
        ]
        poll: Body = {"id": f"poll-{bot.id}-{len(chat.messages)}", "question": call.text("question")}
        poll |= {"options": told, "total_voter_count": 0, "is_closed": False, "is_anonymous": True}
        poll |= {"type": "regular", "allows_multiple_answers": False, "allows_revoting": False}
        return self._sent(bot, call, chat, {"poll": {**poll, "members_only": False}})

    def touch(self, bot: Bot, call: Call) -> Outcome:
        return Outcome(chat=self._writable(bot, call))

    def send_draft(self, bot: Bot, call: Call) -> Outcome:
        chat = self._writable(bot, call)
        _limited(call.text("text"), _TEXT_LIMIT, "message")
        if chat.kind != "private" or not call.number("draft_id"):
            raise bad("drafts are for private chats and have a number other than 0")
        return Outcome(chat=chat)

    def carry(self, bot: Bot, call: Call, *, named: bool) -> Outcome:
        chat, number = self._writable(bot, call), call.number("message_id")
        source = self._find(bot, call.text("from_chat_id"), "").find(bot, number)
        if source is None:
            raise bad(f"message to {'forward' if named else 'copy'} not found")
        body = content(source) | ({"forward_origin": source.origin()} if named else {})
        if not named and "caption" in call.raw:
            body["caption"] = _limited(call.text("caption"), _CAPTION_LIMIT, "message caption")
        done = self._sent(bot, call, chat, body, source.file)
        return done if named else replace(done, result={"message_id": done.result["message_id"]})

    def edit(self, bot: Bot, call: Call, part: str | None) -> Outcome:
        message = self._own(bot, call, "edit")
        markup, old = _markup(call), message.body.get("reply_markup")
        new = {name: value for name, value in message.body.items() if name != "reply_markup"}
        if part is not None:
            limit, what = (_TEXT_LIMIT, "message") if part == "text" else (_CAPTION_LIMIT, "message caption")
            new[part] = _limited(call.text(part), limit, what)
        if part == "text" and not call.text("text").strip():
            raise bad("message text is empty")
        if markup == old and all(message.body.get(name) == value for name, value in new.items()):
            raise bad(_SAME)
        message.body = new | ({"reply_markup": markup} if markup else {}) | {"edit_date": message.chat.tick()}
        return Outcome(result=message.json(bot), chat=message.chat, messages=(message,))

    def delete(self, bot: Bot, call: Call) -> Outcome:
        message = self._own(bot, call, "delete")
        message.chat.messages.remove(message)
        return Outcome(chat=message.chat, messages=(message,))

    def react(self, bot: Bot, call: Call) -> Outcome:
        chat = self._writable(bot, call)
        message = chat.find(bot, call.number("message_id"))
        if message is None:
            raise bad("message to react not found")
        return Outcome(chat=chat, messages=(message,))

    def answer(self, bot: Bot, call: Call, name: str) -> Outcome:
        if call.text(name) not in bot.queries:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        bot.queries.discard(call.text(name))
        return Outcome()

    def get_me(self, bot: Bot, call: Call) -> Outcome:
        able = {"can_join_groups": True, "can_read_all_group_messages": True, "supports_inline_queries": True}
        return Outcome(result={**bot.user.json, **able, "can_connect_to_business": True})

    def get_chat(self, bot: Bot, call: Call) -> Outcome:
        chat = self._find(bot, call.text("chat_id"), "")
        full: Body = {**chat.json, "accent_color_id": 0, "max_reaction_count": 11}
        full |= {"linked_chat_id": chat.linked.id} if chat.linked else {}
        return Outcome(result={**full, "accepted_gift_types": dict.fromkeys(_GIFTS, False)})

    def get_member(self, bot: Bot, call: Call) -> Outcome:
        chat, number = self._find(bot, call.text("chat_id"), ""), call.number("user_id") or 0
        if number not in chat.members:
            raise bad("member not found")
        user, status = chat.members[number]
        told: Body = {"user": user.json, "status": status, "is_anonymous": False, "until_date": 0}
        rights = dict.fromkeys(_RIGHTS, False) if status == "administrator" else {}
        return Outcome(result=told | rights)

    def get_business(self, bot: Bot, call: Call) -> Outcome:
        found = [one for one in bot.businesses if one.id == call.text("business_connection_id")]
        if not found:
            raise bad("business connection not found")
        return Outcome(result=found[0].json)

    def set_webhook(self, bot: Bot, call: Call) -> Outcome:
        bot.set_webhook(call)
        return Outcome()

    def _writable(self, bot: Bot, call: Call) -> Chat:
        if not call.text("chat_id"):
            raise bad("chat_id is empty")
        chat = self._find(bot, call.text("chat_id"), call.text("business_connection_id"))
        chat.admit(bot)
        return chat

    def _own(self, bot: Bot, call: Call, deed: str) -> Message:
        message = self._writable(bot, call).find(bot, call.number("message_id"))
        if message is None:
            raise bad(f"message to {deed} not found")
        if message.by is not bot:
            raise bad(f"message can't be {deed}{'d' if deed.endswith('e') else 'ed'}")
        return message

    def _sent(self, bot: Bot, call: Call, chat: Chat, body: Body, file: File | None = None) -> Outcome:
        """Put the bot's message into the chat, under the name that it has there."""
        thread, markup = call.number("message_thread_id"), _markup(call)
        topic = None if thread is None else chat.find_topic(thread)
        if thread is not None and topic is None:
            raise bad("message thread not found")
        author: Body = {"sender_chat": chat.json} if chat.kind == "channel" else {"from": bot.user.json}
        if chat.business is not None:
            author = {"from": chat.business.owner.json, "sender_business_bot": bot.user.json}
        whole = author | body | ({"reply_markup": markup} if markup else {})
        message = chat.add(whole, by=bot, file=file, reply=_answered(bot, call, chat), topic=topic)
        files = () if file is None else (file,)
        return Outcome(result=message.json(bot), chat=chat, messages=(message,), files=files)


def _answered(bot: Bot, call: Call, chat: Chat) -> Message | None:
    wanted: Any = call.value("reply_parameters")
    if wanted is None:
        return None
    found = chat.find(bot, wanted["message_id"])
    if found is None and not wanted.get("allow_sending_without_reply"):
        raise bad("message to be replied not found")
    return found


def _file(bot: Bot, call: Call, field: str, said: str | None, kind: str) -> File:
    """Give the file that was uploaded beside the call, or that the bot was shown before."""
    part = field if said is None else said.removeprefix("attach://")
    if part in call.uploads:
        return replace(call.uploads[part], kind=kind)
    if said is None or said not in bot.files:
        raise bad("wrong file identifier/HTTP URL specified")
    return bot.files[said]


def _captioned(said: Mapping[str, Any]) -> Body:
    caption = _limited(said.get("caption", ""), _CAPTION_LIMIT, "message caption")
    return {"caption": caption} if caption else {}


def _limited(text: str, limit: int, what: str) -> str:
    if len(text) > limit:
        raise bad(f"{what} is too long")
    return text


def _markup(call: Call) -> Any:
    """Give the buttons beneath a message; a keyboard is the person's and does not stay with the message."""
    markup: Any = call.value("reply_markup") or {}
    rows: list[list[Body]] = markup.get("inline_keyboard", [])
    for button in (each for row in rows for each in row):
        if len(button.get("callback_data", "").encode()) > _DATA_LIMIT_BYTES:
            raise bad("BUTTON_DATA_INVALID")
    return markup if rows else None
