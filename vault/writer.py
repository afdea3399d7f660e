"""The writer: one task per database that commits what everybody hands in, many jobs to a transaction."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar, assert_never, cast

from firewall.core.errors import StoreUnavailable
from vault.database import TransactionLost
from vault.job import Done, Failed, Job, Make, Outcome, Rows

MAX_BATCH = 512
MAX_WAITING = 8_192
T = TypeVar("T")
_LOG = logging.getLogger("partywall")


# A plain pair: one is made for every row that is written.
_Handed: TypeAlias = tuple[Make, "asyncio.Future[Any]"]


class Ending(Protocol):
    """What jobs leave to be written for all of them together, at the end of their transaction."""

    def begin(self) -> None:
        """Begin a transaction, and forget what one left that was not committed."""
        ...

    def concerns(self, sql: str) -> bool:
        """True if this statement has to see what was left until now."""
        ...

    def write(self) -> Job[None]:
        """Write what was left until now."""
        ...

    def end(self) -> None:
        """End the transaction: nothing can be left from now on."""
        ...


class Writer:
    """Commits jobs in the order of their tenant, tenants taking turns.

    A job that was handed in runs even if nobody waits for it any more. A job that fails takes no other with
    it: its batch is run again with a savepoint a job, and a batch lost as a whole is tried again job by job.
    A failure that nobody waits for any more is logged, once for its batch.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Make]], Awaitable[list[Outcome]]],
        *,
        waiting: int = MAX_WAITING,
    ) -> None:
        self._write = write
        self._waiting = waiting
        self._ending: Ending | None = None
        self._lanes: OrderedDict[str, deque[_Handed]] = OrderedDict()
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._work(), name="partywall writer")
        self._task.add_done_callback(self._stopped)

    def end_with(self, ending: Ending) -> None:
        """Have every transaction from now on end with this."""
        self._ending = ending

    def post(self, tenant: str, make: Callable[[], Job[T]]) -> "asyncio.Future[T]":
        """Hand a job in without waiting; `make` is called again if the job has to be tried again.

        The room for waiting jobs is shared evenly between the tenants that have any, so that one tenant's
        flood is refused while the others are still served.

        Raises:
            StoreUnavailable: The writer is closed, or this tenant's share of the queue is full.
        """
        if self._closing:
            raise StoreUnavailable("the database is closed")
        others = len(self._lanes) + (tenant not in self._lanes)
        if len(self._lanes.get(tenant, ())) >= max(1, self._waiting // others):
            raise StoreUnavailable("too many writes of this tenant are waiting; try again later")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(tenant, deque()).append((make, future))
        self._wake.set()
        return future

    def leave(self, tenant: str, make: Callable[[], Job[object]]) -> None:
        """Hand a job in that nobody waits for; it is committed all the same, and a failure is logged.

        Raises:
            StoreUnavailable: As `post`.
        """
        self.post(tenant, make).cancel()

    async def submit(self, tenant: str, make: Callable[[], Job[T]]) -> T:
        """Hand a job in and give what it returned once it is committed; cancelling only stops the wait."""
        return await self.post(tenant, make)

    async def close(self) -> None:
        """Commit what was handed in, then stop."""
        self._closing = True
        self._wake.set()
        await asyncio.wait({self._task})

    async def _work(self) -> None:
        try:
            while self._lanes or not self._closing:
                if not self._lanes:
                    self._wake.clear()
                    await self._wake.wait()
                if self._lanes:
                    await self._settle(self._next())
        finally:
            # The loop is going down without `close`: what was handed in is still written.
            self._closing = True
            while self._lanes:
                await self._settle(self._next())
            # A batch whose wait was cut off is still on the database's thread, which ends with the process:
            # what comes behind it there comes after its commit.
            await self._write(())

    def _next(self) -> list[_Handed]:
        """Take the next batch, one job of each tenant in turn; who was served goes to the end."""
        batch: list[_Handed] = []
        while self._lanes and len(batch) < MAX_BATCH:
            tenant, lane = self._lanes.popitem(last=False)
            batch.append(lane.popleft())
            if lane:
                self._lanes[tenant] = lane
        return batch

    async def _settle(self, batch: list[_Handed]) -> None:
        try:
            outcomes = await self._commit(batch)
        except BaseException:
            for handed in batch:
                _resolve(handed[1], Failed(error=StoreUnavailable("the database was closed meanwhile")))
            raise
        unseen = [
            outcome.error
            for handed, outcome in zip(batch, outcomes, strict=True)
            if isinstance(outcome, Failed) and handed[1].done()
        ]
        if unseen:
            told(f"{len(unseen)} writes that nobody waits for any more", unseen[0])
        for handed, outcome in zip(batch, outcomes, strict=True):
            _resolve(handed[1], outcome)

    def _stopped(self, task: "asyncio.Task[None]") -> None:
        """Say why nothing is written any more: from here on every write is refused."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            told("every write from now on; start the bot again", error)

    async def _commit(self, batch: list[_Handed]) -> list[Outcome]:
        try:
            return await self._written([make for make, _ in batch])
        except TransactionLost as error:
            if len(batch) == 1:
                return [Failed(error=error)]
        except Exception as error:  # noqa: BLE001 - everybody who waits is told
            return [Failed(error=error) for _ in batch]
        return [outcome for handed in batch for outcome in await self._commit([handed])]

    async def _written(self, makes: list[Make]) -> list[Outcome]:
        """Have the jobs run as one with their common end, or, where that fails, each with an end of its own.

        The end is never apart from its jobs: were it a job of its own, a failure of it would leave the others
        committed without what they had left to it.
        """
        if self._ending is None:
            return await self._write(makes)
        (outcome,) = await self._write([partial(_ended, makes, self._ending)])
        if isinstance(outcome, Failed) and len(makes) > 1:
            outcomes = await self._write([partial(_ended, [make], self._ending) for make in makes])
        else:
            outcomes = [outcome]
        return [each for outcome in outcomes for each in _each(outcome)]


def _ended(makes: list[Make], ending: Ending) -> Job[list[object]]:
    """Be all of these jobs, one after the other, and what they leave to the end.

    A job sees what those before it did: what they left is written before a statement that it concerns.
    """
    ending.begin()
    values: list[object] = []
    try:
        for make in makes:
            values.append((yield from _seeing(make(), ending)))  # noqa: PERF401 - a comprehension cannot yield
        yield from ending.write()
    finally:
        ending.end()
    return values


def _seeing(job: Job[object], ending: Ending) -> Job[object]:
    rows: Rows | None = None
    while True:
        try:
            statement = next(job) if rows is None else job.send(rows)
        except StopIteration as done:
            return done.value
        if ending.concerns(statement[0]):
            yield from ending.write()
        rows = yield statement


def _each(outcome: Outcome) -> list[Outcome]:
    """Give the outcome of each job that was part of one."""
    match outcome:
        case Done(value=values):
            return [Done(value=value) for value in cast("list[object]", values)]
        case Failed():
            return [outcome]
        case _:
            assert_never(outcome)


def told(what: str, error: BaseException) -> None:
    """Log that something was not committed: what, and the kind of the error, whose text may be anybody's."""
    _LOG.error("the database did not commit %s (%s)", what, type(error).__name__)


def _resolve(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    match outcome:
        case Done(value=value):
            future.set_result(value)
        case Failed(error=error):
            future.set_exception(error)
            # Whoever waited may have been cancelled; asking once keeps the loop from complaining.
            future.exception()
        case _:
            assert_never(outcome)
