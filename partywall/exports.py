"""Records as files: JSON lines, CSV and Parquet, written as they come, whatever their number."""

import csv
import importlib
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol, cast

from firewall.core.errors import MisuseError

Row = Mapping[str, object]
_PARQUET = "partywall.parquet"
# What a spreadsheet takes for the beginning of a formula.
# Source: OWASP, CSV Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Format(StrEnum):
    """How records are written down elsewhere."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Stream(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take these bytes, all of them."""
        ...


class Sink(Protocol):
    """Takes one row after the other."""

    def put(self, row: Row) -> None:
        """Write a row; all rows of a file have the same fields."""
        ...


class _Table(Sink, Protocol):
    def close(self) -> None: ...


class _Parquet(Protocol):
    def Table(self, stream: Stream, fields: Sequence[str]) -> _Table: ...  # noqa: N802 - a class there


@contextmanager
def sink(form: Format, stream: Stream, fields: Sequence[str]) -> Generator[Sink]:
    """Give what writes rows to the stream; the file is complete when the block ends.

    Raises:
        MisuseError: The format needs an extra that is not installed.
    """
    match form:
        case Format.JSONL:
            yield _Lines(stream)
        case Format.CSV:
            yield _Sheet(stream, fields)
        case Format.PARQUET:
            table = _parquet().Table(stream, fields)
            try:
                yield table
            finally:
                table.close()


class _Lines:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def put(self, row: Row) -> None:
        """Write one line of JSON."""
        self._stream.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")


class _Sheet:
    def __init__(self, stream: Stream, fields: Sequence[str]) -> None:
        self._stream = stream
        self._fields = fields
        self._writer = csv.writer(self)
        self._writer.writerow(fields)

    def write(self, text: str) -> None:
        """Take what the csv module has written."""
        self._stream.write(text.encode("utf-8", "backslashreplace"))

    def put(self, row: Row) -> None:
        """Write one line, in which no cell is a formula."""
        self._writer.writerow([_cell(row[name]) for name in self._fields])


def _cell(value: object) -> object:
    """Give a cell as text that no spreadsheet computes: a leading apostrophe makes it text."""
    if isinstance(value, list):
        value = " ".join(map(str, cast("list[object]", value)))
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) else value


def _parquet() -> _Parquet:
    try:
        return cast("_Parquet", importlib.import_module(_PARQUET))
    except ModuleNotFoundError as error:
        raise MisuseError("Parquet needs an extra: pip install 'partywall[parquet]'") from error
