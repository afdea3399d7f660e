"""Remembered texts by number, packed: a million of them cost little more than their characters."""

from array import array
from collections.abc import Sequence

import numpy as np

from firewall.detect.excerpts.columns import POSITION_BITS
from firewall.detect.excerpts.owners import NONE, Owner
from firewall.detect.excerpts.packed import Packed
from firewall.detect.excerpts.places import Places

_KEY = (1 << 64) - 1


class Texts:
    """Every owner's texts, each known by a number below 2**32, and of each owner the order they came in.

    Numbers of removed texts are given again. An owner's texts are in one such collection only.
    """

    def __init__(self) -> None:
        self._texts = Packed()
        self._owners: list[Owner | None] = []
        # The neighbours of a text among those of its owner.
        self._older, self._younger = array("I"), array("I")
        self._free = array("I")
        # Which number a text has, by Python's own hash, which the interpreter seeds anew per process.
        self._numbers = Places()

    def __getitem__(self, number: int) -> tuple[Owner, str]:
        """Give whose text has this number, and the text."""
        return self._of(number), self._texts[number]

    def number(self, owner: Owner, text: str) -> int | None:
        """Give the number of an owner's text, or None if it is not known."""
        return self._number(owner, text, self._numbers.known(hash((owner, text)) & _KEY))

    def add(self, owner: Owner, text: str) -> int:
        """Remember a text that is not known yet as the owner's youngest, and give its number."""
        number = self._put(owner, text)
        self._numbers.add(hash((owner, text)) & _KEY, number << POSITION_BITS)
        self._numbers.settle()
        return number

    def add_many(self, entries: Sequence[tuple[Owner, str]]) -> list[tuple[int, Owner, str]]:
        """Remember texts in this order, each as its owner's youngest; give those that were not known."""
        keys = np.array([hash(entry) & _KEY for entry in entries], np.uint64)
        known: dict[tuple[Owner, str], int] = {}
        for index, places in self._numbers.find(keys):
            number = self._number(*entries[index], places)
            if number is not None:
                known[entries[index]] = number
        fresh: list[tuple[int, Owner, str]] = []
        at: list[int] = []
        for index, entry in enumerate(entries):
            if entry in known:
                self.renew(known[entry])
                continue
            known[entry] = number = self._put(*entry)
            fresh.append((number, *entry))
            at.append(index)
        numbers = np.array([number for number, _, _ in fresh], np.uint64)
        self._numbers.extend(keys[at], numbers << np.uint64(POSITION_BITS))
        self._numbers.settle()
        return fresh

    def renew(self, number: int) -> None:
        """Make a text its owner's youngest."""
        owner = self._of(number)
        self._unlink(owner, number)
        self._append(owner, number)

    def remove(self, number: int) -> None:
        """Forget a text that is kept under this number, which may be given to another."""
        owner, text = self[number]
        self._numbers.remove([hash((owner, text)) & _KEY], [number << POSITION_BITS])
        self._numbers.settle()
        self._unlink(owner, number)
        self._texts.drop(number)
        self._owners[number] = None
        self._free.append(number)

    def settle(self) -> bool:
        """Take a step towards looking up in as few places as possible; False if there is none left."""
        return self._numbers.compact()

    def _number(self, owner: Owner, text: str, places: Sequence[int]) -> int | None:
        for place in places:
            number = place >> POSITION_BITS
            if self._owners[number] is owner and self._texts[number] == text:
                return number
        return None

    def _of(self, number: int) -> Owner:
        owner = self._owners[number]
        if owner is None:
            raise KeyError(number)
        return owner

    def _put(self, owner: Owner, text: str) -> int:
        number = self._take(owner)
        self._texts.put(number, text)
        self._append(owner, number)
        return number

    def _take(self, owner: Owner) -> int:
        if self._free:
            number = self._free.pop()
            self._owners[number] = owner
            return number
        self._owners.append(owner)
        self._older.append(NONE)
        self._younger.append(NONE)
        return len(self._owners) - 1

    def _append(self, owner: Owner, number: int) -> None:
        self._older[number], self._younger[number] = owner.youngest, NONE
        if owner.youngest == NONE:
            owner.oldest = number
        else:
            self._younger[owner.youngest] = number
        owner.youngest = number

    def _unlink(self, owner: Owner, number: int) -> None:
        older, younger = self._older[number], self._younger[number]
        if older == NONE:
            owner.oldest = younger
        else:
            self._younger[older] = younger
        if younger == NONE:
            owner.youngest = older
        else:
            self._older[younger] = older
