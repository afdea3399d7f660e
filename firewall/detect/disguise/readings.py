"""Readings: what bytes say as text, and the way back from each character to what encoded it.

A `Draft` is written stretch by stretch. Between two stretches stands a letter that nobody writes, so neither
a value nor an excerpt is ever put together from two runs that other words stand between.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from firewall.core.errors import ServiceUnavailable
from firewall.detect.disguise.deflate import Inflated, bodies, inflate, possible

# A letter (it stays in every form), used in one known manuscript.
BARRIER = "\n\ua66e\n"
SHORTEST = 6

_BEYOND = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
# Said in two ways, the first for speed; shorter stretches are no match, so that random bytes cost no object.
_READABLE = re.compile(
    rb"(?:[\t\n\r -~]{6,}+|(?:[\t\n\r -~]|" + _BEYOND + rb"){3,}+)(?:[\t\n\r -~]++|" + _BEYOND + rb")*+"
)
_WIDE = (
    ("utf-16-le", 2, re.compile(rb"(?:[\t\n\r -~]\x00){3,}+")),
    ("utf-16-be", 2, re.compile(rb"(?:\x00[\t\n\r -~]){3,}+")),
    ("utf-32-le", 4, re.compile(rb"(?:[\t\n\r -~]\x00{3}){3,}+")),
    ("utf-32-be", 4, re.compile(rb"(?:\x00{3}[\t\n\r -~]){3,}+")),
)
_WIDTHS = re.compile("([\0-\x7f]+)|([\x80-\u07ff]+)|([\u0800-\uffff]+)|([\U00010000-\U0010ffff]+)")
# From here on readable bytes are no accident, and from there on they are not if they are ASCII.
_SURE = 16
_FEW = 8
_WORDLIKE = re.compile(r"[\w\s.,:'@/+=#$!-]+")
# So much counts each try at a header, and so many streams one inside the other are unpacked.
_TRY = 64
_DEEPEST = 8


class Way(Protocol):
    """How a stretch of a text that was made leads back to the text it was made from."""

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the smallest stretch that `[start, stop)` came from; not for an empty one."""
        ...


class Piece(NamedTuple):
    """Characters that came from one run: `width` bytes each, every `out` bytes from `into` characters.

    `start` and `stop` are offsets in what was made, `lead` the byte of the run that comes first, `origin` and
    `limit` where the run begins and ends. With `into` at -1 the run is read from its end.
    """

    start: int
    stop: int
    origin: int
    limit: int
    out: int = 1
    into: int = 1
    lead: int = 0
    width: int = 1

    def span(self, index: int) -> tuple[int, int]:
        """Give the characters that the one at `index` came from."""
        first = self.lead + (min(index, self.stop - 1) - self.start) * self.width
        last = first + self.width - 1
        ends = self.origin + first // self.out * self.into, self.origin + (last // self.out + 1) * self.into
        return min(ends), max(min(max(ends), self.limit), min(ends) + 1)


class Pieces:
    """A way made of pieces, in order of what was made."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._starts = [piece.start for piece in pieces]

    def __repr__(self) -> str:
        return f"Pieces({len(self._pieces)})"

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the stretch from the first to the last character that anything in it came from."""
        ends = (*self._at(start), *self._at(stop - 1))
        return min(ends), max(ends)

    def _at(self, index: int) -> tuple[int, int]:
        return self._pieces[max(0, bisect_right(self._starts, index) - 1)].span(index)


class Run(NamedTuple):
    """Where encoded bytes stand, `[origin, limit)`, and in which measure."""

    origin: int
    limit: int
    out: int = 1
    into: int = 1


class Budget:
    """How much may still be written before a text counts as too large to be examined."""

    def __init__(self, codepoints: int) -> None:
        self._whole = codepoints
        self.left = codepoints

    def spend(self, codepoints: int) -> None:
        """Count what was written.

        Raises:
            ServiceUnavailable: It is more than there was.
        """
        self.left -= codepoints
        if self.left < 0:
            raise ServiceUnavailable(
                f"a text holds more than {self._whole} code points in disguise, which is too much to "
                "examine; nothing of it is let through. Ask for it in smaller pieces, or without the encoding"
            )


