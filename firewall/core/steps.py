"""Steps: long work that lets the event loop go on in between.

Whoever sends a megabyte would otherwise stop the bot for everybody else while it is examined. A step ends at
a `yield`; it takes some milliseconds. What holds when a step ends need not hold when the next one begins, for
other turns have gone on meanwhile.
"""

import asyncio
from collections.abc import Generator
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]


def at_once(steps: Steps[T]) -> T:
    """Take all the steps that are left, and give what they come to."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            result: T = ended.value
            return result


async def paced(steps: Steps[T]) -> T:
    """Take all the steps, and let everybody else go on after each; a cancellation takes no more of them."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            result: T = ended.value
            return result
        await asyncio.sleep(0)
