"""The door of an application whose handlers run in threads; the wall lives in one event loop.

A delivery has its owner in that loop, as every delivery has; the library's own handling of it runs in a
thread beside, with a copy of the owner's context. What a handler starts through the library's executors is
carried there with the turn, which lasts until it has ended. A thread that a bot starts by itself belongs to
no turn, so nothing is said from it.
"""

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from adapters.doors import Errands
from firewall.core.errors import MisuseError
from partywall.crossing import Caller
from partywall.doors import WallDoor
from partywall.wall import Wall

T = TypeVar("T")

_MISUSED = "a synchronous App was used on the event loop, which it would block; run it in a thread"
# A delivery that waits for an earlier turn of its session keeps one; libraries hand out about ten at a time.
_MAX_THREADS = 256
_STARTED_IN_S = 10.0


class _Opening:
    """The one opening of a turn that a delivery may ask its owner for."""

    def __init__(self, asked: "asyncio.Future[_Request]") -> None:
        self.asked = asked
        self.used = False


class _Request:
    def __init__(self, opening: Callable[[], Awaitable[Any]]) -> None:
        self.opening = opening
        self.reply: Future[tuple[Any, contextvars.Context]] = Future()

    async def serve(self) -> None:
        try:
            given = await self.opening()
        except Exception as error:  # noqa: BLE001  it is raised in the thread that waits for it
            self.reply.set_exception(error)
        else:
            self.reply.set_result((given, contextvars.copy_context()))


_opening: contextvars.ContextVar[_Opening | None] = contextvars.ContextVar("partywall_opening", default=None)


class ThreadDoor:
    """The wall, as the hooks of a threaded application see it (`adapters.doors.SyncDoor`).

    Args:
        wall: The wall. It is opened in a loop thread of its own, unless somebody opened it before.
        door: Its door.
    """

    def __init__(self, wall: Wall, door: WallDoor) -> None:
        self._wall = wall
        self._door = door
        self._own: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="partywall delivery")

    @property
    def door(self) -> WallDoor:
        """The door in the loop."""
        return self._door

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that the wall lives in."""
        with self._lock:
            opened = self._wall.loop
            if opened is not None and opened.is_running():
                return opened
            if self._own is None:
                self._own = _started()
            return self._own

    def deliver(self, run: Callable[[], T], *, detached: T | None = None) -> T:
        """Run the handling of one delivery in a thread and a context of its own."""

        async def handled() -> T:
            loop = asyncio.get_running_loop()
            asked: asyncio.Future[_Request] = loop.create_future()
            _opening.set(_Opening(asked))
            job = loop.run_in_executor(self._pool, contextvars.copy_context().run, run)
            first: set[asyncio.Future[Any]] = {job, asked}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                await asked.result().serve()
            return await job

        return self._caller().wait(lambda: self._door.deliver(handled, detached=detached))

    def enter(self, opening: Callable[[], Awaitable[T]]) -> T:
        """Await something that opens the turn of the delivery handled here."""
        found = _opening.get()
        if found is None or found.used:
            raise MisuseError("a delivery opens one turn, before its handlers run")
        found.used = True
        request = _Request(opening)
        self.loop.call_soon_threadsafe(found.asked.set_result, request)
        given: T
        given, context = request.reply.result()
        # From here on this thread's own copy of the context carries the turn, as the owner's does.
        for variable, value in context.items():
            variable.set(value)
        return given

    def wait(self, work: Callable[[Errands], Coroutine[Any, Any, T]]) -> T:
        """Await something in the loop, in the turn that is open here, and run its errands meanwhile."""
        caller = self._caller()
        return caller.wait(lambda: work(caller.run))

    def aside(self, blocking: Callable[[], T]) -> Awaitable[T]:
        """Run something in a thread of the wall's own; to be called in the loop."""
        return asyncio.get_running_loop().run_in_executor(self._pool, blocking)

    def carrying(self, call: Callable[[], T]) -> Callable[[], T]:
        """Give the same call, to be made in another thread: in this turn, which lasts until it has ended."""
        context, loop, ended = contextvars.copy_context(), self.loop, asyncio.Event()

        async def held() -> None:
            await ended.wait()

        # Started in this context, and before this delivery's own handling can end: both are queued in order.
        asyncio.run_coroutine_threadsafe(held(), loop)

        def carried() -> T:
            try:
                return context.run(call)
            finally:
                loop.call_soon_threadsafe(ended.set)

        return carried

    async def drain(self, timeout_s: float) -> None:
        """Wait for the deliveries that are being handled; after so many seconds, cancel them."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._door.drain(timeout_s), self.loop))

    def _caller(self) -> Caller:
        return Caller(self.loop, _MISUSED)


def _started() -> asyncio.AbstractEventLoop:
    """Start a loop in a thread that ends with the program."""
    loop, running = asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.call_soon(running.set)
        loop.run_forever()

    threading.Thread(target=run, name="partywall loop", daemon=True).start()
    running.wait(_STARTED_IN_S)
    return loop
