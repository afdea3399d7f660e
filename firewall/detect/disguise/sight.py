"""Sight: a text as the codecs look at it, each character by its class, and the way back from its flat form.

Searching bytes of a few classes is many times faster than any expression over the text, so it comes first.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from firewall.detect.secrets.gate import Gate, Pattern, apart

LEAST_DIGITS = 6
_BLOCK_BITS = 8
_WORD = re.compile(rb"[^ ]++")
# A token that looks like no word; what an expression would take a hundred times as long to find.
_EVIDENT = (Pattern(regex="aA|AAa|A{8}|a0|0a|A0|0A"),)
# Digits of one code stand near each other; years and counts in prose do not.
_NEAR = re.compile(rb"0(?:[^0]{0,24}+0){%d}" % (LEAST_DIGITS - 1))


def only(members: bytes, marks: bytes = b"") -> bytes:
    """Make a table in which members are `x`, marks `:`, and all else is nothing."""
    return bytes(ord("x") if code in members else ord(":" if code in marks else " ") for code in range(256))


def _table() -> bytes:
    table = bytearray(b"." * 256)
    for kind, members in (
        (b"a", b"abcdefghijklmnopqrstuvwxyz"),
        (b"A", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (b"0", b"0123456789"),
        (b"+", b"+/-_="),
        (b" ", b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"),
    ):
        for member in members:
            table[member] = kind[0]
    return bytes(table)


_CLASSES = _table()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A text as the codecs look at it.

    Attributes:
        text: The text, one code point for each of `classes`.
        flat: The same without its whitespace; runs are told by their place in it.
        classes: For each character what it is: `a`, `A`, `0`, `+` for the rest of base64, space, or a stop.
        before: How many characters of `flat` stand before each block.
        backwards: True if it is read from its end.
    """

    text: str
    flat: str
    classes: bytes
    before: Sequence[int]
    backwards: bool

    def __repr__(self) -> str:
        return f"Sight({len(self.text)} characters)"

    def place(self, index: int) -> int:
        """Give the place without whitespace of the character at `index`."""
        block = index >> _BLOCK_BITS
        start = block << _BLOCK_BITS
        return self.before[block] + index - start - self.classes.count(b" ", start, index)

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the stretch of the text that `[start, stop)` of `flat` stands for: a `readings.Way`."""
        return self._index(start), self._index(stop - 1) + 1

    def _index(self, place: int) -> int:
        block = bisect_right(self.before, place) - 1
        left = place - self.before[block]
        for word in _WORD.finditer(self.classes, block << _BLOCK_BITS):
            first, last = word.span()
            if left < last - first:
                return first + left
            left -= last - first
        raise IndexError(place)


def classes(text: str) -> bytes:
    """Give what each character is; a character outside ASCII is a stop."""
    return text.encode("ascii", "replace").translate(_CLASSES)


def sight(text: str, kinds: bytes, *, backwards: bool) -> Sight:
    """Prepare a text of these classes for the codecs."""
    block = 1 << _BLOCK_BITS
    counts = (block - kinds.count(b" ", start, start + block) for start in range(0, len(kinds), block))
    return Sight(
        text=text,
        flat="".join(text.split()),
        classes=kinds,
        before=[0, *accumulate(counts)],
        backwards=backwards,
    )


def promising(kinds: bytes) -> bool:
    """True if there may be a run in a text of these classes, in whatever direction it is read."""
    if _gate().opens(kinds):
        return True
    return kinds.count(b"0") >= LEAST_DIGITS and _NEAR.search(kinds.translate(None, b" ")) is not None


@cache
def _gate() -> Gate:
    return apart(_EVIDENT)
