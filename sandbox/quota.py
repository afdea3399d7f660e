"""How much one compartment may hold, and how much room is left in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.entries import Entry, below
from sandbox.errors import EntryFault, EntryUnavailable, QuotaExceeded, QuotaLimit, SetupFault, SetupRefused
from sandbox.paths import ROOT
from sandbox.resolve import Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a compartment holds. A directory counts as an entry, since it costs an inode too."""

    bytes: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a compartment may hold after any write.

    While a file is replaced, old and new exist side by side.
    """

    max_bytes: int
    max_entries: int
    max_file_bytes: int

    def __post_init__(self) -> None:
        """Refuse limits that would mean nothing."""
        if min(self.max_bytes, self.max_entries, self.max_file_bytes) < 1:
            raise SetupRefused(SetupFault.BAD_LIMIT)

    def room(self, usage: Usage, *, replaced_bytes: int, new_entries: int) -> Room:
        """Give how long a file may become that takes the place of replaced_bytes and adds new_entries.

        Raises:
            QuotaExceeded: The entries would be too many.
        """
        if usage.entries + new_entries > self.max_entries and new_entries > 0:
            raise QuotaExceeded(QuotaLimit.ENTRIES, allowed=self.max_entries)
        free = max(self.max_bytes - usage.bytes + replaced_bytes, 0)
        if free < self.max_file_bytes:
            return Room(bytes=free, limit=QuotaLimit.BYTES, allowed=self.max_bytes)
        return Room(bytes=self.max_file_bytes, limit=QuotaLimit.FILE_BYTES, allowed=self.max_file_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many bytes one file may have, and which limit says so."""

    bytes: int
    limit: QuotaLimit
    allowed: int

    def require(self, size_bytes: int) -> None:
        """Refuse a file of this size if it does not fit.

        Raises:
            QuotaExceeded: It does not.
        """
        if size_bytes > self.bytes:
            raise QuotaExceeded(self.limit, allowed=self.allowed)


def usage_of(resolver: Resolver, root_fd: int, *, max_entries: int) -> Usage:
    """Count a compartment, visiting at most max_entries; a link counts as an entry without bytes.

    Raises:
        QuotaExceeded: There are more entries than that, or they lie deeper than any path reaches.
    """
    try:
        return _sum(below(resolver, root_fd, ROOT, max_entries=max_entries))
    except EntryUnavailable as error:
        if error.fault is EntryFault.TOO_LARGE:
            raise QuotaExceeded(QuotaLimit.ENTRIES, allowed=max_entries) from None
        raise


def _sum(entries: Iterable[Entry]) -> Usage:
    total_bytes = count = 0
    for entry in entries:
        count += 1
        total_bytes += entry.size_bytes if entry.kind == "file" else 0
    return Usage(bytes=total_bytes, entries=count)
