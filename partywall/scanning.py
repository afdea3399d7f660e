"""Scanning texts that no turn is about: all that the detectors know, in every disguise."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from firewall.core.ports import Detector, Match
from firewall.detect.detectors import All
from firewall.detect.disguise.unmasked import moved
from firewall.detect.disguise.views import LEET, MIRRORS, View, views
from firewall.detect.excerpts.listed import KIND as FOREIGN
from firewall.detect.excerpts.listed import RULE as LISTED
from firewall.detect.marker import EXCERPT, ID, redacted

# What any digits or words may look like once they are read from their end or shifted in the alphabet.
_PLAIN_ONLY: Final = frozenset({"PHONE_NUMBER", "US_SSN", "IP_ADDRESS", ID})
_GUESSED: Final = "secret.generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was found in a text, without its words.

    Attributes:
        start: First code point, from 0.
        stop: First code point behind it.
        kind: What it is, such as `EMAIL_ADDRESS`, `SECRET` or `FOREIGN`.
        rule: Stable name of the rule.
        score: How sure the rule is, 0 to 1.
        via: What was undone to find it, outermost first; empty where it stands as it is.
    """

    start: int
    stop: int
    kind: str
    rule: str
    score: float
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What was found in a text, in order, and the text with markers in its place."""

    findings: tuple[Finding, ...]
    redacted: str


class Scanner:
    """Scans one text at a time.

    Args:
        detectors: What is looked for.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._all = All(detectors, unmask=False)
        # With signs read as letters nothing else counts, so nobody else is asked.
        self._listed = All([each for each in detectors if LISTED in each.rules], unmask=False)

    def scan(self, text: str) -> Scanned:
        """Find everything in a text and in every reading of it.

        Raises:
            ServiceUnavailable: It is too large or too deep to be examined, or a detector could not look.
        """
        found: list[tuple[Match, tuple[str, ...]]] = [(match, ()) for match in self._all.scan(text)]
        said = _Said()
        for match, _ in found:
            said.add(match)
        for view in views(text):
            looking = self._listed if LEET in view.via else self._all
            counting = (match for match in looking.scan(view.text) if counts(match, view))
            new = filter(said.add, (moved(each, view, 0) for each in counting))
            found.extend((match, view.via) for match in new)
        findings = sorted((_finding(match, via) for match, via in found), key=_place)
        marked = (_marked(match) for match, _ in found)
        return Scanned(findings=tuple(findings), redacted=redacted(text, marked)[0])


def counts(match: Match, view: View) -> bool:
    """True unless it is too weak to count in a mirror, where chance makes one of anything."""
    if LEET in view.via:
        # Signs become letters there, and e-mail addresses words.
        return match.kind == FOREIGN
    weak = match.kind in _PLAIN_ONLY or match.rule.startswith(_GUESSED)
    return not (weak and MIRRORS.intersection(view.via))


class _Said:
    """What was said of a text: of each kind the stretches that lie in no other one, in order."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = defaultdict(list)

    def add(self, match: Match) -> bool:
        """Take a match in; false if one that covers it was there, which had said it already."""
        spans = self._spans[match.kind]
        # Of stretches none of which lies in another one, those that begin later end later.
        place = bisect_right(spans, match.start, key=_start)
        if place and spans[place - 1][1] >= match.stop:
            return False
        place = bisect_left(spans, match.start, key=_start)
        stop = bisect_right(spans, match.stop, lo=place, key=_stop)
        del spans[place:stop]
        insort(spans, (match.start, match.stop))
        return True


def _start(span: tuple[int, int]) -> int:
    return span[0]


def _stop(span: tuple[int, int]) -> int:
    return span[1]


def _marked(match: Match) -> Match:
    return replace(match, kind=EXCERPT) if match.kind == FOREIGN else match


def _finding(match: Match, via: tuple[str, ...]) -> Finding:
    return Finding(
        start=match.start, stop=match.stop, kind=match.kind, rule=match.rule, score=match.score, via=via
    )


def _place(finding: Finding) -> tuple[int, int, str]:
    return finding.start, finding.stop, finding.rule
