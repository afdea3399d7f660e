"""What a text says in disguise, one segment at a time: where a stream is cut, no reading is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

from firewall.core.label import Audience, Label
from firewall.core.ports import Match
from firewall.core.steps import Steps, at_once
from firewall.detect.disguise.views import View, undisguised, views
from firewall.detect.prose import is_prose
from firewall.detect.segments import bounds

# So many segments are glanced at together.
_TOGETHER = 8
# Looking for excerpts in so many characters of readings takes a few milliseconds.
_STEP = 16_384


def unmasked(text: str) -> Iterator[tuple[int, View]]:
    """Give each reading of a run in a segment of the text, and where that segment begins; no mirrors.

    Raises:
        ServiceUnavailable: A segment is too large or too deep to be examined.
    """
    if is_prose(text) or undisguised(text):
        return
    places = (0, *bounds(text), len(text))
    for first in range(0, len(places) - 1, _TOGETHER):
        inside = places[first : first + _TOGETHER + 1]
        if not undisguised(text[inside[0] : inside[-1]]):
            for start, stop in pairwise(inside):
                for view in _views(text[start:stop]):
                    yield start, view


def _views(segment: str) -> Sequence[View]:
    return () if undisguised(segment) else views(segment, mirrors=False)


def moved(match: Match, view: View, offset: int) -> Match:
    """Give a match in a view as a match in the text, `offset` before the view's segment."""
    start, stop = view.span(match.start, match.stop)
    return replace(match, start=offset + start, stop=offset + stop)


class Mirroring(Protocol):
    """An excerpt index that looks at mirrors as well: at rot13, and at what a text says from its end."""

    def find(self, text: str, audience: Audience) -> Sequence[Match]:
        """Find stretches known to be foreign to the audience."""
        ...

    def finding_mirrored(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        """Find them in the text and in its mirrors, as stretches of the text; may overlap."""
        ...

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        """Remember text under its label."""
        ...


class Unmasking:
    """An excerpt index that also looks at what a text says in disguise.

    The mirrors are looked at whole: each character of theirs comes from one of the text, so a match in them
    depends on its own characters alone, as one in the text itself does.

    Args:
        index: Knows whose text is whose.
    """

    def __init__(self, index: Mirroring) -> None:
        self._index = index

    def find(self, text: str, audience: Audience) -> Sequence[Match]:
        """Find stretches known to be foreign to the audience, in order; may overlap.

        Raises:
            ServiceUnavailable: As `unmasked`.
        """
        return at_once(self.finding(text, audience))

    def finding(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        """Do as `find`, in steps."""
        found = [*(yield from self._index.finding_mirrored(text, audience))]
        looked_at = 0
        for offset, view in unmasked(text):
            found += [moved(match, view, offset) for match in self._index.find(view.text, audience)]
            looked_at += len(view.text)
            if looked_at > _STEP:
                looked_at = 0
                yield
        return sorted(set(found), key=lambda match: (match.start, match.stop))

    def learn(self, text: str, label: Label, *, whole: bool = False) -> None:
        """Remember text under its label, as it is."""
        at_once(self.learning(text, label, whole=whole))

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        """Do as `learn`, in steps that must all be taken."""
        return self._index.learning(text, label, whole=whole)
