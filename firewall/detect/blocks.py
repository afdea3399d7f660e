"""Blocks: a long text piece by piece, each scanned in one step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from firewall.core.ports import Detector, Match
from firewall.core.steps import Steps
from firewall.detect.segments import bounds

# Scanning so many characters takes a few milliseconds.
BLOCK = 16_384


def scanning(detector: Detector, text: str) -> Steps[Sequence[Match]]:
    """Do as `detector.scan`, a block at a time, for a detector that is shown one segment at a time.

    A segment is never cut, so one that is longer than a block is a step by itself.
    """
    if len(text) <= BLOCK:
        return detector.scan(text)
    found: list[Match] = []
    for start, stop in blocks(text):
        yield
        found += (
            replace(match, start=start + match.start, stop=start + match.stop)
            for match in detector.scan(text[start:stop])
        )
    return found


def blocks(text: str) -> Iterator[tuple[int, int]]:
    """Cut a text into stretches of whole segments, in order; only one of a single segment may be longer."""
    start = stop = 0
    for end in (*bounds(text), len(text)):
        if end - start > BLOCK and stop > start:
            yield start, stop
            start = stop
        stop = end
    yield start, stop
