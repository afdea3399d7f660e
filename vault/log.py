"""The log over all tenants' receipts: one leaf each, appended in the receipt's own transaction.

A leaf commits to a receipt under a salt of its own. Who holds leaves and proofs, but not the salt, cannot try
what stands behind a leaf; who held the receipt and its salt can never show another receipt for that leaf.

The tree's peaks stand in the head under a MAC of the deployment's secret: who can write the file, but lacks
the master key, can neither cut the log short nor put a leaf into it unseen.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from firewall.core.errors import ChainBroken
from firewall.core.ids import derived
from firewall.core.merkle import HASH_BYTES, Node, Span, cover, folded, grown, leaf_hash
from firewall.core.receipt import Receipt
from vault.crypto import Random
from vault.job import Job, Value
from vault.rows import inserted

SALT_BYTES = 32
# For texts and small whole numbers under names in ASCII this is all of RFC 8785; a test compares the two.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The log as it stands: how many leaves, and the roots of its perfect subtrees, largest first."""

    size: int
    peaks: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        return folded(self.peaks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Appends to the log and reads its head; all of its verbs are jobs.

    Attributes:
        secret: The deployment's; the head's MAC is made with it.
        random: Where salts come from.
    """

    secret: bytes = field(repr=False)
    random: Random = field(repr=False)

    def extend(self, receipts: Sequence[Receipt]) -> Job[None]:
        """Put receipts into the log, in their order, in the transaction that writes them.

        Raises:
            ChainBroken: The log's head is missing or was altered.
        """
        if not receipts:
            return
        tip = yield from self.tip()
        leaves: list[tuple[Value, ...]] = []
        nodes: list[tuple[Value, ...]] = []
        for receipt in receipts:
            salt = self.random(SALT_BYTES)
            peaks, full = grown(tip.size, tip.peaks, leaf_hash(commitment(salt, receipt)))
            leaves.append((tip.size, receipt.tenant, receipt.seq, salt))
            nodes += [(*node, digest) for node, digest in full]
            tip = Tip(size=tip.size + 1, peaks=peaks)
        yield from inserted("log_leaves (position, tenant, seq, salt)", leaves)
        yield from inserted("log_nodes (level, position, hash)", nodes)
        yield (
            "UPDATE log_head SET size = ?, peaks = ?, mac = ? WHERE id = 1",
            (tip.size, _joined(tip), self._mac(tip)),
        )

    def tip(self) -> Job[Tip]:
        """Read the head.

        Raises:
            ChainBroken: It is missing or was altered.
        """
        rows = yield ("SELECT size, peaks, mac FROM log_head WHERE id = 1", ())
        if not rows:
            raise ChainBroken("the head of the log of receipts is missing")
        size, joined, mac = rows[0]
        found = Tip(size=size, peaks=_peaks(joined))
        if not hmac.compare_digest(mac, self._mac(found)):
            raise ChainBroken("the head of the log of receipts was altered")
        return found

    def begin(self) -> Job[bool]:
        """Make the head where there is none yet, and say whether it was made.

        Raises:
            ChainBroken: There is a log already, and only its head is missing.
        """
        if (yield ("SELECT 1 FROM log_head", ())):
            return False
        if (yield ("SELECT 1 FROM log_leaves UNION ALL SELECT 1 FROM checkpoints LIMIT 1", ())):
            raise ChainBroken("the head of the log of receipts is missing")
        empty = Tip(size=0, peaks=())
        yield (
            "INSERT INTO log_head (id, size, peaks, mac) VALUES (1, 0, ?, ?)",
            (_joined(empty), self._mac(empty)),
        )
        return True

    def _mac(self, tip: Tip) -> str:
        return derived(self.secret, "log", str(tip.size), _joined(tip))


def canonical_bytes(receipt: Receipt) -> bytes:
    """Give the bytes that a leaf commits to: the whole receipt as canonical JSON.

    Source: RFC 8785.
    """
    return _CANONICAL(
        {
            "at_ms": receipt.at_ms,
            "body": receipt.body,
            "hash": receipt.hash,
            "previous": receipt.previous,
            "seq": receipt.seq,
            "tenant": receipt.tenant,
        }
    ).encode()


def commitment(salt: bytes, receipt: Receipt) -> bytes:
    """Commit to a receipt: hiding without the salt, and binding because all salts are of one length.

    Source: HMAC-SHA256, RFC 2104.
    """
    return hmac.digest(salt, canonical_bytes(receipt), hashlib.sha256)


def roots(spans: tuple[Span, ...], known: dict[Node, bytes]) -> Job[tuple[bytes, ...]]:
    """Give the root of each of these subtrees, all of which must be in the log.

    Args:
        spans: The subtrees.
        known: Hashes that were read before; what is read is added.

    Raises:
        ChainBroken: A hash is missing.
    """
    found: list[bytes] = []
    for start, stop in spans:
        for node in cover(start, stop):
            yield from _hash(node, known)
        found.append(folded([known[node] for node in cover(start, stop)]))
    return tuple(found)


def _hash(node: Node, known: dict[Node, bytes]) -> Job[None]:
    if node in known:
        return
    rows = yield ("SELECT hash FROM log_nodes WHERE level = ? AND position = ?", node)
    if not rows:
        raise ChainBroken(f"hash {node[1]} of level {node[0]} of the log is missing")
    known[node] = rows[0][0]


def _joined(tip: Tip) -> str:
    return b"".join(tip.peaks).hex()


def _peaks(joined: str) -> tuple[bytes, ...]:
    step = 2 * HASH_BYTES
    try:
        return tuple(bytes.fromhex(joined[at : at + step]) for at in range(0, len(joined), step))
    except ValueError:
        raise ChainBroken("the head of the log of receipts was altered") from None
