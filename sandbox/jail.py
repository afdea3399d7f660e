"""One directory tree that nothing leads out of.

Every verb takes a `JailPath` and works through descriptors beneath the jail's root (see `sandbox.resolve`):
links are never followed, mounts never crossed, devices, pipes, sockets, hard links and setuid files never
opened. What a verb returns is the opened object or its bytes, not a name to be opened again.

All verbs are synchronous; callers on an event loop use `asyncio.to_thread`. A jail is safe to share between
threads. The names and contents are their owner's: no error carries them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self

from sandbox import search
from sandbox.entries import Entry, children, directory, kind_of, opened_file
from sandbox.errors import EntryFault, EntryUnavailable, ReadOnlyRefused, SetupFault, SetupRefused
from sandbox.held import Held
from sandbox.paths import ROOT, JailPath
from sandbox.quota import Quota
from sandbox.resolve import DIRECTORY_FLAGS, Resolver, best_resolver
from sandbox.staging import FILES, made_directory, translated
from sandbox.writer import Writer


def fd_path(file: BinaryIO) -> str:
    """Give a path that means exactly this open file, for tools that insist on a path.

    Good for reading while the file stays open. A tool that opens it for writing bypasses the quota.
    """
    folder = "/proc/self/fd" if sys.platform.startswith("linux") else "/dev/fd"
    return f"{folder}/{file.fileno()}"


class Jail:
    """A tree and everything that may be done in it; made by `shared` or `own`."""

    def __init__(self, root: Held, *, writer: Writer | None, resolver: Resolver) -> None:
        """Keep the root; a tree without a writer is read-only."""
        self._held: Held | None = root
        self._writer = writer
        self._resolve = resolver

    @classmethod
    def shared(cls, tree: str | os.PathLike[str], *, resolver: Resolver | None = None) -> Self:
        """Give a read-only view of the operator's directory; the directory itself may be reached by a link.

        Raises:
            SetupRefused: There is no such directory.
        """
        try:
            root = Held(os.open(tree, DIRECTORY_FLAGS | os.O_CLOEXEC))
        except OSError:
            raise SetupRefused(SetupFault.BASE_UNUSABLE) from None
        return cls(root, writer=None, resolver=resolver or best_resolver())

    @classmethod
    def own(cls, home: Held, *, quota: Quota, resolver: Resolver | None = None) -> Self:
        """Give the writable tree `files` of a home, made where missing."""
        resolve = resolver or best_resolver()
        with translated():
            root = made_directory(home.fd, FILES)
        return cls(root, writer=Writer(root=root, home=home, quota=quota, resolve=resolve), resolver=resolve)

    @property
    def writer(self) -> Writer:
        """Everything that changes this tree.

        Raises:
            ReadOnlyRefused: The tree is shared; there is nothing that could change it.
        """
        self._root()
        if self._writer is None:
            raise ReadOnlyRefused
        return self._writer

    @property
    def fd(self) -> int:
        """The root's descriptor for `sandbox.process.run`; good while this jail is kept and not closed."""
        return self._root().fd

    def close(self) -> None:
        """End this view; a verb that runs in another thread and files that were opened are unharmed."""
        self._held = self._writer = None

    def __enter__(self) -> Self:
        """Use the jail and close it afterwards."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the jail."""
        self.close()

    def open(self, path: JailPath) -> BinaryIO:
        """Open a file for reading; the object returned is the one that was checked.

        Raises:
            EscapeRefused: It could lead outside.
            EntryUnavailable: There is no such file.
        """
        root = self._root()
        return opened_file(self._resolve, root.fd, path)

    def read(self, path: JailPath, *, max_bytes: int) -> bytes:
        """Give a whole file, or refuse it when it has more than max_bytes. Raises as `open` does."""
        with self.open(path) as file:
            return search.read_up_to(file, max_bytes)

    def stat(self, path: JailPath) -> Entry:
        """Describe one entry; a link is described as itself and never followed."""
        root = self._root()
        if path == ROOT:
            return Entry(path=ROOT, kind="directory", size_bytes=0)
        with translated(), directory(self._resolve, root.fd, path.parent) as fd:
            status = os.stat(path.name, dir_fd=fd, follow_symlinks=False)
        kind = kind_of(status)
        return Entry(path=path, kind=kind, size_bytes=status.st_size if kind == "file" else 0)

    def list(self, path: JailPath, *, max_entries: int) -> tuple[Entry, ...]:
        """Give what a directory holds, sorted by name; more than max_entries is refused, not cut."""
        root = self._root()
        with translated(), directory(self._resolve, root.fd, path) as fd:
            return children(fd, path, max_entries=max_entries)

    def glob(self, pattern: JailPath, *, max_entries: int) -> tuple[Entry, ...]:
        """Give the entries that match: `*`, `?` and `[…]` within a name, `**` for any number of names.

        Args:
            pattern: Parsed like every path, case-sensitive, at most 32 names.
            max_entries: Most entries to look at; more are refused, not cut.
        """
        root = self._root()
        return search.glob(self._resolve, root.fd, pattern, max_entries=max_entries)

    def grep(
        self,
        matches: Callable[[bytes], bool],
        path: JailPath,
        *,
        max_entries: int,
        max_bytes: int,
        max_matches: int,
    ) -> tuple[search.Match, ...]:
        """Give the first max_matches matching lines of a file, or of every file below a directory.

        Args:
            matches: Decides on one line. A regular expression from a model belongs in an engine without
                backtracking; this room therefore compiles none.
            path: File or directory.
            max_entries: Most entries to look at.
            max_bytes: Most bytes to read in all; more are refused, not cut.
            max_matches: Where to stop, at least 1.
        """
        root = self._root()
        return search.grep(
            self._resolve,
            root.fd,
            path,
            matches,
            max_entries=max_entries,
            max_bytes=max_bytes,
            max_matches=max_matches,
        )

    def _root(self) -> Held:
        """Give the root to be kept for as long as a verb runs."""
        if self._held is None:
            raise EntryUnavailable(EntryFault.CLOSED)
        return self._held
