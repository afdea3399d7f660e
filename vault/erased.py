"""Erased receipts: body, session, reference and salt are gone; the hash stays, under a mark that says so.

Who can write the file, but lacks the master key, cannot make such a mark. So a body that is missing under a
mark was erased, and one that is missing without it was removed.
"""

import hmac

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId, derived
from firewall.core.receipt import Receipt
from vault.job import Job, Rows, Value

PAGE = 500
_MARKED = "tenant = ? AND seq IN (SELECT seq FROM erased WHERE tenant = ?)"


def erased(secret: bytes, tenant: TenantId, which: str, values: tuple[Value, ...]) -> Job[int]:
    """Take everything from these receipts of a tenant but what their chain and the log hang on; count them.

    Args:
        secret: The deployment's; the marks are made with it.
        tenant: Whose chain.
        which: A condition on `receipts`; what was erased before is passed over.
        values: The condition's.
    """
    after, total = 0, 0
    while True:
        rows = yield (
            (
                "SELECT seq, at_ms, previous, hash FROM receipts"  # noqa: S608 - a condition of our own
                f" WHERE tenant = ? AND seq > ? AND body <> '' AND {which} ORDER BY seq LIMIT ?"
            ),
            (tenant, after, *values, PAGE),
        )
        if not rows:
            break
        yield from _marked(secret, tenant, rows)
        after, total = rows[-1][0], total + len(rows)
    yield (f"UPDATE log_leaves SET salt = NULL WHERE {_MARKED}", (tenant, tenant))  # noqa: S608 - a constant
    yield (
        f"UPDATE receipts SET body = '', ref = '', session = '' WHERE {_MARKED}",  # noqa: S608 - a constant
        (tenant, tenant),
    )
    return total


def moved(secret: bytes, old: TenantId, new: TenantId) -> Job[None]:
    """Give a chain of which everything was erased another name; the head is for the caller to move.

    A tenant's name can be a person's: where none is configured, a direct chat's tenant is made of its id.
    """
    yield (
        (
            "INSERT INTO receipts (tenant, seq, entry, ref, session, at_ms, body, previous, hash)"
            " SELECT ?, seq, entry || ' moved', ref, session, at_ms, body, previous, hash"
            " FROM receipts WHERE tenant = ?"
        ),
        (new, old),
    )
    yield ("UPDATE log_leaves SET tenant = ? WHERE tenant = ?", (new, old))
    yield ("DELETE FROM receipts WHERE tenant = ?", (old,))
    yield ("DELETE FROM erased WHERE tenant = ?", (old,))
    after = 0
    while rows := (
        yield (
            (
                "SELECT seq, at_ms, previous, hash FROM receipts"
                " WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?"
            ),
            (new, after, PAGE),
        )
    ):
        yield from _marked(secret, new, rows)
        after = rows[-1][0]


def bare(secret: bytes, receipt: Receipt, mark: str | None) -> bool:
    """True if this receipt was erased, False if it stands whole.

    Raises:
        ChainBroken: It is neither: its body was removed, or the mark is another receipt's.
    """
    if mark is None and receipt.body:
        return False
    right = _mac(secret, receipt.tenant, receipt.seq, receipt.at_ms, receipt.previous, receipt.hash)
    if receipt.body or not hmac.compare_digest(mark or "", right):
        raise ChainBroken(
            f"the body of receipt {receipt.seq} was removed, or the mark of its erasure altered"
        )
    return True


def _marked(secret: bytes, tenant: TenantId, rows: Rows) -> Job[None]:
    for seq, at_ms, previous, digest in rows:
        mac = _mac(secret, tenant, seq, at_ms, previous, digest)
        yield ("INSERT INTO erased (tenant, seq, mac) VALUES (?, ?, ?)", (tenant, seq, mac))


def _mac(secret: bytes, tenant: TenantId, seq: int, at_ms: int, previous: str, digest: str) -> str:
    return derived(secret, "erased", tenant, str(seq), str(at_ms), previous, digest)
