"""Following a tenant's chain from its first link to its head, beside its records and its leaves."""

from functools import partial

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, checked
from firewall.core.merkle import leaf_hash
from firewall.core.receipt import GENESIS, Receipt, linked
from vault import bodies
from vault.chain import Head, head, page, receipt_of
from vault.database import Database
from vault.job import Job, Row, Rows
from vault.log import commitment
from vault.pruning import until


async def verified(database: Database, secret: bytes, tenant: TenantId) -> int:
    """Count the tenant's receipts, reading a page at a time.

    Raises:
        ChainBroken: A receipt, a record, a leaf or the head was changed, removed, added or moved.
    """
    checked(tenant, what="tenant")
    youngest = await database.read(lambda: head(secret, tenant))
    last = Head(seq=0, at_ms=0, hash=GENESIS)
    while last.seq < youngest.seq:
        pruned, (receipts, records) = await database.read(partial(_page, secret, tenant, last.seq))
        if not receipts:
            raise ChainBroken(f"the receipts after {last.seq} are missing")
        receipts = [row for row in receipts if row[1] <= youngest.seq]
        last = _followed(tenant, last, receipts, records, pruned=pruned)
    if last != youngest:
        raise ChainBroken(f"receipt {last.seq} is not the head of its chain")
    return last.seq


def _page(secret: bytes, tenant: TenantId, after: int) -> Job[tuple[int, tuple[Rows, Rows]]]:
    """Read a page and how far records were pruned, in one state of the database."""
    pruned = yield from until(secret, tenant)
    return pruned, (yield from page(tenant, after))


def _followed(tenant: TenantId, last: Head, receipts: Rows, records: Rows, *, pruned: int) -> Head:
    beside: dict[int, list[Row]] = {}
    for row in records:
        beside.setdefault(row[0], []).append(row[1:])
    for row in receipts:
        receipt = receipt_of(row)
        expected = linked(tenant, last.seq + 1, receipt.at_ms, receipt.body, last.hash)
        body = bodies.read(receipt)
        if receipt != expected or receipt.at_ms < last.at_ms or (body.ref, body.session) != tuple(row[6:8]):
            raise ChainBroken(f"receipt {receipt.seq} does not follow receipt {last.seq}")
        told = [] if receipt.seq <= pruned else _told(body)
        if told != beside.get(receipt.seq, []) or body.tenant != tenant:
            raise ChainBroken(f"the records of receipt {receipt.seq} are not those it was made for")
        _logged(receipt, *row[8:11])
        last = Head(seq=receipt.seq, at_ms=receipt.at_ms, hash=receipt.hash)
    return last


def _logged(receipt: Receipt, position: int | None, salt: bytes | None, leaf: bytes | None) -> None:
    """Check that the log holds the receipt; of a leaf whose salt was erased, that it is there."""
    if position is None or leaf is None:
        raise ChainBroken(f"receipt {receipt.seq} is not in the log")
    if salt is not None and leaf_hash(commitment(salt, receipt)) != leaf:
        raise ChainBroken(f"the log holds another receipt in the place of receipt {receipt.seq}")


def _told(body: bodies.Body) -> list[Row]:
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
