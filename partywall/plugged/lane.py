"""Threads for the code of plug-ins, which may never come back: whoever waits for it is not kept waiting.

The attack: a text on which a plug-in never ends. On the event loop's own thread it would stop the bot for
every tenant. Here the wait ends, the text is refused, and the thread is given up: a loop in Python is ended
in it by an exception, and what waits keeps the thread until it comes back. A lane that has given up too many
threads at once runs nothing more until one of them has ended.

Nothing that the code raised is handed on: its text may hold what it was shown.
"""

import asyncio
import ctypes
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, TypeVar

from firewall.core.errors import ServiceUnavailable

T = TypeVar("T")
_KEPT: Final = 4
_MOST_STUCK: Final = 8
# A thread that is given up is looked at after so long, then more and more rarely; one that was running for
# so much of that time was not waiting.
_FIRST_LOOK_S: Final = 0.1
_RAREST_LOOK_S: Final = 5.0
_RUNNING: Final = 0.05
_Job = tuple[Callable[[], Any], "Future[Any]"]


class Failed(Exception):
    """The code raised, or gave what it must not; nothing is known of what it said."""


class _Worker(Thread):
    def __init__(self) -> None:
        super().__init__(name="partywall plug-in", daemon=True)
        self.jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._clock: int | None = None

    def end(self) -> None:
        """Let it end after its call, and end a loop in Python that it is in."""
        self.jobs.put(None)
        if self._clock is not None:
            watch = partial(self._interrupted, self._clock)
            Thread(target=watch, name="partywall plug-in's end", daemon=True).start()

    def _interrupted(self, clock: int) -> None:
        # One that waits is left alone: it would not notice, and as long as it does not, CPython 3.11 looks in
        # every thread for whom to interrupt, which costs time and, under a trace function, never ends.
        wait_s = _FIRST_LOOK_S
        # The clock of a thread that has ended cannot be read.
        with suppress(OSError):
            while True:
                spent = time.clock_gettime(clock)
                self.join(wait_s)
                if time.clock_gettime(clock) - spent > _RUNNING * wait_s:
                    # `SystemExit` ends a thread without a word.
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self.ident or 0), ctypes.py_object(SystemExit)
                    )
                wait_s = min(2 * wait_s, _RAREST_LOOK_S)

    def run(self) -> None:
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(self.ident or 0)
        while (job := self.jobs.get()) is not None:
            call, future = job
            try:
                result = call()
            except BaseException:  # noqa: BLE001  also what ended it; it is told as a failure without its words
                future.set_exception(Failed())
            else:
                future.set_result(result)


class Lane:
    """Runs the calls of one plug-in.

    Args:
        who: What it is called in errors.
    """

    def __init__(self, who: str) -> None:
        self._who = who
        self._lock = Lock()
        self._idle: list[_Worker] = []
        self._stuck: list[_Worker] = []

    def run(self, call: Callable[[], T], limit_s: float) -> T:
        """Call it and wait here.

        Args:
            call: What is called, in another thread.
            limit_s: Longest wait, in seconds.

        Raises:
            ServiceUnavailable: It took longer or failed, or too many calls before it never ended.
        """
        worker, future = self._begun(call)
        try:
            result = future.result(limit_s)
        except TimeoutError:
            self._give_up(worker)
        except Failed:
            self._rest(worker)
            raise self._unavailable("failed") from None
        else:
            self._rest(worker)
            return result
        raise self._unavailable(f"took longer than {limit_s:g} s")

    async def wait(self, call: Callable[[], T], limit_s: float) -> T:
        """Call it while the event loop goes on. Arguments and errors are those of `run`."""
        worker, future = self._begun(call)
        try:
            async with asyncio.timeout(limit_s):
                result = await asyncio.wrap_future(future)
        except TimeoutError:
            self._give_up(worker)
        except asyncio.CancelledError:
            self._give_up(worker)
            raise
        except Failed:
            self._rest(worker)
            raise self._unavailable("failed") from None
        else:
            self._rest(worker)
            return result
        raise self._unavailable(f"took longer than {limit_s:g} s")

    def _begun(self, call: Callable[[], T]) -> "tuple[_Worker, Future[T]]":
        with self._lock:
            self._stuck = [each for each in self._stuck if each.is_alive()]
            if len(self._stuck) >= _MOST_STUCK:
                raise self._unavailable("never came back from several calls")
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker()
            worker.start()
        future: Future[T] = Future()
        # Whoever stops waiting must not cancel it: the thread would then have nowhere to put its result.
        future.set_running_or_notify_cancel()
        worker.jobs.put((call, future))
        return worker, future

    def _rest(self, worker: _Worker) -> None:
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append(worker)
                return
        worker.jobs.put(None)

    def _give_up(self, worker: _Worker) -> None:
        worker.end()
        with self._lock:
            self._stuck.append(worker)

    def _unavailable(self, what: str) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self._who} {what}; nothing was passed")
