"""Text without its disguises, and the way back to where each character stood.

Two forms, both made code point by code point, so `fold(a + b) == fold(a) + fold(b)` and a stream can be
folded in pieces:

* `PLAIN` is what a reader sees: compatibility forms and dashes made ordinary, invisible characters gone.
* `SKELETON` is what survives of a value whatever is done to its looks: case folded, marks and look-alikes
  undone, and everything that is neither letter nor digit gone, spaces and line wraps included.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_BLOCK = 256
# Letters that exist only to be invisible; their category (Lo, So) does not say so.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5")
# Cyrillic and Greek letters that most fonts draw like Latin ones, after folding of case. Both sides of every
# comparison are folded, so text written in these alphabets is still compared as a whole.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝвкмнтгαοερνικτυχγηω",
    "aeopcyxijshdqwbkmhtraoepviktuxynw",
)


def _plain(char: str) -> str:
    if char.isascii():
        return char if char.isprintable() or char in "\t\n\r" else ""
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me", "Cc", "Cs") or char in _BLANK:
        return ""
    if category == "Pd" or char == "\u2212":
        return "-"
    if category == "Zs":
        return " "
    if category in ("Zl", "Zp"):
        return "\n"
    if category == "Nd":
        return str(unicodedata.decimal(char))
    loose = unicodedata.normalize("NFKC", char)
    return char if loose == char else "".join(map(_plain, loose))


def _skeleton(char: str) -> str:
    if char in _BLANK:
        return ""
    loose = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    kept = (str(unicodedata.decimal(c, c)) for c in loose.translate(_LOOKALIKES) if c.isalnum())
    return "".join(c for c in kept if c not in _BLANK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """A folded text, and for each of its characters the code point of the original that gave it."""

    text: str
    starts: Sequence[int]

    def __repr__(self) -> str:
        return f"Normal({len(self.text)} characters)"

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the stretch of the original that `[start, stop)` came from, with all that stood inside it."""
        return self.starts[start], self.starts[stop - 1] + 1


class Back:
    """The way back from a folded text, which costs little where few places are asked for.

    Args:
        form: How the text was folded.
        text: The original.
    """

    def __init__(self, form: "Form", text: str) -> None:
        self._form = form
        self._text = text
        self._before: Sequence[int] = ()

    def __repr__(self) -> str:
        return f"Back({len(self._text)} characters)"

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the stretch of the original that `[start, stop)` came from, with all that stood inside it."""
        return self._start(start), self._start(stop - 1) + 1

    def _start(self, place: int) -> int:
        if not self._before:
            sizes = (len(self._form.fold(self._block(start))) for start in range(0, len(self._text), _BLOCK))
            self._before = (0, *accumulate(sizes))
        block = bisect_right(self._before, place) - 1
        start = block * _BLOCK
        return start + self._form.normal(self._block(start)).starts[place - self._before[block]]

    def _block(self, start: int) -> str:
        return self._text[start : start + _BLOCK]


class Form(dict[int, str | None]):
    """One way of folding; a table for `str.translate` that fills itself, at most once per code point.

    What is gone stands in it as None: with an empty text there, `translate` would take twenty times as
    long on text in ASCII.
    """

    def __init__(self, *, skeleton: bool) -> None:
        super().__init__()
        self._skeleton = skeleton

    def __repr__(self) -> str:
        return f"Form({'skeleton' if self._skeleton else 'plain'})"

    def __missing__(self, codepoint: int) -> str | None:
        folded = (_skeleton if self._skeleton else _plain)(chr(codepoint)) or None
        self[codepoint] = folded
        return folded

    def fold(self, text: str) -> str:
        """Give the folded text alone, the cheap half of `normal`."""
        return text.translate(self)

    def normal(self, text: str) -> Normal:
        """Give the folded text with the way back."""
        starts = [index for index, char in enumerate(text) for _ in self[ord(char)] or ""]
        return Normal(text=self.fold(text), starts=starts)

    def back(self, text: str) -> Back:
        """Give the way back alone, for a text of which few places are asked for."""
        return Back(self, text)


PLAIN = Form(skeleton=False)
SKELETON = Form(skeleton=True)
