"""PostgreSQL: the same jobs as on SQLite, one writer at a time in all processes, and commits that are known.

Writes take one advisory lock for their transaction, as SQLite's `BEGIN IMMEDIATE` takes the file: so a chain
has one end, and ids are given out in the order of their commits. Each process has a row in
`partywall_writers` and counts its commits there, in the transaction itself. That row answers four questions.

Did a commit arrive whose answer was lost? The count says so. Has another process committed? Its count says
so. May this process still write? Whoever finds it dead removes its row, and a transaction without one is
given up: a process that was only cut off cannot go on beside the one that took its work over. Has a server
all that was acknowledged? See `vault.fence`.

Source: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from firewall.core.errors import IntegrityError, StoreUnavailable
from vault.database import CommitUnknown, TransactionLost
from vault.fence import Fence, Lost, TakenForDead
from vault.job import Done, Failed, Job, Make, Outcome, driven
from vault.wires import Hub, Stuck, Terms, Wire

T = TypeVar("T")
READERS: Final = 4
# How long a lost connection is tried again before a turn is refused; see docs/operations/postgres.md.
PATIENCE_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0

_COUNTED = "UPDATE partywall_writers SET n = n + 1 WHERE id = current_setting('partywall.writer') RETURNING n"
_SEEN = "UPDATE partywall_writers SET n = n WHERE id = current_setting('partywall.writer') RETURNING n"


class Postgres:
    """One schema of one PostgreSQL database; implements `Database`."""

    def __init__(self, hub: Hub, terms: Terms, fence: Fence) -> None:
        self._hub = hub
        self._fence = fence
        self._writer = Wire(terms, fence)
        self._begin = f"BEGIN ISOLATION LEVEL READ COMMITTED; {terms.address.writing}"
        self._line = asyncio.Lock()
        self._readers: asyncio.LifoQueue[Wire] = asyncio.LifoQueue()
        for _ in range(READERS):
            self._readers.put_nowait(Wire(terms, fence))
        self._patience_s = PATIENCE_S
        self._over = False

    async def read(self, make: Callable[[], Job[T]]) -> T:
        """Run a job that only looks, on one consistent state."""
        return await self._hub.run(lambda: self._looked(make))

    async def write(self, makes: Sequence[Make]) -> list[Outcome]:
        """Run the jobs made here in one transaction and commit. See `Database.write`."""
        return await self._hub.run(lambda: self._in_turn(makes))

    async def arrive(self) -> None:
        """Count one commit, so that no server that lacks it is ever used again; runs on the hub's thread.

        Raises:
            StoreUnavailable: It did not arrive.
        """
        async with self._line:
            self._check()
            await self._patiently(self._writer, lambda: self._batch(()))

    async def forget(self) -> bool:
        """Do nothing: when the server overwrites what was deleted is its operator's business."""
        return False

    async def close(self) -> None:
        """Close every connection after what is under way."""
        await self._hub.run(self._closed)

    async def _closed(self) -> None:
        async with self._line:
            self._over = True
            wires = [await self._readers.get() for _ in range(READERS)]
            for wire in (*wires, self._writer):
                await wire.close()
            # Whoever still waits for a reader is told that there will be none.
            for wire in wires:
                self._readers.put_nowait(wire)

    async def _looked(self, make: Callable[[], Job[T]]) -> T:
        wire = await self._readers.get()
        try:
            self._check()
            return await self._patiently(wire, lambda: _snapshot(wire, make()))
        finally:
            self._readers.put_nowait(wire)

    async def _in_turn(self, makes: Sequence[Make]) -> list[Outcome]:
        async with self._line:
            self._check()
            if not makes:
                return []
            return await self._patiently(self._writer, lambda: self._batch(makes))

    def _check(self) -> None:
        if self._over:
            raise StoreUnavailable("the database is closed")

    async def _patiently(self, wire: Wire, work: Callable[[], Awaitable[T]]) -> T:
        """Do it, and again on a new connection if the old one was lost before anything was committed.

        Who waited in vain lets the next ones try once only, until the server answers again: a server that is
        down must not make everybody wait in line for as long each.
        """
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._patience_s, _FIRST_PAUSE_S
        while True:
            try:
                await wire.ready()
                value = await work()
            except Lost:
                wire.drop()
                if loop.time() + pause_s > deadline:
                    self._patience_s = 0.0
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._patience_s = PATIENCE_S
                return value

    async def _batch(self, makes: Sequence[Make]) -> list[Outcome]:
        """Run a batch the cheap way; savepoints cost as much as the jobs, and failures are rare."""
        number = await self._begun()
        outcomes = await self._together(makes)
        if outcomes is None:
            number = await self._begun()
            outcomes = await self._apart(makes)
        await self._committed(number)
        return outcomes

    async def _begun(self) -> int:
        """Begin, take the lock, and count this transaction as ours.

        Raises:
            TakenForDead: Another process took our work over.
        """
        try:
            await self._writer.do(self._begin)
            counted = await self._writer.ask(_COUNTED)
        except (Lost, Stuck):
            raise
        except Exception:
            await self._undone()
            raise
        if counted:
            number: int = counted[0][0]
            return number
        await self._undone()
        raise TakenForDead("another process took this one for dead; start it again")

    async def _together(self, makes: Sequence[Make]) -> list[Outcome] | None:
        """Run all jobs; None if one of them failed and nothing was written."""
        try:
            return [Done(value=await driven(make(), self._writer.fetch)) for make in makes]
        except (Lost, Stuck):
            raise
        except Exception:  # noqa: BLE001 - found again, and told to its owner, when the jobs run apart
            await self._undone()
            return None

    async def _apart(self, makes: Sequence[Make]) -> list[Outcome]:
        """Run the jobs each in a savepoint, so that a failure takes nothing else with it."""
        return [await self._alone(make()) for make in makes]

    async def _alone(self, job: Job[object]) -> Outcome:
        await self._writer.do("SAVEPOINT job")
        try:
            value = await driven(job, self._writer.fetch)
        except (Lost, Stuck):
            raise
        except Exception as error:  # noqa: BLE001 - handed to the caller that waits for this very job
            await self._writer.do("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")
            return Failed(error=error)
        await self._writer.do("RELEASE SAVEPOINT job")
        return Done(value=value)

    async def _committed(self, number: int) -> None:
        try:
            tag = await self._writer.do("COMMIT")
        except (Lost, Stuck):
            pass
        except StoreUnavailable as error:
            await self._undone()
            raise TransactionLost(f"nothing of a transaction was written: {error}") from None
        except IntegrityError as error:
            await self._undone()
            raise TransactionLost(f"nothing of a transaction was written: {error}") from None
        else:
            if tag != "COMMIT":
                raise TransactionLost("nothing of a transaction was written: the server gave it up")
            self._fence.reached(number)
            return
        await self._ascertained(number)

    async def _ascertained(self, number: int) -> None:
        """Find out whether a commit arrived whose answer did not.

        The lock is waited for, so that the transaction in question is over. What is found is then committed
        once more: a server that lost its standby while it waited for it shows what no standby has, and a
        commit behind it waits for a standby again.

        Raises:
            TransactionLost: It did not arrive.
            CommitUnknown: Nobody answers, or our row is gone.
        """
        try:
            known = await self._patiently(self._writer, self._known)
        except StoreUnavailable:
            known = None
        if known is None:
            raise CommitUnknown("the database did not say whether the last transaction was committed")
        if known < number:
            raise TransactionLost("nothing of a transaction was written: the connection was lost")
        self._fence.reached(number)

    async def _known(self) -> int | None:
        await self._writer.do(self._begin)
        rows = await self._writer.ask(_SEEN)
        await self._writer.do("COMMIT")
        return rows[0][0] if rows else None

    async def _undone(self) -> None:
        try:
            await self._writer.do("ROLLBACK")
        except StoreUnavailable:
            self._writer.drop()


async def _snapshot(wire: Wire, job: Job[T]) -> T:
    await wire.do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        return await driven(job, wire.fetch)
    finally:
        try:
            await wire.do("ROLLBACK")
        except StoreUnavailable:
            wire.drop()
