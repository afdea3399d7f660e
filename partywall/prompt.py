"""Composing a prompt from this session's own records; what a bot presents only says which call this is.

A bot that keeps one list for everybody presents other people's messages between its own. If each presented
message were kept or dropped by looking at it, the shape of what remains (how many messages, in which roles,
which of two equal sentences) would still be drawn by the others. So nothing presented is passed on but two
things: system text from registered templates, and tool exchanges of this very turn, known by ids the wall
drew. The conversation before it, and the present message itself, are the session's record.
What was presented and is on no record of this session stands at the end, to be judged, counted and dropped.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.chat_shape import OPERATOR_ROLES, flatten_request, is_program_id
from adapters.errors import Unreadable
from adapters.flat import as_list, as_object
from firewall.accounting import account
from firewall.core.ids import canonical
from firewall.core.label import Owned
from firewall.core.message import Origin, Part, operator_part
from firewall.core.subject import Leaf, Span, leaf
from firewall.ledger import Asked, Ledger
from firewall.templates import HEADS, OWN_PHRASES, Template

NO_RESULT = "There is no result."
_PHRASES = (*OWN_PHRASES, Template(pieces=(NO_RESULT,)))
_ROLES = {Origin.SENDER: "user", Origin.MODEL: "assistant", **dict.fromkeys(HEADS, "user")}
_UNREADABLE = {"role": "user", "content": "[a message that cannot be read]"}

Chat = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message of the composed prompt.

    Attributes:
        message: As the model will see it, before judgement.
        spans: The stretches of its content with their sources.
        source: The part behind everything else in it (names and arguments of calls).
    """

    message: Chat
    spans: tuple[Span, ...]
    source: Part | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A composed prompt.

    Attributes:
        lines: System text, the session's history, the present message, its tool exchanges, and last what
            nobody here accounts for.
        ours: True if something presented is on record in this session.
    """

    lines: tuple[Line, ...]
    ours: bool


def composed(ledger: Ledger, presented: object, *, templates: Sequence[Template], history: int) -> Prompt:
    """Compose the prompt that a presented list of chat messages stands for.

    Args:
        ledger: The turn.
        presented: The messages as the bot keeps them.
        templates: Registered texts.
        history: How many parts of the session's history to give, the youngest; 0 for none.

    Raises:
        Unreadable: It is no list of messages.
    """
    reading = _Reading(ledger, templates)
    messages = [as_object(message, "messages") for message in as_list(presented, "messages")]
    for message, leaves in zip(messages, _read(messages), strict=True):
        reading.take(message, leaves)
    past = [part for part in ledger.past if part.origin in _ROLES and part.text]
    lines = [
        *reading.system,
        *(_said(part) for part in past[len(past) - history :] if history),
        *reading.present(),
        *reading.exchanges(),
        *reading.foreign,
    ]
    return Prompt(lines=tuple(lines), ours=reading.ours)


def _read(messages: Sequence[Chat]) -> list[Sequence[Leaf] | None]:
    """Give the leaves of each message, or None where one cannot be read."""
    try:
        flat = flatten_request({"model": "", "messages": messages})
    except Unreadable:
        return [_read_alone(message) for message in messages]
    by_group: dict[int, list[Leaf]] = {index: [] for index in range(len(messages))}
    for each in flat.leaves:
        by_group[each.group].append(each)
    return list(by_group.values())


def _read_alone(message: Chat) -> Sequence[Leaf] | None:
    try:
        return flatten_request({"model": "", "messages": [message]}).leaves
    except Unreadable:
        return None


class _Reading:
    """One pass over what was presented."""

    def __init__(self, ledger: Ledger, templates: Sequence[Template]) -> None:
        self._ledger = ledger
        self._templates = (*_PHRASES, *templates)
        self._readable = ledger.read
        self._words = {part.text for part in ledger.said if part.origin is Origin.SENDER}
        self._own = {part.text for part in self._readable}
        self._job: dict[int, Line] = {}
        self._seen: list[tuple[Span, ...]] = []
        self._asked, self._repeated = set[str](), set[str]()
        self._answers: dict[str, Line] = {}
        self._around: tuple[Span, ...] = ()
        self.system: list[Line] = []
        self.foreign: list[Line] = []
        # A message may be a file or a reaction: then there are no words that a bot could present again.
        self.ours = all(part.origin in (Origin.NAME, Origin.FILE) for part in ledger.said)

    def take(self, message: Chat, leaves: Sequence[Leaf] | None) -> None:
        """Read one presented message; None for one that cannot be read."""
        role = message.get("role")
        if leaves is None:
            # Nobody accounts for it, and it must not stop the turn it was not said in.
            self.foreign.append(_unaccounted(_UNREADABLE))
        elif role in OPERATOR_ROLES:
            self._take_system(str(role), "".join(each.text for each in leaves))
        elif role == "tool":
            self._take_answer(str(message.get("tool_call_id")), _text(message))
        elif message.get("tool_calls"):
            self._take_calls(message, leaves)
        else:
            self._take_words(str(role), "".join(each.text for each in leaves))

    def present(self) -> list[Line]:
        """Give what this turn is about: results the bot fetched, what is quoted, the sender's words."""
        if self._job:
            return [self._job[min(self._job)]]
        said = map(_said, sorted(self._ledger.said, key=lambda part: part.origin is Origin.SENDER))
        lines = [*(_spoken("user", (_span(part.text, part),)) for part in self._fetched()), *said]
        return [*lines[:-1], *(_spoken("user", (*self._around, *line.spans)) for line in lines[-1:])]

    def _fetched(self) -> list[Part]:
        """Give results of tools that the bot called by itself, not for a call of the model's."""
        for_calls = {id(span.source) for line in self._answers.values() for span in line.spans}
        for_calls |= {id(asked.part) for asked in self._ledger.calls.values()}
        return [
            part
            for part in self._ledger.produced
            if part.origin is Origin.TOOL and part.text and id(part) not in for_calls
        ]

    def exchanges(self) -> list[Line]:
        """Give what was said and called in this turn and the bot presents again, in the order it was said."""
        lines: list[Line] = []
        for part in self._ledger.produced:
            asked = next((each for each in self._ledger.calls.values() if each.part is part), None)
            if asked is not None and not self._asked.isdisjoint(_ids(asked.message)):
                lines += self._exchange(asked)
            elif part.origin is Origin.MODEL and part.text in self._repeated:
                lines.append(_said(part))
        return lines

    def _exchange(self, asked: Asked) -> list[Line]:
        message = copy.deepcopy(dict(asked.message))
        spans = (_span(str(message.get("content") or ""), asked.part),)
        answers = [
            self._answers.get(call) or _answer(call, (_span(NO_RESULT, operator_part(NO_RESULT)),))
            for call in _ordered_ids(message)
        ]
        return [Line(message=message, spans=spans, source=asked.part), *answers]

    def _take_system(self, role: str, text: str) -> None:
        spans = self._accounted(text)
        kept = tuple(span for span in spans if span.source is not None)
        # A bot that adds its prompt at every turn, others' turns too, would tell how many there were.
        if spans and kept not in self._seen:
            self._seen.append(kept)
            self.system.append(Line(message={"role": role, "content": text}, spans=spans, source=None))

    def _take_calls(self, message: Chat, leaves: Sequence[Leaf]) -> None:
        names = _ids(message)
        said = canonical(*(each.text for each in leaves if _in_call(each)))
        if not names.isdisjoint(self._ledger.calls):
            self.ours = True
            self._asked |= names
        elif said not in self._own:
            self.foreign.append(_unaccounted(message))

    def _take_answer(self, call: str, text: str) -> None:
        if call in self._ledger.calls:
            spans = tuple(span for span in self._accounted(text) if span.source is not None)
            if spans:
                self._answers[call] = _answer(call, spans)
        elif text.strip() and text not in self._own and not self._registered(text):
            self.foreign.append(_unaccounted({"role": "user", "content": text}))

    def _take_words(self, role: str, text: str) -> None:
        if not text.strip():
            return
        if role == "assistant" and any(part.text == text for part in self._ledger.produced):
            self._repeated.add(text)
        elif not self._ledger.said and self._registered(text):
            # A job has no words of a sender: a registered text stands in their place.
            self._job[self._index(text)] = _spoken("user", self._accounted(text))
        elif any(text.strip() in word for word in self._words) or text in self._own or self._mostly_own(text):
            self.ours = True
        elif any(word in text for word in self._words):
            # Who says one letter speaks in every message: what is around it is cut, and that is on record.
            self.ours, self._around = True, (_span("[what stands around them]", None),)
        else:
            self.foreign.append(_unaccounted({"role": "user", "content": text}))

    def _mostly_own(self, text: str) -> bool:
        """True for a decorated record; false where more would be cut than stays, such as a whole history."""
        inside = [part for part in self._readable if part.text in text]
        if 2 * sum(len(part.text) for part in inside) < len(text):
            return False
        spans = self._spans(text, inside)
        own = sum(len(span.text) for span in spans if span.source and isinstance(span.source.label, Owned))
        return 2 * own >= len(text)

    def _index(self, text: str) -> int:
        return next(index for index, each in enumerate(self._templates) if each.spans(text) is not None)

    def _registered(self, text: str) -> bool:
        return any(
            (spans := template.spans(text)) is not None and all(span.source is not None for span in spans)
            for template in self._templates
        )

    def _accounted(self, text: str) -> tuple[Span, ...]:
        """Account for a text by registered constants and by parts of this very turn."""
        return self._spans(text, self._ledger.present)

    def _spans(self, text: str, records: Sequence[Part]) -> tuple[Span, ...]:
        return account([leaf("text", text, None)], records=records, templates=self._templates)[0].spans


