"""Following a tenant's chain from its first link to its head, beside its records and its leaves."""

from functools import partial

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, checked
from firewall.core.merkle import leaf_hash
from firewall.core.receipt import GENESIS, Receipt, linked
from vault import bodies
from vault.chain import Head, head, page, receipt_of
from vault.database import Database
from vault.erased import bare
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
        last = _followed(secret, last, receipts, records, pruned=pruned)
    if last != youngest:
        raise ChainBroken(f"receipt {last.seq} is not the head of its chain")
    return last.seq


def _page(secret: bytes, tenant: TenantId, after: int) -> Job[tuple[int, tuple[Rows, Rows]]]:
    """Read a page and how far records were pruned, in one state of the database."""
    pruned = yield from until(secret, tenant)
    return pruned, (yield from page(tenant, after))


def _followed(secret: bytes, last: Head, receipts: Rows, records: Rows, *, pruned: int) -> Head:
    beside: dict[int, list[Row]] = {}
    for row in records:
        beside.setdefault(row[0], []).append(row[1:])
    for row in receipts:
        receipt, found = receipt_of(row), beside.get(row[1], [])
        follows = (receipt.seq, receipt.previous) == (last.seq + 1, last.hash)
        if not follows or receipt.at_ms < last.at_ms:
            raise ChainBroken(f"receipt {receipt.seq} does not follow receipt {last.seq}")
        if bare(secret, receipt, row[11]):
            _emptied(receipt, row, found)
        else:
            _whole(receipt, row, found, pruned=receipt.seq <= pruned)
        last = Head(seq=receipt.seq, at_ms=receipt.at_ms, hash=receipt.hash)
    return last


def _whole(receipt: Receipt, row: Row, found: list[Row], *, pruned: bool) -> None:
    """Check a receipt against its own hash, its row, its records and its leaf."""
    body = bodies.told(receipt)
    expected = linked(receipt.tenant, receipt.seq, receipt.at_ms, receipt.body, receipt.previous)
    if receipt != expected or (body.ref, body.session) != tuple(row[6:8]):
        raise ChainBroken(f"receipt {receipt.seq} does not follow receipt {receipt.seq - 1}")
    if (found and pruned) or (not pruned and found != _told(body)) or body.tenant != receipt.tenant:
        raise ChainBroken(f"the records of receipt {receipt.seq} are not those it was made for")
    position, salt, leaf = row[8:11]
    if position is None or leaf is None:
        raise ChainBroken(f"receipt {receipt.seq} is not in the log")
    if salt is None or leaf_hash(commitment(salt, receipt)) != leaf:
        raise ChainBroken(f"the log does not hold receipt {receipt.seq} in its place")


def _emptied(receipt: Receipt, row: Row, found: list[Row]) -> None:
    """Check that nothing is left of an erased receipt but its links, and that its leaf is there."""
    if tuple(row[6:8]) != ("", "") or found or row[9] is not None:
        raise ChainBroken(f"receipt {receipt.seq} was erased, and something of it is there again")
    if row[8] is None or row[10] is None:
        raise ChainBroken(f"receipt {receipt.seq} is not in the log")


def _told(body: bodies.Body | bodies.Act) -> list[Row]:
    """Give a receipt's records the way their rows must look."""
    if isinstance(body, bodies.Act):
        return []
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
