"""Cases about bytes: whatever arrives is read rightly or refused, without its content."""

from collections.abc import Iterator
from dataclasses import replace

from adapters.errors import Unreadable
from adapters.testing.case import CANARY, Case, Refused, Stage, expect
from adapters.testing.senders import NAMELESS
from adapters.testing.specimen import IdKind, Read, Situation
from adapters.testing.variants import broken, cut, deep, doubled, losses, replaced
from adapters.wire import MAX_BODY_BYTES
from firewall.core.errors import BadIdentifier
from firewall.core.ids import checked
from firewall.core.message import Message

_MARK = "canary-id-3W8z"
_WRONG = ("null", '""', '" "', "0", "-1", "1.5", "true", "[]", "{}", f'"{_MARK}"', f'[{{}}, "{_MARK}"]')
_HUGE_NUMBER = "9" * 400
_SURROGATES = (r'"\ud800"', r'"\udfff x"', r'"\udc00\ud800"')
_CAUSES = 10


def _malformed(stage: Stage) -> None:
    for situation in stage.offered():
        said = stage.said(situation)
        payload = stage.raw(situation, said)
        for what, damaged in (*cut(payload), *broken(payload, said.words.encode())):
            if damaged != payload:
                _refuse(stage, damaged, f"{situation}, {what}")


def _refuse(stage: Stage, payload: bytes, what: str) -> None:
    expect(isinstance(stage.attack(payload), Refused), f"{what}: read, though it is no whole delivery")


def _surrogates(stage: Stage) -> None:
    for situation in stage.offered():
        payload = stage.raw(situation, stage.said(situation))
        for value in _SURROGATES:
            for where, damaged in replaced(payload, value):
                found = stage.attack(damaged)
                expect(
                    not isinstance(found, Message) or _is_text(found),
                    f"{situation}: a lone surrogate in {where} stands in what is read",
                )


def _is_text(message: Message) -> bool:
    whole = "".join([message.text, message.id, message.delivery, *(one.text for one in message.quotes)])
    return not any("\ud800" <= letter <= "\udfff" for letter in whole)


def _deep(stage: Stage) -> None:
    for situation in stage.offered():
        payload = stage.raw(situation, stage.said(situation))
        honest = stage.read(payload)
        for where, damaged in deep(payload):
            _same_or_refused(stage, damaged, honest, f"{situation}: endless brackets in {where}")


def _same_or_refused(stage: Stage, payload: bytes, honest: Read | Refused, what: str) -> None:
    """Expect a refusal, or that the damage stood where nothing is read."""
    found = stage.attack(payload)
    if isinstance(found, Refused):
        expect(
            not isinstance(found.error, RecursionError | MemoryError), f"{what} exhaust the adapter's stack"
        )
    elif isinstance(found, Message) and isinstance(honest, Message):
        known = (found.sender, found.conversation, found.id) == (
            honest.sender,
            honest.conversation,
            honest.id,
        )
        expect(known, f"{what} change who spoke or where")


def _doubled(stage: Stage) -> None:
    for situation in stage.offered():
        payload = stage.raw(situation, stage.said(situation))
        honest = stage.read(payload)
        for value in ("null", '"decoy"', "1"):
            for where, damaged in doubled(payload, value):
                found = stage.attack(damaged)
                same = isinstance(found, Refused) or found == honest
                expect(same, f"{situation}: {where} stands twice and is not read as other readers read it")


def _oversize(stage: Stage) -> None:
    for situation in stage.offered():
        said = stage.said(situation)
        huge = stage.raw(
            situation, replace(said, words="x" * (MAX_BODY_BYTES + 1), quoted="x" * MAX_BODY_BYTES)
        )
        if len(huge) > MAX_BODY_BYTES:
            _refuse(stage, huge, f"{situation}, {len(huge)} bytes")
        padded = stage.raw(situation, said) + b" " * MAX_BODY_BYTES
        _refuse(stage, padded, f"{situation}, {len(padded)} bytes of blanks")


def _types(stage: Stage) -> None:
    for situation in stage.offered():
        payload = stage.raw(situation, stage.said(situation))
        for value in (*_WRONG, _HUGE_NUMBER):
            for where, damaged in replaced(payload, value):
                found = stage.attack(damaged)
                if isinstance(found, Message):
                    expect(_named(found), f"{situation}: {where} of a wrong type makes a malformed id")


