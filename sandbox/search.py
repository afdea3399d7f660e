"""Finding entries by pattern and lines by content, with the work bounded by the caller."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from sandbox.entries import Entry, below, opened_file
from sandbox.errors import EntryFault, EntryUnavailable, EscapeRefused
from sandbox.paths import JailPath
from sandbox.resolve import Resolver

_ANY_DEPTH = b"**"
_WILD = frozenset(b"*?[")
_PATTERN_NAMES_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One line that matched: where, which (from 1), and its bytes without the line feed."""

    path: JailPath
    line_number: int
    line: bytes


def fixed_prefix(pattern: JailPath) -> JailPath:
    """Give the leading names of a pattern that hold no wildcard: the directory from which to search."""
    fixed: list[bytes] = []
    for name in pattern.parts:
        if _WILD.intersection(name):
            break
        fixed.append(name)
    return JailPath(parts=tuple(fixed))


def glob(resolver: Resolver, root_fd: int, pattern: JailPath, *, max_entries: int) -> tuple[Entry, ...]:
    """Give the entries whose whole path matches, sorted; see `Jail.glob`.

    The pattern is a path like any other, so `../*` was refused before it came here, and it is compared with
    names that the walk found beneath the root; it is never expanded into something to open.
    """
    if len(pattern.parts) > _PATTERN_NAMES_MAX:
        raise EntryUnavailable(EntryFault.TOO_LARGE)
    start = fixed_prefix(pattern)
    if start == pattern:
        start = pattern.parent
    found = below(
        resolver,
        root_fd,
        start,
        max_entries=max_entries,
        enters=lambda path: _could_hold(path.parts, pattern.parts),
    )
    matching = [entry for entry in found if _matches(entry.path.parts, pattern.parts)]
    return tuple(sorted(matching, key=lambda entry: entry.path.parts))


def _matches(names: tuple[bytes, ...], pattern: tuple[bytes, ...]) -> bool:
    return len(pattern) in _reached(names, pattern)


def _could_hold(names: tuple[bytes, ...], pattern: tuple[bytes, ...]) -> bool:
    return any(position < len(pattern) for position in _reached(names, pattern))


def _reached(names: tuple[bytes, ...], pattern: tuple[bytes, ...]) -> set[int]:
    """Give the pattern positions that can stand after these names.

    All at once, as a set: trying one `**` after the other takes time exponential in their number, which a
    model could ask for.
    """
    positions = _past_any_depth({0}, pattern)
    for name in names:
        stay = {at for at in positions if at < len(pattern) and pattern[at] == _ANY_DEPTH}
        step = {
            at + 1 for at in positions - stay if at < len(pattern) and fnmatch.fnmatchcase(name, pattern[at])
        }
        positions = _past_any_depth(stay | step, pattern)
    return positions


def _past_any_depth(positions: set[int], pattern: tuple[bytes, ...]) -> set[int]:
    """`**` stands for no name as well."""
    reached = set(positions)
    for at in range(len(pattern)):
        if at in reached and pattern[at] == _ANY_DEPTH:
            reached.add(at + 1)
    return reached


def grep(
    resolver: Resolver,
    root_fd: int,
    start: JailPath,
    matches: Callable[[bytes], bool],
    *,
    max_entries: int,
    max_bytes: int,
    max_matches: int,
) -> tuple[Match, ...]:
    """Give the matching lines in path order; see `Jail.grep`."""
    found: list[Match] = []
    left = max_bytes
    for path in _files(resolver, root_fd, start, max_entries):
        content = _content(resolver, root_fd, path, left)
        left -= len(content)
        for number, line in enumerate(content.split(b"\n"), start=1):
            if matches(line):
                found.append(Match(path=path, line_number=number, line=line))
            if len(found) >= max_matches:
                return tuple(found)
    return tuple(found)


def read_up_to(file: BinaryIO, max_bytes: int) -> bytes:
    """Read a whole file, or refuse it: a part would look like the whole.

    Raises:
        EntryUnavailable: It has more than max_bytes.
    """
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise EntryUnavailable(EntryFault.TOO_LARGE)
    return content


def _files(resolver: Resolver, root_fd: int, start: JailPath, max_entries: int) -> list[JailPath]:
    try:
        opened_file(resolver, root_fd, start).close()
    except EntryUnavailable as error:
        if error.fault is not EntryFault.IS_DIRECTORY:
            raise
        found = below(resolver, root_fd, start, max_entries=max_entries)
        return sorted((entry.path for entry in found if entry.kind == "file"), key=lambda path: path.parts)
    return [start]


def _content(resolver: Resolver, root_fd: int, path: JailPath, left: int) -> bytes:
    """Read one file found by the walk; one that vanished or may not be opened holds no lines."""
    try:
        file = opened_file(resolver, root_fd, path)
    except EscapeRefused:
        return b""
    except EntryUnavailable as error:
        if error.fault is EntryFault.UNREADABLE:
            raise
        return b""
    with file:
        return read_up_to(file, left)
