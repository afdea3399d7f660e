"""Slack, as the conformance kit plays it: bodies of the Events API, of slash commands and of buttons."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from adapters.slack.inbound import parse
from adapters.testing import IdKind, Read, Said, Situation
from firewall.core.identity import ConversationKind
from tests.fakes.payloads import payload
from tests.fakes.specimens.fields import put, wire

_IDS = {
    IdKind.APP: "A0WALL{:04}",
    IdKind.REALM: "T0REALM{:03}",
    IdKind.PERSON: "U0PERS{:04}",
    IdKind.BOT: "B0ALARM{:03}",
    IdKind.WEBHOOK: "B0HOOK{:04}",
    IdKind.OWN: "U0BOT{:04}",
    IdKind.DIRECT: "D0PERS{:04}",
    IdKind.GROUP: "G0GROUP{:03}",
    IdKind.PUBLIC: "C0ROOM{:04}",
    IdKind.THREAD: "1750000000.{:06}",
    IdKind.MESSAGE: "1760000000.{:06}",
    IdKind.DELIVERY: "Ev0{:06}",
}
_TYPES = {ConversationKind.DM: "im", ConversationKind.GROUP: "mpim", ConversationKind.PUBLIC: "channel"}


class SlackSpecimen:
    """Slack's genuine deliveries, and our parser of them."""

    without: Mapping[Situation, str] = {
        Situation.ANONYMOUS: "behind every post of Slack stands one person or one bot"
    }

    def id(self, kind: IdKind, number: int) -> str:
        return _IDS[kind].format(number)

    def read(self, payload: bytes, *, app: str, verified: bool) -> Read:
        return parse(payload, app=app, verified=verified)

    def raw(self, situation: Situation, said: Said) -> bytes:
        match situation:
            case Situation.COMMAND:
                return _command(said)
            case Situation.BUTTON:
                return _button(said)
            case _:
                return wire(_event(situation, said))

    def contradictions(self, said: Said) -> Sequence[bytes]:
        direct = said.kind is ConversationKind.DM
        types = (
            ("channel", "group", "mpim", "never-heard-of") if direct else ("im", "app_home", "never-heard-of")
        )
        bodies = [_event(Situation.DIRECT, said) for _ in types]
        for body, name in zip(bodies, types, strict=True):
            body["event"]["channel_type"] = name
        return [wire(body) for body in bodies]

    def unknown(self, said: Said) -> Sequence[bytes]:
        found: list[dict[str, Any]] = []
        for name in ("team_join", "channel_rename", "tokens_revoked", "never_heard_of"):
            body = _event(Situation.DIRECT, said)
            body["event"]["type"] = name
            found.append(body)
        for name in ("channel_topic", "channel_join", "never_heard_of"):
            body = _event(Situation.DIRECT, said)
            body["event"]["subtype"] = name
            found.append(body)
        found.append({"type": "url_verification", "challenge": said.words, "token": "not-used"})
        found.append({"type": "never_heard_of", "user": {"id": said.who}, "text": said.words})
        return [wire(body) for body in found]


def _envelope(said: Said, event: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = payload("slack", "message_public")
    body["api_app_id"], body["event_id"], body["event"] = said.app, said.delivery, event
    for name in ("team_id", "context_team_id"):
        put(body, name, said.realm)
    put(body["authorizations"][0], "team_id", said.realm)
    body["authorizations"][0]["user_id"] = "U0BOT0001"
    body["is_ext_shared_channel"] = said.home != said.realm
    return body


def _message(said: Said) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "message", "ts": said.message, "text": said.words}
    put(body, "user", said.who)
    put(body, "team", said.home)
    # Slack's deliveries to classic apps hold the profile; what is in it is the sender's choice.
    body["user_profile"] = {"real_name": said.name, "display_name": said.name}
    if said.home != said.realm:
        put(body, "user_team", said.home)
        put(body, "source_team", said.home)
        put(body, "team", said.realm)
    return body


