"""Fingerprints: one keyed number for each 16 characters of a text, all of a text's at once.

A gram read from its end, and one in rot13, has the fingerprint of the gram itself: the letters count by their
place in half an alphabet, and both directions are added up. So one look-up tells all mirrors of a text.

The key is drawn anew by each process and never written down, so nobody can prepare texts whose fingerprints
collide. A character counts with one byte: its own number below 256, a folding of it above. Two texts that are
alike in these bytes have the same fingerprints; that costs a comparison and decides nothing, since whoever
looks a fingerprint up compares the texts.
"""

import secrets
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firewall.detect.normal import SKELETON

GRAM = 16
_HALF = np.dtype("<u8")
_HALF_BYTES = 8
_FOLD = np.uint64(32)
_LETTERS = 0x100

_A = ord("a")
_HALF_ALPHABET = 13
# Only small letters: a skeleton has no others.
_HALVED = bytes(
    _A + (code - _A) % _HALF_ALPHABET if "a" <= chr(code) <= "z" else code for code in range(_LETTERS)
)
_SKELETONS = [SKELETON.fold(chr(code)) for code in range(128)]
_GONE = bytes(code for code, kept in enumerate(_SKELETONS) if not kept)
_FOLDED = bytes(ord(kept or " ") for kept in _SKELETONS).ljust(_LETTERS).translate(_HALVED)

Keys: TypeAlias = NDArray[np.uint64]


class Fingerprints:
    """A function from texts to the fingerprints of their grams, with a key of its own."""

    def __init__(self) -> None:
        self._mask, *factors = (np.uint64(secrets.randbits(64)) for _ in range(3))
        # Odd factors lose nothing of what they multiply.
        self._half, self._pair = (factor | np.uint64(1) for factor in factors)

    def __call__(self, text: str) -> Keys:
        """Give the fingerprint of the gram at each position, in order; none for a shorter text."""
        return self._of(_letters(text))

    def of_skeleton(self, text: str) -> Keys:
        """Give the fingerprints of the skeleton of a text in ASCII, without making that skeleton."""
        return self._of(text.encode("ascii").translate(_FOLDED, _GONE))

    def _of(self, letters: bytes) -> Keys:
        count = len(letters) - GRAM + 1
        if count <= 0:
            return np.empty(0, np.uint64)
        # Eight characters from each position on, without a copy of them.
        halves = np.ndarray((count + _HALF_BYTES,), _HALF, letters, 0, (1,))
        return self._mixed(halves[:count], halves[_HALF_BYTES:])

    def many(self, text: str, at: NDArray[np.intp]) -> Keys:
        """Give the fingerprints of the grams that begin at these positions, which all are whole."""
        if not len(at):
            return np.empty(0, np.uint64)
        letters = _letters(text)
        halves = np.ndarray((len(letters) - _HALF_BYTES + 1,), _HALF, letters, 0, (1,))
        return self._mixed(halves.take(at), halves.take(at + _HALF_BYTES))

    def _mixed(self, left: Keys, right: Keys) -> Keys:
        """Multiply both halves, each read from the outside to the middle: in either direction the same."""
        keys = self._one_half(left)
        keys *= self._one_half(right.byteswap())
        return keys

    def _one_half(self, letters: Keys) -> Keys:
        """Mix eight characters.

        Two halves as they are could be multiplied as well. But halves that begin alike and differ in their
        middles by as much, one more and one less, have one product under every key: thousands of such texts
        would be compared for each other.
        """
        half: Keys = letters ^ self._mask
        half *= self._half
        half ^= half >> _FOLD
        return half

    def pairs(self, left: Keys, right: Keys) -> Keys:
        """Give one fingerprint for each pair of them, other than either."""
        return (left ^ (left >> _FOLD)) * self._pair + right


def _letters(text: str) -> bytes:
    try:
        return text.encode("latin-1").translate(_HALVED)
    except UnicodeEncodeError:
        codepoints = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    folded = codepoints ^ (codepoints >> np.uint32(8)) ^ (codepoints >> np.uint32(16))
    return np.where(codepoints < _LETTERS, codepoints, folded).astype(np.uint8).tobytes().translate(_HALVED)
