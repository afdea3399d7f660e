"""A filter in front of fingerprints: two bits for each, both in one word of memory.

It tells nearly all that are unknown by one look at one word, and never calls a known one unknown.
"""

import numpy as np
from numpy.typing import NDArray

from firewall.detect.excerpts.columns import column
from firewall.detect.excerpts.fingerprints import Keys

_FILTER_BITS = 8
# Half a megabyte: below some ten thousand texts hardly anything unknown is taken for known.
_LEAST_WORDS = 1 << 16
# The highest bits of a fingerprint choose the word, those of this multiple of its upper half the bits in it.
_SPREAD = 0x9E3779B97F4A7C15
_FIRST, _SECOND, _BITS = np.uint64(58), np.uint64(52), np.uint64(63)
_SPREADER = np.uint64(_SPREAD)
_ONE = np.uint64(1)
_UPPER = np.uint64(32)


class Filter:
    """Says of a fingerprint that it was never added, or that it may have been.

    Args:
        keys: How many it is made for; it holds more and tells less then.
    """

    def __init__(self, keys: int) -> None:
        words = _LEAST_WORDS
        while words * 64 < keys * (_FILTER_BITS + 2):
            words *= 2
        self._words = column(words, np.uint64)
        self._one = self._words.data
        self._room = words * 64 // _FILTER_BITS
        self._shift = 64 - words.bit_length() + 1
        self._by_shift = np.uint64(self._shift)
        self._added = 0

    @property
    def full(self) -> bool:
        """True if it holds more than it is made for, with what has gone since or without."""
        return self._added > self._room

    def maybe(self, keys: Keys) -> NDArray[np.intp]:
        """Give the positions of those that may have been added."""
        words = self._words.take(keys >> self._by_shift)
        spread = keys >> _UPPER
        spread *= _SPREADER
        bits = words >> (spread >> _FIRST)
        spread >>= _SECOND
        spread &= _BITS
        words >>= spread
        bits &= words
        bits &= _ONE
        return bits.nonzero()[0]

    def has(self, key: int) -> bool:
        """True if this one may have been added."""
        index, bits = self._where(key)
        return self._one[index] & bits == bits

    def add(self, key: int) -> bool:
        """Add one; True if it may have been added before."""
        index, bits = self._where(key)
        word = self._one[index]
        if word & bits == bits:
            return True
        self._one[index] = word | bits
        self._added += 1
        return False

    def fill(self, upper: NDArray[np.uint32]) -> None:
        """Add fingerprints of which the upper half is known, which is all that it looks at."""
        keys = upper.astype(np.uint64)
        spread = keys * _SPREADER
        bits = (_ONE << (spread >> _FIRST)) | (_ONE << (spread >> _SECOND & _BITS))
        np.bitwise_or.at(self._words, keys >> (self._by_shift - _UPPER), bits)
        self._added += len(keys)

    def _where(self, key: int) -> tuple[int, int]:
        spread = (key >> 32) * _SPREAD
        return key >> self._shift, 1 << (spread >> 58 & 63) | 1 << (spread >> 52 & 63)
