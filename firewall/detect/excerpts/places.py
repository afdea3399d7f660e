"""Places: where each fingerprint stands, in a few bytes for each, and quick to say that it stands nowhere.

Almost all places are in a few sorted columns, each many times as long as the next (`columns`). What is new
stays in a dictionary until there is enough of it for columns of their own. Columns of about one length are
merged, and so is everything once the filter in front is full or much is gone: always a little at a time, so
that learning never takes long.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firewall.detect.excerpts.columns import Columns, Merge
from firewall.detect.excerpts.filter import Filter
from firewall.detect.excerpts.fingerprints import Keys

# The dictionary costs ten times the columns.
_LEAST = 4_096
# How much longer columns must be to be left alone when those behind them are merged.
_RATIO = 16
# A step of so many rows takes about two milliseconds.
_ROWS = 1 << 16
# Of each row that is added, how often it is merged at most, with room to spare.
_REWRITTEN = 64
_UPPER = np.uint64(32)

# One place, or several: most fingerprints have one, and a list costs more than a number.
_Known: TypeAlias = int | list[int]


class Places:
    """The places of many fingerprints."""

    def __init__(self) -> None:
        self._new: dict[int, _Known] = {}
        self._new_count = 0
        # The longest first.
        self._columns: list[Columns] = []
        self._filter = Filter(0)
        self._merge: Merge | None = None
        # The filter that takes over when everything is merged.
        self._next: Filter | None = None
        # Fingerprints that are to be found although they may have no place, and how often each was asked for.
        self._held: dict[int, int] = {}
        self._added = 0
        # True while nothing can have become due since it was looked at last.
        self._settled = True

    def find(self, keys: Keys) -> Iterator[tuple[int, list[int]]]:
        """Give which of the fingerprints may be known, leaving out no known one, each with its places.

        They have no order, and rarely there are places of another fingerprint among them.
        """
        maybe = self._filter.maybe(keys)
        if not len(maybe):
            return
        asked = keys[maybe]
        new = self._new
        places = [_listed(new[key]) if key in new else [] for key in asked.tolist()]
        for columns in self._columns:
            for number, found in columns.find(asked):
                places[number] += found
        yield from zip(maybe.tolist(), places, strict=True)

    def knows(self, keys: Keys) -> bool:
        """False only if `find` would give no place, and none of them is held."""
        maybe = self._filter.maybe(keys)
        if not len(maybe):
            return False
        asked = keys[maybe]
        if any(key in self._new or key in self._held for key in asked.tolist()):
            return True
        return any(True for columns in self._columns for _ in columns.find(asked))

    def known(self, key: int) -> list[int]:
        """Give the places of one fingerprint as `find` does."""
        if not self._filter.has(key):
            return []
        [(_, places)] = self.find(np.array([key], np.uint64))
        return places

    def maybe(self, keys: Keys) -> NDArray[np.intp]:
        """Give the positions of the fingerprints that may be known."""
        return self._filter.maybe(keys)

    def add(self, key: int, place: int) -> bool:
        """Add one place; True if the fingerprint may have had others."""
        self._put(key, place)
        if self._next is not None:
            self._next.add(key)
        return self._filter.add(key)

    def extend(self, keys: Keys, places: Keys) -> None:
        """Add a place for each of these fingerprints."""
        if not len(keys):
            return
        upper = (keys >> _UPPER).astype(np.uint32)
        self._filter.fill(upper)
        if self._next is not None:
            self._next.fill(upper)
        if len(keys) < _LEAST // 8:
            for key, place in zip(keys.tolist(), places.tolist(), strict=True):
                self._put(key, place)
            return
        self._added += len(keys)
        self._append(Columns.of(keys, places))

    def remove(self, keys: Sequence[int], places: Sequence[int]) -> None:
        """Remove a place of each of these fingerprints; those it does not have are left out."""
        left = [pair for pair in zip(keys, places, strict=True) if not self._remove_new(*pair)]
        if not left:
            return
        upper = np.array([key >> 32 for key, _ in left], np.uint32)
        wanted = [place for _, place in left]
        self._settled = False
        for columns in self._columns:
            columns.strike(upper, wanted)
        if self._merge is not None:
            self._merge.made.strike(upper, wanted)

    def hold(self, key: int) -> None:
        """Have `find` give a fingerprint that was added once, even if no place of it is left."""
        self._held[key] = self._held.get(key, 0) + 1

    def release(self, key: int) -> None:
        """Take back one `hold`."""
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]

    def settle(self) -> None:
        """Go on with what is to be merged, in proportion to what was added since the last time."""
        if self._new_count > _LEAST:
            self._append(Columns.of(*self._taken()))
        rows = max(_ROWS, self._added * _REWRITTEN)
        self._added = 0
        while rows > 0 and self._step(min(rows, _ROWS)):
            rows -= _ROWS

    def compact(self) -> bool:
        """Take one step towards a single column; False if there was none left."""
        if self._merge is None and len(self._columns) > 1:
            self._begin(0)
        return self._step(_ROWS)

    def _put(self, key: int, place: int) -> None:
        known = self._new.setdefault(key, place)
        if known is not place:
            self._new[key] = [*_listed(known), place]
        self._new_count += 1
        self._added += 1

    def _append(self, columns: Columns) -> None:
        self._columns.append(columns)
        self._columns.sort(key=lambda each: each.size, reverse=True)
        self._settled = False

    def _step(self, rows: int) -> bool:
        merge = self._merge
        if merge is None:
            first = None if self._settled else self._due()
            if first is None:
                self._settled = True
                return False
            merge = self._begin(first)
        made = merge.step(rows)
        if self._next is not None:
            self._next.fill(made)
        if merge.done:
            self._end(merge)
        return True

    def _due(self) -> int | None:
        """Say from which column on all are to be merged; None if they can stay as they are."""
        sizes = [each.size for each in self._columns]
        if not sizes:
            return None
        if self._filter.full or sum(each.gone for each in self._columns) > max(_LEAST, sum(sizes) // 8):
            return 0
        first, behind = len(sizes) - 1, sizes[-1]
        for number in range(first - 1, -1, -1):
            if sizes[number] < behind * _RATIO:
                first = number
            behind += sizes[number]
        return first if first < len(sizes) - 1 else None

    def _begin(self, first: int) -> Merge:
        if not first:
            # Everything is merged, so a new filter learns of all that is left, and of what is gone no more.
            if self._new_count:
                self._columns.append(Columns.of(*self._taken()))
            size = sum(each.size - each.gone for each in self._columns) + len(self._held)
            self._next = Filter(size * 5 // 4)
            held = np.fromiter(self._held, np.uint64, len(self._held))
            self._next.fill((held >> _UPPER).astype(np.uint32))
        merge = self._merge = Merge(self._columns[first:])
        return merge

    def _end(self, merge: Merge) -> None:
        parts = {id(part) for part in merge.parts}
        left = [each for each in self._columns if id(each) not in parts]
        whole = merge.whole()
        self._columns = [*left, whole] if whole.size else left
        self._columns.sort(key=lambda each: each.size, reverse=True)
        if self._next is not None:
            self._filter, self._next = self._next, None
        self._merge, self._settled = None, False

    def _remove_new(self, key: int, place: int) -> bool:
        known = self._new.get(key)
        if known is None or (place != known if isinstance(known, int) else place not in known):
            return False
        if isinstance(known, int):
            del self._new[key]
        else:
            known.remove(place)
            if len(known) == 1:
                self._new[key] = known[0]
        self._new_count -= 1
        return True

    def _taken(self) -> tuple[Keys, Keys]:
        """Give what is new, and leave none of it."""
        known = [_listed(each) for each in self._new.values()]
        keys = np.fromiter(self._new, np.uint64, len(known))
        keys = np.repeat(keys, np.fromiter(map(len, known), np.intp, len(known)))
        places = np.fromiter(chain.from_iterable(known), np.uint64, self._new_count)
        self._new, self._new_count = {}, 0
        return keys, places


def _listed(known: _Known) -> list[int]:
    """Give several places, or one, as a list of the caller's own."""
    return [known] if isinstance(known, int) else [*known]
