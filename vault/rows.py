"""Many rows in one statement: a statement costs as much as a row on a file, and a journey on a server."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from vault.job import Job, Row, Rows, Value

# A portion has as many rows as a power of two: few texts of one statement, each prepared once. Both databases
# take more than 30,000 values a statement; the widest row here has eleven.
_MOST: Final = 64
T = TypeVar("T")


def inserted(into: str, rows: Sequence[tuple[Value, ...]], then: str = "") -> Job[Rows]:
    """Insert rows in their order, and give what the statements return.

    Args:
        into: The table with its columns.
        rows: A value for each of these columns.
        then: What follows the values.
    """
    found: list[Row] = []
    for some in portions(rows):
        text = _insert(into, len(some), len(some[0]), then)
        found += yield (text, tuple([value for each in some for value in each]))
    return found


def looked_up(select: str, values: Sequence[Value], then: str = "") -> Job[Rows]:
    """Give the rows in which a column, which `select` ends with, has one of these values."""
    found: list[Row] = []
    for some in portions(values):
        found += yield _select(select, len(some), then), tuple(some)
    return found


def portions(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a sequence into portions of 64, and the rest into portions of smaller powers of two."""
    start = 0
    while start < len(whole):
        size = min(_MOST, 1 << (len(whole) - start).bit_length() - 1)
        yield whole[start : start + size]
        start += size


@lru_cache(maxsize=256)
def _insert(into: str, rows: int, columns: int, then: str) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)} {then}"  # noqa: S608 - our own words and places


@lru_cache(maxsize=256)
def _select(select: str, values: int, then: str) -> str:
    return f"{select} IN ({', '.join('?' * values)}) {then}"
