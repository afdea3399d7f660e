"""A tenant's chain of receipts: linked in one transaction with its records, and checked against them.

SHA-256 alone shows that a link was changed only to somebody who knows the last link. So the head stands
beside the chain under a MAC of the deployment's secret: who can write the file, but lacks the master key, can
neither rewrite the chain nor cut its young end off unseen.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, derived
from firewall.core.receipt import GENESIS, Judgement, Receipt, Record, body_of, linked
from vault.bodies import Act
from vault.job import Job, Row, Rows, Value
from vault.log import Log
from vault.outbox import enqueued
from vault.rows import inserted, looked_up

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
    """A judgement, or what an operator did, on its way into its chain.

    Attributes:
        entry: Names it in this database, so that a second attempt does not write it twice.
        at_ms: When it was judged.
    """

    entry: str
    at_ms: int
    judgement: Judgement | Act
    body: str

    @classmethod
    def of(cls, judgement: Judgement, entry: str, at_ms: int) -> "Item":
        """Prepare a judgement for its chain."""
        return cls(entry=entry, at_ms=at_ms, judgement=judgement, body=body_of(judgement))


def chained(log: Log, items: Sequence[Item]) -> Job[dict[str, Receipt]]:
    """Write judgements with their receipts, leaves, records and outbox rows, and give the receipts by entry.

    They follow their tenants' chains in the order given; those that were written before are only looked up.
    Each head is read, checked and written once: nobody else writes while this transaction is open.

    Args:
        log: The log that the receipts go into.
        items: What was judged; no entry twice.

    Raises:
        ChainBroken: The head of a chain or of the log was altered.
    """
    rows = yield from looked_up(
        "SELECT tenant, seq, at_ms, body, previous, hash, entry FROM receipts WHERE entry",
        [item.entry for item in items],
    )
    known = {row[6]: receipt_of(row) for row in rows}
    new = [item for item in items if item.entry not in known]
    last = yield from _heads(log.secret, list(dict.fromkeys([item.judgement.tenant for item in new])))
    receipts = [_linked(last, item) for item in new]
    yield from inserted(
        "receipts (tenant, seq, entry, ref, session, at_ms, body, previous, hash)",
        [
            (
                receipt.tenant,
                receipt.seq,
                item.entry,
                item.judgement.ref,
                item.judgement.session,
                receipt.at_ms,
                receipt.body,
                receipt.previous,
                receipt.hash,
            )
            for item, receipt in zip(new, receipts, strict=True)
        ],
    )
    yield from inserted(
        "chains (tenant, seq, at_ms, hash, mac)",
        [
            (tenant, head.seq, head.at_ms, head.hash, _mac(log.secret, tenant, head))
            for tenant, head in last.items()
        ],
        "ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, at_ms = excluded.at_ms,"
        " hash = excluded.hash, mac = excluded.mac",
    )
    yield from log.extend(receipts)
    yield from _recorded([item.judgement for item in new], receipts)
    return known | {item.entry: receipt for item, receipt in zip(new, receipts, strict=True)}


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
        yield from log.extend([receipt_of(row) for row in rows])
        tenant, seq = rows[-1][:2]


def head(secret: bytes, tenant: TenantId) -> Job[Head]:
    """Give the youngest link of the tenant's chain.

    Raises:
        ChainBroken: It was altered, or rows stand behind it that no program wrote.
    """
    return (yield from _heads(secret, [tenant]))[tenant]


def renamed(secret: bytes, old: TenantId, new: TenantId) -> Job[None]:
    """Put the head of a chain, whose receipts stand under another name now, there too.

    Raises:
        ChainBroken: The head was altered.
    """
    rows = yield ("DELETE FROM chains WHERE tenant = ? RETURNING seq, at_ms, hash, mac", (old,))
    for seq, at_ms, digest, mac in rows:
        last = Head(seq=seq, at_ms=at_ms, hash=digest)
        if not hmac.compare_digest(mac, _mac(secret, old, last)):
            raise ChainBroken(f"the head of a chain of receipts was altered at receipt {seq}")
        yield (
            "INSERT INTO chains (tenant, seq, at_ms, hash, mac) VALUES (?, ?, ?, ?, ?)",
            (new, seq, at_ms, digest, _mac(secret, new, last)),
        )


def page(tenant: TenantId, after: int) -> Job[tuple[Rows, Rows]]:
    """Read the next receipts of a chain with their leaves, and the records that stand beside them."""
    receipts = yield (
        (
            "SELECT r.tenant, r.seq, r.at_ms, r.body, r.previous, r.hash, r.ref, r.session,"
            " l.position, l.salt, n.hash, e.mac FROM receipts r"
            " LEFT JOIN log_leaves l ON l.tenant = r.tenant AND l.seq = r.seq"
            " LEFT JOIN log_nodes n ON n.level = 0 AND n.position = l.position"
            " LEFT JOIN erased e ON e.tenant = r.tenant AND e.seq = r.seq"
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


def _heads(secret: bytes, tenants: Sequence[TenantId]) -> Job[dict[TenantId, Head]]:
    rows = yield from looked_up(
        "SELECT seq, at_ms, hash, mac, (SELECT max(seq) FROM receipts r WHERE r.tenant = c.tenant), tenant"
        " FROM chains c WHERE tenant",
        tenants,
    )
    found: dict[TenantId, Head] = {}
    for seq, at_ms, digest, mac, last, tenant in rows:
        found[tenant] = Head(seq=seq, at_ms=at_ms, hash=digest)
        if last != seq or not hmac.compare_digest(mac, _mac(secret, tenant, found[tenant])):
            raise ChainBroken(f"the head of a chain of receipts was altered at receipt {seq}")
    new = [tenant for tenant in tenants if tenant not in found]
    if (yield from looked_up("SELECT tenant FROM receipts WHERE tenant", new, "LIMIT 1")):
        raise ChainBroken("the head of a chain of receipts is missing")
    return {tenant: found.get(tenant, Head(seq=0, at_ms=0, hash=GENESIS)) for tenant in tenants}


def _linked(last: dict[TenantId, Head], item: Item) -> Receipt:
    """Make the receipt that follows the youngest of its tenant, and have it be the youngest."""
    tenant = item.judgement.tenant
    before = last[tenant]
    # A clock that steps back does not take the chain with it.
    receipt = linked(tenant, before.seq + 1, max(item.at_ms, before.at_ms), item.body, before.hash)
    last[tenant] = Head(seq=receipt.seq, at_ms=receipt.at_ms, hash=receipt.hash)
    return receipt


def _recorded(judgements: Sequence[Judgement | Act], receipts: Sequence[Receipt]) -> Job[None]:
    """Write what was done, a row each, and put the violations in line."""
    rows = [
        _row(receipt, n, record)
        for judgement, receipt in zip(judgements, receipts, strict=True)
        for n, record in enumerate(judgement.records)
    ]
    written = yield from inserted(
        f"records (tenant, seq, n, {_COLUMNS})", rows, "RETURNING id, violation, tenant, seq"
    )
    at_ms = {(receipt.tenant, receipt.seq): receipt.at_ms for receipt in receipts}
    yield from enqueued(
        [(tenant, id_, at_ms[tenant, seq]) for id_, violation, tenant, seq in sorted(written) if violation]
    )


def _row(receipt: Receipt, n: int, record: Record) -> tuple[Value, ...]:
    return (
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
    )


def _mac(secret: bytes, tenant: TenantId, last: Head) -> str:
    return derived(secret, "chain", tenant, str(last.seq), str(last.at_ms), last.hash)
