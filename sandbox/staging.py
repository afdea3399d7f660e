"""Where a write is prepared before it appears: beside the tree, never in it.

A compartment's home holds two things: `files`, which is the jail's root and the only part anybody reaches,
and `staged`, one file that is renamed into the tree when it is complete. The home is also what writers lock.
Both stay out of reach on purpose: a process that runs in the compartment could otherwise hold the lock for
ever and with it the threads that serve everybody, or swap the staged file before it is renamed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress

from sandbox.held import Held
from sandbox.quota import Room
from sandbox.resolve import DIRECTORY_FLAGS, refusal

FILES = b"files"
_STAGED = b"staged"
Chunks = bytes | Iterable[bytes]


@contextmanager
def translated() -> Generator[None]:
    """Turn the kernel's refusals into the sandbox's own; the original names the file, so it is dropped."""
    try:
        yield
    except OSError as fault:
        raise refusal(fault.errno) from None


def made_directory(parent_fd: int, name: bytes) -> Held:
    """Open a directory of ours, made with 0700 where missing."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent_fd)
    return Held(os.open(name, DIRECTORY_FLAGS | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent_fd))


@contextmanager
def alone(home_fd: int) -> Generator[None]:
    """Run the block while no other thread or process writes to this compartment.

    A fresh descriptor each time: flock belongs to it, so two threads of one process exclude each other too.
    """
    fd = os.open(b".", DIRECTORY_FLAGS | os.O_CLOEXEC, dir_fd=home_fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def staged(home_fd: int, mode: int) -> Generator[int]:
    """Give an empty file in the home for writing; what is left of it after the block is removed.

    The lock of `alone` is held, so a file already there is what a crash left behind.
    """
    with suppress(FileNotFoundError):
        os.unlink(_STAGED, dir_fd=home_fd)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(_STAGED, flags, mode, dir_fd=home_fd)
    try:
        yield fd
    finally:
        os.close(fd)
        with suppress(FileNotFoundError):
            os.unlink(_STAGED, dir_fd=home_fd)


def publish(home_fd: int, directory_fd: int, name: bytes) -> None:
    """Let the staged file take this name at once; readers see the old file or the new one."""
    os.rename(_STAGED, name, src_dir_fd=home_fd, dst_dir_fd=directory_fd)


def fill(fd: int, chunks: Chunks, room: Room, *, start_bytes: int = 0) -> int:
    """Write the chunks as long as the file fits into the room; returns how many bytes were written.

    Raises:
        QuotaExceeded: They did not fit; not one byte beyond the room was written.
    """
    size = start_bytes
    for chunk in (chunks,) if isinstance(chunks, bytes) else chunks:
        size += len(chunk)
        room.require(size)
        _write_all(fd, chunk)
    os.fsync(fd)
    return size - start_bytes


def _write_all(fd: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(fd, rest) :]
