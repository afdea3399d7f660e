"""A copy of a database that is in use: one consistent state, by SQLite's own backup, stopping no writer."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from firewall.core.errors import IntegrityError
from vault.sqlite import translated

_WAIT_S = 30.0


async def copied(source: Path, target: Path) -> None:
    """Copy a database as it is committed now to a new file; nobody who uses it waits for this.

    The copy is made in one step: it reads one state, and a writer goes on behind it in the journal.

    Raises:
        StoreUnavailable: It cannot be read or written.
        IntegrityError: It is damaged.
    """
    await asyncio.to_thread(_copied, source, target)


async def examined(database: Path) -> int:
    """Check every page and index of a database and give the version of its schema.

    Raises:
        IntegrityError: It is damaged, or no database.
        StoreUnavailable: It cannot be read.
    """
    return await asyncio.to_thread(_examined, database)


def sqlite_version() -> str:
    """Give the version of the library that reads and writes databases here."""
    return sqlite3.sqlite_version


def _copied(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(source, timeout=_WAIT_S)) as reader,
            closing(sqlite3.connect(target, timeout=_WAIT_S)) as writer,
        ):
            reader.execute("PRAGMA query_only = ON")
            reader.backup(writer)
            # One file then, whatever the other one's journal is.
            writer.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise translated(error) from error


def _examined(database: Path) -> int:
    try:
        with closing(sqlite3.connect(database, timeout=_WAIT_S)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()
            version = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise translated(error) from error
    if found[0] != "ok":
        raise IntegrityError("a copy of the database is damaged; take another backup")
    return int(version[0])
