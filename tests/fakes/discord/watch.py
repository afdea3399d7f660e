"""Waiting for a condition, never for a length of time."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
PATIENCE_S: Final = 10.0


class Watch:
    """Wakes those who wait for something each time anything changes."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, find: Callable[[], T | None], *, timeout_s: float = PATIENCE_S) -> T:
        """Give what `find` gives as soon as that is true.

        Raises:
            TimeoutError: It was not, in time.
        """
        async with asyncio.timeout(timeout_s):
            while not (found := find()):
                await self._changed.wait()
            return found
