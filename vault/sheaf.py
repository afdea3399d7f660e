"""The judgements of one transaction, bound together: each row is written once, and each head once.

A job that writes a judgement binds it here, and the writer has all that were bound written at the end of the
transaction. So a judgement is committed with whatever else its job writes, or nothing of both is. But where a
hundred share a transaction, the heads of their chains and of the log are read and written once, not a hundred
times.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from firewall.core.receipt import Receipt
from vault.chain import Item, chained
from vault.job import Job
from vault.log import Log

# Every table that a judgement is written to, and what is made of them.
_TABLES = re.compile(r"\b(receipts|chains|records|outbox|log_\w+|checkpoints|erased|pruned)\b", re.IGNORECASE)


@dataclass(slots=True)
class Bound:
    """A judgement in a sheaf; it has its receipt from the end of the transaction on."""

    item: Item
    _receipt: Receipt | None = None

    @property
    def receipt(self) -> Receipt:
        """Its link in the chain."""
        if self._receipt is None:
            raise RuntimeError("a judgement is read before its transaction has ended")
        return self._receipt

    def linked(self, receipt: Receipt) -> None:
        """Take the receipt."""
        self._receipt = receipt


class Sheaf:
    """Binds judgements while the jobs of a transaction run; implements `writer.Ending`.

    Everything happens on the database's thread, one transaction after the other. What a transaction bound
    that was not committed is forgotten when the next one begins: its jobs are made again, and bind it again.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._bound: dict[str, Bound] | None = None
        self._waiting: list[Bound] = []

    def begin(self) -> None:
        """Begin a transaction."""
        self._bound, self._waiting = {}, []

    def bind(self, item: Item) -> Bound:
        """Have a judgement written at the end of this transaction; twice the same is once.

        Raises:
            RuntimeError: No transaction of the writer is open, so nothing would be written.
        """
        if self._bound is None:
            raise RuntimeError("a judgement is written in the writer's transactions only")
        if item.entry not in self._bound:
            self._bound[item.entry] = Bound(item)
            self._waiting.append(self._bound[item.entry])
        return self._bound[item.entry]

    def concerns(self, sql: str) -> bool:
        """True if this statement reads or changes what judgements are written to."""
        return bool(self._waiting) and _concerns(sql)

    def write(self) -> Job[None]:
        """Write what was bound and is not written yet, in the order in which it was bound.

        Raises:
            ChainBroken: The head of a chain or of the log was altered.
        """
        waiting, self._waiting = self._waiting, []
        receipts = yield from chained(self._log, [each.item for each in waiting])
        for each in waiting:
            each.linked(receipts[each.item.entry])

    def end(self) -> None:
        """End the transaction."""
        self._bound = None


@lru_cache(maxsize=1_024)
def _concerns(sql: str) -> bool:
    return _TABLES.search(sql) is not None
