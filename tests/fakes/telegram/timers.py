"""A job queue without APScheduler, which is an extra that we do not install, and with its trap.

Whoever adds a job wakes the scheduler by `call_soon_threadsafe`, which keeps the caller's context; the timer
that is set then runs every due job in that context.
"""

import asyncio
import datetime as dt
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from telegram.ext import JobQueue

from tests.fakes.telegram.applications import AnyApplication


class Scheduled:
    """One job, as APScheduler keeps it."""

    def __init__(self, func: Callable[..., Any], args: Sequence[Any]) -> None:
        self.func, self.args = func, args


class Timers:
    """The part of APScheduler's asynchronous scheduler that a job queue uses; every job is due at once."""

    timezone = dt.UTC

    def __init__(self) -> None:
        self.running = False
        self._jobs: list[Scheduled] = []
        self._pending_futures: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self.running = True

    def shutdown(self, *, wait: bool) -> None:
        self.running = False

    def get_jobs(self) -> list[Scheduled]:
        return list(self._jobs)

    def add_job(self, func: Callable[..., Any], *, args: Sequence[Any], **_: Any) -> Scheduled:
        self._jobs.append(Scheduled(func, args))
        if self.running:
            asyncio.get_running_loop().call_soon_threadsafe(self._due)
        return self._jobs[-1]

    def _due(self) -> None:
        due, self._jobs = self._jobs, []
        for job in due:
            task = asyncio.get_running_loop().create_task(run_coroutine_job(job))
            self._pending_futures.add(task)
            task.add_done_callback(self._pending_futures.discard)


async def run_coroutine_job(job: Scheduled) -> None:
    await job.func(*job.args)


def once(at: Any, callback: Callable[[Any], Any]) -> None:
    """Add a job to the queue of an application or a context.

    The library looks whether its extra is there each time that it makes one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("telegram.ext._jobqueue.APS_AVAILABLE", True)
        at.job_queue.run_once(callback, 0)


def timed(app: AnyApplication) -> None:
    """Give an application a job queue that runs on these timers."""
    # The library's class has one parameter that is told nowhere here.
    kind: Any = JobQueue
    queue = object.__new__(kind)
    queue.scheduler = queue._executor = Timers()
    queue._application = weakref.ref(app)
    slots: Any = app
    slots._job_queue = queue
