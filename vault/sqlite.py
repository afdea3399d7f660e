"""SQLite: two connections, whole batches in one hop to their thread, and the driver's errors in our words."""

import sqlite3
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

import aiosqlite

from firewall.core.errors import IntegrityError, PartywallError, StoreUnavailable
from vault.database import TransactionLost
from vault.job import Done, Failed, Job, Make, Outcome, Rows, Value, drive

MEMORY = ":memory:"
T = TypeVar("T")

_REMEDIES = {
    "SQLITE_FULL": "the disk is full; free space and try again",
    "SQLITE_READONLY": "the database is read-only; make its file and folder writable",
    "SQLITE_BUSY": "another process kept the database locked; try again",
    "SQLITE_LOCKED": "another process kept the database locked; try again",
    "SQLITE_CANTOPEN": "the database cannot be opened; check that its folder exists and is writable",
    "SQLITE_IOERR": "the disk reported an error",
}
_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})


class Synchronous(StrEnum):
    """How far a commit has gone when it returns.

    `FULL` survives a power cut. `NORMAL` survives the death of the process only: after a power cut the last
    commits may be gone, acknowledged or not.
    """

    NORMAL = "NORMAL"
    FULL = "FULL"


class _Wire(aiosqlite.Connection):
    """A connection that runs whole functions on its thread: one hop for a batch, not one a statement.

    The driver logs what it executes at debug level. A closure has no readable arguments, so no value can
    reach that log; `aiosqlite.Connection.execute` would put every parameter there.
    """

    @classmethod
    def to(cls, path: str, busy_timeout_s: float) -> "_Wire":
        """Make a connection that is opened when awaited."""

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(path, isolation_level=None, timeout=busy_timeout_s, cached_statements=256)

        wire = cls(connect, 64)
        # A program that never closes the wall must still be able to end; a commit is atomic either way.
        wire._thread.daemon = True
        return wire

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's own thread and give what it returns."""
        if not self._running or self._connection is None:
            raise StoreUnavailable("the database is closed")
        result: T = await self._execute(lambda: work(self._conn))  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType] - the driver leaves it untyped
        return result


def translated(error: Exception) -> Exception:
    """Give the error in our words: whose fault it is and what to do; bugs stay as they are."""
    if isinstance(error, PartywallError) or not isinstance(error, sqlite3.Error):
        return error
    name: str = getattr(error, "sqlite_errorname", "") or type(error).__name__
    base = "_".join(name.split("_")[:2])
    if base in _DAMAGED:
        return IntegrityError(f"the database file is damaged ({name}); restore it from a backup")
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(f"the database refused a row that contradicts it ({name})")
    if isinstance(error, sqlite3.ProgrammingError):
        return error
    return StoreUnavailable(f"{_REMEDIES.get(base, 'the database did not answer')} ({name})")


def _executor(connection: sqlite3.Connection) -> Callable[[str, tuple[Value, ...]], Rows]:
    return lambda sql, values: connection.execute(sql, values).fetchall()


