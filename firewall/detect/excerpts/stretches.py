"""Stretches of a skeleton: from flags for each character, and as matches in the text it was made of."""

from collections.abc import Iterator
from dataclasses import replace

from firewall.core.ports import Match
from firewall.detect.marker import EXCERPT
from firewall.detect.normal import Normal

RULE = "excerpt"


def match(normal: Normal, start: int, stop: int, read: str = "", at: int | None = None) -> Match:
    """Make a match of a stretch of a skeleton, which may be read as another text of its length."""
    first, last = normal.span(start, stop)
    begin = start if at is None else at
    key = (read or normal.text)[begin : begin + stop - start]
    return Match(start=first, stop=last, kind=EXCERPT, rule=RULE, key=key)


def turned(match: Match, length: int) -> Match:
    """Give a match in a text that was read from its end as one in the text."""
    return replace(match, start=length - match.stop, stop=length - match.start)


def runs(foreign: bytearray, own: bytearray) -> Iterator[tuple[int, int]]:
    """Give the stretches that are foreign and not own, in order."""
    start = -1
    for index, (theirs, ours) in enumerate(zip(foreign, own, strict=True)):
        hit = bool(theirs) and not ours
        if hit and start < 0:
            start = index
        elif not hit and start >= 0:
            yield start, index
            start = -1
    if start >= 0:
        yield start, len(foreign)
