"""The compiled automaton of a gate, kept on disk for the next start.

What is loaded here decides what the wall sees, and hyperscan trusts the bytes it is given. So a file counts
only if it is this user's own, nobody else may write it or its folder, no link stands in its place, and its
digest is right. Anything else is not read, and the automaton is compiled anew: slower, never wrong.
"""

import contextlib
import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_DIGEST_BYTES = 32
_MAGIC = b"partywall gate 1\n"
_MOST_BYTES = 256 << 20


def name_of(*parts: bytes) -> str:
    """Give the name of the file for what these parts say, together and in this order."""
    digest = hashlib.blake2b(digest_size=16, person=b"partywall gate")
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return f"{digest.hexdigest()}.gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One folder of files that only this user may read or write.

    Attributes:
        folder: Made with mode 0700 if it is missing; used only if it is this user's own and nobody else can
            write there.
    """

    folder: Path

    def read(self, name: str) -> bytes | None:
        """Give what was written under this name, or None if there is nothing that can be trusted."""
        try:
            content = self._content(name)
        except OSError:
            return None
        head, digest = len(_MAGIC), len(_MAGIC) + _DIGEST_BYTES
        if content is None or content[:head] != _MAGIC:
            return None
        return (
            content[digest:] if hmac.compare_digest(content[head:digest], _digest(content[digest:])) else None
        )

    def write(self, name: str, content: bytes) -> None:
        """Keep this for the next start, whole or not at all; a folder that refuses is no fault."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _own(os.lstat(self.folder), stat.S_ISDIR):
                self._replace(name, _MAGIC + _digest(content) + content)

    def _content(self, name: str) -> bytes | None:
        if not _own(os.lstat(self.folder), stat.S_ISDIR):
            return None
        file = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as opened:
            # Asked of the opened file, so that what was examined is what is read.
            return opened.read(_MOST_BYTES) if _own(os.fstat(opened.fileno()), stat.S_ISREG) else None

    def _replace(self, name: str, content: bytes) -> None:
        beside = self.folder / f".{name}.{os.getpid()}"
        beside.unlink(missing_ok=True)
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
            beside.replace(self.folder / name)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


def _own(found: os.stat_result, kind: Callable[[int], bool]) -> bool:
    # Nothing here is secret: what matters is who can write.
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o022


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES, person=b"gate content").digest()
