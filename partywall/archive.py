"""The one file of a backup: the database and the compartments in a tar, and a manifest of what it holds.

A tar can name anything: a link, a device, a path out of the folder. So nothing is handed to tarfile's own
extraction: only plain files and folders with plain relative names are taken, and all of them are made anew.
"""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, cast

import msgspec

from firewall.core.errors import IntegrityError

FORMAT = 1
DATABASE = "database"
_FILES = "files"
_MANIFEST = "manifest.json"
_MAX_MANIFEST = 1_000_000
_CHUNK = 1 << 20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_BACKUP = "this is no backup of ours, or a damaged one; take another"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds; the digest of the files covers names, kinds, lengths and content, in order."""

    format: int
    at_ms: int
    partywall: str
    python: str
    sqlite: str
    schema: int
    database_bytes: int
    database_sha256: str
    files: int
    files_bytes: int
    files_sha256: str
    left_out: int


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


class _Counted:
    """Reads and writes through here are hashed and counted."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.count = 0
        self.size = 0

    def entry(self, name: str, kind: str, size: int) -> None:
        """Note what comes next."""
        words = f"{kind} {size} ".encode() + name.encode("utf-8", "surrogateescape") + b"\0"
        self.digest.update(len(words).to_bytes(4, "big") + words)
        self.count += kind == "file"
        self.size += size


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, stream: IO[bytes], digest: _Hash) -> None:
        self._stream = stream
        self._digest = digest

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        data = self._stream.read(size)
        self._digest.update(data)
        return data


def written(target: IO[bytes], database: Path, files: Path, told: Callable[..., Manifest]) -> Manifest:
    """Write a backup of these two and give its manifest, which `told` makes from the lengths and digests.

    Links, sockets and what vanishes meanwhile are left out and counted.

    Raises:
        OSError: Something cannot be read or written, or a file became shorter while it was read.
    """
    counted, left_out = _Counted(), 0
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        digest = hashlib.sha256()
        with database.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            tar.addfile(_member(DATABASE, size), cast("IO[bytes]", _Hashed(stream, digest)))
        for name, descriptor in _walked(files):
            left_out += not _put(tar, counted, name, descriptor)
        manifest = told(
            database_bytes=size,
            database_sha256=digest.hexdigest(),
            files=counted.count,
            files_bytes=counted.size,
            files_sha256=counted.digest.hexdigest(),
            left_out=left_out,
        )
        data = msgspec.json.encode(manifest)
        tar.addfile(_member(_MANIFEST, len(data)), io.BytesIO(data))
    return manifest


def unpacked(source: IO[bytes], folder: Path) -> Manifest:
    """Write what a backup holds into a new, empty folder: `database` and `files`.

    Raises:
        IntegrityError: It is no backup, a damaged or shortened one, or holds what no backup of ours holds.
        OSError: The folder cannot be written.
    """
    counted, digest, size = _Counted(), hashlib.sha256(), -1
    os.mkdir(folder / _FILES, 0o700)
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                if member.name == DATABASE and member.isreg() and size < 0:
                    size = member.size
                    _made(tar, member, folder / DATABASE, digest)
                elif member.name == _MANIFEST and member.isreg() and member.size <= _MAX_MANIFEST:
                    return _checked(_opened(tar, member).read(), digest.hexdigest(), size, counted)
                else:
                    _taken(tar, member, folder, counted)
    except tarfile.TarError:
        raise IntegrityError(_NO_BACKUP) from None
    raise IntegrityError(_NO_BACKUP)


def _walked(base: Path) -> Iterator[tuple[str, int]]:
    """Give every name beneath with an open descriptor, closed behind it; -1 for what cannot be opened."""
    if not base.is_dir():
        return
    for where, folders, names, parent in os.fwalk(base, follow_symlinks=False):
        folders.sort()
        prefix = "" if where == str(base) else f"{os.path.relpath(where, base)}/"
        for name in sorted((*folders, *names)):
            descriptor = -1
            with suppress(OSError):
                descriptor = os.open(name, _FLAGS, dir_fd=parent)
            try:
                yield f"{prefix}{name}", descriptor
            finally:
                if descriptor >= 0:
                    os.close(descriptor)


def _put(tar: tarfile.TarFile, counted: _Counted, name: str, descriptor: int) -> bool:
    """Put a file or a folder into the tar; False if it is neither."""
    if descriptor < 0:
        return False
    status, full = os.fstat(descriptor), f"{_FILES}/{name}"
    if stat.S_ISDIR(status.st_mode):
        counted.entry(full, "folder", 0)
        tar.addfile(_member(full, 0, kind=tarfile.DIRTYPE))
        return True
    if not stat.S_ISREG(status.st_mode):
        return False
    counted.entry(full, "file", status.st_size)
    with open(descriptor, "rb", closefd=False) as stream:
        member = _member(full, status.st_size, mode=status.st_mode & 0o700)
        tar.addfile(member, cast("IO[bytes]", _Hashed(stream, counted.digest)))
    return True


def _member(name: str, size: int, *, kind: bytes = tarfile.REGTYPE, mode: int = 0o600) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.type, member.mode = size, kind, mode
    return member


def _taken(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, counted: _Counted) -> None:
    """Make a file or a folder of a compartment, and nothing else and nowhere else."""
    top, *parts = member.name.split("/")
    plain = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    if top != _FILES or not parts or not plain or not (member.isreg() or member.isdir()):
        raise IntegrityError("the backup holds something that no backup of ours holds; do not use it")
    path = folder.joinpath(_FILES, *parts)
    if member.isdir():
        counted.entry(member.name, "folder", 0)
        os.mkdir(path, 0o700)
    else:
        counted.entry(member.name, "file", member.size)
        _made(tar, member, path, counted.digest)


def _made(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, digest: _Hash) -> None:
    """Write a file of the tar. Every folder above it was made here, so no link leads it elsewhere."""
    mode = 0o600 | (member.mode & 0o100)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        source = _opened(tar, member)
        while data := source.read(_CHUNK):
            digest.update(data)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = tar.extractfile(member)
    if found is None:
        raise IntegrityError(_NO_BACKUP)
    return found


def _checked(data: bytes, database: str, size: int, counted: _Counted) -> Manifest:
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IntegrityError(_NO_BACKUP) from None
    if manifest.format != FORMAT:
        raise IntegrityError("the backup was written by a newer program; restore it with that one")
    found = (size, database, counted.count, counted.size, counted.digest.hexdigest())
    if found != (
        manifest.database_bytes,
        manifest.database_sha256,
        manifest.files,
        manifest.files_bytes,
        manifest.files_sha256,
    ):
        raise IntegrityError(_NO_BACKUP)
    return manifest
