"""The mark that a process lives: a locked file, which the kernel lets go of however the process dies.

Process ids are used again and mean nothing across containers; clocks step. A lock does neither.

Source: flock(2): the lock belongs to the open file and goes with it, `kill -9` included.
"""

import fcntl
import os
import re
import time
from pathlib import Path

from firewall.core.errors import StoreUnavailable
from vault.crypto import Random

# The id comes back from the database and becomes a file name, so it is checked like any input.
_ID = re.compile(r"[0-9a-f]{32}")
_OPENING_TIMEOUT_S = 30.0
_POLL_S = 0.02


class Holder:
    """One open database in one process; implements `Mark` with a file, whose looks take microseconds.

    Attributes:
        id: 32 hex digits, drawn anew at each opening.
    """

    def __init__(self, holder_id: str, folder: Path | None, descriptor: int | None) -> None:
        self.id = holder_id
        self._folder = folder
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path | None, random: Random) -> "Holder":
        """Set the mark; without a folder (a database in memory) nobody else can look for it.

        Raises:
            StoreUnavailable: The folder cannot be written.
        """
        holder_id = random(16).hex()
        if folder is None:
            return cls(holder_id, None, None)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(folder / holder_id, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreUnavailable(f"the mark of this process cannot be set (errno {error.errno})") from error
        return cls(holder_id, folder, descriptor)

    async def lives(self, other: str) -> bool:
        """True if that process still has its database open; a dead one's file is removed on the way."""
        if other == self.id:
            return True
        if self._folder is None or not _ID.fullmatch(other):
            return False
        try:
            descriptor = os.open(self._folder / other, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            (self._folder / other).unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)

    async def others(self) -> bool:
        """True if any other process has the database open; the files of dead ones are removed on the way."""
        names = [] if self._folder is None else os.listdir(self._folder)
        return any([await self.lives(name) for name in names if name != self.id])

    async def close(self) -> None:
        """Take the mark away."""
        if self._descriptor is not None and self._folder is not None:
            (self._folder / self.id).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


class Opening:
    """Only one process at a time opens a database: makes its key, switches its journal, migrates it."""

    def __init__(self, database: Path | None) -> None:
        self._database = database
        self._descriptor = -1

    def begin(self) -> None:
        """Wait for other openers, at most 30 seconds (blocks; call it off the loop).

        Raises:
            StoreUnavailable: Another process did not finish in time, or the folder cannot be written.
        """
        if self._database is None:
            return
        path = self._database.with_name(f"{self._database.name}.opening")
        try:
            self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"the database's folder cannot be written (errno {error.errno})"
            ) from error
        deadline = time.monotonic() + _OPENING_TIMEOUT_S
        while not self._locked():
            if time.monotonic() > deadline:
                self.end()
                raise StoreUnavailable("another process has been opening the database for too long")
            time.sleep(_POLL_S)

    def end(self) -> None:
        """Let the next opener in."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
