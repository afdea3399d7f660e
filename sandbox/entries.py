"""What lies in a tree, seen through descriptors: one entry, one directory, a bounded walk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal

from sandbox.errors import EntryFault, EntryUnavailable, EscapeFault, EscapeRefused, PathRefused
from sandbox.paths import JailPath
from sandbox.resolve import DIRECTORY_FLAGS, Resolver, refusal

Kind = Literal["file", "directory", "special"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a tree; `special` (link, device, pipe, socket) can be deleted and is never opened."""

    path: JailPath
    kind: Kind
    size_bytes: int


def kind_of(status: os.stat_result) -> Kind:
    """Sort by what may be done with it: files are opened, directories entered, the rest only deleted."""
    if stat.S_ISREG(status.st_mode):
        return "file"
    if stat.S_ISDIR(status.st_mode):
        return "directory"
    return "special"


def require_plain_file(fd: int) -> os.stat_result:
    """Return the status of an open file if nothing about it leads outside.

    A hard link is the one way to a foreign file that no path check can see: the same bytes under a name of
    one's own. A file with two names is therefore refused, whichever name came first. Setuid and setgid bits
    would let a file act as somebody else. Devices, pipes and sockets are doors to the machine.

    Raises:
        EscapeRefused: The object is not a regular file with exactly one name.
        EntryUnavailable: It is a directory.
    """
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        raise EntryUnavailable(EntryFault.IS_DIRECTORY)
    if not stat.S_ISREG(status.st_mode):
        raise EscapeRefused(EscapeFault.SPECIAL)
    if status.st_nlink > 1:
        raise EscapeRefused(EscapeFault.HARD_LINK)
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise EscapeRefused(EscapeFault.SET_ID)
    return status


@contextmanager
def directory(resolver: Resolver, root_fd: int, path: JailPath) -> Generator[int]:
    """Hold a directory open for as long as the block runs."""
    fd = resolver(root_fd, path, DIRECTORY_FLAGS)
    try:
        yield fd
    finally:
        os.close(fd)


def opened_file(resolver: Resolver, root_fd: int, path: JailPath) -> BinaryIO:
    """Open one regular file for reading; what is returned is the very object that was checked."""
    fd = resolver(root_fd, path, os.O_RDONLY)
    try:
        require_plain_file(fd)
    except BaseException:
        os.close(fd)
        raise
    return os.fdopen(fd, "rb")


def children(fd: int, path: JailPath, *, max_entries: int) -> tuple[Entry, ...]:
    """Give what an open directory holds, sorted by name, links seen as themselves.

    Raises:
        EntryUnavailable: There are more than max_entries; a silent cut would look like the whole.
    """
    found: list[Entry] = []
    with os.scandir(fd) as names:
        for item in names:
            if len(found) >= max_entries:
                raise EntryUnavailable(EntryFault.TOO_LARGE)
            entry = _entry(item, path)
            if entry is not None:
                found.append(entry)
    return tuple(sorted(found, key=lambda entry: entry.path.parts))


def _entry(item: os.DirEntry[str], path: JailPath) -> Entry | None:
    """Describe a name, or nothing where it vanished since it was read."""
    try:
        status = item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    try:
        place = path.child(os.fsencode(item.name))
    except PathRefused:
        # A process may build a tree deeper than any path; nobody can name what lies there.
        raise EntryUnavailable(EntryFault.TOO_LARGE) from None
    return Entry(path=place, kind=kind_of(status), size_bytes=status.st_size)


def below(
    resolver: Resolver,
    root_fd: int,
    start: JailPath,
    *,
    max_entries: int,
    enters: Callable[[JailPath], bool] = lambda _: True,
) -> Iterator[Entry]:
    """Walk everything under start, parents before children, each directory opened beneath the root anew.

    The caller bounds the work by max_entries; `enters` says which directories are worth entering.

    Raises:
        EntryUnavailable: The tree holds more than max_entries.
    """
    waiting = [start]
    left = max_entries
    while waiting:
        for entry in _children_if_still_there(resolver, root_fd, waiting.pop(), left, start):
            left -= 1
            yield entry
            if entry.kind == "directory" and enters(entry.path):
                waiting.append(entry.path)


def _children_if_still_there(
    resolver: Resolver, root_fd: int, path: JailPath, left: int, start: JailPath
) -> tuple[Entry, ...]:
    """Give no children for a directory removed or swapped during the walk; only the start must exist."""
    try:
        with directory(resolver, root_fd, path) as fd:
            return children(fd, path, max_entries=left)
    except OSError as fault:
        raise refusal(fault.errno) from None
    except (EscapeRefused, EntryUnavailable) as error:
        if path == start or error.fault not in _GONE:
            raise
        return ()


_GONE = (EscapeFault.LINK, EscapeFault.CROSSING, EntryFault.MISSING, EntryFault.NOT_DIRECTORY)
