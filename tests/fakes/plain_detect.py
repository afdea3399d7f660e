"""Detection without any haste: what the fast ways must find, said as plainly as it can be."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from firewall.core.ports import Detector, Match
from firewall.detect.disguise.codecs import SCRAPS
from firewall.detect.disguise.unmasked import moved
from firewall.detect.disguise.views import views
from firewall.detect.normal import PLAIN
from firewall.detect.segments import bounds
from partywall.scanning import counts


def slowly(detectors: Sequence[Detector], text: str) -> set[Match]:
    """Show every detector every segment, as written and plain, and skip none."""
    found: set[Match] = set()
    for start, stop in pairwise((0, *bounds(text), len(text))):
        segment = text[start:stop]
        normal = PLAIN.normal(segment)
        for detector in detectors:
            for match in detector.scan(segment):
                found.add(replace(match, start=start + match.start, stop=start + match.stop))
            for match in detector.scan(normal.text) if normal.text != segment else ():
                first, last = normal.span(match.start, match.stop)
                found.add(replace(match, start=start + first, stop=start + last))
    return found


def unmasked_slowly(detectors: Sequence[Detector], text: str) -> set[Match]:
    """Do the same in every reading of every segment as well, but for scraps and mirrors."""
    found = slowly(detectors, text)
    for start, stop in pairwise((0, *bounds(text), len(text))):
        for view in views(text[start:stop], mirrors=False):
            if SCRAPS not in view.via:
                found |= {moved(match, view, start) for match in slowly(detectors, view.text)}
    return found


def scanned_slowly(detectors: Sequence[Detector], text: str) -> list[tuple[int, int, str, tuple[str, ...]]]:
    """Give what a scanner finds, each finding compared with all that were found before."""
    found = [(match, ()) for match in _ordered(slowly(detectors, text))]
    told: list[tuple[Match, tuple[str, ...]]] = [*found]
    for view in views(text):
        for match in _ordered(slowly(detectors, view.text)):
            there = moved(match, view, 0)
            if counts(match, view) and not any(_covers(each, there) for each, _ in told):
                told.append((there, view.via))
    return sorted((match.start, match.stop, match.rule, via) for match, via in told)


def _ordered(found: set[Match]) -> list[Match]:
    return sorted(found, key=lambda match: (match.start, match.stop, match.rule, match.key))


def _covers(one: Match, two: Match) -> bool:
    return one.kind == two.kind and one.start <= two.start and two.stop <= one.stop
