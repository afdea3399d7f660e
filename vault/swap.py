"""Putting a restored database and its files in the place of the present ones: the new state, or the old.

Two renames are never one. So before the first of them a note is written beside the database, and the renaming
of the database itself is the last one: until then the old state counts. Whoever opens the database next,
finds the note, and sees that the restored database is not in its place, puts the old files back.
"""

import fcntl
import json
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from firewall.core.errors import IntegrityError, StoreUnavailable
from vault.holder import Opening

_BESIDE = ("-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What goes where, all of it absolute; `database` and `files` may not exist yet.

    Attributes:
        database: The database in use.
        fresh: The restored one, closed, on the same file system.
        kept: Where the old database is kept, on the same file system; not there yet.
        files: The folder of the compartments in use.
        fresh_files: The restored one, on the same file system.
        kept_files: Where the old one is kept; not there yet.
    """

    database: str
    fresh: str
    kept: str
    files: str
    fresh_files: str
    kept_files: str


def swapped(swap: Swap) -> None:
    """Swap, with nobody else in the database; blocks.

    Raises:
        StoreUnavailable: A process has the database open, or a folder cannot be written; nothing changed.
    """
    database = Path(swap.database)
    opening = Opening(database)
    opening.begin()
    try:
        undone(database)
        if in_use(database):
            raise StoreUnavailable("a process has the database open; stop the bot, then restore again")
        try:
            _swap(swap, database)
        except OSError as error:
            undone(database)
            raise StoreUnavailable(
                f"the state cannot be swapped (errno {error.errno}); the old one stands"
            ) from error
    finally:
        opening.end()


def in_use(database: Path) -> bool:
    """True if any process has this database open, told by the marks that processes lock."""
    folder = database.with_name(f"{database.name}.holders")
    if not folder.is_dir():
        return False
    return any(_locked(mark) for mark in folder.iterdir())


def undone(database: Path) -> None:
    """Put the old files back if a swap ended before the restored database was in its place.

    Raises:
        IntegrityError: The note of the swap cannot be read.
    """
    note = _note_of(database)
    try:
        told = json.loads(note.read_bytes())
        swap, inode = Swap(**told["swap"]), int(told["inode"])
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError):
        raise IntegrityError(
            "the note of an interrupted restore cannot be read; put the kept files back, then remove it"
        ) from None
    if not (database.exists() and database.stat().st_ino == inode):
        if Path(swap.kept_files).exists():
            _moved(swap.files, swap.fresh_files)
            os.rename(swap.kept_files, swap.files)
        Path(swap.kept).unlink(missing_ok=True)
    _synced(Path(swap.files).parent)
    note.unlink()
    _synced(database.parent)


def _swap(swap: Swap, database: Path) -> None:
    _quiet(swap)
    files = Path(swap.files)
    files.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not files.exists():
        # What is undone by putting something back must have something to put back.
        files.mkdir(mode=0o700)
    _noted(swap, database)
    if database.exists():
        os.link(database, swap.kept)
    os.rename(files, swap.kept_files)
    os.rename(swap.fresh_files, files)
    _synced(files.parent)
    os.rename(swap.fresh, database)
    _synced(database.parent)
    _note_of(database).unlink()
    _synced(database.parent)


def _quiet(swap: Swap) -> None:
    """Bring the old journal into the old database, so that it is not replayed over the new one."""
    if not Path(swap.database).exists():
        return
    with suppress(sqlite3.Error), closing(sqlite3.connect(swap.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in _BESIDE:
        # Left by a damaged database only; it belongs to that one.
        _moved(f"{swap.database}{suffix}", f"{swap.kept}{suffix}")


def _noted(swap: Swap, database: Path) -> None:
    note = _note_of(database)
    text = json.dumps({"swap": asdict(swap), "inode": os.stat(swap.fresh).st_ino})
    draft = note.with_name(f"{note.name}.draft")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, note)
    _synced(database.parent)


def _note_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.restoring")


def _moved(source: str, target: str) -> None:
    with suppress(FileNotFoundError):
        os.rename(source, target)


def _locked(mark: Path) -> bool:
    try:
        descriptor = os.open(mark, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _synced(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