def _named(message: Message) -> bool:
    try:
        checked(message.id, what="id")
        checked(message.delivery, what="delivery")
        for one in message.quotes:
            if one.message is not None:
                checked(one.message, what="quote")
    except BadIdentifier:
        return False
    return True


def _hostile(stage: Stage) -> Iterator[tuple[str, bytes]]:
    """Yield what an adapter refuses, or may refuse, with the kit's canaries in every field in turn."""
    ids = stage.specimen.id
    for situation in stage.offered():
        said = stage.said(situation)
        payload = stage.raw(situation, said)
        yield from ((f"{situation}, {what}", one) for what, one in cut(payload))
        yield from ((f"{situation}, {what}", one) for what, one in broken(payload, said.words.encode()))
        for value in (*_WRONG, _HUGE_NUMBER, *_SURROGATES, f'"{_MARK}\\n"'):
            yield from ((f"{situation}, {where} replaced", one) for where, one in replaced(payload, value))
        yield from ((f"{situation} without {where}", one) for where, one in losses(payload))
        yield from ((f"{situation}, {where} deep", one) for where, one in deep(payload))
        for name in (*NAMELESS, f"{_MARK}\n", f"{_MARK}\x00"):
            yield f"{situation}, no sender", stage.raw(situation, replace(said, who=name))
            yield f"{situation}, no place", stage.raw(situation, replace(said, place=name))
            yield f"{situation}, no realm", stage.raw(situation, replace(said, realm=name))
        yield f"{situation}, another's", stage.raw(situation, replace(said, who=ids(IdKind.PERSON, 7)))
    for situation in stage.offered(Situation.DIRECT, Situation.GROUP, Situation.PUBLIC):
        said = stage.said(situation)
        yield from ((f"{situation}, contradictory", one) for one in stage.specimen.contradictions(said))
        yield from ((f"{situation}, unknown", one) for one in stage.specimen.unknown(said))


def _refusals_typed(stage: Stage) -> None:
    for what, payload in _hostile(stage):
        found = stage.attack(payload)
        if isinstance(found, Refused):
            kind = type(found.error).__name__
            typed = isinstance(found.error, Unreadable | BadIdentifier)
            expect(typed, f"{what}: refused by {kind}, which is neither Unreadable nor BadIdentifier")


def _refusals_silent(stage: Stage) -> None:
    for what, payload in _hostile(stage):
        found = stage.attack(payload)
        if isinstance(found, Refused):
            told = _everything(found.error)
            expect(CANARY not in told, f"{what}: the refusal holds words of the delivery")
            expect(_MARK not in told, f"{what}: the refusal holds an id of the delivery")


def _everything(error: BaseException) -> str:
    """Give all that an error and those behind it could show in a log."""
    rows: list[str] = []
    queue: list[BaseException | None] = [error]
    while queue and len(rows) < _CAUSES:
        one = queue.pop()
        if one is not None:
            slots = [getattr(one, name, "") for name in ("__notes__", "doc", "object", "problem", "where")]
            rows.append(f"{one} {one!r} {one.args!r} {vars(one)!r} {slots!r}")
            queue += [one.__cause__, one.__context__]
    return "\n".join(rows)


CASES = (
    Case(
        name="malformed-bytes",
        claim="What is no whole delivery is refused.",
        examine=_malformed,
    ),
    Case(
        name="lone-surrogates",
        claim="Text that is no text is refused or not read.",
        examine=_surrogates,
    ),
    Case(
        name="deep-nesting",
        claim="Endless brackets are refused, or stand where nothing is read.",
        examine=_deep,
    ),
    Case(
        name="doubled-fields",
        claim="A field that stands twice is refused, or its last value holds, as for other readers.",
        examine=_doubled,
    ),
    Case(
        name="oversize",
        claim="A delivery over 1 MB is refused.",
        examine=_oversize,
    ),
    Case(
        name="wrong-types",
        claim="A field of a wrong type is refused or makes no malformed id.",
        examine=_types,
    ),
    Case(
        name="refusals-are-typed",
        claim="Every refusal is an `Unreadable` or a `BadIdentifier`.",
        examine=_refusals_typed,
    ),
    Case(
        name="refusals-hold-no-content",
        claim="No refusal, nor any error behind it, holds a word or an id of what was refused.",
        examine=_refusals_silent,
    ),
)
