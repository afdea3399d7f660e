"""How much a text looks like an injection, by signs: each counts once, and several count for more than one.

A sign of weight `w` leaves the doubt `1 - w`; the doubts of different signs within `NEAR` bytes of each other
multiply, and the score is what they leave. So one strong sign is enough, weak ones must stand together, and a
long document does not become suspicious by its length.

The text is looked at as it stands, in every disguise that `disguise` undoes, from its end, in rot13, with
digits for letters and with letters set apart. What is hidden in a disguise counts for more than what is said.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from firewall.detect.disguise.codecs import SCRAPS
from firewall.detect.disguise.unmasked import unmasked
from firewall.detect.injection.asked import asked
from firewall.detect.injection.folding import Folded, folded
from firewall.detect.injection.mirrors import mirrors
from firewall.detect.injection.rules import Sign, packs
from firewall.detect.secrets.engines import Finder, finder
from firewall.detect.secrets.gate import Pattern, gate

NEAR: Final = 2_000
# How programs write any text; a reading of these hides nothing.
_WRITTEN: Final = frozenset({"percent", "entities", "escapes", "quoted-printable"})
# What a sign in a disguise leaves of the doubt: whoever hides an instruction means no good.
_HIDING: Final = 0.5
_LIKELY: Final = 0.65
# So many places before each are counted together; more of them add no sign that would change the answer.
_MOST: Final = 200
_CHUNK: Final = 64
_FEW: Final = 8
# More of these first words of a chunk are different already in nearly every text.
_GLANCE: Final = 2 * _FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How sure the signs are of one text, and where.

    Attributes:
        score: 0 to 1.
        family: That of the sign that says most; empty where there is none.
        start: First code point of that sign.
        stop: One past its last.
        signs: All that were counted, the ones that say most first.
    """

    score: float = 0.0
    family: str = ""
    start: int = 0
    stop: int = 0
    signs: tuple[str, ...] = ()


NOTHING: Final = Seen()


@dataclass(frozen=True, slots=True)
class _Hit:
    sign: Sign
    start: int
    stop: int


class Heuristics:
    """Scores texts by signs. For several threads.

    Args:
        signs: What is looked for; the shipped packs by default.
        cache: A folder of this user alone for the compiled gate; None compiles it each time.
    """

    def __init__(self, signs: Sequence[Sign] | None = None, *, cache: Path | None = None) -> None:
        self._signs = packs() if signs is None else tuple(signs)
        self._finders: dict[int, Finder] = {}
        # A sign is looked for only where all parts of one of its alternatives are; many share their parts.
        wanted = [(place, one) for place, sign in enumerate(self._signs) for one in asked(sign.pattern)]
        parts = sorted({part for _, one in wanted for part in one})
        number = {part: place for place, part in enumerate(parts)}
        # Each alternative stands under one of its parts, that which stands in the fewest texts.
        self._under: list[list[tuple[int, frozenset[int]]]] = [[] for _ in parts]
        for place, one in wanted:
            rest = frozenset(map(number.__getitem__, one))
            self._under[number[one[0]]].append((place, rest))
        self._gate = gate([Pattern(regex=part) for part in parts], cache=cache)

    def see(self, text: str) -> Seen:
        """Give how much a text looks like an injection, in whichever reading it does most.

        Raises:
            ServiceUnavailable: It is too large or too deep to be examined.
        """
        plain = folded(text)
        best = _seen(plain, *self._strongest(plain.data, _flood(plain.data)))
        for form in mirrors(plain):
            score, signs = self._strongest(form, [], _HIDING)
            if score > best.score:
                best = _said(score, signs, 0, len(text))
        for offset, view in unmasked(text):
            if SCRAPS not in view.via:
                shown = folded(view.text)
                doubt = 1.0 if _WRITTEN.issuperset(view.via) else _HIDING
                other = _seen(shown, *self._strongest(shown.data, [], doubt))
                if other.score > best.score:
                    start, stop = view.span(other.start, other.stop)
                    best = replace(other, start=offset + start, stop=offset + stop)
        return best

    def hits(self, data: bytes) -> Iterator[_Hit]:
        """Give every place of every sign in the bytes of one form of a text."""
        parts = self._gate.hits(data)
        there = set(parts)
        under = self._under
        may = {place for part in there for place, rest in under[part] if there.issuperset(rest)}
        for number in sorted(may):
            pattern = self._finders.get(number)
            if pattern is None:
                pattern = self._finders[number] = finder(self._signs[number].pattern)
            for start, stop in pattern.spans(data):
                yield _Hit(self._signs[number], start, stop)

    def _strongest(
        self, data: bytes, more: Sequence[_Hit], doubt: float = 1.0
    ) -> tuple[float, Sequence[_Hit]]:
        """Give the highest score of signs near each other, and these, the ones that say most first."""
        found = sorted((*self.hits(data), *more), key=lambda hit: hit.start)
        best, most = 0.0, list[_Hit]()
        first = 0
        for last, hit in enumerate(found):
            while hit.start - found[first].start > NEAR:
                first += 1
            together = {each.sign.id: each for each in found[max(first, last - _MOST) : last + 1]}
            left = math.prod(1.0 - each.sign.weight for each in together.values())
            # A weak sign in a disguise is more likely one by chance.
            left *= doubt if left <= _LIKELY else 1.0
            if 1.0 - left > best:
                best, most = 1.0 - left, sorted(together.values(), key=lambda each: -each.sign.weight)
        return best, most


def _seen(text: Folded, score: float, most: Sequence[_Hit]) -> Seen:
    if not most:
        return NOTHING
    return _said(score, most, *text.span(most[0].start, most[0].stop))


def _said(score: float, most: Sequence[_Hit], start: int, stop: int) -> Seen:
    return Seen(
        score=score,
        family=most[0].sign.family,
        start=start,
        stop=stop,
        signs=tuple(each.sign.id for each in most),
    )


# The same few words over and over push what was said before out of a model's sight.
FLOOD: Final = Sign(
    id="flood",
    family="flood",
    weight=0.55,
    pattern="",
    positive=("word " * 80,),
    negative=("a text that goes on and says something else each time",),
    source="heuristics",
)


def _flood(data: bytes) -> list[_Hit]:
    words = data.split()
    for first in range(0, len(words) - _CHUNK // 2, _CHUNK):
        if len(set(words[first : first + _GLANCE])) > _FEW:
            continue
        some = set(words[first : first + _CHUNK])
        if len(some) <= _FEW and sum(map(len, some)) > 2 * len(some):
            return [_Hit(FLOOD, 0, len(data))]
    return []
