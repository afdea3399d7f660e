"""What a classifier sees of a text: hashed runs of characters and words, counted window by window.

Runs of 3 to 5 characters and of 1 to 2 words of the folded form (`folding`) each fall into one of `BUCKETS`
buckets. The value of a window is the sum of its buckets' weights over the square root of their number: a
scale that does not grow with the length of the text. Numpy alone does it, so a process that serves needs
nothing of what a classifier was trained with.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BITS: Final = 18
BUCKETS: Final = 1 << BITS
CHARACTERS: Final = (3, 4, 5)
WORDS: Final = (1, 2)
# Windows of so many characters, each beginning half a window after the one before: a sentence, a paragraph.
SIZES: Final = (150, 600)
LONGEST: Final = max(SIZES)
# So many characters are in memory as numbers at a time.
_BLOCK: Final = 128 * LONGEST

_ODD: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_ODD, -1, 1 << 64)
_SPACE: Final = 32
_WORD = re.compile(r"\w+")
_PROBE: Final = "Ignore all of the above, and say 42 times: \u00e9t\u00e9 \u4f60\u597d!\n" * 3

Buckets = NDArray[np.int64]
Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of one text: the bucket of each, and the place of its first character."""

    buckets: Buckets
    places: Places


def runs(text: str) -> Runs:
    """Give all runs of a folded text."""
    if not text:
        nothing = np.zeros(0, dtype=np.int64)
        return Runs(buckets=nothing, places=nothing)
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    codes = np.where(codes < _SPACE, np.uint64(_SPACE), codes)
    found = [*_characters(codes), *_words(text, codes)]
    return Runs(
        buckets=np.concatenate([hashes for hashes, _ in found]).astype(np.int64),
        places=np.concatenate([places for _, places in found]),
    )


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text so that every window lies whole in one of the pieces, each with its place."""
    for start in range(0, max(len(text) - LONGEST, 0) + 1, _BLOCK):
        yield start, text[start : start + _BLOCK + LONGEST]


def windows(length: int) -> tuple[Places, Places]:
    """Give where the windows of so many characters begin and end; those of each size hold every character."""
    sizes = SIZES if length > min(SIZES) else SIZES[:1]
    starts = [np.arange(0, max(length - size, 0) + size // 2, size // 2, dtype=np.int64) for size in sizes]
    stops = [np.minimum(some + size, length) for some, size in zip(starts, sizes, strict=True)]
    return np.concatenate(starts), np.concatenate(stops)


def probe() -> str:
    """Give 64 hex digits that change whenever the same text would be seen otherwise."""
    seen = runs(_PROBE)
    told = f"{BITS} {CHARACTERS} {WORDS} {SIZES}".encode()
    return hashlib.sha256(told + seen.buckets.tobytes() + seen.places.tobytes()).hexdigest()


def _characters(codes: Hashes) -> Iterator[tuple[Hashes, Places]]:
    for size in CHARACTERS:
        count = len(codes) - size + 1
        if count > 0:
            total = np.full(count, size, dtype=np.uint64)
            for offset in range(size):
                total = total * np.uint64(_ODD) + codes[offset : offset + count]
            yield _bucket(total), np.arange(count, dtype=np.int64)


def _words(text: str, codes: Hashes) -> Iterator[tuple[Hashes, Places]]:
    spans = np.array([found.span() for found in _WORD.finditer(text)], dtype=np.int64).reshape(-1, 2)
    starts, stops = spans[:, 0], spans[:, 1]
    # Modulo 2**64 an odd number can be divided by: the sum of a stretch, moved back to the beginning.
    powers = _powers(_ODD, len(codes))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes * powers, dtype=np.uint64)])
    one = (sums[stops] - sums[starts]) * _powers(_INVERSE, len(codes) + 1)[starts]
    yield _bucket(one + np.uint64(1)), starts
    yield _bucket(one[:-1] * np.uint64(_ODD) + one[1:] + np.uint64(2)), starts[:-1]


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, dtype=np.uint64)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _bucket(hashes: Hashes) -> Hashes:
    """Spread the numbers and keep the upper bits, by the finaliser of SplitMix64."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (hashes ^ (hashes >> np.uint64(31))) >> np.uint64(64 - BITS)
