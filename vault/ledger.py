"""What operators ask of the records: lists, counts, reasons, and whether the chain still holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import cast

from firewall.core.errors import IntegrityError
from firewall.core.ids import PrincipalId, Ref, SessionId, TenantId, TurnId
from firewall.core.receipt import Mode, Receipt, Record, RecordKind
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from vault import bodies
from vault.chain import PAGE, page, receipt_of
from vault.database import Database
from vault.filters import FROM, PRINCIPAL, condition, mode_of
from vault.filters import Filter as Filter
from vault.job import Job, Row, Rows
from vault.pruning import Noted, prune
from vault.summaries import Summary, Width, summary
from vault.verification import verified
from vault.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record as it was committed.

    Attributes:
        principal: None where no session was opened, and after it was erased.
        conversation: Stands for the place; None in older records.
        trace: Id of the trace that the turn was part of, if any.
    """

    id: int
    tenant: TenantId
    principal: PrincipalId | None
    seq: int
    at_ms: int
    ref: Ref
    conversation: str | None
    session: SessionId
    turn: TurnId
    trace: str | None
    subject: SubjectKind
    allowed: bool
    reason: ReasonCode | None
    record: Record

    @property
    def mode(self) -> Mode:
        """Whether the rule is enforced or only watched."""
        return mode_of(self.record.kind)


class Ledger:
    """Reads records and receipts; what it removes, it hands to the writer."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    async def listed(self, where: Filter, *, after: int, limit: int) -> tuple[Stored, ...]:
        """Give matching records with ids over `after`, oldest first, at most `limit` (1 to 500)."""
        rows = await self._database.read(lambda: _listed(where, after, min(max(limit, 1), PAGE)))
        return tuple(_stored(row) for row in rows)

    async def youngest(self, where: Filter, limit: int) -> tuple[Stored, ...]:
        """Give the youngest matching records, oldest first, at most `limit`."""
        found: list[Stored] = []
        before: int | None = None
        while len(found) < limit:
            rows = await self._database.read(partial(_back, where, before, min(limit - len(found), PAGE)))
            found += [_stored(row) for row in rows]
            if not rows:
                break
            before = found[-1].id
        return tuple(reversed(found))

    async def export(self, where: Filter) -> AsyncIterator[Stored]:
        """Give every matching record, oldest first."""
        after = 0
        while found := await self.listed(where, after=after, limit=PAGE):
            for one in found:
                yield one
            after = found[-1].id

    async def summary(self, where: Filter, *, top: int, width: Width) -> Summary:
        """Count matching records by rule, layer, severity, sender and time; each list at most `top` long."""
        return await summary(self._database, where, top=top, width=width)

    async def counts(self, where: Filter) -> dict[RecordKind, int]:
        """Count matching records by kind."""
        return {RecordKind(kind): count for kind, count in await self._database.read(lambda: _counts(where))}

    async def prune(self, writer: Writer, before_ms: int, noted: Noted) -> int:
        """Have the writer remove all records older than that moment, and count them; their receipts stay."""
        return await prune(self._database, writer, self._secret, before_ms=before_ms, noted=noted)

    async def receipts(self, tenant: TenantId) -> AsyncIterator[Receipt]:
        """Give one tenant's receipts, oldest first."""
        after = 0
        while True:
            rows, _ = await self._database.read(partial(page, tenant, after))
            for row in rows:
                yield receipt_of(row)
            if not rows:
                return
            after = rows[-1][1]

    async def verify(self, tenant: TenantId) -> int:
        """Count the tenant's receipts, or say where the chain is broken."""
        return await verified(self._database, self._secret, tenant)


_ROW = (
    f"SELECT r.id, r.tenant, {PRINCIPAL}, r.seq, t.at_ms, t.body, r.n,"
    " r.kind, r.layer, r.rule, r.severity, r.violation, r.count, r.slot, r.preview" + FROM
)


def _listed(where: Filter, after: int, limit: int) -> Job[Rows]:
    text, values = condition(where)
    rows = yield (f"{_ROW} WHERE {text} AND r.id > ? ORDER BY r.id LIMIT ?", (*values, after, limit))
    return rows


def _back(where: Filter, before: int | None, limit: int) -> Job[Rows]:
    text, values = condition(where)
    if before is not None:
        text, values = f"{text} AND r.id < ?", (*values, before)
    rows = yield (f"{_ROW} WHERE {text} ORDER BY r.id DESC LIMIT ?", (*values, limit))
    return rows


def _counts(where: Filter) -> Job[Rows]:
    text, values = condition(where)
    rows = yield (f"SELECT r.kind, count(*){FROM} WHERE {text} GROUP BY r.kind", values)
    return rows


def _stored(row: Row) -> Stored:
    tenant, seq, at_ms = TenantId(row[1]), row[3], row[4]
    body = bodies.read(Receipt(tenant=tenant, seq=seq, at_ms=at_ms, body=row[5], previous="", hash=""))
    return Stored(
        id=row[0],
        tenant=tenant,
        principal=None if row[2] is None else PrincipalId(row[2]),
        seq=seq,
        at_ms=at_ms,
        ref=Ref(body.ref),
        conversation=body.conversation or None,
        session=SessionId(body.session),
        turn=TurnId(body.turn),
        trace=body.trace,
        subject=body.subject,
        allowed=body.allowed,
        reason=body.reason,
        record=_record(row[7:], _touched(body, row[6])),
    )


def _touched(body: bodies.Body, n: int) -> tuple[str, ...]:
    """Give the marks of a record as its receipt has them; none in older ones."""
    marks = body.records[n].get("touched", ()) if n < len(body.records) else ()
    return tuple(map(str, cast("list[object]", marks))) if isinstance(marks, list) else ()


def _record(row: Row, touched: tuple[str, ...]) -> Record:
    kind, layer, rule, severity, violation, count, slot, preview = row
    try:
        return Record(
            kind=RecordKind(kind),
            layer=layer,
            rule=rule,
            severity=Severity(severity),
            violation=bool(violation),
            count=count,
            slot=slot,
            preview=preview,
            touched=touched,
        )
    except ValueError as error:
        raise IntegrityError("a stored record cannot be read") from error
