"""A path that a model wrote, as names beneath a root. Pure: nothing here touches a file system.

What is re-rooted: an absolute path is read as if the compartment were the whole disk, so `/notes/a.txt` is
`notes/a.txt`; the bot's own workspace prefix, given by the caller, is taken off first.

What is refused: everything that some operating system or tool would read as "elsewhere": a `..` that climbs
above the root, drive letters, backslashes, `//server/share`, URLs, `~`, control and direction characters,
lone surrogates, names and paths that are too long.

What is a plain name: everything else. `..%2f..%2fetc`, full-width dots and slashes, homoglyphs, case and
Unicode twins are just bytes. Nothing in the sandbox decodes, expands or normalises a name, so they cannot
turn into something else after the check; guessing at decoders here would only hide that promise. On a file
system that folds case or Unicode two such names may be one file, always inside the same compartment.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.errors import PathFault, PathRefused

PATH_BYTES_MAX = 4095
"""Longest path Linux resolves in one call, without its terminating NUL. Source: path_resolution(7)."""
NAME_BYTES_MAX = 255
"""Longest single name of the usual file systems. Source: limits.h, NAME_MAX."""

_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_BARE_FILE = re.compile(r"[\w.-]*\.[A-Za-z][A-Za-z0-9]{0,7}")
_ENDS_LIKE_FILE = re.compile(r"/[^/\n]*\.[A-Za-z][A-Za-z0-9]{0,7}\Z")
# Directional embeddings, overrides and isolates: "fdp.exe" shown reversed is how a name lies to an operator.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True, kw_only=True)
class JailPath:
    """A canonical place beneath some root: no name in it can climb, and the empty tuple is the root."""

    parts: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Hold the promise for values made without `parse`, so that a jail may trust the type alone."""
        if any(not _is_name(part) for part in self.parts) or len(bytes(self)) > PATH_BYTES_MAX:
            raise _refusal(PathFault.CLIMBS, os.fsdecode(b"/".join(self.parts)))

    @property
    def name(self) -> bytes:
        """The last name; empty for the root."""
        return self.parts[-1] if self.parts else b""

    @property
    def parent(self) -> JailPath:
        """The directory that holds this entry; the root is its own parent."""
        return JailPath(parts=self.parts[:-1])

    def child(self, name: bytes) -> JailPath:
        """Give the entry of this name in this directory."""
        return JailPath(parts=(*self.parts, name))

    def __bytes__(self) -> bytes:
        """Give the relative path for the kernel; the root is `.`."""
        return b"/".join(self.parts) or b"."

    def __str__(self) -> str:
        """Give the path for people; bytes that are no UTF-8 show as replacement characters."""
        return bytes(self).decode("utf-8", "replace")


ROOT = JailPath(parts=())


def parse(text: str, *, workspace: str = "/") -> JailPath:
    """Read a path from a model so that it can only mean a place beneath the root.

    Args:
        text: The path as the model wrote it.
        workspace: Absolute directory that the bot believes to work in; taken off where the path begins
            with it. Trusted.

    Raises:
        PathRefused: The text climbs, or means a place elsewhere on some system, or is no path at all.
    """
    fault = _fault_of(text)
    if fault is not None:
        raise _refusal(fault, text)
    names = _names(text)
    prefix = _names(workspace)
    if text.startswith("/") and names[: len(prefix)] == prefix:
        names = names[len(prefix) :]
    resolved = _without_climbing(names)
    if resolved is None:
        raise _refusal(PathFault.CLIMBS, text)
    path = JailPath(parts=resolved)
    # Once more, for what only the folding uncovered: `./C:/boot.ini`, `a/../~root`.
    if _is_foreign(str(path)):
        raise _refusal(PathFault.FOREIGN_SYNTAX, text)
    return path


def looks_like_path(text: str) -> bool:
    """Tell whether an argument that was not declared as a path would be used as one by a naive tool.

    Errs towards True: `notes/a.txt`, `a.txt` and `Europe/Berlin` are paths to a function that opens them.
    Numbers such as `1/2` or `2024/01/02`, prose and e-mail addresses are not.
    """
    plain = text.strip().strip("\"'`")
    folded = unicodedata.normalize("NFKC", unquote(unquote(plain)))
    return _is_pathlike(plain) or _is_pathlike(folded)


def _is_pathlike(text: str) -> bool:
    steps = re.split(r"[/\\]", text)
    if "\0" in text or text.startswith(("/", "\\", "~", "./")) or _DRIVE.match(text) or _SCHEME.match(text):
        return True
    if ".." in (step.strip() for step in steps):
        return True
    if re.search(r"\s", text):
        return _ENDS_LIKE_FILE.search(text) is not None
    if len(steps) > 1:
        return not all(step.isdigit() for step in steps)
    return _BARE_FILE.fullmatch(text) is not None


def _fault_of(text: str) -> PathFault | None:
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        return PathFault.NOT_UNICODE
    if not text.strip():
        return PathFault.EMPTY
    if len(encoded) > PATH_BYTES_MAX:
        return PathFault.TOO_LONG
    if not text.isprintable() and any(_misleads(char) for char in text):
        return PathFault.CONTROL_CHARACTER
    if _is_foreign(text):
        return PathFault.FOREIGN_SYNTAX
    if any(len(name) > NAME_BYTES_MAX for name in encoded.split(b"/")):
        return PathFault.COMPONENT_TOO_LONG
    return None


def _misleads(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Zl", "Zp") or char in _DIRECTION


def _is_foreign(text: str) -> bool:
    rooted = text.startswith(("//", "~")) or _DRIVE.match(text) or _SCHEME.match(text)
    return bool(rooted) or "\\" in text


def _names(text: str) -> tuple[bytes, ...]:
    return tuple(name for name in text.encode("utf-8").split(b"/") if name not in (b"", b"."))


def _without_climbing(names: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
    """Fold `..` by the text alone: exact, because a jail follows no link that could move the parent."""
    resolved: list[bytes] = []
    for name in names:
        if name != b"..":
            resolved.append(name)
        elif resolved:
            resolved.pop()
        else:
            return None
    return tuple(resolved)


def _is_name(name: bytes) -> bool:
    plain = name not in (b"", b".", b"..") and b"/" not in name and b"\0" not in name
    return plain and len(name) <= NAME_BYTES_MAX


def _refusal(fault: PathFault, text: str) -> PathRefused:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return PathRefused(fault, digest=digest, length=len(text))
