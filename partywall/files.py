"""Files of one owner: the firewall's storage ports, carried out by the sandbox."""

import errno
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from firewall.core.subject import Json
from firewall.threads import Threads, tenant_of
from sandbox.compartment import Compartment, Compartments, Reached
from sandbox.errors import (
    EntryFault,
    EntryUnavailable,
    EscapeRefused,
    PathRefused,
    QuotaExceeded,
    ReadOnlyRefused,
    SandboxError,
)
from sandbox.jail import fd_path
from sandbox.paths import looks_like_path, parse

MAX_ENTRIES = 2_000
MAX_READ_BYTES = 1_000_000
MAX_MATCHES = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What a path from a model means; implements `ports.PathRules`.

    Attributes:
        workspace: A prefix that stands for the compartment's root, as bots write it.
        shared: Names of read-only trees that everybody sees.
    """

    workspace: str
    shared: frozenset[str]

    def place(self, path: str, *, write: bool) -> str:
        """Give the canonical path beneath the compartment, `.` for its root."""
        try:
            parsed = parse(path, workspace=self.workspace)
        except PathRefused as refused:
            raise ValueError("the text names no file in a compartment") from refused
        if write and parsed.parts and os.fsdecode(parsed.parts[0]) in self.shared:
            raise ValueError("a shared tree is read-only")
        return os.fsdecode(bytes(parsed)) or "."

    def suspicious(self, text: str) -> bool:
        """True if undeclared text looks like a path, a url or a command."""
        return looks_like_path(text)


class Files:
    """Implements `ports.FileStore`; every call names its owner, nothing is kept between calls.

    Whoever is cancelled goes on when the step that was begun has ended: nothing is written after a turn was
    told that it failed.
    """

    def __init__(self, compartments: Compartments, threads: Threads) -> None:
        self._compartments = compartments
        self._threads = threads

    @asynccontextmanager
    async def lend(self, owner: str, path: str, *, write: bool) -> AsyncGenerator[str]:
        """Lend an opened file, by a path that names the open file itself."""
        # What a cancelled opening had opened is closed where it is forgotten.
        async with AsyncExitStack() as lent:

            def of() -> Compartment:
                return lent.enter_context(self._compartments.of(owner.encode()))

            def opened() -> BinaryIO:
                return lent.enter_context(_opened(reached))

            reached = (await self._whole(owner, of)).reach(parse(path))
            if write:
                yield await lent.enter_async_context(self._draft(owner, reached))
            else:
                yield fd_path(await self._whole(owner, opened))

    @asynccontextmanager
    async def _draft(self, owner: str, reached: Reached) -> AsyncGenerator[str]:
        """Lend a file in memory and put it into the compartment, under its quota, when the block succeeds.

        A tool that opened the real file could write past the quota and leave half a file behind.
        """
        fd = os.memfd_create("draft")
        try:
            await self._whole(owner, lambda: _fill(fd, reached))
            yield f"/proc/self/fd/{fd}"
            await self._whole(owner, lambda: _keep(fd, reached))
        finally:
            os.close(fd)

    async def verb(self, owner: str, name: str, arguments: Mapping[str, str]) -> Json:
        """Do one file verb and give its plain answer, an error that people understand included."""
        return await self._whole(owner, lambda: self._verb(owner, _VERBS[name], arguments))

    async def put(self, owner: str, path: str, content: bytes) -> None:
        """Write a file whole, or nothing of it.

        Raises:
            SandboxError: The path leads elsewhere, or the quota is used up.
        """

        def step() -> None:
            with self._compartments.of(owner.encode()) as compartment:
                place = compartment.reach(parse(path))
                place.jail.writer.write(place.path, [content])

        await self._whole(owner, step)

    async def get(self, owner: str, path: str, *, max_bytes: int) -> bytes:
        """Read a file whole.

        Raises:
            SandboxError: There is no such plain file, or it is longer than that.
        """

        def step() -> bytes:
            with self._compartments.of(owner.encode()) as compartment:
                place = compartment.reach(parse(path))
                return place.jail.read(place.path, max_bytes=max_bytes)

        return await self._whole(owner, step)

    async def _whole(self, owner: str, step: Callable[[], T]) -> T:
        return await self._threads.whole(tenant_of(owner), step)

    def _verb(self, owner: str, verb: "Verb", arguments: Mapping[str, str]) -> Json:
        with self._compartments.of(owner.encode()) as compartment:
            try:
                return verb(compartment, arguments)
            except SandboxError as error:
                return f"error: {_said(error)}"


Verb = Callable[[Compartment, Mapping[str, str]], Json]


def _said(error: SandboxError) -> str:
    """Tell the model what is wrong, in constant words that depend on this owner's own files only."""
    match error:
        case EntryUnavailable() | QuotaExceeded() | ReadOnlyRefused():
            return str(error)
        case PathRefused() | EscapeRefused():
            return "this is not a file you can reach"
        case _:
            raise error


