"""Facts: what the wall knows of a case, as the questions that policies are asked.

Nothing is asked about but ids, kinds, labels and lengths, and the arguments of a tool's call: text only where
the tool declares its kind, numbers and truth values in any case. What people wrote stays out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, assert_never, cast

from firewall.core.identity import Conversation, Principal
from firewall.core.ids import canonical
from firewall.core.label import Members, Owned, Principals, Room
from firewall.core.message import Origin, Part
from firewall.core.session import Turn
from firewall.core.subject import (
    ArgumentKind,
    Inbound,
    Leaf,
    ModelCall,
    ModelReply,
    Outbound,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from firewall.core.verdict import Case
from firewall.policy.actions import TOOL_CALL
from firewall.policy.cedar import Question, question

Entity = Mapping[str, str]
HostOf = Callable[[str], str | None]
_SIGNED_64: Final = range(-(2**63), 2**63)
_REACHES: Final = {ArgumentKind.COMMAND: "tool_command", ArgumentKind.QUERY: "tool_query"}


class Unclear(Exception):
    """The case has something that no question can be made of; what cannot be asked is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one question is about, before it is put together with the turn."""

    action: str
    resource: Entity
    entities: tuple[Mapping[str, Any], ...] = ()
    context: Mapping[str, Any]


def questions(case: Case, now_ms: int, host: HostOf) -> list[Question]:
    """Give every question that a case raises; what passes is what all of them are answered yes to.

    Args:
        case: What is judged.
        now_ms: Milliseconds since 1970.
        host: Gives the host of a URL as whoever calls it will read it, or None.

    Raises:
        Unclear: A question cannot be made.
    """
    turn = case.turn
    place = _place(turn.destination)
    principal = _uid("Sender", turn.principal.id)
    named = (_sender(turn.principal), _conversation(turn.destination))
    facts = {**_turn(turn, now_ms), "read": _read(case.read), "text": _text(case.subject.leaves)}
    try:
        return [
            question(
                each.action,
                principal,
                each.resource,
                {**facts, **each.context},
                (*named, *each.entities),
            )
            for each in _asked(case, place, host)
        ]
    except ValueError:
        # Its text may hold an argument's value, so it goes nowhere.
        raise Unclear from None


def _asked(case: Case, place: Entity, host: HostOf) -> Iterator[_Asked]:
    subject = case.subject
    match subject:
        case Inbound(filed=filed):
            told: dict[str, Any] = {}
            if filed is not None:
                kind = {} if filed.media_type is None else {"media_type": filed.media_type}
                told["file"] = {"bytes": filed.size_bytes, **kind}
            yield _Asked(action="inbound", resource=place, context=told)
        case ModelCall(tools=tools):
            yield _Asked(action="model_call", resource=place, context={"tools": sorted(set(tools))})
        case ModelReply():
            yield _Asked(action="model_reply", resource=place, context={})
        case Outbound(form=form):
            yield _Asked(action="outbound", resource=place, context={"form": form.value})
        case ToolResult(spec=spec):
            tool = _tool(spec, {}, ())
            yield _Asked(action="tool_result", resource=tool["uid"], entities=(tool,), context={})
        case ToolCall():
            yield from _called(subject, host)
        case _:
            assert_never(subject)


def _called(call: ToolCall, host: HostOf) -> Iterator[_Asked]:
    """Ask about the call, and about each thing that its arguments reach for."""
    if call.spec is None:
        raise Unclear
    texts, numbers, unseen = _sorted(call, call.spec)
    tool = _tool(call.spec, texts, unseen)
    counted = _entity(_uid("Numbers", call.spec.name), {}, tags=numbers)
    context: dict[str, Any] = {"tool": {"__entity": tool["uid"]}, "numbers": {"__entity": counted["uid"]}}
    both = (tool, counted)
    yield _Asked(action=TOOL_CALL, resource=tool["uid"], entities=both, context=context)
    for name, kind in call.spec.arguments.items():
        value = call.arguments.get(name)
        if value is None or kind.bound:
            continue
        if kind in _REACHES:
            yield _Asked(action=_REACHES[kind], resource=tool["uid"], entities=both, context=context)
        elif kind is ArgumentKind.URL or kind.is_path:
            action, what, reached = _reached(kind, value, host)
            uid = _uid(what, canonical(name, reached))
            entity = _entity(uid, {"name": reached, "argument": name})
            yield _Asked(action=action, resource=uid, entities=(*both, entity), context=context)


def _reached(kind: ArgumentKind, value: object, host: HostOf) -> tuple[str, str, str]:
    if not isinstance(value, str):
        raise Unclear
    if kind is not ArgumentKind.URL:
        return "tool_write" if kind.writes else "tool_read", "Path", value
    named = host(value)
    if named is None:
        raise Unclear
    return "tool_reach", "Host", named


def _sorted(call: ToolCall, spec: ToolSpec) -> tuple[dict[str, str], dict[str, int], list[str]]:
    """Sort the arguments into texts, whole numbers, and the names of those that no policy sees."""
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    unseen: list[str] = []
    for name, value in call.arguments.items():
        kind = spec.arguments.get(name, ArgumentKind.UNDECLARED)
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, int) and value in _SIGNED_64:
            numbers[name] = value
        elif isinstance(value, str) and kind is not ArgumentKind.UNDECLARED:
            texts[name] = value
        else:
            unseen.append(name)
    return texts, numbers, unseen


def _tool(spec: ToolSpec, texts: Mapping[str, str], unseen: object) -> dict[str, Any]:
    attrs = {"effect": spec.effect, "reads": spec.reads.value, "unseen": unseen}
    return _entity(_uid("Tool", spec.name), attrs, tags=texts)


def _turn(turn: Turn, now_ms: int) -> dict[str, Any]:
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    job = {} if turn.job is None else {"job": turn.job}
    return {
        "tenant": turn.principal.tenant,
        "conversation": {"__entity": _place(turn.destination)},
        "audience": {"private": turn.audience.private, "members": turn.audience.members},
        "time": {"hour": now.hour, "minute": now.minute, "weekday": now.isoweekday()},
        **job,
    }


def _read(parts: tuple[Part, ...]) -> dict[str, bool]:
    readers = [type(each.label.readers) for each in parts if isinstance(each.label, Owned)]
    origins = {each.origin for each in parts}
    return {
        "private": Principals in readers,
        "room": Room in readers,
        "members": Members in readers,
        "tools": Origin.TOOL in origins,
        "quoted": Origin.QUOTED in origins,
        "files": Origin.FILE in origins,
    }


def _text(leaves: tuple[Leaf, ...]) -> dict[str, Any]:
    spans = [span for each in leaves for span in each.spans]
    return {
        "codepoints": sum(len(span.text) for span in spans),
        "unaccounted": any(span.source is None and span.text for span in spans),
    }


def _sender(principal: Principal) -> dict[str, Any]:
    fields: object = json.loads(principal.id)
    if not isinstance(fields, list) or len(cast("list[object]", fields)) != 4:
        raise Unclear
    channel, realm, own, _ = cast("list[str]", fields)
    attrs = {
        "channel": channel,
        "realm": realm,
        "id": own,
        "kind": principal.kind.value,
        "roles": sorted(principal.roles),
        "guest": principal.guest,
    }
    tenant = _uid("Tenant", principal.tenant)
    return {**_entity(_uid("Sender", principal.id), attrs), "parents": [tenant]}


def _conversation(where: Conversation) -> dict[str, Any]:
    thread = {} if where.thread is None else {"thread": where.thread}
    attrs = {
        "channel": where.channel,
        "app": where.app,
        "realm": where.realm,
        "id": where.id,
        "kind": where.kind.value,
        "closed": where.closed,
        **thread,
    }
    return _entity(_place(where), attrs)


def _place(where: Conversation) -> Entity:
    return _uid("Conversation", canonical(*where.place))


def _entity(
    uid: Entity, attrs: Mapping[str, Any], *, tags: Mapping[str, str] | Mapping[str, int] | None = None
) -> dict[str, Any]:
    told: dict[str, Any] = {"uid": uid, "attrs": attrs, "parents": ()}
    return told if tags is None else {**told, "tags": tags}


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}