def _begin(connection: sqlite3.Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.Error as error:
        raise translated(error) from error


def _undone(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:  # closing the statement journal failed as well; the next BEGIN will say so
        pass


def _together(connection: sqlite3.Connection, makes: Sequence[Make]) -> list[Outcome] | None:
    """Run all jobs in one transaction and commit it; None if one of them failed and nothing was written."""
    _begin(connection, "BEGIN IMMEDIATE")
    execute = _executor(connection)
    try:
        outcomes: list[Outcome] = [Done(value=drive(make(), execute)) for make in makes]
    except Exception:  # noqa: BLE001 - found again, and told to its owner, when the jobs run apart
        _undone(connection)
        return None
    except BaseException:
        _undone(connection)
        raise
    _committed(connection)
    return outcomes


def _apart(connection: sqlite3.Connection, makes: Sequence[Make]) -> list[Outcome]:
    """Run the jobs in one transaction, each in a savepoint, so that a failure takes nothing else with it."""
    _begin(connection, "BEGIN IMMEDIATE")
    outcomes: list[Outcome] = []
    try:
        for make in makes:
            outcome = _alone(connection, make())
            # On a full disk or an I/O error SQLite may give up the whole transaction by itself.
            if not connection.in_transaction:
                raise _lost(outcome)
            outcomes.append(outcome)
    except sqlite3.Error as error:
        _undone(connection)
        raise TransactionLost(f"nothing of a transaction was written: {translated(error)}") from error
    except BaseException:
        _undone(connection)
        raise
    _committed(connection)
    return outcomes


def _alone(connection: sqlite3.Connection, job: Job[object]) -> Outcome:
    connection.execute("SAVEPOINT job")
    try:
        value = drive(job, _executor(connection))
    except Exception as error:  # noqa: BLE001 - handed to the caller that waits for this very job
        failure = translated(error)
        if failure is not error:
            failure.__cause__ = error
        if connection.in_transaction:
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
        return Failed(error=failure)
    connection.execute("RELEASE job")
    return Done(value=value)


def _committed(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _undone(connection)
        raise TransactionLost(f"nothing of a transaction was written: {translated(error)}") from error


def _batch(connection: sqlite3.Connection, makes: Sequence[Make]) -> list[Outcome]:
    """Run a batch the cheap way; a savepoint a job costs as much as the job, and failures are rare."""
    if not makes:
        return []
    return _together(connection, makes) or _apart(connection, makes)


def _lost(outcome: Outcome) -> TransactionLost:
    """Say why the database gave the whole transaction up: in our own words, or not at all."""
    error = outcome.error if isinstance(outcome, Failed) else None
    reason = f": {error}" if isinstance(error, StoreUnavailable) else ""
    return TransactionLost(f"nothing of a transaction was written{reason}")


def _forgotten(connection: sqlite3.Connection) -> None:
    """Bring the deletions into the file, rewrite it without its free pages, and bring that there too.

    Source: https://sqlite.org/lang_vacuum.html, https://sqlite.org/pragma.html#pragma_wal_checkpoint
    """
    try:
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            found = connection.execute(statement).fetchall()
            if found and found[0][0]:
                raise StoreUnavailable("another process reads the database; end it")
    except sqlite3.Error as error:
        raise translated(error) from error


def _snapshot(connection: sqlite3.Connection, job: Job[T]) -> T:
    _begin(connection, "BEGIN")
    try:
        return drive(job, _executor(connection))
    except sqlite3.Error as error:
        raise translated(error) from error
    finally:
        _undone(connection)


class Database:
    """One SQLite file, or memory; implements `vault.database.Database`.

    Reads see one committed state, writes come one batch at a time.
    """

    def __init__(self, writer: _Wire, reader: _Wire) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, path: str, *, synchronous: Synchronous, busy_timeout_s: float) -> "Database":
        """Open the file, which may be new, with its journal and pragmas set.

        Raises:
            StoreUnavailable: It cannot be opened or is locked.
            IntegrityError: It is no SQLite database, or a damaged one.
        """
        writer = await _opened(path, synchronous, busy_timeout_s)
        if path == MEMORY:
            return cls(writer, writer)
        try:
            reader = await _opened(path, synchronous, busy_timeout_s)
            await reader.run(lambda connection: connection.execute("PRAGMA query_only = ON"))
        except BaseException:
            await writer.close()
            raise
        return cls(writer, reader)

    async def read(self, make: Callable[[], Job[T]]) -> T:
        """Run a job that only looks, on one consistent state."""
        return await self._reader.run(lambda connection: _snapshot(connection, make()))

    async def write(self, makes: Sequence[Make]) -> list[Outcome]:
        """Run the jobs made here in one transaction and commit; outcomes come in the same order.

        A job that fails takes no other with it; the others are then made again. Batches come one after the
        other: also an empty one ends after all that were handed in before it.

        Raises:
            StoreUnavailable: The transaction could not begin.
            TransactionLost: It could not be committed; all of them may be tried again.
        """
        return await self._writer.run(lambda connection: _batch(connection, makes))

    async def forget(self) -> bool:
        """Rewrite the file and empty its journal: what was deleted stands in neither afterwards.

        Raises:
            StoreUnavailable: The disk is full, or another process reads the file.
        """
        await self._writer.run(_forgotten)
        return True

    async def close(self) -> None:
        """Close both connections after what is under way."""
        if self._reader is not self._writer:
            await self._reader.close()
        await self._writer.close()


async def _opened(path: str, synchronous: Synchronous, busy_timeout_s: float) -> _Wire:
    wire = _Wire.to(path, busy_timeout_s)
    try:
        await wire
        await wire.run(lambda connection: _configured(connection, synchronous))
    except sqlite3.Error as error:
        await wire.close()
        raise translated(error) from error
    except BaseException:
        await wire.close()
        raise
    return wire


def _configured(connection: sqlite3.Connection, synchronous: Synchronous) -> None:
    for pragma in (
        "foreign_keys = ON",
        "journal_mode = WAL",
        f"synchronous = {synchronous.value}",
        "temp_store = MEMORY",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")
