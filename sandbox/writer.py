"""Everything that changes a tree, one writer at a time, never beyond the quota.

Files appear whole: a write is staged outside of the tree and renamed into place, so a limit, a full disk or
a crash leaves the old file. Usage is counted anew under the lock before each write, because a process that
ran in the compartment may have changed it; the count is bounded by the quota's entries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.entries import directory, kind_of, opened_file, require_plain_file
from sandbox.errors import (
    EntryFault,
    EntryUnavailable,
    EscapeFault,
    EscapeRefused,
    QuotaExceeded,
    QuotaLimit,
)
from sandbox.held import Held
from sandbox.paths import ROOT, JailPath
from sandbox.quota import Quota, Usage, usage_of
from sandbox.resolve import Resolver
from sandbox.search import read_up_to
from sandbox.staging import Chunks, alone, fill, publish, staged, translated

_NEW_FILE_MODE = 0o600
_OWNER_BITS = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The writing side of a jail."""

    root: Held
    home: Held
    quota: Quota
    resolve: Resolver

    def create(self, path: JailPath, chunks: Chunks) -> int:
        """Make a file that does not exist yet, and the directories above it; returns its bytes.

        Raises:
            EntryUnavailable: It exists, or something above it is a file.
            QuotaExceeded: It does not fit; there is no file then, though directories above it may be new.
        """
        with self._alone():
            if self._existing(path) is not None:
                raise EntryUnavailable(EntryFault.EXISTS)
            return self._put(path, chunks, None)

    def write(self, path: JailPath, chunks: Chunks) -> int:
        """Make a file or replace it whole, and make the directories above it; returns its bytes.

        Raises:
            EscapeRefused: What is there is a link or another thing that could lead outside.
            QuotaExceeded: It does not fit; the old file is unchanged.
        """
        with self._alone():
            return self._put(path, chunks, self._existing(path))

    def append(self, path: JailPath, chunks: Chunks) -> int:
        """Add to a file, all or nothing, or make it; returns the bytes added. Raises as `write` does."""
        with self._alone():
            if self._existing(path) is None:
                return self._put(path, chunks, None)
            fd = self.resolve(self.root.fd, path, os.O_WRONLY | os.O_APPEND)
            try:
                return self._extend(fd, chunks)
            finally:
                os.close(fd)

    def edit(self, path: JailPath, change: Callable[[bytes], bytes]) -> int:
        """Replace a file by what change makes of its content, with no other write in between.

        Returns:
            The bytes of the new file. Nothing is written when change raises.
        """
        with self._alone():
            with opened_file(self.resolve, self.root.fd, path) as file:
                content = read_up_to(file, self.quota.max_file_bytes)
                old = os.fstat(file.fileno())
            return self._put(path, change(content), old)

    def delete(self, path: JailPath) -> None:
        """Remove one name: a file, an empty directory, or a link (never what it points to)."""
        with self._alone(), self._parent(path) as parent_fd:
            if kind_of(_status(parent_fd, path.name)) == "directory":
                os.rmdir(path.name, dir_fd=parent_fd)
            else:
                os.unlink(path.name, dir_fd=parent_fd)

    def move(self, source: JailPath, target: JailPath) -> None:
        """Give a file or directory another name; never replaces anything.

        Raises:
            EscapeRefused: The source is a link or another thing that could lead outside.
            EntryUnavailable: The source is missing, the target exists or lies below the source.
        """
        with self._alone(), self._parent(source) as source_fd:
            if kind_of(_status(source_fd, source.name)) == "special":
                raise EscapeRefused(EscapeFault.SPECIAL)
            if target.parts[: len(source.parts)] == source.parts:
                raise EntryUnavailable(EntryFault.BELOW_ITSELF)
            self._make(target.parent, self._usage(), also=0)
            with self._parent(target) as target_fd:
                if _exists(target_fd, target.name):
                    raise EntryUnavailable(EntryFault.EXISTS)
                os.rename(source.name, target.name, src_dir_fd=source_fd, dst_dir_fd=target_fd)

    def mkdirs(self, path: JailPath) -> None:
        """Make a directory and those above it; one that exists is fine."""
        with self._alone():
            self._make(path, self._usage(), also=0)

    def check_quota(self) -> Usage:
        """Count the tree and refuse it when it outgrew its quota, as a running process can make it do.

        Raises:
            QuotaExceeded: It did.
        """
        usage = self._usage()
        if usage.bytes > self.quota.max_bytes:
            raise QuotaExceeded(QuotaLimit.BYTES, allowed=self.quota.max_bytes)
        return usage

    @contextmanager
    def _alone(self) -> Generator[None]:
        with translated(), alone(self.home.fd):
            yield

    @contextmanager
    def _parent(self, path: JailPath) -> Generator[int]:
        if path == ROOT:
            raise EntryUnavailable(EntryFault.UNTOUCHABLE)
        with directory(self.resolve, self.root.fd, path.parent) as fd:
            yield fd

    def _usage(self) -> Usage:
        return usage_of(self.resolve, self.root.fd, max_entries=self.quota.max_entries)

    def _existing(self, path: JailPath) -> os.stat_result | None:
        """Give the status of the plain file at path, or None where nothing is; anything else is refused."""
        try:
            with opened_file(self.resolve, self.root.fd, path) as file:
                return os.fstat(file.fileno())
        except EntryUnavailable as error:
            if error.fault is EntryFault.MISSING:
                return None
            raise

    def _put(self, path: JailPath, chunks: Chunks, old: os.stat_result | None) -> int:
        usage = self._usage()
        room = self.quota.room(usage, replaced_bytes=old.st_size if old else 0, new_entries=0 if old else 1)
        self._make(path.parent, usage, also=0 if old else 1)
        mode = _NEW_FILE_MODE | (old.st_mode & _OWNER_BITS if old else 0)
        with staged(self.home.fd, mode) as fd:
            written = fill(fd, chunks, room)
            with self._parent(path) as parent_fd:
                publish(self.home.fd, parent_fd, path.name)
        return written

    def _extend(self, fd: int, chunks: Chunks) -> int:
        old_bytes = require_plain_file(fd).st_size
        room = self.quota.room(self._usage(), replaced_bytes=old_bytes, new_entries=0)
        try:
            return fill(fd, chunks, room, start_bytes=old_bytes)
        except BaseException:
            os.ftruncate(fd, old_bytes)
            raise

    def _make(self, path: JailPath, usage: Usage, *, also: int) -> None:
        """Make the missing directories down to path if they and `also` further entries fit the quota."""
        missing: list[JailPath] = []
        while not self._is_directory(path):
            missing.append(path)
            path = path.parent
        self.quota.room(usage, replaced_bytes=0, new_entries=len(missing) + also)
        for place in reversed(missing):
            with self._parent(place) as parent_fd:
                os.mkdir(place.name, 0o700, dir_fd=parent_fd)

    def _is_directory(self, path: JailPath) -> bool:
        try:
            with directory(self.resolve, self.root.fd, path):
                return True
        except EntryUnavailable as error:
            if error.fault is EntryFault.MISSING:
                return False
            raise


def _status(parent_fd: int, name: bytes) -> os.stat_result:
    return os.stat(name, dir_fd=parent_fd, follow_symlinks=False)


def _exists(parent_fd: int, name: bytes) -> bool:
    try:
        _status(parent_fd, name)
    except FileNotFoundError:
        return False
    return True