def _span(text: str, source: Part | None) -> Span:
    return Span(text=text, source=source)


def _said(part: Part) -> Line:
    head = HEADS.get(part.origin)
    before = () if head is None else (_span(head, operator_part(head)),)
    return _spoken(_ROLES[part.origin], (*before, _span(part.text, part)))


def _spoken(role: str, spans: tuple[Span, ...]) -> Line:
    message: Chat = {"role": role, "content": "".join(span.text for span in spans)}
    return Line(message=message, spans=spans, source=None)


def _answer(call: str, spans: tuple[Span, ...]) -> Line:
    text = "".join(span.text for span in spans)
    return Line(message={"role": "tool", "tool_call_id": call, "content": text}, spans=spans, source=None)


def _unaccounted(message: Chat) -> Line:
    return Line(message=message, spans=(), source=None)


def _text(message: Mapping[str, Any]) -> str:
    return content if isinstance(content := message.get("content"), str) else ""


def _ids(message: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(_ordered_ids(message))


def _ordered_ids(message: Mapping[str, Any]) -> list[str]:
    calls = as_list(message.get("tool_calls"), "tool_calls")
    return [str(as_object(call, "tool_calls").get("id")) for call in calls]


def _in_call(each: Leaf) -> bool:
    return ".tool_calls." in each.slot and not is_program_id(each.slot)


def sourced(each: Leaf, line: Line) -> Leaf:
    """Give a leaf of a composed message its sources: the content's stretches, or the part behind a call."""
    if each.slot.endswith(".content") and line.spans:
        return replace(each, spans=line.spans)
    if line.source is not None:
        part = operator_part(each.text) if is_program_id(each.slot) else line.source
        return replace(each, spans=(_span(each.text, part),))
    if is_program_id(each.slot) and line.spans:
        return replace(each, spans=(_span(each.text, operator_part(each.text)),))
    return each
