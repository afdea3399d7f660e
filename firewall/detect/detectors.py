"""All detectors as one, each shown one segment at a time, as written and without disguise."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol, runtime_checkable

from firewall.core.ports import Detector, Match
from firewall.detect.normal import PLAIN
from firewall.detect.segments import bounds


@runtime_checkable
class Glances(Protocol):
    """A detector that can tell at a glance that there is nothing of its kinds."""

    def excludes(self, text: str) -> bool:
        """True only if `scan` would find nothing and raise nothing, in this text and in every piece of it."""
        ...


class All:
    """Finds what any of the detectors finds; if one of them raises, so does this.

    Each segment is scanned as it stands and, where that differs, in its plain form, so full-width digits and
    zero-width characters hide nothing and no match of the original is lost to the folding.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self._detectors = tuple(detectors)
        self._excluding = tuple(each.excludes if isinstance(each, Glances) else _never for each in detectors)

    @property
    def rules(self) -> Sequence[str]:
        """The rules of all detectors, in their order."""
        return tuple(rule for detector in self._detectors for rule in detector.rules)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every typed value, in order of start; may overlap."""
        plain = PLAIN.fold(text)
        # Most lines of a chat hold no value at all, and are not even cut into segments.
        forms = {text, plain}
        wanted = [
            detector
            for detector, excludes in zip(self._detectors, self._excluding, strict=True)
            if not all(map(excludes, forms))
        ]
        if not wanted:
            return []
        found: set[Match] = set()
        for start, stop in pairwise((0, *bounds(text), len(text))):
            segment = text[start:stop]
            found.update(_seen(wanted, segment, start))
            if plain != text:
                found.update(_seen_plain(wanted, segment, start))
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule, match.key))


def _never(_text: str) -> bool:
    return False


def _seen(detectors: Sequence[Detector], segment: str, offset: int) -> Iterator[Match]:
    for detector in detectors:
        for match in detector.scan(segment):
            yield _moved(match, offset + match.start, offset + match.stop)


def _seen_plain(detectors: Sequence[Detector], segment: str, offset: int) -> Iterator[Match]:
    if PLAIN.fold(segment) == segment:
        return
    normal = PLAIN.normal(segment)
    for detector in detectors:
        for match in detector.scan(normal.text):
            start, stop = normal.span(match.start, match.stop)
            yield _moved(match, offset + start, offset + stop)


def _moved(match: Match, start: int, stop: int) -> Match:
    return Match(start=start, stop=stop, kind=match.kind, rule=match.rule, key=match.key)
