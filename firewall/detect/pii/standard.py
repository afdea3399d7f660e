"""Personal data by the standard rules: Presidio's, with cards, telephone numbers and overlaps by our own.

Stock Presidio misses cards of many issuing ranges and numbers that are called one, takes the host of every
e-mail address for a link and every card for a telephone number. Here each stretch of a text is one thing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from firewall.core.ports import Detector, Match
from firewall.detect.detectors import Glances
from firewall.detect.keys import key_of
from firewall.detect.pii import cards, phones
from firewall.detect.prose import Proseless
from firewall.detect.secrets.gate import Gate, Pattern, apart

_CARD: Final = "CREDIT_CARD"
_PHONE: Final = "PHONE_NUMBER"
# Terms that an operator denies, which nothing outranks.
DENIED: Final = "DENIED_TERM"
OWN: Final = (_CARD, _PHONE)
# Of two that overlap the one that proves more stays: by a check digit, then by its form, then by its words.
_ORDER: Final = ("EMAIL_ADDRESS", "IBAN_CODE", _CARD, "CRYPTO", "US_SSN", "IP_ADDRESS", _PHONE, "URL")
_RANKS: Final = {kind: rank for rank, kind in enumerate(_ORDER)}
_MIDDLE: Final = _RANKS[_PHONE]
# Thai to Khmer, Hangul, kana, Han: to Presidio's `\b` an address right beside them is a part of the word.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u31ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
_SIX_DIGITS: Final = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){5}")


class Standard:
    """Finds personal data by the standard rules; raises if it cannot look.

    Args:
        others: Finds the kinds that are not ours, such as Presidio's; None if none are wanted.
        kinds: Which of ours are wanted.
        threshold: Lowest score that counts, 0 to 1.
        allow: Values that are no finding where they stand exactly so.
    """

    def __init__(
        self,
        others: Detector | None,
        *,
        kinds: Sequence[str] = OWN,
        threshold: float = 0.35,
        allow: Sequence[str] = (),
    ) -> None:
        self._others = others
        glancing: object = others
        self._excludes = glancing.excludes if isinstance(glancing, Glances) else _never
        self._gates = glancing.prose_gates if isinstance(glancing, Proseless) else None
        self._kinds = tuple(filter(kinds.__contains__, OWN))
        self._threshold = threshold
        self._allow = frozenset(allow)

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        others = () if self._others is None else self._others.rules
        return (*others, *(f"pii.{kind}" for kind in self._kinds))

    def excludes(self, text: str) -> bool:
        """True only if there is no value in this text or in any piece of it; see `detectors.Glances`."""
        if _six_digits(text):
            return False
        return self._others is None or (self._excludes(text) and self._excludes(_spaced(text)))

    @property
    def prose_gates(self) -> Sequence[Gate] | None:
        """One of them opens for prose that may hold a value; see `prose.Proseless`."""
        # Ours have digits.
        return () if self._others is None else self._gates

    def scan(self, text: str) -> Sequence[Match]:
        """Find every value, in order of start; none overlap but terms that are denied.

        Raises:
            ServiceUnavailable: As the others do.
        """
        found = [] if self._others is None else [*_beside(self._others, text)]
        if self._kinds and _six_digits(text):
            found += self._own(text)
        # What is allowed takes its place first: the host of an allowed address is no link either.
        return [each for each in settled(found) if text[each.start : each.stop] not in self._allow]

    def _own(self, text: str) -> Iterator[Match]:
        if _CARD in self._kinds:
            yield from (_match(_CARD, text, start, stop) for start, stop in cards.find(text))
        if _PHONE in self._kinds:
            for each in phones.find(text):
                if each.score >= self._threshold:
                    yield _match(_PHONE, text, each.start, each.stop, each.score)


def _beside(others: Detector, text: str) -> Sequence[Match]:
    """Find what the others find, in the text and with spaces for letters that are written without any."""
    found = others.scan(text)
    spaced = _spaced(text)
    if spaced == text:
        return found
    # What would reach over such a letter is not in the text.
    beside = (
        each for each in others.scan(spaced) if spaced[each.start : each.stop] == text[each.start : each.stop]
    )
    return [*found, *(each for each in beside if each not in found)]


def _spaced(text: str) -> str:
    """Put a space for each letter of a script that sets none between words, or glues endings to them."""
    return text if text.isascii() else _UNSPACED.sub(" ", text)


def _six_digits(text: str) -> bool:
    if text.isascii():
        return _gate().opens(text.encode("ascii"))
    return _SIX_DIGITS.search(text) is not None


@cache
def _gate() -> Gate:
    return apart([Pattern(regex=_SIX_DIGITS.pattern)])


def settled(found: Iterable[Match]) -> list[Match]:
    """Give the matches of which none overlap, in order; what proves more stays, then what is longer.

    A term that is denied stays beside all others: no part of it may be lost to what it overlaps.
    """
    ranked = sorted(found, key=_rank)
    taken = bytearray(max((each.stop for each in ranked), default=0))
    kept: list[Match] = []
    for each in ranked:
        if each.kind == DENIED:
            kept.append(each)
        elif 1 not in taken[each.start : each.stop]:
            taken[each.start : each.stop] = b"\1" * (each.stop - each.start)
            kept.append(each)
    return sorted(kept, key=lambda each: (each.start, each.stop))


def _rank(each: Match) -> tuple[int, int, int, str]:
    return _RANKS.get(each.kind, _MIDDLE), each.start - each.stop, each.start, each.kind


def _match(kind: str, text: str, start: int, stop: int, score: float = 1.0) -> Match:
    key = key_of(kind, text[start:stop])
    return Match(start=start, stop=stop, kind=kind, rule=f"pii.{kind}", key=key, score=score)


def _never(_text: str) -> bool:
    return False
