"""One message to operators, as its row has it."""

from dataclasses import dataclass
from enum import StrEnum

from firewall.core.errors import IntegrityError
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from vault.incidents import Verb
from vault.job import Job, Row, Rows, Value
from vault.receivers import MINUTE_MS, Receiver


class DeliveryState(StrEnum):
    """How far a message has come."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message about an incident; everything in it is fit to be shown to operators.

    Attributes:
        id: The same each time it is sent.
        incident: The same for all messages of an incident.
        count: Violations of the incident so far.
        attempts: How often it was tried, this time included.
        fault: What went wrong the last time, in constant words; empty if nothing did.
    """

    id: str
    incident: str
    route: str
    tenant: TenantId
    layer: str
    rule: str
    verb: Verb
    kind: RecordKind
    severity: Severity
    ref: Ref
    preview: str
    count: int
    first_ms: int
    last_ms: int
    at_ms: int
    due_ms: int
    state: DeliveryState
    attempts: int
    fault: str


_SELECT = (
    "SELECT d.id, d.incident, d.route, d.tenant, i.layer, i.rule, d.verb, d.kind, d.severity, d.ref,"
    " d.preview, d.count, i.first_ms, d.last_ms, d.at_ms, d.due_ms, d.fault, d.state, d.attempts"
    " FROM deliveries d JOIN incidents i ON i.id = d.incident"
)


# The attack: one tenant breaks so many rules that a route's minute is full of them, and another's page waits.
# So a tenant leaves a quarter of the places that the others leave.
_FULL = (
    "SELECT t.tenant FROM (SELECT tenant FROM deliveries WHERE route = ? AND state = 'sending' UNION ALL"
    " SELECT tenant FROM deliveries WHERE route = ? AND state = 'sent' AND end_ms > ?) t"
    " GROUP BY t.tenant HAVING count(*) >= ?"
)


def leased(receiver: Receiver, holder: str, now_ms: int, free: int, spare: int) -> Job[tuple[Delivery, ...]]:
    """Take what is due on a route, oldest first; of an incident its first, and none while one is sent.

    Args:
        receiver: Whose messages.
        holder: Who sends them.
        now_ms: The present.
        free: At most so many.
        spare: How many more this minute could take.
    """
    route = receiver.route
    rows = yield (
        (
            f"{_SELECT} WHERE d.route = ? AND d.state = 'waiting' AND d.due_ms <= ? AND NOT EXISTS"  # noqa: S608 - constants
            " (SELECT 1 FROM deliveries e WHERE e.incident = d.incident AND"
            " (e.state = 'sending' OR (e.state = 'waiting' AND e.n < d.n)))"
            f" AND d.tenant NOT IN ({_FULL}) ORDER BY d.due_ms, d.n LIMIT ?"
        ),
        (route, now_ms, route, route, now_ms - MINUTE_MS, 3 * spare, free),
    )
    mine: list[Delivery] = []
    for row in rows:
        taken = yield (
            (
                "UPDATE deliveries SET state = 'sending', holder = ?, attempts = attempts + 1"
                " WHERE id = ? AND state = 'waiting' RETURNING state, attempts"
            ),
            (holder, row[0]),
        )
        mine += [_delivery((*row[:-2], *each)) for each in taken]
    return tuple(mine)


def settled(delivery: Delivery, holder: str, state: DeliveryState, fault: str, at_ms: int) -> Job[bool]:
    """Write what became of a message; False if another process took it over meanwhile, and says so itself."""
    column = "due_ms" if state is DeliveryState.WAITING else "end_ms"
    mine = yield (
        (
            f"UPDATE deliveries SET state = ?, fault = ?, {column} = ?, holder = NULL"  # noqa: S608 - one of two names
            " WHERE id = ? AND state = 'sending' AND holder = ? RETURNING n"
        ),
        (state.value, fault, at_ms, delivery.id, holder),
    )
    return bool(mine)


def freed(holders: list[str]) -> Job[int]:
    """Let what these processes had taken wait again."""
    total = 0
    for holder in holders:
        rows = yield (
            (
                "UPDATE deliveries SET state = 'waiting', holder = NULL"
                " WHERE state = 'sending' AND holder = ? RETURNING n"
            ),
            (holder,),
        )
        total += len(rows)
    return total


def revived(id: str | None, route: str | None, now_ms: int) -> Job[int]:
    """Let dead messages wait again, unless what they tell of is closed and was told to be."""
    rows = yield (
        (
            "UPDATE deliveries SET state = 'waiting', attempts = 0, due_ms = ?, end_ms = NULL"
            " WHERE state = 'dead' AND (id = ? OR route = ?) AND (verb = 'resolve' OR NOT EXISTS"
            " (SELECT 1 FROM deliveries e WHERE e.incident = deliveries.incident"
            " AND e.verb = 'resolve' AND e.state = 'sent')) RETURNING route"
        ),
        (now_ms, id, route),
    )
    for each in sorted({row[0] for row in rows} | ({route} if route else set())):
        yield ("UPDATE receivers SET failures = 0, until_ms = 0, gone = 0 WHERE route = ?", (each,))
    return len(rows)


def listed(state: DeliveryState | None, tenant: TenantId | None, route: str | None, limit: int) -> Job[Rows]:
    """Read the youngest messages that match, youngest first."""
    asked: tuple[tuple[str, Value], ...] = (
        ("d.state = ?", None if state is None else state.value),
        ("d.tenant = ?", tenant),
        ("d.route = ?", route),
    )
    chosen = [(text, value) for text, value in asked if value is not None]
    where = " AND ".join(["1 = 1", *(text for text, _ in chosen)])
    rows = yield (
        f"{_SELECT} WHERE {where} ORDER BY d.n DESC LIMIT ?",
        (*(value for _, value in chosen), limit),
    )
    return rows


def shown(rows: Rows) -> tuple[Delivery, ...]:
    """Give rows as deliveries, in their order."""
    return tuple(_delivery(row) for row in rows)


def _delivery(row: Row) -> Delivery:
    try:
        return Delivery(
            id=row[0],
            incident=row[1],
            route=row[2],
            tenant=TenantId(row[3]),
            layer=row[4],
            rule=row[5],
            verb=row[6],
            kind=RecordKind(row[7]),
            severity=Severity(row[8]),
            ref=Ref(row[9]),
            preview=row[10],
            count=row[11],
            first_ms=row[12],
            last_ms=row[13],
            at_ms=row[14],
            due_ms=row[15],
            fault=row[16],
            state=DeliveryState(row[17]),
            attempts=row[18],
        )
    except ValueError as error:
        raise IntegrityError("a stored delivery cannot be read") from error
