"""Stretches of a skeleton: from flags for each character, and as matches in the text it was made of."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from firewall.core.ports import Match
from firewall.detect.marker import EXCERPT
from firewall.detect.normal import Back

RULE = "excerpt"


def match(back: Back, start: int, stop: int, key: str) -> Match:
    """Make a match of a stretch of a skeleton."""
    first, last = back.span(start, stop)
    return Match(start=first, stop=last, kind=EXCERPT, rule=RULE, key=key)


def turned(match: Match, length: int) -> Match:
    """Give a match in a text that was read from its end as one in the text."""
    return replace(match, start=length - match.stop, stop=length - match.start)


def runs(foreign: bytearray, own: bytearray) -> Sequence[tuple[int, int]]:
    """Give the stretches that are foreign and not own, in order; a flag is 1 or 0."""
    theirs = np.frombuffer(foreign, np.uint8) > np.frombuffer(own, np.uint8)
    edges = np.flatnonzero(np.diff(theirs, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
