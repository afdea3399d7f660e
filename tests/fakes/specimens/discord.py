"""Discord, as the conformance kit plays it: gateway events and interactions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.discord.inbound import parse
from adapters.testing import IdKind, Read, Said, Situation
from firewall.core.identity import ConversationKind
from tests.fakes.payloads import payload
from tests.fakes.specimens.fields import put, wire

_FIRST = {
    IdKind.APP: 600,
    IdKind.REALM: 200,
    IdKind.PERSON: 100,
    IdKind.BOT: 610,
    IdKind.WEBHOOK: 500,
    IdKind.OWN: 600,
    IdKind.DIRECT: 410,
    IdKind.GROUP: 420,
    IdKind.PUBLIC: 400,
    IdKind.THREAD: 430,
    IdKind.MESSAGE: 300,
    IdKind.DELIVERY: 700,
}
_UNIT = 10**15
_MEMBER: Mapping[str, Any] = {
    "roles": [],
    "joined_at": "2024-01-01T00:00:00+00:00",
    "deaf": False,
    "mute": False,
}


class DiscordSpecimen:
    """Discord's genuine events, and our parser of them."""

    without: Mapping[Situation, str] = {
        Situation.GROUP: "no bot is in a group chat; every room of a guild counts as public",
        Situation.THREAD: "a thread is a channel of its own, so `public` plays it",
        Situation.MENTION: "a mention is the message itself, delivered once",
        Situation.FOREIGN_EDIT: "nobody but its author can change a message",
        Situation.ANONYMOUS: "behind every message stands one account or one webhook",
        Situation.STRANGER: "nobody reads or writes in a guild's channel from outside of it",
    }

    def id(self, kind: IdKind, number: int) -> str:
        return str(_FIRST[kind] * _UNIT + number)

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        return parse(payload, app=app, verified=verified)

    def raw(self, situation: Situation, said: Said) -> bytes:
        return wire(_frame(situation, said))

    def contradictions(self, said: Said) -> Sequence[bytes]:
        direct = said.kind is ConversationKind.DM
        found: list[dict[str, Any]] = []
        for kind in (0, 2, 3, 5, 11) if direct else (1, 3):
            post = _post(said)
            post["d"]["channel_type"] = kind
            found.append(post)
            for context in (0, 1, 2, None):
                asked = _asked(said, 2)
                asked["d"]["channel"]["type"] = kind
                put(asked["d"], "context", context)
                found.append(asked)
        for change in ({"guild_id": None}, {"guild_id": ""}, {"guild_id": "dm"}, {"guild_id": said.realm}):
            for made in (_post(said), _hooked(said), _asked(said, 2)):
                made["d"] |= change
                found.append(made)
        return [wire(body) for body in found]

    def unknown(self, said: Said) -> Sequence[bytes]:
        join = _post(said)
        join["d"]["type"] = 7
        odd = _post(said)
        odd["d"]["type"] = 99
        never = _post(said) | {"t": "NEVER_HEARD_OF"}
        typing = {"channel_id": said.place, "user_id": said.who, "timestamp": 1760000000}
        ping = _asked(said, 1)
        found = [join, odd, never, {"op": 0, "s": 1, "t": "TYPING_START", "d": typing}]
        found += [ping, {"op": 11, "s": None, "t": None, "d": None}, payload("discord", "hello")]
        return [wire(body) for body in found]


def _user(id: str | None, name: str, *, bot: bool = False) -> dict[str, Any]:
    user: dict[str, Any] = {"username": name, "global_name": name, "discriminator": "0", "avatar": None}
    put(user, "id", id)
    return user | ({"bot": True} if bot else {})


def _at(said: Said, body: dict[str, Any]) -> None:
    """Say where this is: a message of a guild names its guild and its author's membership."""
    put(body, "channel_id", said.place)
    for name in ("guild_id", "member"):
        body.pop(name, None)
    if said.kind is not ConversationKind.DM:
        put(body, "guild_id", said.realm)
        body["member"] = {**_MEMBER}


def _post(said: Said) -> dict[str, Any]:
    frame: dict[str, Any] = payload("discord", "message_guild")
    body = frame["d"]
    body |= {"id": said.message, "content": said.words}
    put(body, "author", None if said.who is None else _user(said.who, said.name))
    _at(said, body)
    return frame