def _event(situation: Situation, said: Said) -> dict[str, Any]:
    event = _SPECIAL[situation](said) if situation in _SPECIAL else _message(said)
    if situation is not Situation.REACTION:
        put(event, "channel", said.place)
    event["event_ts"] = event.get("ts", said.message)
    if situation not in (Situation.MENTION, Situation.REACTION):
        event["channel_type"] = _TYPES[said.kind]
    if said.thread is not None and situation is Situation.THREAD:
        event |= {"thread_ts": said.thread, "parent_user_id": said.other}
    return _envelope(said, event)


def _mention(said: Said) -> dict[str, Any]:
    return _message(said) | {"type": "app_mention"}


def _changed(said: Said, editor: str | None) -> dict[str, Any]:
    stamp = f"1760000{said.version:03}.000100"
    now = _message(said) | {"edited": {"ts": stamp}}
    put(now["edited"], "user", editor)
    before = _message(said) | {"text": said.quoted}
    kinds = {"type": "message", "subtype": "message_changed", "hidden": True}
    return {**kinds, "ts": stamp, "message": now, "previous_message": before}


def _deleted(said: Said) -> dict[str, Any]:
    kinds = {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": "1760000900.000400"}
    return {**kinds, "deleted_ts": said.message, "previous_message": _message(said)}


def _reaction(said: Said) -> dict[str, Any]:
    item: dict[str, Any] = {"type": "message", "ts": said.earlier}
    put(item, "channel", said.place)
    event: dict[str, Any] = {
        "type": "reaction_added",
        "reaction": "eyes",
        "item": item,
        "item_user": said.other,
    }
    put(event, "user", said.who)
    return event


def _shared(said: Said, words: str) -> dict[str, Any]:
    found = {"id": 1, "is_share": True, "is_msg_unfurl": True, "ts": said.earlier, "author_id": said.other}
    found |= {
        "author_name": said.name,
        "text": said.quoted,
        "fallback": said.quoted,
        "channel_id": said.place,
    }
    return _message(said) | {"text": words, "attachments": [found]}


def _posted(said: Said) -> dict[str, Any]:
    """Give a post that a program made with the token of the person `other`, so that it looks like theirs."""
    body = _message(said) | {"subtype": "bot_message", "username": said.name, "user": said.other}
    put(body, "bot_id", said.who)
    return body


def _hooked(said: Said) -> dict[str, Any]:
    body = _posted(said)
    del body["user"]
    return body


def _own(said: Said) -> dict[str, Any]:
    return _message(said) | {"bot_id": "B0WALL001", "app_id": said.app}


_SPECIAL: Mapping[Situation, Callable[[Said], dict[str, Any]]] = {
    Situation.MENTION: _mention,
    Situation.EDIT: lambda said: _changed(said, said.who),
    Situation.FOREIGN_EDIT: lambda said: _changed(said, said.other),
    Situation.DELETION: _deleted,
    Situation.REACTION: _reaction,
    Situation.FORWARD: lambda said: _shared(said, ""),
    Situation.QUOTE: lambda said: _shared(said, said.words),
    Situation.RELAY: _posted,
    Situation.PROXY: _hooked,
    Situation.OWN: _own,
}


def _command(said: Said) -> bytes:
    body: dict[str, Any] = payload("slack", "slash_command")
    body |= {"text": said.words, "user_name": said.name, "api_app_id": said.app, "trigger_id": said.delivery}
    for name, value in {"team_id": said.realm, "channel_id": said.place, "user_id": said.who}.items():
        put(body, name, value)
    return urlencode(body).encode()


def _button(said: Said) -> bytes:
    body: dict[str, Any] = payload("slack", "block_actions")
    user = {"username": said.name, "name": said.name}
    put(user, "id", said.who)
    put(user, "team_id", said.home)
    body |= {"user": user, "api_app_id": said.app, "trigger_id": said.delivery}
    for name, value in {"team": said.realm, "channel": said.place}.items():
        put(body, name, None if value is None else {"id": value, "name": "kitchen"})
    put(body["container"], "channel_id", said.place)
    body["container"]["message_ts"] = body["message"]["ts"] = said.earlier
    del body["message"]["thread_ts"]
    body["actions"][0]["value"] = said.words
    return urlencode({"payload": wire(body).decode()}).encode()
