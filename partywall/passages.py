"""Deliveries of other people's libraries: each in a context of its own, with the turn it opened.

A turn lives as long as the handler and the tasks it started. The tasks are known because the loop's task
factory is asked: a task that is made inside a delivery belongs to it. So a bot that answers in a task of its
own (`asyncio.create_task(answer(event))`, as everybody does who must acknowledge within seconds) answers in
its turn, and a task that outlives the turn finds it closed.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import Any, TypeVar, cast

from firewall.core.errors import MisuseError
from firewall.turns import leave

T = TypeVar("T")
Started = Coroutine[Any, Any, object]
# Says of what a handler started whether its turn lasts as long as that.
Counts = Callable[[Started], bool]

# After so long a turn that only waits for an earlier one of its session no longer keeps the library waiting.
DETACH_S = 1.0

_passage: contextvars.ContextVar["Passage | None"] = contextvars.ContextVar("partywall_passage", default=None)


class Passage:
    """One delivery that is being handled.

    Args:
        counts: Says of a task that was started inside whether the turn lasts as long as it.

    Attributes:
        entering: True while the turn waits for its session.
        busy: Says whether something of the turn is under way; set by whoever opens it, like `over`.
        over: Says whether the turn has lasted as long as one may.
    """

    def __init__(self, counts: Counts) -> None:
        self.entering = False
        self.busy: Callable[[], bool] = lambda: False
        self.over: Callable[[], bool] = lambda: False
        self._counts = counts
        self._open = AsyncExitStack()
        self._entered = False
        self._handling: asyncio.Task[Any] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._moved = asyncio.Event()

    async def enter(self, turn: AbstractAsyncContextManager[T]) -> T:
        """Open a turn that stays open until the delivery is handled.

        Raises:
            MisuseError: It was opened already, or this is a task of the handler and not the delivery itself,
                in whose context everything that follows is run.
        """
        if self._entered or asyncio.current_task() is not self._handling:
            raise MisuseError("a delivery opens one turn, before its handlers run")
        self._entered = self.entering = True
        try:
            return await self._open.enter_async_context(turn)
        finally:
            self.entering = False

    def adopt(self, task: asyncio.Task[Any], started: Started) -> None:
        """Take in a task that was started inside."""
        if self._counts(started):
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def begin(
        self, run: Callable[[], Awaitable[T]], outcome: "asyncio.Future[T]", context: contextvars.Context
    ) -> asyncio.Task[None]:
        """Start the handling in this context, in which no turn is open yet; it tells its outcome at once."""
        context.run(_passage.set, self)
        context.run(leave)
        loop = asyncio.get_running_loop()
        self._handling = _plain(loop, _told(run, outcome), name="partywall handling", context=context)
        self._handling.add_done_callback(self._done)
        return self._handling

    async def own(self, handling: asyncio.Task[None], idle_s: float) -> None:
        """End the turn after the handling and the last task, or when it has lasted as long as one may.

        It waits beside the handling and not around it: a handler that hangs must not hold its session for
        ever, and what it does after the turn has ended is done in none.
        """
        async with self._open:
            try:
                while self._tasks or not handling.done():
                    self._moved.clear()
                    moved = await _within(self._moved, idle_s)
                    # A task that does nothing in its turn, such as a loop that was started once, keeps
                    # nothing; and others may keep it busy, so what ends in it is no reason for ever.
                    if self.over() or not (moved or self.busy() or not handling.done()):
                        return
            except asyncio.CancelledError:
                # It is cancelled as well. What is being opened must be open, or not, before it is closed.
                await asyncio.wait({handling}, timeout=None if self.entering else idle_s)
                raise

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._moved.set()


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False


async def _told(run: Callable[[], Awaitable[T]], outcome: "asyncio.Future[T]") -> None:
    try:
        result = await run()
    except asyncio.CancelledError:
        outcome.cancel()
        raise
    except Exception as error:  # noqa: BLE001  the library's own: it goes where it would have gone
        if not outcome.done():
            outcome.set_exception(error)
        return
    if not outcome.done():
        outcome.set_result(result)


def here() -> Passage:
    """Give the delivery that is handled in this context.

    Raises:
        MisuseError: None is.
    """
    found = _passage.get()
    if found is None:
        raise MisuseError("no delivery is handled here; a turn of your own is opened by `wall.turn(message)`")
    return found


@contextmanager
def aside() -> Generator[None]:
    """Start what is started inside this block for nobody: a client's own worker outlives every turn."""
    token = _passage.set(None)
    try:
        yield
    finally:
        _passage.reset(token)


