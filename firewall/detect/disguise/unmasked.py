"""What a text says in disguise, one segment at a time: where a stream is cut, no reading is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

from firewall.core.label import Audience, Label
from firewall.core.ports import Match
from firewall.detect.disguise.views import View, undisguised, views
from firewall.detect.segments import bounds

# So many segments are glanced at together.
_TOGETHER = 8


def unmasked(text: str) -> Iterator[tuple[int, View]]:
    """Give each reading of a run in a segment of the text, and where that segment begins; no mirrors.

    Raises:
        ServiceUnavailable: A segment is too large or too deep to be examined.
    """
    if undisguised(text):
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

    def find_mirrored(self, text: str, audience: Audience) -> Sequence[Match]:
        """Find them in the text and in its mirrors, as stretches of the text; may overlap."""
        ...

    def learn(self, text: str, label: Label, *, whole: bool = False) -> None:
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
        found = [*self._index.find_mirrored(text, audience)]
        for offset, view in unmasked(text):
            found += [moved(match, view, offset) for match in self._index.find(view.text, audience)]
        return sorted(set(found), key=lambda match: (match.start, match.stop))

    def learn(self, text: str, label: Label, *, whole: bool = False) -> None:
        """Remember text under its label, as it is."""
        self._index.learn(text, label, whole=whole)
