"""Pruning: old records go, their receipts stay, and a sealed mark says up to which receipt they went.

Who can write the file, but lacks the master key, cannot make such a mark. So records that are missing up to
it were pruned, and records that are missing after it were removed. What was pruned is a receipt of its own in
the tenant's chain, written with the removal: how many, and up to which receipt and moment.
"""

import hmac
from collections.abc import Callable
from functools import partial

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, canonical, derived
from vault.bodies import Act
from vault.database import Database
from vault.job import Job, Rows
from vault.writer import Writer

STEP = 1_000

# Writes what was done, under a name that no other has, in the transaction of the job that it is part of.
Noted = Callable[[Act, str], Job[None]]


async def prune(database: Database, writer: Writer, secret: bytes, *, before_ms: int, noted: Noted) -> int:
    """Remove the records older than that moment, of all tenants, and count them.

    A violation that nobody was told of yet stays, and so does what came after it in its tenant.

    Raises:
        ChainBroken: A mark was altered.
        StoreUnavailable: The database did not answer; what was removed until then stays removed.
    """
    count = 0
    for tenant in await database.read(_tenants):
        more = True
        while more:
            gone, more = await writer.submit(tenant, partial(_pruned, secret, tenant, before_ms, noted))
            count += gone
    return count


def until(secret: bytes, tenant: TenantId) -> Job[int]:
    """Give the receipt up to which this tenant's records were pruned; 0 if none were.

    Raises:
        ChainBroken: The mark was altered, or belongs to another chain.
    """
    rows = yield (
        (
            "SELECT p.seq, p.mac, t.hash FROM pruned p"
            " LEFT JOIN receipts t ON t.tenant = p.tenant AND t.seq = p.seq WHERE p.tenant = ?"
        ),
        (tenant,),
    )
    if not rows:
        return 0
    seq, mac, digest = rows[0]
    if digest is None or not hmac.compare_digest(mac, _mac(secret, tenant, seq, digest)):
        raise ChainBroken(f"the mark of pruning at receipt {seq} was altered")
    found: int = seq
    return found


def _pruned(secret: bytes, tenant: TenantId, before_ms: int, noted: Noted) -> Job[tuple[int, bool]]:
    """Take one step of at most 1,000 receipts; say how many records went, and whether there may be more."""
    start = yield from until(secret, tenant)
    last = yield from _reach(tenant, start, before_ms)
    if not last:
        return 0, False
    seq, at_ms, digest = last[0]
    between = (tenant, start, seq)
    yield (
        (
            "DELETE FROM outbox WHERE record IN"
            " (SELECT id FROM records WHERE tenant = ? AND seq > ? AND seq <= ?)"
        ),
        between,
    )
    gone = yield ("DELETE FROM records WHERE tenant = ? AND seq > ? AND seq <= ? RETURNING id", between)
    yield (
        (
            "INSERT INTO pruned (tenant, seq, at_ms, mac) VALUES (?, ?, ?, ?) ON CONFLICT (tenant)"
            " DO UPDATE SET seq = excluded.seq, at_ms = excluded.at_ms, mac = excluded.mac"
        ),
        (tenant, seq, at_ms, _mac(secret, tenant, seq, digest)),
    )
    if gone:
        act = Act(act="prune", tenant=tenant, counts={"records": len(gone)}, until=seq, until_ms=at_ms)
        yield from noted(act, f"prune {canonical(tenant, str(seq))}")
    return len(gone), seq == start + STEP


def _reach(tenant: TenantId, start: int, before_ms: int) -> Job[Rows]:
    """Give the last receipt of this step: old enough, and before the first that nobody was told of."""
    waiting = yield (
        (
            "SELECT min(r.seq) FROM outbox o JOIN records r ON r.id = o.record"
            " WHERE o.tenant = ? AND o.state = 'pending'"
        ),
        (tenant,),
    )
    stop: int = start + STEP if waiting[0][0] is None else min(start + STEP, waiting[0][0] - 1)
    rows = yield (
        (
            "SELECT seq, at_ms, hash FROM receipts WHERE tenant = ? AND seq > ? AND seq <= ? AND at_ms < ?"
            " ORDER BY seq DESC LIMIT 1"
        ),
        (tenant, start, stop, before_ms),
    )
    return rows


def _tenants() -> Job[list[TenantId]]:
    rows = yield ("SELECT tenant FROM chains ORDER BY tenant", ())
    return [TenantId(row[0]) for row in rows]


def _mac(secret: bytes, tenant: TenantId, seq: int, digest: str) -> str:
    return derived(secret, "pruned", tenant, str(seq), digest)
