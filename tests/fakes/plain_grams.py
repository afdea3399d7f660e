"""Grams as they were first written: a dictionary of every kept gram. The oracle for those that are packed.

A remembered text gives its 14-character grams at every fifth position; the text in question is asked about at
every second. Five and two share no divisor, so among ten neighbouring places of a run exactly one is both. A
shared run of 23 = 14 + 10 - 1 characters holds the gram there whole, wherever the run begins in either text.
"""

from typing import TypeAlias

from firewall.detect.excerpts.owners import Holders, Owner

GRAM = 14
_KEPT_STEP = 5
_ASKED_STEP = 2
RUN = GRAM + _KEPT_STEP * _ASKED_STEP - 1
_SLACK = RUN - GRAM
# A place is one number: which text, then where in it. Numbers, unlike objects, cost the garbage collector
# nothing, and an index holds millions of them.
_POSITION_BITS = 12
LONGEST = 1 << _POSITION_BITS
# A gram that stands in more places than this is looked up by its whole runs from then on. Without it, whoever
# repeats a common phrase with many endings would make everybody who uses the phrase pay for comparing them
# all.
_PLACES = 8

_Runs: TypeAlias = dict[str, Holders]
# Where a gram stands: one place, a few, or the 23-character runs around what are too many.
_Known: TypeAlias = int | list[int] | _Runs


class PlainGrams:
    """An index from 23-character runs to owners; looking up costs the same for one owner or a million."""

    def __init__(self) -> None:
        # Keyed by Python's own string hash, which the interpreter seeds anew per process: 64 bits instead of
        # the gram itself, never written down. A collision is noticed, because places are compared.
        self._grams: dict[int, _Known] = {}
        self._texts: dict[int, tuple[Owner, str]] = {}
        self._numbers: dict[tuple[Owner, str], int] = {}
        self._added = 0

    def add(self, owner: Owner, text: str) -> None:
        """Remember every part of a skeleton of at most `LONGEST` characters, once for each owner."""
        number, grams = self._number(owner, text), self._grams
        for position in range(0, len(text) - GRAM + 1, _KEPT_STEP):
            key, place = hash(text[position : position + GRAM]), number + position
            known = grams.setdefault(key, place)
            if known != place:
                grams[key] = self._with(known, place)

    def remove(self, owner: Owner, text: str) -> None:
        """Forget a skeleton that was added for this owner."""
        number = self._numbers[owner, text]
        for position in range(0, len(text) - GRAM + 1, _KEPT_STEP):
            key = hash(text[position : position + GRAM])
            left = self._without(self._grams[key], number + position)
            if left is None:
                del self._grams[key]
            else:
                self._grams[key] = left
        del self._texts[number], self._numbers[owner, text]

    def find(self, text: str) -> dict[int, list[Holders]]:
        """Give, for each position at which a known 23-character run starts, who knows it."""
        grams = self._grams
        asked = range(0, len(text) - GRAM + 1, _ASKED_STEP)
        hits = [index for index in asked if hash(text[index : index + GRAM]) in grams]
        known: dict[int, list[Holders]] = {}
        for index in hits:
            around = self._around(grams[hash(text[index : index + GRAM])], text, index)
            for start, holders in around.items():
                known.setdefault(start, []).append(holders)
        return known

    def _number(self, owner: Owner, text: str) -> int:
        entry, number = (owner, text), self._added << _POSITION_BITS
        self._texts[number], self._numbers[entry] = entry, number
        self._added += 1
        return number

    def _with(self, known: _Known, place: int) -> _Known:
        if isinstance(known, dict):
            self._count(known, place)
            return known
        places = [known, place] if isinstance(known, int) else [*known, place]
        if len(places) <= _PLACES:
            return places
        runs: _Runs = {}
        for each in places:
            self._count(runs, each)
        return runs

    def _without(self, known: _Known, place: int) -> _Known | None:
        if isinstance(known, int):
            return None
        if isinstance(known, dict):
            self._discount(known, place)
            return known or None
        known.remove(place)
        return known if len(known) > 1 else known[0]

    def _around(self, known: _Known, text: str, index: int) -> dict[int, Holders]:
        """Give who knows a run that holds the gram at `index`, by where in the text that run starts."""
        found: dict[int, Holders] = {}
        if isinstance(known, dict):
            for start in range(max(0, index - _SLACK), min(index, len(text) - RUN) + 1):
                holders = known.get(text[start : start + RUN])
                if holders is not None:
                    found[start] = holders
            return found
        for place in [known] if isinstance(known, int) else known:
            owner, remembered = self._texts[place & -LONGEST]
            for start in _shared(text, index, remembered, place & (LONGEST - 1)):
                found.setdefault(start, Holders()).add(owner)
        return found

    def _count(self, runs: _Runs, place: int) -> None:
        owner, around = self._runs(place)
        for run in around:
            runs.setdefault(run, Holders()).add(owner)

    def _discount(self, runs: _Runs, place: int) -> None:
        owner, around = self._runs(place)
        for run in around:
            runs[run].remove(owner)
            if not runs[run]:
                del runs[run]

    def _runs(self, place: int) -> tuple[Owner, list[str]]:
        owner, text = self._texts[place & -LONGEST]
        position = place & (LONGEST - 1)
        first, last = max(0, position - _SLACK), min(position, len(text) - RUN)
        return owner, [text[start : start + RUN] for start in range(first, last + 1)]


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