class Draft:
    """A text that is being decoded."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts: list[str] = []
        self._pieces: list[Piece] = []
        self._length = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def text(self) -> str:
        """Give what was written."""
        return "".join(self._parts)

    def way(self) -> Way:
        """Give the way back from it."""
        return Pieces(self._pieces)

    def part(self, separator: str = BARRIER) -> None:
        """Keep what follows apart from what was written."""
        if self._parts and self._parts[-1] != BARRIER:
            self._append(separator)

    def copy(self, text: str, origin: int) -> None:
        """Write characters that stood there as they are."""
        self._piece(text, Run(origin, origin + len(text)))

    def whole(self, text: str, origin: int, limit: int) -> None:
        """Write characters that all came from all of a run."""
        self._piece(text, Run(origin, limit, max(1, len(text)), limit - origin))

    def each(self, text: str, run: Run) -> None:
        """Write characters that came one by one from stretches of the same length."""
        self._piece(text, run)

    def octets(self, data: bytes, run: Run, lead: int = 0) -> None:
        """Write bytes that are UTF-8, or else Latin-1.

        Args:
            data: The bytes.
            run: The run that they came from.
            lead: The place of the first among the bytes of the run.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._piece(data.decode("latin-1"), run, lead)
            return
        for found in _WIDTHS.finditer(text):
            width = found.lastindex or 1
            self._piece(found[0], run, lead, width)
            lead += len(found[0]) * width

    def wide(self, text: str, run: Run, lead: int, width: int) -> None:
        """Write characters of so many bytes each."""
        self._piece(text, run, lead, width)

    def _piece(self, text: str, run: Run, lead: int = 0, width: int = 1) -> None:
        if text:
            stop = self._length + len(text)
            self._pieces.append(
                Piece(self._length, stop, run.origin, run.limit, run.out, run.into, lead, width)
            )
            self._append(text)

    def _append(self, text: str) -> None:
        self._budget.spend(len(text))
        self._parts.append(text)
        self._length += len(text)


class Reader:
    """Reads the bytes that one codec found.

    What is text goes to `plain`, short stretches among bytes that are not to `scraps`, and what was
    compressed to `unpacked`. Scraps are mostly accidents; nothing further is looked for in them.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.plain = Draft(budget)
        self.scraps = Draft(budget)
        self.unpacked = Draft(budget)

    def read(self, data: bytes, run: Run, shortest: int = SHORTEST) -> bool:
        """Write every readable stretch of at least so many bytes; true if that is surely all of them."""
        whole = False
        for start, stop in _stretches(data, shortest):
            whole = stop - start == len(data)
            # At an end of the bytes there is one place only where an accident would have to begin.
            edge = start == 0 or stop == len(data)
            sure = whole or stop - start >= _SURE + (0 if edge else len(data).bit_length())
            draft = self.plain if sure else self.scraps
            draft.part()
            draft.octets(data[start:stop], run, start)
        if b"\0" in data:
            for encoding, width, pattern in _WIDE:
                for found in pattern.finditer(data):
                    self.plain.part()
                    self.plain.wide(found[0].decode(encoding), run, found.start(), width)
        self._unpack(data, run)
        return whole and len(data) >= 2 * _SURE

    def strict(self, data: bytes, run: Run, separator: str = BARRIER) -> None:
        """Write all of a few bytes, if they look like a word or a number."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return
        if _WORDLIKE.fullmatch(text):
            self.plain.part(separator)
            self.plain.octets(data, run)

    def headless(self, data: bytes, run: Run) -> None:
        """Write what deflate without a header makes of all the bytes."""
        if possible(data):
            out = self._inflated(memoryview(data))
            # Any bytes are the beginning of something; whether it would have ended is told by the end alone.
            if out.ended:
                self._write(out, run, 1)

    def _unpack(self, data: bytes, run: Run, level: int = 1) -> None:
        """Write what was compressed among the bytes, wherever a header stands, and what is so in that."""
        for start in bodies(data):
            self._budget.spend(_TRY)
            out = self._inflated(memoryview(data)[start:])
            if out.data:
                self._write(out, run, level)

    def _inflated(self, data: memoryview) -> Inflated:
        # Never more than may still be written: a bomb ends here, before it is spread out in memory.
        out = inflate(data, 4 * max(0, self._budget.left) + 4)
        # What cannot be read was written as well, and what came before a fault was work.
        self._budget.spend(len(out.data) // 4)
        return out

    def _write(self, out: Inflated, run: Run, level: int) -> None:
        for start, stop in _stretches(out.data, 3 if out.ended else SHORTEST):
            self.unpacked.part()
            self.unpacked.whole(out.data[start:stop].decode(errors="replace"), run.origin, run.limit)
        if level < _DEEPEST:
            self._unpack(out.data, run, level + 1)
        elif next(bodies(out.data), None) is not None:
            raise ServiceUnavailable(
                f"a text holds more than {_DEEPEST} compressed streams one inside the other, which is too "
                "deep to examine; nothing of it is let through. Ask for it without the compression"
            )


def _stretches(data: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    for found in _READABLE.finditer(data):
        start, stop = found.span()
        if stop - start >= shortest and (stop - start >= _SURE or _likely(found[0])):
            yield start, stop


def _likely(data: bytes) -> bool:
    """True if a few bytes are more than an accident: in ASCII, or else words of letters and digits."""
    if data.isascii():
        return len(data) > _FEW or _WORDLIKE.fullmatch(data.decode()) is not None
    return _WORDLIKE.fullmatch(data.decode(errors="replace")) is not None