class Passages:
    """The deliveries of one application that are being handled.

    Args:
        idle_s: A turn whose handler has ended, and of whose tasks none ends or does anything in it for so
            long, is closed; in seconds.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def deliver(self, passage: Passage, run: Callable[[], Awaitable[T]], detached: T | None) -> T:
        """Handle a delivery; give its outcome, or `detached` if its turn waits for an earlier one."""
        loop = asyncio.get_running_loop()
        watch(loop)
        outcome: asyncio.Future[T] = loop.create_future()
        # Both in one context, so that one can end what the other began. A delivery may arrive in somebody
        # else's: a library's loop that was started by a handler carries the turn of that handler for ever.
        context = contextvars.copy_context()
        handling = passage.begin(run, outcome, context)
        owner = _plain(loop, passage.own(handling, self._idle_s), name="partywall delivery", context=context)
        owner.add_done_callback(lambda done: self._ended(done, outcome))
        for task in (handling, owner):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while not outcome.done():
                await asyncio.wait({outcome}, timeout=DETACH_S if detached is not None else None)
                if passage.entering and detached is not None and not outcome.done():
                    # Nobody waits for the outcome any more; what fails from here on is the loop's to report.
                    outcome.add_done_callback(_reported)
                    return detached
        except asyncio.CancelledError:
            handling.cancel()
            owner.cancel()
            raise
        return outcome.result()

    def _ended(self, owner: "asyncio.Task[None]", outcome: "asyncio.Future[Any]") -> None:
        if owner.cancelled():
            outcome.cancel()
        elif (error := owner.exception()) is not None:
            if outcome.done():
                _complain(owner.get_loop(), error)
            else:
                outcome.set_exception(error)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is being handled; after so many seconds, cancel it."""
        tasks = set(self._tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_s)
            for each in late:
                each.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _reported(outcome: "asyncio.Future[Any]") -> None:
    if not outcome.cancelled() and (error := outcome.exception()) is not None:
        _complain(outcome.get_loop(), error)


def _complain(loop: asyncio.AbstractEventLoop, error: BaseException) -> None:
    loop.call_exception_handler({"message": "a delivery failed after it was answered", "exception": error})


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Have every task that is made inside a delivery counted; a factory that was there still makes them."""
    if isinstance(loop.get_task_factory(), _Factory):
        return
    loop.set_task_factory(cast("Any", _Factory(loop.get_task_factory())))


class _Factory:
    def __init__(self, before: Callable[..., Any] | None) -> None:
        self._before = before

    def __call__(
        self, loop: asyncio.AbstractEventLoop, started: Started, **kwargs: Any
    ) -> "asyncio.Task[Any]":
        make = self._before or _plain
        task = cast("asyncio.Task[Any]", make(loop, started, **kwargs))
        context: contextvars.Context | None = kwargs.get("context")
        passage = _passage.get() if context is None else context.get(_passage)
        # What closes a forgotten generator runs wherever the garbage collector came upon it.
        if passage is not None and type(started).__name__ != "async_generator_athrow":
            passage.adopt(task, started)
        return task


def _plain(loop: asyncio.AbstractEventLoop, started: Started, **kwargs: Any) -> "asyncio.Task[Any]":
    return asyncio.Task(started, loop=loop, **kwargs)
