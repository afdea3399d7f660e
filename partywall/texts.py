"""The texts that are scanned: rows of JSON lines, files, folders, and what a difference adds."""

import codecs
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from firewall.core.errors import ConfigError

# Where version control keeps what is packed and what is said already beside it.
_KEPT_APART: Final = frozenset({".git", ".hg", ".svn"})
_LOOK: Final = 8_192
# So many zeros to one other byte, and the other way round, make text of two bytes for each letter.
_FEW: Final = 4
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text to be scanned.

    Attributes:
        id: What it is called in what is told: the id of a row, or a path.
        text: The words; `repr` does not show them.
        size: In bytes, as it was read.
        line: The number of its first line in the file it is from, from 1.
    """

    id: object
    text: str
    size: int
    line: int = 1

    def __repr__(self) -> str:
        return f"Text({self.size} bytes)"


def decoded(content: bytes) -> str | None:
    """Give the text of a file's bytes, or None if they are none: zeros stand between bytes that are no UTF-8.

    A byte that is not UTF-8 becomes a lone surrogate, so that the text beside it is read all the same. So a
    zero put into a text takes nothing out of sight, nor does UTF-16 without its mark.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    look = content[:_LOOK]
    if b"\0" in look:
        wide = _wide(look)
        if wide is not None:
            return content.decode(wide, errors="replace")
        if not _is_utf8(look):
            return None
    return content.decode("utf-8", errors="surrogateescape")


def _wide(look: bytes) -> str | None:
    """Give the encoding in which every other byte is a zero, nearly, if that is how the bytes look."""
    even, odd, most = look[::2].count(0), look[1::2].count(0), len(look) // 2
    for first, second, encoding in ((even, odd, "utf-16-be"), (odd, even, "utf-16-le")):
        if first * _FEW >= most * (_FEW - 1) > 0 and second * _FEW <= most:
            return encoding
    return None


def _is_utf8(look: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(look, final=len(look) < _LOOK)
    except UnicodeDecodeError:
        return False
    return True


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Give every file of these files and folders, in order; links are not followed out of a folder.

    Raises:
        ConfigError: One is not there.
    """
    for path in paths:
        if path.is_dir():
            yield from _within(path)
        elif path.exists():
            yield path
        else:
            raise ConfigError(f"{path} is not there; name files and folders, or - for standard input")


def rows(lines: Iterable[bytes], name: str) -> Iterator[Text]:
    """Give the rows of JSON lines, each an object with `text` and, if it has one, `id`.

    Raises:
        ConfigError: A line is none.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = row_of(line)
        if row is None:
            raise ConfigError(
                f'line {number} of {name} is no JSON object {{"id": …, "text": "…"}}; nothing of it was read'
            )
        yield Text(id=row.get("id", number), text=str(row["text"]), size=len(line), line=number)


def row_of(line: bytes) -> dict[str, Any] | None:
    """Give the object of a line, if it is one with a text."""
    try:
        row: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    found = cast("dict[str, Any]", row)
    return found if isinstance(found.get("text"), str) else None


def added(diff: str) -> Iterator[Text]:
    """Give what a unified difference adds: each run of new lines as one text, by the file it goes to.

    Raises:
        ConfigError: It is none.
    """
    try:
        patch = PatchSet(io.StringIO(diff))
    except UnidiffParseError:
        raise ConfigError("this is no unified difference; give what `git diff` prints") from None
    for file in patch:
        for hunk in file:
            yield from _runs(file.path, [line for line in hunk if line.target_line_no is not None])


def _runs(path: str, lines: Sequence[Any]) -> Iterator[Text]:
    run: list[Any] = []
    for line in [*lines, None]:
        if line is not None and line.is_added:
            run.append(line)
        elif run:
            text = "".join(each.value for each in run)
            yield Text(
                id=path,
                text=text,
                size=len(text.encode("utf-8", "surrogateescape")),
                line=run[0].target_line_no,
            )
            run = []


def _within(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _KEPT_APART)
        for name in sorted(names):
            path = Path(root, name)
            if path.is_file() and not path.is_symlink():
                yield path
