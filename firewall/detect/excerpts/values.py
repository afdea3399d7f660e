"""Whole values, however short: vault entries that are looked for from their first character to their last."""

import math
import re
from collections.abc import Iterator

from firewall.detect.excerpts.owners import Holders, Owner
from firewall.detect.normal import PLAIN, SKELETON

MIN_CHARACTERS = 6
_MIN_DISTINCT = 4
_MIN_BITS = 19.9
_DIGIT_BITS = math.log2(10)
# About what a letter of running text carries, and what one in a code such as `kx7` is given here. Both are
# low estimates, which keeps words out.
_WORD_LETTER_BITS = 2.0
_CODE_LETTER_BITS = 3.0
_MIN_WORD = 12
_SHORT = 2
_MIN_NAME = 9
_WORD = re.compile(r"[^\W_]+")


def keeps(text: str) -> bool:
    """True if a value is rich enough to be looked for, so that ordinary words never become somebody's.

    It needs 6 letters and digits, 4 of them different. With digits in it, it needs 19.9 bits: a digit gives
    3.3, a letter of a word 2, a letter in a code (beside digits, or one of two) 3. So a six-digit number or
    `AB-12345` is enough, `flat 12` is not. Without digits it needs 12 letters, or 9 where they make two words
    or more: `Ansel Masson` is enough, `password` and `Johnson` are not.
    """
    skeleton = SKELETON.fold(text)
    if len(skeleton) < MIN_CHARACTERS or len(set(skeleton)) < _MIN_DISTINCT:
        return False
    words = _WORD.findall(PLAIN.fold(text))
    if any(char.isdigit() for char in skeleton):
        return sum(map(_bits, words)) >= _MIN_BITS
    return len(skeleton) >= (_MIN_NAME if len(words) > 1 else _MIN_WORD)


def _bits(word: str) -> float:
    digits = sum(char.isdigit() for char in word)
    letter = _CODE_LETTER_BITS if digits or len(word) <= _SHORT else _WORD_LETTER_BITS
    return digits * _DIGIT_BITS + (len(word) - digits) * letter


class Values:
    """An index of values shorter than 23 characters; longer ones are found by their parts.

    A look-up first asks for the value's first six characters, which tells the few lengths worth trying: at
    most 17 further look-ups for each character, whatever the number of values.
    """

    def __init__(self) -> None:
        self._holders: dict[str, Holders] = {}
        self._lengths: dict[str, dict[int, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._lengths)

    def add(self, owner: Owner, value: str) -> None:
        """Remember the skeleton of a value of 6 to 22 characters."""
        if value not in self._holders:
            self._holders[value] = Holders()
            lengths = self._lengths.setdefault(value[:MIN_CHARACTERS], {})
            lengths[len(value)] = lengths.get(len(value), 0) + 1
        self._holders[value].add(owner)

    def remove(self, owner: Owner, value: str) -> None:
        """Forget a value that was added for this owner."""
        holders = self._holders[value]
        holders.remove(owner)
        if holders:
            return
        del self._holders[value]
        lengths = self._lengths[value[:MIN_CHARACTERS]]
        lengths[len(value)] -= 1
        if not lengths[len(value)]:
            del lengths[len(value)]
        if not lengths:
            del self._lengths[value[:MIN_CHARACTERS]]

    def find(self, text: str, first: int = 0, last: int | None = None) -> Iterator[tuple[int, int, Holders]]:
        """Give every stretch of a skeleton that is a known value, with who knows it.

        Args:
            text: The skeleton.
            first: Only what begins here or later,
            last: and before this place.
        """
        if not self._lengths:
            return
        end = len(text) - MIN_CHARACTERS + 1
        for start in range(first, end if last is None else min(end, last)):
            for length in self._lengths.get(text[start : start + MIN_CHARACTERS], ()):
                # Near the end of the text the slice is cut short, and what is left may be another value.
                fits = start + length <= len(text)
                holders = self._holders.get(text[start : start + length]) if fits else None
                if holders is not None:
                    yield start, start + length, holders
