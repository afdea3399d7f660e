"""The law of session keys, tried over hostile ids: other ids, another key; equal ids, an equal key."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from adapters.testing.case import Case, Stage, expect, key
from adapters.testing.senders import SPOKEN
from adapters.testing.specimen import IdKind, Said, Situation

# What ids are joined, escaped, quoted, folded or cut by somewhere, and what ids themselves may look like.
_PIECES = (
    *":|/\\-_.,;=#@!~*+\"'[]{}()<>%&$^` ",
    "a",
    "A",
    "b",
    "0",
    "00",
    "1",
    "é",
    "e\u0301",
    "ß",
    "ss",
    "\u0430",
    "\u200b",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\U0001f600",
    "%3A",
    "\\u003a",
    '","',
    "null",
    "main",
    "dm",
    "..",
    "thread",
)
_ROUNDS = 300
_MOST_PIECES = 4
_LONG = 120
Named: TypeAlias = tuple[str, str | None, str | None, str | None, str | None]


class _Draw:
    """Numbers that are the same in every run, on every machine."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def below(self, bound: int) -> int:
        """Give the next number from 0 up to, but not including, `bound`."""
        self._count += 1
        data = hashlib.sha256(f"{self._seed}:{self._count}".encode()).digest()
        return int.from_bytes(data[:8], "big") % bound

    def of(self, choices: Sequence[str]) -> str:
        """Give one of these."""
        return choices[self.below(len(choices))]

    def tail(self) -> str:
        """Give up to four hostile pieces; now and then behind a long common beginning."""
        pieces = "".join(self.of(_PIECES) for _ in range(self.below(_MOST_PIECES + 1)))
        return "x" * _LONG + pieces if self.below(8) == 0 else pieces


def _drawn(stage: Stage, situation: Situation, draw: _Draw) -> Iterator[Said]:
    name = stage.specimen.id
    base = stage.said(situation)
    apps = [name(IdKind.APP, one) for one in (1, 2)]
    moves = Situation.ELSEWHERE not in stage.specimen.without and situation is not Situation.DIRECT
    for _ in range(_ROUNDS):
        person = name(IdKind.PERSON, 1 + draw.below(3))
        said = replace(base, app=draw.of(apps), who=f"{person}{draw.tail()}")
        if situation is not Situation.DIRECT:
            said = replace(said, place=f"{base.place}{draw.tail()}")
        if moves:
            realm = f"{name(IdKind.REALM, 1 + draw.below(2))}{draw.tail()}"
            said = replace(said, realm=realm, home=realm)
        if base.thread is not None:
            said = replace(said, thread=name(IdKind.THREAD, 1 + draw.below(3)))
        yield said


def _injective(stage: Stage) -> None:
    for situation in stage.offered(*SPOKEN):
        read: dict[str, Named] = {}
        kept: dict[Named, str] = {}
        for said in _drawn(stage, situation, _Draw(situation)):
            found = stage.hostile_message(situation, said)
            if found is not None:
                named = (said.app, said.realm, said.place, said.thread, said.who)
                text = key(found).canonical
                expect(
                    read.setdefault(text, named) == named, f"{situation}: two sets of ids make one session"
                )
                expect(kept.setdefault(named, text) == text, f"{situation}: equal ids make two sessions")


CASES = (
    Case(
        name="keys-are-injective",
        claim="Whatever ids a platform hands out, two sets of them never make one session.",
        examine=_injective,
    ),
)
