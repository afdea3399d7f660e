"""What is still to be told to operators: one row a violation, written with the violation itself.

A row points at its record and repeats nothing of it, so there is no content here to protect or to lose. It is
`pending` until every route that asks for its violation has a delivery of it; without routes it stays so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from vault.database import Database
from vault.job import Job, Rows
from vault.rows import inserted


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A violation nobody has been told of yet; `record` is the id of its record."""

    id: int
    tenant: TenantId
    record: int
    at_ms: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What a message may say of a pending violation; `id` is that of its row here."""

    id: int
    tenant: TenantId
    kind: RecordKind
    layer: str
    rule: str
    severity: Severity
    preview: str
    ref: Ref
    at_ms: int


class Outbox:
    """The waiting rows, for the relay."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, *, after: int = 0, limit: int = 100) -> tuple[Pending, ...]:
        """Give waiting rows with ids over `after`, oldest first, at most `limit`."""
        rows = await self._database.read(lambda: _pending(after, limit))
        return tuple(
            Pending(id=row_id, tenant=TenantId(tenant), record=record, at_ms=at_ms, attempts=attempts)
            for row_id, tenant, record, at_ms, attempts in rows
        )

    async def count(self) -> int:
        """Count the waiting rows."""
        return await self._database.read(_count)


def enqueued(records: Sequence[tuple[TenantId, int, int]]) -> Job[None]:
    """Put violations' records in line, inside the transaction that writes them: tenant, record and time."""
    yield from inserted(
        "outbox (tenant, record, state, at_ms, attempts)",
        [(tenant, record, "pending", at_ms, 0) for tenant, record, at_ms in records],
    )


def taken(limit: int) -> Job[tuple[Violation, ...]]:
    """Take pending rows out of the line, oldest first, at most `limit`, and give their violations.

    The caller writes the deliveries in the same transaction. What another process took meanwhile is left out.
    """
    rows = yield (
        (
            "SELECT o.id, r.tenant, r.kind, r.layer, r.rule, r.severity, r.preview, t.ref, t.at_ms"
            " FROM outbox o JOIN records r ON r.id = o.record"
            " JOIN receipts t ON t.tenant = r.tenant AND t.seq = r.seq"
            " WHERE o.state = 'pending' ORDER BY o.id LIMIT ?"
        ),
        (limit,),
    )
    found: list[Violation] = []
    for row_id, tenant, kind, layer, rule, severity, preview, ref, at_ms in rows:
        mine = yield (
            "UPDATE outbox SET state = 'sent' WHERE id = ? AND state = 'pending' RETURNING id",
            (row_id,),
        )
        if mine:
            found.append(
                Violation(
                    id=row_id,
                    tenant=TenantId(tenant),
                    kind=RecordKind(kind),
                    layer=layer,
                    rule=rule,
                    severity=Severity(severity),
                    preview=preview,
                    ref=Ref(ref),
                    at_ms=at_ms,
                )
            )
    return tuple(found)


def _pending(after: int, limit: int) -> Job[Rows]:
    rows = yield (
        (
            "SELECT id, tenant, record, at_ms, attempts FROM outbox WHERE state = 'pending' AND id > ?"
            " ORDER BY id LIMIT ?"
        ),
        (after, limit),
    )
    return rows


def _count() -> Job[int]:
    rows = yield ("SELECT count(*) FROM outbox WHERE state = 'pending'", ())
    total: int = rows[0][0]
    return total
