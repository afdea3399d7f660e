"""Incidents: the violations of one tenant, layer and rule, told on one route as one thing.

The first violation of an incident is told at once. Those after it are counted into one message, which goes
out when the route's window has passed, or at once if the severity rose. An incident that saw no violation for
a window grows no more: the next violation opens another one. Records are never grouped, only what is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from firewall.core.ports import IdSource
from firewall.core.verdict import Severity
from vault.job import Job, Row
from vault.outbox import Violation

Verb = Literal["trigger", "update", "resolve"]
_ID_DIGITS = 16
LEVELS = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A route that asks for a violation; `window_ms` is how long it gathers what comes after the first."""

    route: str
    window_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What a delivery says, as its row has it."""

    incident: str
    route: str
    tenant: str
    verb: Verb
    kind: str
    severity: Severity
    ref: str
    preview: str
    count: int
    last_ms: int
    due_ms: int
    now_ms: int


def grouped(ids: IdSource, violation: Violation, wishes: Iterable[Wish], now_ms: int) -> Job[None]:
    """Write what each route is to be told of a violation, in the transaction that takes it from the line."""
    for wish in wishes:
        key = (wish.route, violation.tenant, violation.layer, violation.rule)
        rows = yield (
            (
                "SELECT id, severity, count, seen_ms, last_ms FROM incidents"
                " WHERE route = ? AND tenant = ? AND layer = ? AND rule = ? AND state = 'live'"
            ),
            key,
        )
        if rows and now_ms - rows[0][3] <= wish.window_ms:
            yield from _joined(ids, violation, wish, rows[0], now_ms)
            continue
        if rows:
            yield ("UPDATE incidents SET state = 'quiet' WHERE id = ?", (rows[0][0],))
        yield from _opened(ids, violation, wish, now_ms)


def closed(ids: IdSource, incident: str, now_ms: int) -> Job[tuple[str, ...]]:
    """Close an incident, and what other routes were told of the same tenant, layer and rule; give their ids.

    Empty if there is no open incident of that id. What is not told yet is told first.
    """
    rows = yield (
        (
            "SELECT o.id, o.route, o.tenant, o.severity, o.count, o.last_ms"
            " FROM incidents i JOIN incidents o"
            " ON o.tenant = i.tenant AND o.layer = i.layer AND o.rule = i.rule AND o.state <> 'closed'"
            " WHERE i.id = ? AND i.state <> 'closed' ORDER BY o.first_ms, o.id"
        ),
        (incident,),
    )
    for each, route, tenant, severity, count, last_ms in rows:
        yield ("UPDATE incidents SET state = 'closed' WHERE id = ?", (each,))
        yield (
            (
                "UPDATE deliveries SET due_ms = ?"
                " WHERE incident = ? AND state = 'waiting' AND attempts = 0 AND due_ms > ?"
            ),
            (now_ms, each, now_ms),
        )
        said = yield ("SELECT kind, ref FROM deliveries WHERE incident = ? ORDER BY n DESC LIMIT 1", (each,))
        yield from _written(
            ids,
            _Message(
                incident=each,
                route=route,
                tenant=tenant,
                verb="resolve",
                kind=said[0][0],
                severity=Severity(severity),
                ref=said[0][1],
                preview="",
                count=count,
                last_ms=last_ms,
                due_ms=now_ms,
                now_ms=now_ms,
            ),
        )
    return tuple(row[0] for row in rows)


def _opened(ids: IdSource, violation: Violation, wish: Wish, now_ms: int) -> Job[None]:
    key = (wish.route, violation.tenant, violation.layer, violation.rule)
    incident = ids.derived("incident", *key, str(violation.id))[:_ID_DIGITS]
    yield (
        (
            "INSERT INTO incidents (id, route, tenant, layer, rule, state, severity, count, first_ms,"
            " last_ms, seen_ms) VALUES (?, ?, ?, ?, ?, 'live', ?, 1, ?, ?, ?)"
        ),
        (incident, *key, violation.severity.value, violation.at_ms, violation.at_ms, now_ms),
    )
    message = _said(violation, wish.route, incident, violation.severity, now_ms)
    yield from _written(ids, message)


def _joined(ids: IdSource, violation: Violation, wish: Wish, live: Row, now_ms: int) -> Job[None]:
    incident, before, count, _, last_ms = live
    severity = max(Severity(before), violation.severity, key=LEVELS.index)
    due_ms = now_ms if severity.value != before else now_ms + wish.window_ms
    latest_ms = max(last_ms, violation.at_ms)
    yield (
        "UPDATE incidents SET severity = ?, count = ?, last_ms = ?, seen_ms = ? WHERE id = ?",
        (severity.value, count + 1, latest_ms, now_ms, incident),
    )
    # One that was tried already stays as it is: a message says the same each time it is sent.
    added = yield (
        (
            "UPDATE deliveries SET kind = ?, severity = ?, ref = ?, preview = ?, count = ?, last_ms = ?,"
            " due_ms = CASE WHEN due_ms < ? THEN due_ms ELSE ? END"
            " WHERE incident = ? AND verb = 'update' AND state = 'waiting' AND attempts = 0 RETURNING n"
        ),
        (
            violation.kind.value,
            severity.value,
            violation.ref,
            violation.preview,
            count + 1,
            latest_ms,
            due_ms,
            due_ms,
            incident,
        ),
    )
    if not added:
        message = _said(violation, wish.route, incident, severity, now_ms, "update", count + 1, due_ms)
        yield from _written(ids, message)


def _said(
    violation: Violation,
    route: str,
    incident: str,
    severity: Severity,
    now_ms: int,
    verb: Verb = "trigger",
    count: int = 1,
    due_ms: int | None = None,
) -> _Message:
    return _Message(
        incident=incident,
        route=route,
        tenant=violation.tenant,
        verb=verb,
        kind=violation.kind.value,
        severity=severity,
        ref=violation.ref,
        preview=violation.preview,
        count=count,
        last_ms=violation.at_ms,
        due_ms=now_ms if due_ms is None else due_ms,
        now_ms=now_ms,
    )


def _written(ids: IdSource, message: _Message) -> Job[None]:
    """Write one delivery; its id never changes, and no other message ever has it.

    An incident opens and closes once, and each update begins at a higher count than the one before. Rows are
    not counted for it: those that arrived are removed in time, and an id that came again would be dropped.
    """
    number = ids.derived("delivery", message.incident, message.verb, str(message.count))[:_ID_DIGITS]
    yield (
        (
            "INSERT INTO deliveries (id, incident, route, tenant, verb, kind, severity, ref, preview, count,"
            " last_ms, state, attempts, due_ms, at_ms, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, ?, ?, '')"
        ),
        (
            f"msg_{number}",
            message.incident,
            message.route,
            message.tenant,
            message.verb,
            message.kind,
            message.severity.value,
            message.ref,
            message.preview,
            message.count,
            message.last_ms,
            message.due_ms,
            message.now_ms,
        ),
    )
