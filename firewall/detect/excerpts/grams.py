"""Parts of longer texts: any run of 23 characters that a text shares with a remembered one is found.

A remembered text gives the fingerprints of its 16-character grams at every eighth position; the text in
question is asked about at every position. A shared run of 23 = 16 + 8 - 1 characters holds exactly one of
those grams whole, wherever the run begins in either text: none is missed. Whatever a fingerprint finds is
compared with the remembered text itself.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firewall.detect.excerpts.columns import IN_TEXT, POSITION_BITS
from firewall.detect.excerpts.fingerprints import GRAM, Fingerprints, Keys
from firewall.detect.excerpts.owners import Holders, Owner
from firewall.detect.excerpts.places import Places
from firewall.detect.excerpts.texts import Texts

_STEP = 8
RUN = GRAM + _STEP - 1
_SLACK = RUN - GRAM
LONGEST = 1 << POSITION_BITS
# A gram that stands in more places than this is looked up by its whole runs from then on. Without it, whoever
# repeats a common phrase with many endings would make everybody who uses the phrase pay for comparing them
# all.
_PLACES = 8
# For each position at which a known run starts, who knows it.
Known: TypeAlias = dict[int, list[Holders]]


class Grams:
    """An index from 23-character runs to owners; looking up costs the same for one owner or a million.

    Args:
        texts: Where the texts are kept; its own if there is no other.
    """

    def __init__(self, texts: Texts | None = None) -> None:
        self._texts = Texts() if texts is None else texts
        self._fingerprints = Fingerprints()
        self._places = Places()
        # In how many places the grams stand that stand in too many. The runs around them have places instead.
        self._crowded: dict[str, int] = {}
        # Who knows the runs that stand in too many places themselves.
        self._common: dict[str, Holders] = {}

    def add(self, number: int, text: str) -> None:
        """Remember every part of a skeleton of at most `LONGEST` characters, kept under this number."""
        first = number << POSITION_BITS
        for position, key in self._kept(text):
            gram = text[position : position + GRAM]
            if gram in self._crowded:
                self._crowded[gram] += 1
                self._add_runs(first + position)
            elif self._places.add(key, first + position):
                self._spread(gram, key)
        self._places.settle()

    def add_many(self, numbers: Sequence[int], texts: Sequence[str]) -> None:
        """Do as `add` for each of these, for a fraction of the time."""
        text = "".join(texts)
        at, places = _positions(numbers, [len(each) for each in texts])
        keys = self._fingerprints.many(text, at)
        again = self._again(keys)
        if self._crowded and len(again):
            crowded = np.zeros(len(keys), np.bool_)
            for index in again.tolist():
                start = int(at[index])
                gram = text[start : start + GRAM]
                if gram in self._crowded:
                    crowded[index] = True
                    self._crowded[gram] += 1
                    self._add_runs(int(places[index]))
            again = again[~crowded[again]]
            self._places.extend(keys[~crowded], places[~crowded])
        else:
            self._places.extend(keys, places)
        for index, known in self._places.find(keys[again]):
            # One of the grams of this key may have been spread a moment ago.
            start = int(at[again[index]])
            gram = text[start : start + GRAM] if len(known) > _PLACES else ""
            if gram and gram not in self._crowded:
                self._spread(gram, int(keys[again[index]]))
        self._places.settle()

    def settle(self) -> bool:
        """Take a step towards looking up in as few places as possible; False if there is none left."""
        return self._places.compact()

    def remove(self, number: int, text: str) -> None:
        """Forget the parts of a skeleton that was added under this number; it stays where it is kept."""
        first = number << POSITION_BITS
        keys: list[int] = []
        places: list[int] = []
        for position, key in self._kept(text):
            gram = text[position : position + GRAM]
            if gram in self._crowded:
                self._leave(gram, key)
                self._remove_runs(first + position)
            else:
                keys.append(key)
                places.append(first + position)
        self._places.remove(keys, places)
        self._places.settle()

    def excludes(self, text: str) -> bool:
        """True only if nobody knows any run of a text's skeleton, nor of its mirrors; asked of most texts.

        Args:
            text: The text itself, of any length; what is long or not ASCII is never excluded.
        """
        short = text.isascii() and len(text) <= LONGEST
        return short and not self._places.knows(self._fingerprints.of_skeleton(text))

    def find(self, text: str) -> Known:
        """Give, for each position at which a known 23-character run starts, who knows it."""
        fingerprints = self._fingerprints(text)
        return self._found(text, fingerprints, list(self._places.find(fingerprints)))

    def find_mirrored(self, text: str, rotated: str) -> tuple[Known, Known, Known]:
        """Give the same for a text, for the text in rot13, and for the text from its end, for one look-up.

        Args:
            text: A skeleton.
            rotated: The same in rot13.
        """
        fingerprints = self._fingerprints(text)
        hits = list(self._places.find(fingerprints))
        if not hits:
            return {}, {}, {}
        last = len(fingerprints) - 1
        turned = [(last - index, places) for index, places in reversed(hits)]
        return (
            self._found(text, fingerprints, hits),
            self._found(rotated, fingerprints, hits),
            self._found(text[::-1], fingerprints[::-1], turned),
        )

    def _found(self, text: str, fingerprints: Keys, hits: Sequence[tuple[int, Sequence[int]]]) -> Known:
        known: Known = {}
        # Holders of one owner are alike and only read, so a text that is found whole needs them once.
        alone = _Alone()
        crowded: set[int] = set()
        for index, places in hits:
            if text[index : index + GRAM] in self._crowded:
                crowded.update(range(max(0, index - _SLACK), min(index, len(text) - RUN) + 1))
                continue
            for place in places:
                owner, remembered = self._texts[place >> POSITION_BITS]
                for start in _shared(text, index, remembered, place & IN_TEXT):
                    known.setdefault(start, []).append(alone[owner])
        if crowded:
            self._find_runs(text, sorted(crowded), fingerprints, known, alone)
        return known

    def _again(self, keys: Keys) -> NDArray[np.intp]:
        """Give the positions of fingerprints that may be known, or that stand here twice."""
        order = np.argsort(keys, kind="stable")
        twice = np.zeros(len(keys), np.bool_)
        twice[order[1:]] = keys[order[1:]] == keys[order[:-1]]
        twice[self._places.maybe(keys)] = True
        return twice.nonzero()[0]

    def _kept(self, text: str) -> Iterator[tuple[int, int]]:
        keys: list[int] = self._fingerprints(text)[::_STEP].tolist()
        return zip(range(0, len(text), _STEP), keys, strict=False)

    def _find_runs(
        self,
        text: str,
        starts: Sequence[int],
        fingerprints: Keys,
        known: Known,
        alone: "_Alone",
    ) -> None:
        """Add who knows the runs at these positions, of those whose grams stand in too many places."""
        first = np.array(starts)
        pairs = self._fingerprints.pairs(fingerprints[first], fingerprints[first + _SLACK])
        for index, places in self._places.find(pairs):
            start = starts[index]
            run = text[start : start + RUN]
            if run in self._common:
                known.setdefault(start, []).append(self._common[run])
                continue
            for owner in self._knowing(run, places):
                known.setdefault(start, []).append(alone[owner])

    def _knowing(self, run: str, places: Sequence[int]) -> Iterator[Owner]:
        for place in places:
            owner, remembered = self._texts[place >> POSITION_BITS]
            if remembered.startswith(run, place & IN_TEXT):
                yield owner

    def _spread(self, gram: str, key: int) -> None:
        """Have a gram that stands in too many places looked up by its runs."""
        places = [place for place in self._places.known(key) if any(self._knowing(gram, [place]))]
        if len(places) <= _PLACES:
            return
        self._places.remove([key] * len(places), places)
        self._crowded[gram] = len(places)
        self._places.hold(key)
        for place in places:
            self._add_runs(place)

    def _leave(self, gram: str, key: int) -> None:
        self._crowded[gram] -= 1
        if not self._crowded[gram]:
            del self._crowded[gram]
            self._places.release(key)

    def _add_runs(self, place: int) -> None:
        for owner, run, key, start in self._runs(place):
            if run in self._common:
                self._common[run].add(owner)
            elif self._places.add(key, start):
                self._share(run, key)

    def _share(self, run: str, key: int) -> None:
        """Have a run that stands in too many places looked up by itself."""
        places = [place for place in self._places.known(key) if any(self._knowing(run, [place]))]
        if len(places) <= _PLACES:
            return
        self._places.remove([key] * len(places), places)
        holders = self._common[run] = Holders()
        self._places.hold(key)
        for place in places:
            holders.add(self._texts[place >> POSITION_BITS][0])

    def _remove_runs(self, place: int) -> None:
        for owner, run, key, start in self._runs(place):
            holders = self._common.get(run)
            if holders is None:
                self._places.remove([key], [start])
                continue
            holders.remove(owner)
            if not holders:
                del self._common[run]
                self._places.release(key)

    def _runs(self, place: int) -> Iterator[tuple[Owner, str, int, int]]:
        """Give the runs that hold the gram at a place: whose, what, by which fingerprint, and where."""
        owner, text = self._texts[place >> POSITION_BITS]
        position = place & IN_TEXT
        first, last = max(0, position - _SLACK), min(position, len(text) - RUN)
        if last < first:
            return
        around = text[first : last + RUN]
        keys = self._fingerprints(around)
        pairs = self._fingerprints.pairs(keys[: last - first + 1], keys[_SLACK:])
        for offset, key in enumerate(pairs.tolist()):
            yield owner, around[offset : offset + RUN], key, place - position + first + offset


class _Alone(dict[Owner, Holders]):
    """For each owner, that it alone knows something; made when it is asked for."""

    def __missing__(self, owner: Owner) -> Holders:
        holders = self[owner] = Holders()
        holders.add(owner)
        return holders


def _positions(numbers: Sequence[int], lengths: Sequence[int]) -> tuple[NDArray[np.intp], Keys]:
    """Say where the kept grams of texts that stand one behind the other begin, and what their places are."""
    sizes = np.array(lengths, np.intp)
    counts = np.maximum(0, (sizes - GRAM) // _STEP + 1)
    grams = np.arange(int(counts.sum()), dtype=np.intp)
    within: NDArray[np.intp] = (grams - np.repeat(np.cumsum(counts) - counts, counts)) * _STEP
    at: NDArray[np.intp] = np.repeat(np.cumsum(sizes) - sizes, counts) + within
    first = np.array(numbers, np.uint64) << np.uint64(POSITION_BITS)
    places: Keys = np.repeat(first, counts)
    places += within.astype(np.uint64)
    return at, places


def _shared(text: str, index: int, remembered: str, position: int) -> range:
    """Give where in a text those runs start that hold one gram and stand in a remembered text as well."""
    if not remembered.startswith(text[index : index + GRAM], position):
        return range(0)
    before, after = min(index, position, _SLACK), min(len(text) - index, len(remembered) - position, RUN)
    left = 0
    while left < before and text[index - left - 1] == remembered[position - left - 1]:
        left += 1
    right = GRAM
    while right < after and text[index + right] == remembered[position + right]:
        right += 1
    return range(index - left, index + right - RUN + 1)
