"""Work on a database, written as plain generators so that the stores know no driver.

A job yields one statement at a time and is sent its rows. It may be made and run again from the beginning:
it changes nothing but the database, and draws what it needs anew. Jobs are made and run on the database's
thread.
"""

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

Value: TypeAlias = str | int | bytes | None
Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = list[Row]
Statement: TypeAlias = tuple[str, tuple[Value, ...]]

T = TypeVar("T")
Job: TypeAlias = Generator[Statement, Rows, T]
Make: TypeAlias = Callable[[], Job[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A job that ended, and what it gave."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A job that raised; nothing of it was written."""

    error: Exception


Outcome: TypeAlias = Done | Failed


def drive(job: Job[T], execute: Callable[[str, tuple[Value, ...]], Rows]) -> T:
    """Run a job to its end with this way of executing statements, and give what it returns."""
    try:
        statement = next(job)
        while True:
            statement = job.send(execute(*statement))
    except StopIteration as done:
        value: T = done.value
        return value
    finally:
        job.close()


async def driven(job: Job[T], execute: Callable[[str, tuple[Value, ...]], Awaitable[Rows]]) -> T:
    """Run a job to its end, as `drive`, with statements that have to be waited for."""
    try:
        statement = next(job)
        while True:
            statement = job.send(await execute(*statement))
    except StopIteration as done:
        value: T = done.value
        return value
    finally:
        job.close()
