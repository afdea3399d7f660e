"""A command while it runs: watched, and ended with everything that it started.

It ends by itself, at its time limit, at its output or process limit, when the caller's watch refuses, or on
cancellation. The kernel kills everything in a process namespace with its first process: nothing can detach
from that. Should we be killed ourselves, --die-with-parent does the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from sandbox.confinement import Limits
from sandbox.errors import ProcessFailed, ProcessFault

_READ_BYTES = 64 * 1024
_STATUS_BYTES_MAX = 4096
_WATCH_EVERY_S = 0.05
_COUNT_EVERY_S = 0.01
_KILL_EVERY_S = 0.02
_ENDLESS = 1 << 30


class Ending(StrEnum):
    """Who ended the command."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    OUTPUT_LIMIT = "output_limit"
    PROCESS_LIMIT = "process_limit"
    CANCELLED = "cancelled"
    """Never returned: who cancels gets `CancelledError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What is left of a command; a failing command is a result like any other.

    Attributes:
        ending: Who ended it.
        exit_code: As a shell gives it (128 + signal); None unless it exited by itself.
        stdout: Together with stderr at most `Limits.output_bytes`.
        stderr: What the command wrote there; never a message of ours.
    """

    ending: Ending
    exit_code: int | None
    stdout: bytes
    stderr: bytes


class Running:
    """One running bubblewrap, from its start to the last of its processes."""

    def __init__(self, process: asyncio.subprocess.Process, status_fd: int, work: os.stat_result) -> None:
        """Watch a process that was just started.

        Args:
            process: Bubblewrap, leader of a process group of its own, its output piped.
            status_fd: Where it reports in lines of JSON; stays the caller's.
            work: The directory that the command sees at /work.
        """
        os.set_blocking(status_fd, False)
        self._process = process
        self._status_fd = status_fd
        self._status = b""
        self._work = work
        self._output = {1: bytearray(), 2: bytearray()}
        self._flooded = asyncio.Event()

    async def finish(
        self, limits: Limits, watch: Callable[[], object] | None, stop: asyncio.Event
    ) -> Finished:
        """Wait for the end, whoever brings it about.

        Raises:
            ProcessFailed: The command was never started.
        """
        ending = await self._ending(limits, watch, stop)
        exit_code = self._status_value("exit-code")
        if ending is Ending.EXITED and exit_code is None:
            raise ProcessFailed(ProcessFault.NOT_STARTED)
        return Finished(
            ending=ending,
            exit_code=exit_code if ending is Ending.EXITED else None,
            stdout=bytes(self._output[1]),
            stderr=bytes(self._output[2]),
        )

    async def end(self) -> None:
        """Kill whatever still runs and wait until it is gone.

        Draining shows the end: every process that could be missed holds the output until it is gone, and a
        pipe that nobody reads would keep bubblewrap from going. A daemon that closed its output is killed
        with its namespace.
        """
        if self._process.returncode is None:
            self._kill()
        drained = asyncio.create_task(self._process.communicate())
        while not (await asyncio.wait((drained,), timeout=_KILL_EVERY_S))[0]:
            self._kill()
        self._kill_namespace(self._status_value("child-pid"))

    def _kill(self) -> None:
        """Kill bubblewrap's group, and the namespace's first process, and with it the namespace.

        --die-with-parent alone is not enough: what bubblewrap forked asks for that death only some moments
        later, and killed in between it would leave the command running for ever. It reports the fork before
        it lets it go on, though. So either there is no report, and the fork still waits in the group; or
        there is one, and the fork is known. A group whose leader is gone is not killed by its number, unless
        the fork that waits in it keeps the number from being used again.
        """
        first = self._status_value("child-pid")
        if self._process.returncode is None or first is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._kill_namespace(first)

    def _kill_namespace(self, first: int | None) -> None:
        """Kill a namespace by its first process, told from a namesake by the namespace."""
        if first is None:
            return
        with suppress(OSError):
            if os.stat(f"/proc/{first}/ns/pid").st_ino == self._status_value("pid-namespace"):
                os.kill(first, signal.SIGKILL)

    async def _ending(
        self, limits: Limits, watch: Callable[[], object] | None, stop: asyncio.Event
    ) -> Ending:
        """Wait for whichever comes first: the end, a limit, the watch, the time."""
        waits = [_cancelled(stop), self._exit(limits), self._too_much(), self._too_many(limits.processes)]
        if watch is not None:
            waits.append(_refused(watch))
        judges = [asyncio.create_task(wait) for wait in waits]
        try:
            done, _ = await asyncio.wait(
                judges, timeout=limits.timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            return next((judge.result() for judge in judges if judge in done), Ending.TIMED_OUT)
        finally:
            for judge in judges:
                judge.cancel()
            await asyncio.gather(*judges, return_exceptions=True)

    async def _exit(self, limits: Limits) -> Ending:
        streams = ((1, self._process.stdout), (2, self._process.stderr))
        await asyncio.gather(*(self._collect(n, s, limits.output_bytes) for n, s in streams if s))
        await self._process.wait()
        return Ending.OUTPUT_LIMIT if self._flooded.is_set() else Ending.EXITED

    async def _collect(self, number: int, stream: asyncio.StreamReader, output_bytes: int) -> None:
        """Keep what fits into the limit for both streams, drop the rest and say so."""
        while chunk := await stream.read(_READ_BYTES):
            room = output_bytes - sum(len(kept) for kept in self._output.values())
            self._output[number] += chunk[:room]
            if len(chunk) > room:
                self._flooded.set()

    async def _too_much(self) -> Ending:
        await self._flooded.wait()
        return Ending.OUTPUT_LIMIT

    async def _too_many(self, processes: int) -> Ending:
        while True:
            if self._count() > processes:
                return Ending.PROCESS_LIMIT
            await asyncio.sleep(_COUNT_EVERY_S)

    def _count(self) -> int:
        """Count the command's processes by the list that its own /proc gives, seen through its first process.

        Zero while bubblewrap still builds the sandbox: only in the finished one is our directory at /work.
        A list that we may not see counts as endless, since a limit that cannot be checked is none.
        """
        root = f"/proc/{self._status_value('child-pid')}/root"
        try:
            if not os.path.samestat(os.stat(f"{root}/work"), self._work):
                return 0
            return sum(name.isdigit() for name in os.listdir(f"{root}/proc"))
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            return 0
        except OSError:
            return _ENDLESS

    def _status_value(self, key: str) -> int | None:
        """Give a value that bubblewrap reported so far, in lines of JSON."""
        with suppress(BlockingIOError):
            self._status += os.read(self._status_fd, _STATUS_BYTES_MAX)
        for line in self._status.splitlines():
            with suppress(json.JSONDecodeError):
                values = json.loads(line)
                if key in values:
                    return int(values[key])
        return None


async def _cancelled(stop: asyncio.Event) -> Ending:
    await stop.wait()
    return Ending.CANCELLED


async def _refused(watch: Callable[[], object]) -> Ending:
    """Ask the watch until it raises."""
    while True:
        await asyncio.to_thread(watch)
        await asyncio.sleep(_WATCH_EVERY_S)