def _hooked(said: Said) -> dict[str, Any]:
    frame = _post(said)
    frame["d"].pop("member", None)
    put(frame["d"], "author", None if said.who is None else _user(said.who, said.name, bot=True))
    put(frame["d"], "webhook_id", said.who)
    return frame


def _asked(said: Said, kind: int) -> dict[str, Any]:
    frame: dict[str, Any] = payload("discord", "interaction_button")
    body = frame["d"]
    direct = said.kind is ConversationKind.DM
    body |= {"id": said.message, "type": kind, "application_id": said.app, "context": 1 if direct else 0}
    _at(said, body)
    put(body, "channel", None if said.place is None else {"id": said.place, "type": 1 if direct else 0})
    body.pop("message")
    user = None if said.who is None else _user(said.who, said.name)
    if direct:
        put(body, "user", user)
    else:
        put(body["member"], "user", user)
    option = {"name": "question", "type": 3, "value": said.words}
    body["data"] = {"id": "800", "name": "ask", "type": 1, "options": [option]}
    return frame


def _pressed(said: Said) -> dict[str, Any]:
    frame = _asked(said, 3)
    shown: dict[str, Any] = _post(said)["d"] | {
        "id": said.earlier,
        "author": _user(said.app, "wall", bot=True),
    }
    frame["d"] |= {"message": shown, "data": {"custom_id": said.words, "component_type": 2}}
    return frame


def _answer(said: Said) -> dict[str, Any]:
    frame = _post(said)
    answered = _post(said)["d"] | {"id": said.earlier, "content": said.quoted}
    answered["author"] = _user(said.other, said.name)
    for name in ("guild_id", "member"):
        answered.pop(name, None)
    where = {"type": 0, "message_id": said.earlier, "channel_id": said.place}
    frame["d"] |= {"type": 19, "message_reference": where, "referenced_message": answered}
    return frame


def _forward(said: Said) -> dict[str, Any]:
    frame = _post(said)
    shown: dict[str, Any] = {"type": 0, "content": said.quoted, "attachments": [], "embeds": [], "flags": 0}
    where = {"type": 1, "message_id": said.earlier, "channel_id": said.place}
    frame["d"] |= {"content": "", "message_reference": where, "message_snapshots": [{"message": shown}]}
    return frame


def _changed(said: Said) -> dict[str, Any]:
    frame = _post(said)
    frame["t"] = "MESSAGE_UPDATE"
    frame["d"]["edited_timestamp"] = f"2025-10-09T09:{said.version:02}:00.123000+00:00"
    return frame


def _gone(said: Said) -> dict[str, Any]:
    body: dict[str, Any] = {"id": said.message, "channel_id": said.place, "guild_id": said.realm}
    return {"op": 0, "s": 42, "t": "MESSAGE_DELETE", "d": body}


def _reaction(said: Said) -> dict[str, Any]:
    body: dict[str, Any] = {"user_id": said.who, "message_id": said.earlier, "message_author_id": said.other}
    body |= {"emoji": {"id": None, "name": "👀"}, "burst": False, "type": 0}
    _at(said, body)
    body["member"]["user"] = _user(said.who, said.name)
    return {"op": 0, "s": 42, "t": "MESSAGE_REACTION_ADD", "d": body}


def _program(said: Said) -> dict[str, Any]:
    frame = _post(said)
    put(frame["d"], "author", None if said.who is None else _user(said.who, said.name, bot=True))
    return frame


_MADE: Mapping[Situation, Callable[[Said], dict[str, Any]]] = {
    Situation.EDIT: _changed,
    Situation.DELETION: _gone,
    Situation.REACTION: _reaction,
    Situation.BUTTON: _pressed,
    Situation.COMMAND: lambda said: _asked(said, 2),
    Situation.FORWARD: _forward,
    Situation.QUOTE: _answer,
    Situation.RELAY: _program,
    Situation.OWN: _program,
    Situation.PROXY: _hooked,
}


def _frame(situation: Situation, said: Said) -> dict[str, Any]:
    return _MADE.get(situation, _post)(said)
