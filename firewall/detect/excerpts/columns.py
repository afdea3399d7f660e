"""Sorted columns of places, and the merging of several into one, a little at a time.

A merge of millions of rows in one go would keep the event loop waiting for half a second. So it is done in
steps of a bounded number of rows: until the last step everything is looked up where it stood before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", np.uint16, np.uint32, np.uint64)

# A place is one number: which text, then where in it.
POSITION_BITS = 12
IN_TEXT = (1 << POSITION_BITS) - 1
_GONE = (1 << 32) - 1
_UPPER = np.uint64(32)
# Of the lower half as much as is free beside a position: among millions, many upper halves meet by chance.
_MORE, _KEPT = np.uint64(28), np.uint64(15)


@dataclass(slots=True, eq=False)
class Columns:
    """Places in the order of their fingerprints' upper halves; what is gone is struck out in place.

    Beside each position stand four more bits of the fingerprint.
    """

    keys: NDArray[np.uint32]
    texts: NDArray[np.uint32]
    positions: NDArray[np.uint16]
    size: int
    gone: int = 0

    @classmethod
    def of(cls, keys: NDArray[np.uint64], places: NDArray[np.uint64]) -> "Columns":
        """Sort fingerprints with their places."""
        upper = (keys >> _UPPER).astype(np.uint32)
        order = np.argsort(upper, kind="stable")
        places = places[order]
        more = (keys[order] >> _MORE & _KEPT) << np.uint64(POSITION_BITS)
        return cls(
            keys=upper[order],
            texts=(places >> np.uint64(POSITION_BITS)).astype(np.uint32),
            positions=(places & np.uint64(IN_TEXT) | more).astype(np.uint16),
            size=len(keys),
        )

    @classmethod
    def empty(cls, room: int) -> "Columns":
        """Make columns with room for so many rows and none in them."""
        return cls(
            keys=column(room, np.uint32),
            texts=column(room, np.uint32),
            positions=column(room, np.uint16),
            size=0,
        )

    def find(self, keys: NDArray[np.uint64]) -> Iterator[tuple[int, list[int]]]:
        """Give which of these fingerprints are here, each with its places."""
        upper = (keys >> _UPPER).astype(np.uint32)
        first = self.keys.searchsorted(upper)
        for number in (self.keys.take(first, mode="clip") == upper).nonzero()[0].tolist():
            found = self._places(int(first[number]), int(keys[number]))
            if found:
                yield number, found

    def strike(self, upper: NDArray[np.uint32], places: Sequence[int]) -> list[bool]:
        """Strike out these places and say which of them were here."""
        keys = self.keys[: self.size]
        first = keys.searchsorted(upper).tolist()
        wanted = zip(first, upper.tolist(), places, strict=True)
        return [self._struck(row, key, place) for row, key, place in wanted]

    def _places(self, row: int, key: int) -> list[int]:
        # Nearly always there is one: looking at the next row costs less than another search.
        keys, texts, positions = self.keys.data, self.texts.data, self.positions.data
        upper, more = key >> 32, key >> 28 & 15
        found: list[int] = []
        while row < self.size and keys[row] == upper:
            position = positions[row]
            if position >> POSITION_BITS == more and texts[row] != _GONE:
                found.append(texts[row] << POSITION_BITS | position & IN_TEXT)
            row += 1
        return found

    def _struck(self, row: int, upper: int, place: int) -> bool:
        text, position = place >> POSITION_BITS, place & IN_TEXT
        while row < self.size and self.keys[row] == upper:
            if self.texts[row] == text and self.positions[row] & IN_TEXT == position:
                self.texts[row] = _GONE
                self.gone += 1
                return True
            row += 1
        return False


class Merge:
    """Several columns on their way into one.

    Attributes:
        parts: What is merged; they stay as they are.
        made: What has come of them so far; what is struck out of a part meanwhile has to be here too.
    """

    def __init__(self, parts: Sequence[Columns]) -> None:
        self.parts = parts
        self.made = Columns.empty(sum(part.size for part in parts))
        self._heads = [0] * len(parts)

    def step(self, rows: int) -> NDArray[np.uint32]:
        """Merge about so many more rows, if there are as many; give the upper halves of their keys."""
        last = self._reached(rows)
        taken = [self._taken(number, last) for number in range(len(self.parts))]
        keys = np.concatenate([part.keys[rows] for part, rows in zip(self.parts, taken, strict=True)])
        texts = np.concatenate([part.texts[rows] for part, rows in zip(self.parts, taken, strict=True)])
        where = np.concatenate([part.positions[rows] for part, rows in zip(self.parts, taken, strict=True)])
        order = np.argsort(keys, kind="stable")
        order = order[texts[order] != _GONE]
        made, start = self.made, self.made.size
        made.size = start + len(order)
        new = slice(start, made.size)
        made.keys[new], made.texts[new], made.positions[new] = keys[order], texts[order], where[order]
        return made.keys[new]

    @property
    def done(self) -> bool:
        """True if nothing is left to merge."""
        return all(head == part.size for part, head in zip(self.parts, self._heads, strict=True))

    def whole(self) -> Columns:
        """Give what was made; there are no columns behind its last row."""
        made, size = self.made, self.made.size
        return Columns(
            keys=made.keys[:size],
            texts=made.texts[:size],
            positions=made.positions[:size],
            size=size,
            gone=made.gone,
        )

    def _reached(self, rows: int) -> int:
        """Give the key that about so many rows come up to.

        Keys are spread evenly, so the part of which most is left tells for all. Many parts, each with a share
        of its own, would stop at one another's next row.
        """
        sizes = [part.size - head for part, head in zip(self.parts, self._heads, strict=True)]
        most = max(sizes)
        number = sizes.index(most)
        share = min(most, max(1, rows * most // sum(sizes)))
        return int(self.parts[number].keys[self._heads[number] + share - 1])

    def _taken(self, number: int, last: int) -> slice:
        part, head = self.parts[number], self._heads[number]
        stop = head + int(part.keys[head : part.size].searchsorted(np.uint32(last), "right"))
        self._heads[number] = stop
        return slice(head, stop)


def column(size: int, kind: type[_Number]) -> NDArray[_Number]:
    """Make a column of zeros that gives its memory back to the system when it goes.

    Columns in the heap that grow a little at each merge would leave it full of holes.
    """
    return np.frombuffer(mmap(-1, max(1, size) * np.dtype(kind).itemsize), kind, size)
