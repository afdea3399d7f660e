"""Copied runs: which stretch of one text stands in another, whatever was done to its looks."""

from collections.abc import Iterable, Iterator

from firewall.detect.excerpts.grams import RUN
from firewall.detect.normal import SKELETON

# Every run of RUN characters holds a whole block of this length, wherever the blocks begin.
_BLOCK = (RUN + 1) // 2


def copies(text: str, sources: Iterable[str], own: Iterable[str]) -> bool:
    """True if 23 letters or digits in a row stand in a source and in nothing of one's own.

    Args:
        text: What may be a copy.
        sources: What it may be copied from.
        own: What may be copied.
    """
    said = SKELETON.fold(text)
    if len(said) < RUN:
        return False
    blocks: dict[str, list[int]] = {}
    for start in range(0, len(said) - _BLOCK + 1, _BLOCK):
        blocks.setdefault(said[start : start + _BLOCK], []).append(start)
    allowed = [SKELETON.fold(each) for each in own]
    for source in map(SKELETON.fold, sources):
        for block, starts in blocks.items():
            for place in _places(source, block):
                for start in starts:
                    first, last = _run(said, start, source, place)
                    if any(
                        not any(said[at : at + RUN] in each for each in allowed)
                        for at in range(first, last - RUN + 1)
                    ):
                        return True
    return False


def _places(source: str, block: str) -> Iterator[int]:
    place = source.find(block)
    while place >= 0:
        yield place
        place = source.find(block, place + 1)


def _run(said: str, start: int, source: str, place: int) -> tuple[int, int]:
    """Give the longest run around a block in both texts, looked at no farther than a run reaches."""
    first, last = start, start + _BLOCK
    while first > 0 and place > 0 and start - first < RUN and said[first - 1] == source[place - 1]:
        first, place = first - 1, place - 1
    end = place + last - first
    while last < len(said) and end < len(source) and last - start < 2 * RUN and said[last] == source[end]:
        last, end = last + 1, end + 1
    return first, last
