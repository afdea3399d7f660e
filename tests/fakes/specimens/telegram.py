"""Telegram, as the conformance kit plays it: updates of the Bot API."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.telegram.inbound import GROUP_ANONYMOUS_BOT, parse
from adapters.testing import IdKind, Read, Said, Situation
from firewall.core.identity import ConversationKind
from tests.fakes.payloads import payload
from tests.fakes.specimens.fields import put, wire

_FIRST = {
    IdKind.APP: 5550,
    IdKind.REALM: 5550,
    IdKind.PERSON: 7000,
    IdKind.BOT: 9990,
    IdKind.WEBHOOK: 9800,
    IdKind.OWN: 5550,
    IdKind.DIRECT: 7000,
    IdKind.GROUP: -4999,
    IdKind.PUBLIC: -1001234569999,
    IdKind.THREAD: 120,
    IdKind.MESSAGE: 40_000,
    IdKind.DELIVERY: 900_000,
}
_TYPES = {ConversationKind.DM: "private", ConversationKind.GROUP: "group"}


class TelegramSpecimen:
    """Telegram's genuine updates, and our parser of them."""

    without: Mapping[Situation, str] = {
        Situation.ELSEWHERE: "the realm is the bot itself, so `two-bots` plays this",
        Situation.MENTION: "a mention is the message itself, delivered once",
        Situation.FOREIGN_EDIT: "nobody but its author can change a message",
        Situation.DELETION: "the Bot API tells of deletions in the chats of business accounts only",
        Situation.COMMAND: "a command is a message like any other",
        Situation.PROXY: "there are no webhooks that post",
        Situation.STRANGER: "an update does not say where a sender belongs",
        Situation.OWN: "a bot is not told of its own messages",
    }

    def id(self, kind: IdKind, number: int) -> str:
        return str(_FIRST[kind] + number)

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        return parse(payload, app=app, verified=verified)

    def raw(self, situation: Situation, said: Said) -> bytes:
        return wire(_update(situation, said))

    def contradictions(self, said: Said) -> Sequence[bytes]:
        direct = said.kind is ConversationKind.DM
        types = ("group", "supergroup", "channel", "never") if direct else ("private", "sender", "never")
        found: list[dict[str, Any]] = []
        for name in types:
            for speaker in ("message", "edited_message"):
                post: dict[str, Any] = _post(said) | {"edit_date": 1760000100}
                post["chat"]["type"] = name
                found.append({"update_id": 1, speaker: post})
            # As a bot's or a channel's word, and as the press of a button.
            programs = _post(said)
            programs["chat"]["type"], programs["from"]["is_bot"] = name, True
            found.append({"update_id": 1, "message": programs})
            press = _pressed(said)
            press["callback_query"]["message"]["chat"]["type"] = name
            found.append(press)
        return [wire(body) for body in found]

    def unknown(self, said: Said) -> Sequence[bytes]:
        join = payload("telegram", "new_members")
        join["message"] |= {key: value for key, value in _post(said).items() if key in ("from", "chat")}
        user = _user(said.who, said.name)
        found: list[dict[str, Any]] = [
            join,
            {"update_id": 1, "poll_answer": {"poll_id": "1", "user": user, "option_ids": [0]}},
            {"update_id": 1, "chat_join_request": {"chat": _chat(said), "from": user, "bio": said.words}},
            {"update_id": 1, "inline_query": {"id": "1", "from": user, "query": said.words, "offset": ""}},
            {"update_id": 1, "never_heard_of": _post(said)},
            {"update_id": 1, "message": _post(said), "edited_message": _post(said)},
        ]
        return [wire(body) for body in found]


def _number(text: str | None) -> int | str | None:
    """Give the number that a text is; a text that is none stays one, as from a hostile platform."""
    if text is None:
        return None
    plain = text.removeprefix("-")
    same = plain.isascii() and plain.isdigit() and str(int(text)) == text
    return int(text) if same else text


def _user(id: str | None, name: str, *, bot: bool = False) -> dict[str, Any]:
    user: dict[str, Any] = {"is_bot": bot, "first_name": name, "username": name}
    put(user, "id", _number(id))
    return user


def _chat(said: Said) -> dict[str, Any]:
    public = said.kind is ConversationKind.PUBLIC
    chat: dict[str, Any] = {"type": _TYPES.get(said.kind, "supergroup"), "title": said.name}
    put(chat, "username", "kitchen" if public else None)
    put(chat, "id", _number(said.place))
    return chat


def _post(said: Said) -> dict[str, Any]:
    post = {"message_id": _number(said.message), "date": 1760000000, "chat": _chat(said), "text": said.words}
    put(post, "from", None if said.who is None else _user(said.who, said.name))
    return post


def _pressed(said: Said) -> dict[str, Any]:
    shown = {
        "message_id": _number(said.earlier),
        "date": 1760000000,
        "chat": _chat(said),
        "text": said.quoted,
    }
    shown["from"] = _user(said.app, "Wall", bot=True)
    press = {"id": said.message, "message": shown, "chat_instance": "-1", "data": said.words}
    put(press, "from", None if said.who is None else _user(said.who, said.name))
    return {"update_id": _number(said.delivery), "callback_query": press}


def _update(situation: Situation, said: Said) -> dict[str, Any]:
    if situation is Situation.BUTTON:
        return _pressed(said)
    post, kind = _post(said), "message"
    match situation:
        case Situation.THREAD:
            put(post, "message_thread_id", None if said.thread is None else _number(said.thread))
            post["is_topic_message"] = True
        case Situation.EDIT:
            kind = "edited_message"
            post["edit_date"] = 1760000000 + 60 * said.version
        case Situation.FORWARD:
            origin = {"type": "user", "sender_user": _user(said.other, said.name), "date": 1759990000}
            post |= {"forward_origin": origin, "text": said.quoted}
        case Situation.QUOTE:
            answered = {"message_id": _number(said.earlier), "date": 1759990000, "chat": _chat(said)}
            answered |= {"from": _user(said.other, said.name), "text": f"I say: {said.quoted}"}
            post |= {"reply_to_message": answered, "quote": {"text": said.quoted, "position": 7}}
        case Situation.RELAY:
            put(post, "from", None if said.who is None else _user(said.who, said.name, bot=True))
        case Situation.ANONYMOUS:
            post["from"] = _user(str(GROUP_ANONYMOUS_BOT), "Group", bot=True)
            post |= {"sender_chat": _chat(said), "author_signature": said.name}
        case Situation.REACTION:
            kind = "message_reaction"
            post = {"chat": _chat(said), "message_id": _number(said.earlier), "date": 1760000000}
            post |= {"user": _user(said.who, said.name), "old_reaction": []}
            post["new_reaction"] = [{"type": "emoji", "emoji": "👀"}]
        case _:
            pass
    return {"update_id": _number(said.delivery), kind: post}
