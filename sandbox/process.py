"""Run a command that can touch nothing but its compartment, for a bounded time, and leave nothing running.

`sandbox.confinement` says what the command sees, `sandbox.running` watches and ends it. Here it is started,
in a way that no cancellation interrupts half way.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from sandbox.confinement import Limits, command_line
from sandbox.errors import KernelUnsupported, ProcessFailed, ProcessFault, SandboxError
from sandbox.running import Finished, Running
from sandbox.seccomp import program

_ARGUMENT_BYTES_MAX = 128 * 1024


async def run(
    argv: Sequence[str], *, directory_fd: int, limits: Limits, watch: Callable[[], object] | None = None
) -> Finished:
    """Run a command with this directory as the only place it can change. It gets no input.

    Args:
        argv: Program and arguments; for a shell command `("/bin/sh", "-c", text)`.
        directory_fd: The compartment, `Jail.fd`; seen as /work. Stays the caller's, who keeps the jail until
            this returns.
        limits: What it may use.
        watch: Called in a thread again and again while the command runs, such as `Writer.check_quota`;
            when it raises, everything is killed and the error passes to the caller.

    Raises:
        ProcessFailed: Nothing was run.
        KernelUnsupported: This machine cannot confine a command; see `unavailable`.
    """
    stop = asyncio.Event()
    whole = asyncio.create_task(_from_start_to_end(_checked(argv), directory_fd, limits, watch, stop))
    try:
        await asyncio.wait((whole,))
    except asyncio.CancelledError:
        stop.set()
        await _settled(whole)
        raise
    return whole.result()


async def unavailable() -> str | None:
    """Say why commands cannot be confined on this machine, or None when they can: by confining one."""
    limits = Limits(
        timeout_s=10.0,
        output_bytes=4096,
        memory_bytes=1 << 30,
        cpu_s=5,
        file_bytes=4096,
        open_files=64,
        processes=8,
        scratch_bytes=65536,
    )
    fd = os.open("/usr", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        finished = await run(("/bin/sh", "-c", "exit 0"), directory_fd=fd, limits=limits)
    except SandboxError as error:
        return str(error)
    finally:
        os.close(fd)
    return None if finished.exit_code == 0 else str(ProcessFailed(ProcessFault.NOT_STARTED))


def _checked(argv: Sequence[str]) -> tuple[str, ...]:
    if not argv or not argv[0]:
        raise ProcessFailed(ProcessFault.EMPTY_COMMAND)
    try:
        total_bytes = sum(len(word.encode("utf-8")) + 1 for word in argv)
    except UnicodeEncodeError:
        raise ProcessFailed(ProcessFault.BAD_ARGUMENT) from None
    if total_bytes > _ARGUMENT_BYTES_MAX or any("\0" in word for word in argv):
        raise ProcessFailed(ProcessFault.BAD_ARGUMENT)
    return tuple(argv)


async def _settled(whole: asyncio.Task[Finished]) -> None:
    """Wait for the end that was asked for, however often the waiting is cancelled: it takes milliseconds.

    The attack is a cancellation while asyncio starts the process: it would kill bubblewrap alone, which may
    have forked by then, and the fork would go on without anybody who knows it. So the start is never
    cancelled; it is followed by its end.
    """
    while not whole.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait((whole,))
    whole.exception()


async def _from_start_to_end(
    argv: tuple[str, ...],
    directory_fd: int,
    limits: Limits,
    watch: Callable[[], object] | None,
    stop: asyncio.Event,
) -> Finished:
    async with _started(argv, directory_fd, limits) as running:
        return await running.finish(limits, watch, stop)


@asynccontextmanager
async def _started(argv: tuple[str, ...], directory_fd: int, limits: Limits) -> AsyncGenerator[Running]:
    """Hold a running sandbox; however the block ends, nothing of it runs afterwards."""
    status_fd, status_end_fd = os.pipe()
    try:
        filter_fd = _filter()
        try:
            process = await _spawned(argv, directory_fd, limits, filter_fd, status_end_fd)
        finally:
            os.close(filter_fd)
            os.close(status_end_fd)
        running = Running(process, status_fd, os.fstat(directory_fd))
        try:
            yield running
        finally:
            await running.end()
    finally:
        os.close(status_fd)


async def _spawned(
    argv: tuple[str, ...], directory_fd: int, limits: Limits, filter_fd: int, status_fd: int
) -> asyncio.subprocess.Process:
    line = command_line(argv, limits, directory_fd=directory_fd, filter_fd=filter_fd, status_fd=status_fd)
    try:
        return await asyncio.create_subprocess_exec(
            *line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # The first process inside is bubblewrap itself, and /proc/1/environ shows what it was started
            # with: --clearenv would come too late, so our own environment is never handed over.
            env={},
            cwd="/",
            pass_fds=(directory_fd, filter_fd, status_fd),
            # A process group of its own, which is killed as one; see `sandbox.running`.
            start_new_session=True,
        )
    except OSError:
        raise ProcessFailed(ProcessFault.NOT_STARTED) from None


def _filter() -> int:
    """Give a descriptor from which bubblewrap reads the system call filter."""
    if not hasattr(os, "memfd_create"):
        raise KernelUnsupported("Linux")
    fd = os.memfd_create("filter")
    os.write(fd, program(os.uname().machine))
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
