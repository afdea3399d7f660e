"""A tenant's chain of receipts: linked in one transaction with its records, and checked against them.

SHA-256 alone shows that a link was changed only to somebody who knows the last link. So the head stands
beside the chain under a MAC of the deployment's secret: who can write the file, but lacks the master key, can
neither rewrite the chain nor cut its young end off unseen.
"""

import hmac
from dataclasses import dataclass

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, derived
from firewall.core.receipt import GENESIS, Judgement, Receipt, Record, body_of, linked
from vault.job import Job, Row, Rows
from vault.log import Log
from vault.outbox import enqueued

PAGE = 500
_COLUMNS = "kind, layer, rule, severity, violation, count, slot, preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The youngest link of a chain; `seq` is 0 where there is none yet."""

    seq: int
    at_ms: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A judgement on its way into its chain.

    Attributes:
        entry: Names it in this database, so that a second attempt does not write it twice.
        at_ms: When it was judged.
    """

    entry: str
    at_ms: int
    judgement: Judgement
    body: str

    @classmethod
    def of(cls, judgement: Judgement, entry: str, at_ms: int) -> "Item":
        """Prepare a judgement for its chain."""
        return cls(entry=entry, at_ms=at_ms, judgement=judgement, body=body_of(judgement))


def link(log: Log, item: Item) -> Job[Receipt]:
    """Write one judgement with its receipt, leaf, records and outbox rows, unless it was written before.

    Raises:
        ChainBroken: The head of the chain or of the log was altered.
    """
    secret, tenant = log.secret, item.judgement.tenant
    done = yield (
        "SELECT tenant, seq, at_ms, body, previous, hash FROM receipts WHERE entry = ?",
        (item.entry,),
    )
    if done:
        return receipt_of(done[0])
    last = yield from head(secret, tenant)
    # A clock that steps back does not take the chain with it.
    receipt = linked(tenant, last.seq + 1, max(item.at_ms, last.at_ms), item.body, last.hash)
    yield (
        (
            "INSERT INTO receipts (tenant, seq, entry, ref, session, at_ms, body, previous, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ),
        (
            tenant,
            receipt.seq,
            item.entry,
            item.judgement.ref,
            item.judgement.session,
            receipt.at_ms,
            receipt.body,
            receipt.previous,
            receipt.hash,
        ),
    )
    yield (
        (
            "INSERT INTO chains (tenant, seq, at_ms, hash, mac) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, at_ms = excluded.at_ms,"
            " hash = excluded.hash, mac = excluded.mac"
        ),
        (tenant, receipt.seq, receipt.at_ms, receipt.hash, _mac(secret, tenant, receipt)),
    )
    yield from log.append(receipt)
    for n, record in enumerate(item.judgement.records):
        yield from _recorded(receipt, n, record)
    return receipt


def begun(log: Log) -> Job[None]:
    """Begin the log, where there is none, with the receipts that older programs wrote, tenant by tenant."""
    if not (yield from log.begin()):
        return
    tenant, seq = "", 0
    while True:
        rows = yield (
            (
                "SELECT tenant, seq, at_ms, body, previous, hash FROM receipts"
                " WHERE (tenant, seq) > (?, ?) ORDER BY tenant, seq LIMIT ?"
            ),
            (tenant, seq, PAGE),
        )
        if not rows:
            return
        for row in rows:
            yield from log.append(receipt_of(row))
        tenant, seq = rows[-1][:2]


def head(secret: bytes, tenant: TenantId) -> Job[Head]:
    """Give the youngest link of the tenant's chain.

    Raises:
        ChainBroken: It was altered, or rows stand behind it that no program wrote.
    """
    rows = yield (
        (
            "SELECT seq, at_ms, hash, mac, (SELECT max(seq) FROM receipts r WHERE r.tenant = c.tenant)"
            " FROM chains c WHERE tenant = ?"
        ),
        (tenant,),
    )
    if not rows:
        stray = yield ("SELECT 1 FROM receipts WHERE tenant = ? LIMIT 1", (tenant,))
        if stray:
            raise ChainBroken("the head of a chain of receipts is missing")
        return Head(seq=0, at_ms=0, hash=GENESIS)
    seq, at_ms, digest, mac, last = rows[0]
    found = Head(seq=seq, at_ms=at_ms, hash=digest)
    if last != seq or not hmac.compare_digest(mac, _mac(secret, tenant, found)):
        raise ChainBroken(f"the head of a chain of receipts was altered at receipt {seq}")
    return found


def page(tenant: TenantId, after: int) -> Job[tuple[Rows, Rows]]:
    """Read the next receipts of a chain with their leaves, and the records that stand beside them."""
    receipts = yield (
        (
            "SELECT r.tenant, r.seq, r.at_ms, r.body, r.previous, r.hash, r.ref, r.session,"
            " l.position, l.salt, n.hash FROM receipts r"
            " LEFT JOIN log_leaves l ON l.tenant = r.tenant AND l.seq = r.seq"
            " LEFT JOIN log_nodes n ON n.level = 0 AND n.position = l.position"
            " WHERE r.tenant = ? AND r.seq > ? ORDER BY r.seq LIMIT ?"
        ),
        (tenant, after, PAGE),
    )
    last = receipts[-1][1] if receipts else after
    records = yield (
        (
            f"SELECT seq, n, {_COLUMNS} FROM records"  # noqa: S608 - a constant list of columns
            " WHERE tenant = ? AND seq > ? AND seq <= ? ORDER BY seq, n"
        ),
        (tenant, after, last),
    )
    return receipts, records


def receipt_of(row: Row) -> Receipt:
    """Give a stored receipt as it stands; whether it is true is for `verify` to say."""
    tenant, seq, at_ms, body, previous, digest = row[:6]
    return Receipt(tenant=TenantId(tenant), seq=seq, at_ms=at_ms, body=body, previous=previous, hash=digest)


def _recorded(receipt: Receipt, n: int, record: Record) -> Job[None]:
    rows = yield (
        (
            f"INSERT INTO records (tenant, seq, n, {_COLUMNS})"  # noqa: S608 - a constant list of columns
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
        ),
        (
            receipt.tenant,
            receipt.seq,
            n,
            record.kind.value,
            record.layer,
            record.rule,
            record.severity.value,
            int(record.violation),
            record.count,
            record.slot,
            record.preview,
        ),
    )
    if record.violation:
        yield from enqueued(receipt.tenant, rows[0][0], receipt.at_ms)


def _mac(secret: bytes, tenant: TenantId, last: Head | Receipt) -> str:
    return derived(secret, "chain", tenant, str(last.seq), str(last.at_ms), last.hash)