def _fill(fd: int, reached: Reached) -> None:
    try:
        old = reached.jail.read(reached.path, max_bytes=MAX_READ_BYTES)
    except EntryUnavailable as missing:
        if missing.fault is not EntryFault.MISSING:
            raise OSError(errno.EINVAL, str(missing)) from missing
        return
    except SandboxError as error:
        raise OSError(errno.EACCES, _said(error)) from error
    os.write(fd, old)
    os.lseek(fd, 0, os.SEEK_SET)


def _keep(fd: int, reached: Reached) -> None:
    os.lseek(fd, 0, os.SEEK_SET)
    with open(os.dup(fd), "rb") as draft:
        try:
            reached.jail.writer.write(reached.path, iter(lambda: draft.read(65_536), b""))
        except SandboxError as error:
            raise OSError(errno.ENOSPC, _said(error)) from error


def _opened(reached: Reached) -> BinaryIO:
    try:
        return reached.jail.open(reached.path)
    except SandboxError as error:
        raise OSError(errno.ENOENT, _said(error)) from error


def _at(compartment: Compartment, path: str) -> Reached:
    return compartment.reach(parse(path))


def _shown(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _read(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["path"])
    return _shown(place.jail.read(place.path, max_bytes=MAX_READ_BYTES))


def _write(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["path"])
    return {"bytes": place.jail.writer.write(place.path, arguments["text"].encode())}


def _append(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["path"])
    return {"bytes": place.jail.writer.append(place.path, arguments["text"].encode())}


def _edit(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place, old = _at(compartment, arguments["path"]), arguments["old"].encode()
    counted: list[int] = []

    def change(content: bytes) -> bytes:
        counted.append(content.count(old) if old else 0)
        return content.replace(old, arguments["new"].encode()) if counted == [1] else content

    place.jail.writer.edit(place.path, change)
    if counted == [1]:
        return {"replaced": 1}
    return f"error: the old text stands there {counted[0]} times, not once"


def _delete(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["path"])
    place.jail.writer.delete(place.path)
    return {"deleted": 1}


def _move(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    source, target = _at(compartment, arguments["source"]), _at(compartment, arguments["target"])
    if source.jail is not target.jail:
        raise EntryUnavailable(EntryFault.TREES_DIFFER)
    source.jail.writer.move(source.path, target.path)
    return {"moved": 1}


def _list(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["path"])
    entries = place.jail.list(place.path, max_entries=MAX_ENTRIES)
    return [{"name": str(each.path), "kind": each.kind, "bytes": each.size_bytes} for each in entries]


def _glob(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place = _at(compartment, arguments["pattern"])
    return [str(each.path) for each in place.jail.glob(place.path, max_entries=MAX_ENTRIES)]


def _grep(compartment: Compartment, arguments: Mapping[str, str]) -> Json:
    place, wanted = _at(compartment, arguments["path"]), arguments["text"].encode()
    found = place.jail.grep(
        lambda line: wanted in line,
        place.path,
        max_entries=MAX_ENTRIES,
        max_bytes=20 * MAX_READ_BYTES,
        max_matches=MAX_MATCHES,
    )
    return [{"path": str(each.path), "line": each.line_number, "text": _shown(each.line)} for each in found]


_VERBS: Mapping[str, Verb] = {
    "read": _read,
    "write": _write,
    "append": _append,
    "edit": _edit,
    "delete": _delete,
    "move": _move,
    "list": _list,
    "glob": _glob,
    "grep": _grep,
}
