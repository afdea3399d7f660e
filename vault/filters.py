"""Which records an operator asks for, and how the database finds them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from firewall.core.ids import PrincipalId, Ref, SessionId, TenantId, TurnId, checked
from firewall.core.receipt import Mode, RecordKind
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from vault.job import Value

FROM = " FROM records r JOIN receipts t USING (tenant, seq) LEFT JOIN sessions s ON s.id = t.session"
# A session id says nothing about the tenant it was opened in, so the session must be the record's tenant's.
PRINCIPAL = "CASE WHEN s.tenant = r.tenant THEN s.principal END"
# What the indexes of schema 0008 are made of, word for word: otherwise the database does not use them.
_SIGNS = 16
_RECORDED = """instr(t.body, '"records":[]') = 0"""
_TRACED = """instr(t.body, '"trace":"') > 0"""
_INDEXED = ("conversation", "trace", "turn")


_NAMED = ("tenant", "principal", "conversation", "session", "turn", "trace", "ref", "touched", "preview")


def mode_of(kind: RecordKind) -> Mode:
    """Say in which mode something was recorded."""
    return Mode.SHADOW if kind is RecordKind.SHADOW else Mode.ENFORCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records; what is None does not narrow.

    Attributes:
        tenant: Only this tenant's.
        principal: Only those of this principal's sessions.
        conversation: Only those of this place, as records show it.
        trace: Only those of turns that are part of this trace.
        preview: Only those of a value of exactly this kind and length.
        count: Only those that concern at least so many messages, spans or arguments.
        severity: Only this one and those above it.
        touched: Only those that concern the value with this mark.
        since_ms: Only those of this moment and later, milliseconds since 1970.
        until_ms: Only those before this moment.
        receipt: Only those of the receipt with this number, in each tenant's chain.
        violation: True for violations, False for the rest, None for all.
    """

    tenant: TenantId | None = None
    principal: PrincipalId | None = None
    conversation: str | None = None
    session: SessionId | None = None
    turn: TurnId | None = None
    trace: str | None = None
    ref: Ref | None = None
    subject: SubjectKind | None = None
    layer: str | None = None
    reason: ReasonCode | None = None
    rule: str | None = None
    kind: RecordKind | None = None
    mode: Mode | None = None
    severity: Severity | None = None
    touched: str | None = None
    preview: str | None = None
    count: int | None = None
    receipt: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    violation: bool | None = True

    def __post_init__(self) -> None:
        # An empty scope must not come to mean every scope.
        for name in _NAMED:
            if getattr(self, name) is not None:
                checked(getattr(self, name), what=f"filter {name}")


def condition(where: Filter) -> tuple[str, tuple[Value, ...]]:
    """Give what stands behind WHERE, for `FROM`, with its values."""
    chosen = [*_columns(where), *_sessions(where), *_bodies(where)]
    values = tuple(value for _, given in chosen for value in given)
    return " AND ".join(["1 = 1", *(text for text, _ in chosen)]), values


def _columns(where: Filter) -> Iterator[tuple[str, tuple[Value, ...]]]:
    # Beside an id that an index finds, the tenant is only compared: its own index leads to everything it has.
    tenant = "r.tenant || '' = ?" if _looked_up(where) else "r.tenant = ?"
    asked: tuple[tuple[str, Value], ...] = (
        (tenant, where.tenant),
        ("t.ref = ?", where.ref),
        ("r.layer = ?", where.layer),
        ("r.rule = ?", where.rule),
        ("r.kind = ?", where.kind and where.kind.value),
        ("r.preview = ?", where.preview),
        ("r.count >= ?", where.count),
        ("r.seq = ?", where.receipt),
        ("t.at_ms >= ?", where.since_ms),
        ("t.at_ms < ?", where.until_ms),
        ("r.violation = ?", None if where.violation is None else int(where.violation)),
    )
    yield from ((text, (value,)) for text, value in asked if value is not None)
    if where.mode is not None:
        yield f"r.kind {'=' if where.mode is Mode.SHADOW else '<>'} ?", (RecordKind.SHADOW.value,)
    if where.severity is not None:
        least = tuple(Severity)[tuple(Severity).index(where.severity) :]
        yield f"r.severity IN ({', '.join('?' * len(least))})", tuple(each.value for each in least)


def _looked_up(where: Filter) -> bool:
    found = (where.principal, where.conversation, where.session, where.turn, where.trace)
    return any(each is not None for each in found)


def _sessions(where: Filter) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Find by the session, or by those of a principal: there is an index of both."""
    if where.session is not None:
        yield f"{_RECORDED} AND t.session = ?", (where.session,)
    if where.principal is not None:
        yield _RECORDED, ()
        # An index finds the sessions of that name; the second says whether they are the tenant's own.
        yield "t.session IN (SELECT id FROM sessions WHERE principal = ?)", (where.principal,)
        yield f"{PRINCIPAL} = ?", (where.principal,)


def _bodies(where: Filter) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Find by what stands in the receipt's body alone.

    It is written there once, under the chain, and not a second time in a column that nobody checks. A body is
    canonical: inside its strings a quotation mark is escaped, so these words can only be a key and its value.
    `replace` tells upper from lower case, which LIKE does not.
    """
    asked = (
        ("conversation", where.conversation),
        ("turn", where.turn),
        ("trace", where.trace),
        ("subject", where.subject and where.subject.value),
        ("reason", where.reason and where.reason.value),
    )
    for name, value in asked:
        if value is not None:
            yield from _indexed(name, json.dumps(value))
            yield "replace(t.body, ?, '') <> t.body", (f'"{name}":{json.dumps(value)}',)
    if where.touched is not None:
        yield "replace(t.body, ?, '') <> t.body", (json.dumps(where.touched),)


def _indexed(name: str, value: str) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Narrow by the index of that key; it holds so many signs, and nothing is found by fewer."""
    first = value[1 : 1 + _SIGNS]
    if name not in _INDEXED or len(first) < _SIGNS:
        return
    key = f'"{name}":"'
    signs = f"substr(t.body, instr(t.body, '{key}') + {len(key)}, {_SIGNS})"
    yield f"{_RECORDED} AND {_TRACED}" if name == "trace" else _RECORDED, ()
    yield f"{signs} = ?", (first,)
