"""Checkpoints: what the log's key signed about the log, and whether the log is still what was signed."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId
from firewall.core.merkle import Node, consistency, consistent, folded, grown
from firewall.core.ports import Clock
from vault import verify_bundle
from vault.database import Database
from vault.job import Job, Rows
from vault.log import Log, Tip, roots
from vault.signing import Signer
from vault.writer import Writer

_PAGE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A signed state of the log.

    Attributes:
        size: How many leaves it had.
        root: The root of its tree.
        at_ms: When it was signed.
        note: What was signed, with its signature.
    """

    size: int
    root: bytes
    at_ms: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a look at the whole log found: its leaves, those whose salt was erased, and its checkpoints."""

    size: int
    erased: int
    checkpoints: int


class Checkpoints:
    """Signs the log, and follows it from its first leaf to its head."""

    def __init__(self, database: Database, writer: Writer, log: Log, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._log = log
        self._clock = clock
        self._signer = Signer.of(log.secret)

    @property
    def signer(self) -> Signer:
        """The log's key."""
        return self._signer

    async def make(self) -> Checkpoint:
        """Sign the log as it stands; one that was signed at this size is given again.

        Raises:
            ChainBroken: The log does not begin with what was signed last; nothing is signed then.
        """
        at_ms = self._clock.now_ms()
        return await self._writer.submit("", partial(self._made, at_ms))

    async def tenants(self) -> tuple[TenantId, ...]:
        """Give every tenant that has a chain, sorted."""
        return await self._database.read(_tenants)

    async def verify(self) -> LogState:
        """Follow the whole log, leaf by leaf.

        A tree that is grown anew and meets every root that was signed shows each checkpoint consistent with
        all that came before it.

        Raises:
            ChainBroken: A leaf, a hash, a checkpoint or the head was changed, removed, added or moved.
        """
        rows = await self._database.read(_signed)
        signed = {size: self._root(size, note) for size, note in rows}
        tip = await self._database.read(self._log.tip)
        last = _met(Tip(size=0, peaks=()), signed)
        while last.size < tip.size:
            stop = min(last.size + _PAGE, tip.size)
            found = await self._database.read(partial(_stored, last.size, stop))
            last = _followed(last, found, signed)
        if last != tip or max(signed, default=0) > tip.size:
            raise ChainBroken(f"the log does not end after its {tip.size} leaves")
        erased = await self._database.read(partial(_whole, tip.size))
        return LogState(size=tip.size, erased=erased, checkpoints=len(signed))

    def _made(self, at_ms: int) -> Job[Checkpoint]:
        tip = yield from self._log.tip()
        rows = yield ("SELECT size, at_ms, note FROM checkpoints ORDER BY size DESC LIMIT 1", ())
        if rows:
            size, old_ms, note = rows[0]
            old = self._root(size, note)
            path = yield from roots(consistency(size, tip.size) if size <= tip.size else (), {})
            if not consistent(size, tip.size, old, tip.root, path):
                raise ChainBroken(f"the log does not begin with the {size} leaves that were signed")
            if size == tip.size:
                return Checkpoint(size=size, root=old, at_ms=old_ms, note=note)
        root = base64.b64encode(tip.root).decode("ascii")
        note = self._signer.note(f"{self._signer.name}\n{tip.size}\n{root}\n")
        yield ("INSERT INTO checkpoints (size, at_ms, note) VALUES (?, ?, ?)", (tip.size, at_ms, note))
        return Checkpoint(size=tip.size, root=tip.root, at_ms=at_ms, note=note)

    def _root(self, size: int, note: str) -> bytes:
        try:
            found = verify_bundle.checkpoint(note.encode(), self._signer.key)
        except verify_bundle.Fault as error:
            raise ChainBroken(f"checkpoint {size} was altered: {error}") from None
        if found.size != size:
            raise ChainBroken(f"checkpoint {size} was altered: it is for {found.size} leaves")
        return found.root


def _followed(last: Tip, found: Mapping[Node, bytes], signed: Mapping[int, bytes]) -> Tip:
    """Grow the tree by a page of leaves, beside every hash that is stored for it."""
    expected: dict[Node, bytes] = {}
    for leaf in [found[node] for node in sorted(found) if node[0] == 0]:
        peaks, full = grown(last.size, last.peaks, leaf)
        expected |= dict(full)
        last = _met(Tip(size=last.size + 1, peaks=peaks), signed)
    if expected != found:
        raise ChainBroken(f"the log's tree was altered near leaf {last.size - 1}")
    return last


def _met(tip: Tip, signed: Mapping[int, bytes]) -> Tip:
    if signed.get(tip.size, folded(tip.peaks)) != folded(tip.peaks):
        raise ChainBroken(f"the first {tip.size} leaves of the log are not those that were signed")
    return tip


def _stored(start: int, stop: int) -> Job[dict[Node, bytes]]:
    """Read the hashes of all subtrees that leaves [start, stop) fill."""
    found: dict[Node, bytes] = {}
    for level in range(stop.bit_length()):
        rows = yield (
            "SELECT position, hash FROM log_nodes WHERE level = ? AND position >= ? AND position < ?",
            (level, start >> level, stop >> level),
        )
        found |= {(level, position): digest for position, digest in rows}
    if any((0, position) not in found for position in range(start, stop)):
        raise ChainBroken(f"a leaf of the log between {start} and {stop} is missing")
    return found


def _whole(size: int) -> Job[int]:
    """Count the erased salts, if there is exactly one leaf a receipt and no hash too many."""
    nodes = yield ("SELECT count(*) FROM log_nodes", ())
    leaves = yield (
        (
            "SELECT count(*), count(r.seq), count(l.salt) FROM log_leaves l"
            " LEFT JOIN receipts r ON r.tenant = l.tenant AND r.seq = l.seq WHERE l.position < ?"
        ),
        (size,),
    )
    count, known, salted = (int(each) for each in leaves[0])
    if nodes[0][0] < 2 * size - size.bit_count() or not count == known == size:
        raise ChainBroken("a leaf of the log has no receipt, or a hash is missing")
    return count - salted


def _signed() -> Job[Rows]:
    rows = yield ("SELECT size, note FROM checkpoints ORDER BY size", ())
    return rows


def _tenants() -> Job[tuple[TenantId, ...]]:
    rows = yield ("SELECT tenant FROM chains UNION SELECT tenant FROM receipts ORDER BY 1", ())
    return tuple(TenantId(row[0]) for row in rows)
