"""Opening beneath a directory, so that what was checked is what is used.

There is one question, "give me the object at these names beneath this directory", and two ways to ask it.
`openat2` lets the kernel refuse every way out in one call. `walk` opens one name after the other, each
beneath the directory that is already held open and none through a link; it is for kernels and systems
without openat2. Both pass the same contract tests.

The attack is the race: a check by name (`realpath`, then `open`) looks at one tree and uses another when
somebody swaps a directory for a link in between. Here no name is ever resolved twice, and a name is never
resolved except beneath a descriptor.

Source: openat2(2), openat(2).
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import sys
from typing import Protocol

from sandbox.errors import EntryFault, EntryUnavailable, EscapeFault, EscapeRefused, SandboxError
from sandbox.paths import JailPath

_SYS_OPENAT2 = 437
_RESOLVE_NO_XDEV = 0x01
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08
_RESOLVE = _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS | _RESOLVE_NO_XDEV
_RACE_RETRIES = 16

# O_NONBLOCK: opening a pipe that nobody writes to would hang the thread for ever; on files it has no effect.
# O_NOCTTY: opening a terminal must not make it ours.
_ALWAYS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY


class Resolver(Protocol):
    """One way to open beneath a directory."""

    def __call__(self, root_fd: int, path: JailPath, flags: int, mode: int = 0) -> int:
        """Open the object at path beneath root_fd, reached through real directories of one file system only.

        Returns:
            A new descriptor that the caller owns.

        Raises:
            EscapeRefused: A link, a mount or a race lies on the way.
            EntryUnavailable: The tree has no such entry, or not of this kind.
        """
        ...


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)


def openat2(root_fd: int, path: JailPath, flags: int, mode: int = 0) -> int:
    """Let the kernel resolve the whole path beneath root_fd and refuse every way out. See `Resolver`.

    RESOLVE_NO_SYMLINKS refuses a link in every position, the last one included, so O_NOFOLLOW adds nothing.
    """
    how = _OpenHow(flags | _ALWAYS, mode, _RESOLVE)
    code = errno.EAGAIN
    for _ in range(_RACE_RETRIES):
        fd: int = _libc.syscall(_SYS_OPENAT2, root_fd, bytes(path), ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return fd
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise refusal(code)


def walk(root_fd: int, path: JailPath, flags: int, mode: int = 0) -> int:
    """Open name after name, each beneath the directory held open before it. See `Resolver`.

    A mount is seen by its device number, so a bind mount of the same file system is not; only root can make
    one, and openat2 sees it.
    """
    try:
        device = os.fstat(root_fd).st_dev
        fd = os.dup(root_fd)
        for name in path.parts[:-1]:
            fd = _step(fd, name, DIRECTORY_FLAGS, 0, device)
        return _step(fd, path.name or b".", flags, mode, device)
    except OSError as fault:
        raise refusal(fault.errno) from None


def _step(fd: int, name: bytes, flags: int, mode: int, device: int) -> int:
    """Open one name beneath fd, and close fd whatever happens."""
    try:
        opened = os.open(name, flags | _ALWAYS | os.O_NOFOLLOW, mode, dir_fd=fd)
    except OSError as fault:
        if fault.errno == errno.ENOTDIR and _is_link(fd, name):
            raise EscapeRefused(EscapeFault.LINK) from None
        raise
    finally:
        os.close(fd)
    if os.fstat(opened).st_dev == device:
        return opened
    os.close(opened)
    raise EscapeRefused(EscapeFault.CROSSING)


def _is_link(fd: int, name: bytes) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def refusal(code: int | None) -> SandboxError:
    """Say in the sandbox's words what an errno means; unknown ones become `UNREADABLE`, never a success."""
    if code in _ESCAPES:
        return EscapeRefused(_ESCAPES[code])
    return EntryUnavailable(_ENTRIES.get(code, EntryFault.UNREADABLE))


@functools.cache
def best_resolver() -> Resolver:
    """Give openat2 where this kernel has it and does not forbid it (seccomp), the walk everywhere else."""
    if not sys.platform.startswith("linux"):
        return walk
    try:
        fd = os.open("/", DIRECTORY_FLAGS | os.O_CLOEXEC)
        try:
            os.close(openat2(fd, JailPath(parts=()), DIRECTORY_FLAGS))
        finally:
            os.close(fd)
    except SandboxError:
        return walk
    return openat2


_ESCAPES: dict[int | None, EscapeFault] = {
    errno.ELOOP: EscapeFault.LINK,
    errno.EMLINK: EscapeFault.LINK,
    errno.EXDEV: EscapeFault.CROSSING,
    errno.EAGAIN: EscapeFault.RACE,
    errno.ENXIO: EscapeFault.SPECIAL,
    errno.ENODEV: EscapeFault.SPECIAL,
    errno.EOPNOTSUPP: EscapeFault.SPECIAL,
}
_ENTRIES: dict[int | None, EntryFault] = {
    errno.ENOENT: EntryFault.MISSING,
    errno.EEXIST: EntryFault.EXISTS,
    errno.EISDIR: EntryFault.IS_DIRECTORY,
    errno.ENOTDIR: EntryFault.NOT_DIRECTORY,
    errno.ENOTEMPTY: EntryFault.NOT_EMPTY,
    errno.EINVAL: EntryFault.BELOW_ITSELF,
}
