"""A filter in front of fingerprints: four bits for each, all in one word of memory.

It tells nearly all that are unknown by one look at one word, and never calls a known one unknown.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firewall.detect.excerpts.columns import column
from firewall.detect.excerpts.fingerprints import Keys

_FILTER_BITS = 8
# Half a megabyte: below some ten thousand texts hardly anything unknown is taken for known.
_LEAST_WORDS = 1 << 16
# The highest bits of a fingerprint choose the word; the lowest of its upper half choose three bits in it,
_CHOICE = np.uint64(1_023)
_CHOSEN = np.arange(1_024, dtype=np.uint64)
# and those of this multiple of the upper half one more, which is asked for only where the others are.
_SPREAD = 0x9E3779B97F4A7C15
_LAST = np.uint64(58)
_SPREADER = np.uint64(_SPREAD)
_ONE = np.uint64(1)
_UPPER = np.uint64(32)
# So few are asked for the fourth bit one by one.
_FEW = 8


def _masks() -> Keys:
    first, step = _CHOSEN & np.uint64(63), _CHOSEN >> np.uint64(6)
    second = (first + np.uint64(2) * step + _ONE) & np.uint64(63)
    third = (first + np.uint64(7) * step + np.uint64(34)) & np.uint64(63)
    masks: Keys = _ONE << first | _ONE << second | _ONE << third
    return masks


_MASKS = _masks()
_MASK: Sequence[int] = _MASKS.tolist()


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
        words = self._words.take((keys >> self._by_shift).view(np.intp))
        chosen = keys >> _UPPER
        chosen &= _CHOICE
        masks = _MASKS.take(chosen.view(np.intp))
        words &= masks
        near: NDArray[np.intp] = (words == masks).nonzero()[0]
        if not len(near):
            return near
        left = keys[near]
        if len(left) <= _FEW:
            return near[[self.has(key) for key in left.tolist()]]
        words = self._words.take((left >> self._by_shift).view(np.intp))
        words >>= (left >> _UPPER) * _SPREADER >> _LAST
        words &= _ONE
        return near[words.view(np.bool_)[::8]]

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
        bits = _MASKS.take((keys & _CHOICE).view(np.intp))
        bits |= _ONE << (keys * _SPREADER >> _LAST)
        np.bitwise_or.at(self._words, (keys >> (self._by_shift - _UPPER)).view(np.intp), bits)
        self._added += len(keys)

    def _where(self, key: int) -> tuple[int, int]:
        upper = key >> 32
        return key >> self._shift, _MASK[upper & 1_023] | 1 << (upper * _SPREAD >> 58 & 63)
