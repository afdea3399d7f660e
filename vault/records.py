"""Judgements on their way into the database: durable before anything follows, in the order judged."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import lru_cache, partial

from firewall.core.errors import StoreUnavailable
from firewall.core.ids import Ref, TenantId, checked
from firewall.core.ports import Clock
from firewall.core.receipt import Judgement, Receipt, RecordKind
from vault.bodies import Act
from vault.chain import Item
from vault.database import Database
from vault.job import Job
from vault.ledger import Filter, Ledger, Stored
from vault.log import Log
from vault.sheaf import Bound, Sheaf
from vault.summaries import Summary, Width
from vault.writer import Writer, told

MAX_OWED = 10_000
# The judgements of a turn, and the turns of a session, name the same again and again.
_checked = lru_cache(maxsize=4_096)(checked)


class Records:
    """The record store; implements `RecordStore` and answers operators' questions.

    A queued judgement is owed until its commit was seen. Each `record` and `intend` of the same tenant writes
    what is still owed before its own rows, in the same transaction: a judgement cannot be overtaken, and
    where it cannot be written nothing after it can. Tenants do not wait for each other's.
    """

    def __init__(self, database: Database, writer: Writer, *, log: Log, clock: Clock, holder: str) -> None:
        self._ledger = Ledger(database, log.secret)
        self._writer = writer
        self._sheaf = Sheaf(log)
        writer.end_with(self._sheaf)
        self._clock = clock
        self._holder = holder
        self._count = 0
        self._acted = False
        self._owed: dict[TenantId, list[Item]] = {}
        self._flushing: set[TenantId] = set()

    async def record(self, judgement: Judgement) -> Receipt:
        """Commit a judgement with its records; it is durable when this returns.

        Cancelling stops the wait, not the commit: what was judged stays recorded. What could not be committed
        is owed from then on, like a queued judgement: whoever fills the disk erases no denial.

        Raises:
            StoreUnavailable: It could not be committed; the caller must refuse.
            BadIdentifier: Its tenant, session, turn or reference can name nothing.
        """
        item = self._item(judgement)
        before = self._waiting(judgement.tenant)
        try:
            bound = await self._writer.submit(judgement.tenant, partial(self._after, before, item))
        except (StoreUnavailable, asyncio.CancelledError) as error:
            # Also what may have been committed is owed: a judgement is never written twice.
            self._owe(judgement.tenant, item)
            if isinstance(error, StoreUnavailable):
                told("a judgement; it is written before its tenant's next one, or nothing is", error)
            raise
        self._paid(judgement.tenant, (*before, item))
        return bound.receipt

    def queue(self, judgement: Judgement) -> None:
        """Commit a judgement no later than any `record` or `intend` of its tenant that is called after this.

        Raises:
            StoreUnavailable: Too many of this tenant's judgements are waiting; the caller must refuse.
            BadIdentifier: Its tenant, session, turn or reference can name nothing.
        """
        item = self._item(judgement)
        owed = self._owed.setdefault(judgement.tenant, [])
        if len(owed) >= MAX_OWED:
            raise StoreUnavailable("too many judgements of this tenant wait for the database")
        owed.append(item)
        try:
            self._flush(judgement.tenant)
        except StoreUnavailable:
            owed.remove(item)
            raise

    def owed(self, tenant: TenantId) -> Callable[[], Job[None]]:
        """Give the job that writes what is owed now; the first step of any job that must not overtake it."""
        return partial(self._linked, self._waiting(tenant))

    def acted(self, act: Act, entry: str) -> Job[None]:
        """Have what an operator did written in the transaction of the job that this is part of.

        Args:
            act: What it was.
            entry: Names it in this database; what has the name of one that is there is not written again.
        """
        self._acted = True
        item = Item(entry=entry, at_ms=self._clock.now_ms(), judgement=act, body=act.body)
        yield from self._linked((item,))

    async def settle(self) -> None:
        """Commit everything that is owed.

        Raises:
            StoreUnavailable: It could not be committed.
        """
        for tenant in [tenant for tenant, owed in self._owed.items() if owed]:
            items = self._waiting(tenant)
            await self._writer.submit(tenant, partial(self._linked, items))
            self._paid(tenant, items)

    @property
    def wrote(self) -> bool:
        """True if something was handed in here for a receipt."""
        return self._count > 0 or self._acted

    async def violations(self, where: Filter, *, after: int = 0, limit: int = 100) -> tuple[Stored, ...]:
        """Give matching records with ids over `after`, oldest first, at most `limit` (1 to 500)."""
        return await self._ledger.listed(where, after=after, limit=limit)

    async def youngest(self, where: Filter, limit: int) -> tuple[Stored, ...]:
        """Give the youngest matching records, oldest first, at most `limit`."""
        return await self._ledger.youngest(where, limit)

    def export(self, where: Filter) -> AsyncIterator[Stored]:
        """Give every matching record, oldest first."""
        return self._ledger.export(where)

    async def summary(self, where: Filter, *, top: int, width: Width) -> Summary:
        """Count matching records by rule, layer, severity, sender and time; each list at most `top` long."""
        return await self._ledger.summary(where, top=top, width=width)

    async def counts(self, where: Filter) -> dict[RecordKind, int]:
        """Count matching records by kind; a kind without any is absent."""
        return await self._ledger.counts(where)

    async def why(self, ref: Ref) -> tuple[Stored, ...]:
        """Give every record of one reference, violation or not, oldest first; empty if it is unknown."""
        return await self._ledger.listed(Filter(ref=ref, violation=None), after=0, limit=500)

    async def prune(self, before_ms: int) -> int:
        """Remove all records older than that moment and count them; their receipts stay, and one says so.

        Raises:
            ChainBroken: A mark of an earlier pruning was altered.
            StoreUnavailable: The database did not answer; what was removed until then stays removed.
        """
        return await self._ledger.prune(self._writer, before_ms, self.acted)

    def receipts(self, tenant: TenantId) -> AsyncIterator[Receipt]:
        """Give one tenant's receipts, oldest first, as they stand."""
        return self._ledger.receipts(tenant)

    async def verify(self, tenant: TenantId) -> int:
        """Count the tenant's receipts, or say where the chain or its records are broken.

        Raises:
            ChainBroken: A receipt, a record or the head was changed, removed, added or moved.
        """
        return await self._ledger.verify(tenant)

    def _item(self, judgement: Judgement) -> Item:
        # A record with an empty owner would belong to nobody and be found by nobody.
        for name in ("tenant", "session", "turn", "ref"):
            _checked(getattr(judgement, name), what=f"judgement {name}")
        self._count += 1
        return Item.of(judgement, f"{self._holder}-{self._count}", self._clock.now_ms())

    def _waiting(self, tenant: TenantId) -> tuple[Item, ...]:
        return tuple(self._owed.get(tenant, ()))

    def _after(self, before: tuple[Item, ...], item: Item) -> Job[Bound]:
        yield from self._linked(before)
        return self._sheaf.bind(item)

    def _linked(self, items: tuple[Item, ...]) -> Job[None]:
        # Bound, and written at the end of the transaction that this job is part of.
        yield from ()
        for item in items:
            self._sheaf.bind(item)

    def _flush(self, tenant: TenantId) -> None:
        """Have what is owed written soon; one such job a tenant is under way at a time."""
        if tenant in self._flushing:
            return
        written: list[Item] = []

        def job() -> Job[None]:
            # On the database's thread. First the mark, then the look: a judgement queued in between is
            # seen here, or has had another flush posted for it.
            self._flushing.discard(tenant)
            written[:] = self._waiting(tenant)
            return self._linked(tuple(written))

        future = self._writer.post(tenant, job)
        self._flushing.add(tenant)

        def settled(_: object) -> None:
            self._flushing.discard(tenant)
            error = None if future.cancelled() else future.exception()
            if error is not None:
                told(
                    "queued judgements; they are written before their tenant's next one, or nothing is", error
                )
            elif not future.cancelled():
                self._paid(tenant, tuple(written))

        future.add_done_callback(settled)

    def _owe(self, tenant: TenantId, item: Item) -> None:
        owed = self._owed.setdefault(tenant, [])
        if len(owed) < MAX_OWED:
            owed.append(item)

    def _paid(self, tenant: TenantId, items: tuple[Item, ...]) -> None:
        """Forget what is committed now."""
        gone = {item.entry for item in items}
        left = [item for item in self._owed.get(tenant, ()) if item.entry not in gone]
        if left:
            self._owed[tenant] = left
        else:
            self._owed.pop(tenant, None)
