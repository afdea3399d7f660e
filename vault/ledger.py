"""What operators ask of the records: lists, counts, reasons, and whether the chain still holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

import msgspec

from firewall.core.errors import ChainBroken, IntegrityError
from firewall.core.ids import PrincipalId, Ref, SessionId, TenantId, TurnId, checked
from firewall.core.receipt import GENESIS, Receipt, Record, RecordKind, linked
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from vault.chain import PAGE, Head, head, page, receipt_of
from vault.job import Job, Row, Rows, Value
from vault.sqlite import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records; what is None does not narrow.

    Attributes:
        tenant: Only this tenant's.
        principal: Only those of this principal's sessions.
        since_ms: Only those of this moment and later, milliseconds since 1970.
        violation: True for violations, False for the rest, None for all.
    """

    tenant: TenantId | None = None
    principal: PrincipalId | None = None
    layer: str | None = None
    rule: str | None = None
    kind: RecordKind | None = None
    ref: Ref | None = None
    since_ms: int | None = None
    violation: bool | None = True

    def __post_init__(self) -> None:
        # An empty scope must not come to mean every scope.
        for name in ("tenant", "principal", "ref"):
            if getattr(self, name) is not None:
                checked(getattr(self, name), what=f"filter {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record as it was committed; `principal` is None where no session was opened."""

    id: int
    tenant: TenantId
    principal: PrincipalId | None
    seq: int
    at_ms: int
    ref: Ref
    session: SessionId
    turn: TurnId
    subject: SubjectKind
    allowed: bool
    reason: ReasonCode | None
    record: Record


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tenant: str
    session: str
    turn: str
    ref: str
    subject: SubjectKind
    allowed: bool
    reason: ReasonCode | None
    records: tuple[dict[str, object], ...]
    bytes_scanned: int
    digest: str


_BODY = msgspec.json.Decoder(_Body)
_FROM = " FROM records r JOIN receipts t USING (tenant, seq) LEFT JOIN sessions s ON s.id = t.session"


class Ledger:
    """Reads records and receipts; writes nothing."""

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    async def listed(self, where: Filter, *, after: int, limit: int) -> tuple[Stored, ...]:
        """Give matching records with ids over `after`, oldest first, at most `limit` (1 to 500)."""
        rows = await self._database.read(lambda: _listed(where, after, min(max(limit, 1), PAGE)))
        return tuple(_stored(row) for row in rows)

    async def export(self, where: Filter) -> AsyncIterator[Stored]:
        """Give every matching record, oldest first."""
        after = 0
        while found := await self.listed(where, after=after, limit=PAGE):
            for one in found:
                yield one
            after = found[-1].id

    async def counts(self, where: Filter) -> dict[RecordKind, int]:
        """Count matching records by kind."""
        return {RecordKind(kind): count for kind, count in await self._database.read(lambda: _counts(where))}

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
        """Follow the chain from its first link to its head, a page at a time."""
        checked(tenant, what="tenant")
        youngest = await self._database.read(lambda: head(self._secret, tenant))
        last = Head(seq=0, at_ms=0, hash=GENESIS)
        while last.seq < youngest.seq:
            receipts, records = await self._database.read(partial(page, tenant, last.seq))
            if not receipts:
                raise ChainBroken(f"the receipts after {last.seq} are missing")
            last = _followed(tenant, last, [row for row in receipts if row[1] <= youngest.seq], records)
        if last != youngest:
            raise ChainBroken(f"receipt {last.seq} is not the head of its chain")
        return last.seq


def _followed(tenant: TenantId, last: Head, receipts: Rows, records: Rows) -> Head:
    beside: dict[int, list[Row]] = {}
    for row in records:
        beside.setdefault(row[0], []).append(row[1:])
    for row in receipts:
        receipt = receipt_of(row)
        expected = linked(tenant, last.seq + 1, receipt.at_ms, receipt.body, last.hash)
        body = _body(receipt)
        if receipt != expected or receipt.at_ms < last.at_ms or (body.ref, body.session) != tuple(row[6:8]):
            raise ChainBroken(f"receipt {receipt.seq} does not follow receipt {last.seq}")
        if _told(body) != beside.get(receipt.seq, []) or body.tenant != tenant:
            raise ChainBroken(f"the records of receipt {receipt.seq} are not those it was made for")
        last = Head(seq=receipt.seq, at_ms=receipt.at_ms, hash=receipt.hash)
    return last


def _told(body: _Body) -> list[Row]:
    """Give a receipt's records the way their rows must look."""
    return [
        (
            n,
            record["kind"],
            record["layer"],
            record["rule"],
            record["severity"],
            int(record["violation"] is True),
            record["count"],
            record["slot"],
            record["preview"],
        )
        for n, record in enumerate(body.records)
    ]


def _body(receipt: Receipt) -> _Body:
    try:
        return _BODY.decode(receipt.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ChainBroken(f"the body of receipt {receipt.seq} cannot be read") from None


def _conditions(where: Filter) -> tuple[str, tuple[Value, ...]]:
    asked: tuple[tuple[str, Value], ...] = (
        ("r.tenant = ?", where.tenant),
        # A session id says nothing about the tenant it was opened in, so both must be the record's.
        ("s.principal = ? AND s.tenant = r.tenant", where.principal),
        ("r.layer = ?", where.layer),
        ("r.rule = ?", where.rule),
        ("r.kind = ?", where.kind.value if where.kind else None),
        ("t.ref = ?", where.ref),
        ("t.at_ms >= ?", where.since_ms),
        ("r.violation = ?", None if where.violation is None else int(where.violation)),
    )
    chosen = [(text, value) for text, value in asked if value is not None]
    return " AND ".join(["1", *(text for text, _ in chosen)]), tuple(value for _, value in chosen)


def _listed(where: Filter, after: int, limit: int) -> Job[Rows]:
    condition, values = _conditions(where)
    rows = yield (
        (
            "SELECT r.id, r.tenant, CASE WHEN s.tenant = r.tenant THEN s.principal END, r.seq, t.at_ms,"
            " t.body, r.kind, r.layer, r.rule, r.severity, r.violation, r.count, r.slot, r.preview"
            f"{_FROM} WHERE {condition} AND r.id > ? ORDER BY r.id LIMIT ?"
        ),
        (*values, after, limit),
    )
    return rows


def _counts(where: Filter) -> Job[Rows]:
    condition, values = _conditions(where)
    rows = yield (f"SELECT r.kind, count(*){_FROM} WHERE {condition} GROUP BY r.kind", values)
    return rows


def _stored(row: Row) -> Stored:
    tenant, seq, at_ms = TenantId(row[1]), row[3], row[4]
    body = _body(Receipt(tenant=tenant, seq=seq, at_ms=at_ms, body=row[5], previous="", hash=""))
    return Stored(
        id=row[0],
        tenant=tenant,
        principal=None if row[2] is None else PrincipalId(row[2]),
        seq=seq,
        at_ms=at_ms,
        ref=Ref(body.ref),
        session=SessionId(body.session),
        turn=TurnId(body.turn),
        subject=body.subject,
        allowed=body.allowed,
        reason=body.reason,
        record=_record(row[6:]),
    )


def _record(row: Row) -> Record:
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
        )
    except ValueError as error:
        raise IntegrityError("a stored record cannot be read") from error
