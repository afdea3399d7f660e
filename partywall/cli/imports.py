"""Names and values from a file, one at a time, however long the file is.

A line that cannot be read ends the import with its number and nothing of its content: the file holds secrets.
"""

import csv
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from firewall.core.errors import MisuseError
from vault.entries import MAX_NAME_CODEPOINTS, MAX_VALUE_CODEPOINTS

# A value of a million code points, escaped, and a name.
MAX_LINE_BYTES = 8_000_000
Pair = tuple[str, str]


class Format(StrEnum):
    """What a file is made of."""

    CSV = "csv"
    JSONL = "jsonl"
    TEXT = "text"


_BY_SUFFIX = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".txt": Format.TEXT,
}


class ImportFault(MisuseError):
    """A file of values is malformed.

    Args:
        problem: What is wrong, in constant words.
        line: 1-based line at which it was noticed.
    """

    def __init__(self, problem: str, *, line: int) -> None:
        self.problem = problem
        self.line = line
        super().__init__(f"line {line}: {problem}")


class _Row(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Rows(Protocol):
    """A CSV reader, whose type the standard library does not name before 3.13."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


_ROW = msgspec.json.Decoder(_Row)


def format_of(path: Path) -> Format:
    """Tell the format by the file's ending.

    Raises:
        MisuseError: The ending is not known.
    """
    found = _BY_SUFFIX.get(path.suffix.lower())
    if found is None:
        raise MisuseError(
            f"say --format {'|'.join(Format)}: the file's ending is none of {', '.join(_BY_SUFFIX)}"
        )
    return found


def pairs(stream: BinaryIO, form: Format, *, prefix: str, read: Callable[[int], None]) -> Iterator[Pair]:
    """Give the file's names and values in order, holding one line at a time.

    Args:
        stream: The file, at its beginning.
        form: `csv` has a first line with the columns `name` and `value`; `jsonl` an object with both on each
            line; `text` one value on each line, named by prefix and line number.
        prefix: For `text`.
        read: Told the number of bytes read so far, at each line.

    Raises:
        ImportFault: A line is malformed, too long, or no UTF-8.
    """
    lines = _lines(stream, read)
    if form is Format.CSV:
        found = _csv(lines)
    elif form is Format.JSONL:
        found = ((number, _object(line, number)) for number, line in lines if line.strip())
    else:
        found = ((number, (f"{prefix}-{number}", line)) for number, line in lines if line.strip())
    for number, (name, value) in found:
        if not name.strip() or len(name) > MAX_NAME_CODEPOINTS:
            raise ImportFault(
                f"a name has 1 to {MAX_NAME_CODEPOINTS} code points, not {len(name)}", line=number
            )
        if not value or len(value) > MAX_VALUE_CODEPOINTS:
            raise ImportFault(
                f"a value has 1 to {MAX_VALUE_CODEPOINTS} code points, not {len(value)}", line=number
            )
        yield name, value


def _lines(stream: BinaryIO, read: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    number = total = 0
    while raw := stream.readline(MAX_LINE_BYTES + 1):
        number, total = number + 1, total + len(raw)
        if len(raw) > MAX_LINE_BYTES:
            raise ImportFault(f"it is longer than {MAX_LINE_BYTES} bytes", line=number)
        # A mark that some programs put before UTF-8 is no part of the first name.
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        problem = ""
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line, problem = "", "it is not UTF-8 text"
        if problem or "\0" in line:
            # Raised here, not chained: the codec's error carries the bytes.
            raise ImportFault(problem or "it holds a NUL", line=number)
        read(total)
        yield number, line.removesuffix("\n").removesuffix("\r")


def _object(line: str, number: int) -> Pair:
    try:
        row = _ROW.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeEncodeError):
        row = None
    if row is None:
        raise ImportFault('it must be {"name": "…", "value": "…"}', line=number)
    return row.name, row.value


def _csv(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Pair]]:
    # A quote that is never closed would gather the rest of the file; this bounds a field, and so a row.
    csv.field_size_limit(MAX_LINE_BYTES)
    begun = next(lines, None)
    if begun is None:
        return
    reader = csv.reader((f"{line}\n" for _, line in chain([begun], lines)), strict=True)
    header = _row(reader)
    if header is None or not {"name", "value"} <= set(header):
        raise ImportFault(
            "the first line of a CSV file names its columns; `name` and `value` are needed", line=1
        )
    name, value = header.index("name"), header.index("value")
    while (row := _row(reader)) is not None:
        if not row:
            continue
        if len(row) != len(header):
            raise ImportFault(
                f"it has {len(row)} columns, the first line {len(header)}", line=reader.line_num
            )
        yield reader.line_num, (row[name], row[value])


def _row(reader: "_Rows") -> list[str] | None:
    try:
        return next(reader, None)
    except csv.Error:
        line = reader.line_num
    # Not chained: nothing of the line may stand in an error.
    raise ImportFault("a quote is not closed, or a field is too long", line=line)
