"""From a thread to the wall's loop and back: how synchronous bots are judged.

The wall lives in one event loop. A thread that calls something guarded waits while its call is judged there,
and runs meanwhile what the loop asks of it: its own client's call belongs to it, with its locals, and needs
no second thread that could be missing when many wait.
"""

import asyncio
import concurrent.futures
import queue
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from firewall.core.errors import MisuseError, ServiceUnavailable

T = TypeVar("T")

# How often a waiting thread looks whether the loop still runs, in seconds; it is woken as soon as it is done.
_LOOK_S = 1.0
_GONE = "the wall's event loop has ended; keep it running as long as threads call what it guards"


class Crossing:
    """Knows the loop in which the wall was opened.

    Attributes:
        loop: That loop; None until the wall is open.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def caller(self, what: str, remedy: str) -> "Caller":
        """Give the thread that calls a way to wait for the loop.

        Args:
            what: What is called, for the message of an error.
            remedy: What to do instead of calling it on an event loop.

        Raises:
            MisuseError: It was called on an event loop, which it would block, or before the wall was open.
        """
        if _on_a_loop():
            raise MisuseError(
                f"{what} is synchronous and was called on the event loop, which it would block; {remedy}"
            )
        if self.loop is None:
            raise MisuseError(f"{what} was called before the wall was open; open it by `async with wall`")
        return Caller(self.loop, f"{what} is synchronous and was used on the event loop; {remedy}")


class Caller:
    """A thread outside the loop, for as long as one guarded call of its takes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, misused: str) -> None:
        self._loop = loop
        self._misused = misused
        self._errands: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def wait(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Have the loop do something and give its result, doing its errands meanwhile.

        Raises:
            MisuseError: This is the thread of an event loop.
            ServiceUnavailable: The loop has ended.
        """
        if _on_a_loop():
            raise MisuseError(self._misused)
        if not self._loop.is_running():
            raise ServiceUnavailable(_GONE)
        asked = work()
        try:
            done = asyncio.run_coroutine_threadsafe(asked, self._loop)
        except RuntimeError:
            asked.close()
            raise ServiceUnavailable(_GONE) from None
        done.add_done_callback(lambda _: self._errands.put(None))
        try:
            self._serve(done)
            return done.result(0)
        except concurrent.futures.CancelledError:
            raise ServiceUnavailable(_GONE) from None
        finally:
            # Where the wait was broken off, what the loop does for it is in vain.
            done.cancel()

    async def run(self, errand: Callable[[], T]) -> T:
        """Run something in the thread that waits; to be called on the loop."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def do() -> None:
            try:
                given = errand()
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised where it is awaited
                loop.call_soon_threadsafe(_settle, outcome, None, error)
            else:
                loop.call_soon_threadsafe(_settle, outcome, given, None)

        self._errands.put(do)
        return await outcome

    def _serve(self, done: "concurrent.futures.Future[T]") -> None:
        while not done.done():
            try:
                errand = self._errands.get(timeout=_LOOK_S)
            except queue.Empty:
                if not self._loop.is_running():
                    raise ServiceUnavailable(_GONE) from None
            else:
                if errand is not None:
                    errand()


def _settle(outcome: "asyncio.Future[T]", given: T | None, error: Exception | None) -> None:
    if outcome.done():
        return
    if error is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(cast("T", given))


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
