"""Windows: a long skeleton looked up piece by piece, each in one step."""

from collections.abc import Iterator

from firewall.core.steps import Steps
from firewall.detect.excerpts.grams import RUN, Grams, Known
from firewall.detect.excerpts.owners import Holders
from firewall.detect.excerpts.values import Values

# Looking up so many positions takes about a millisecond.
_WINDOW = 32_768


def looked_up(grams: Grams, skeleton: str) -> Steps[Known]:
    """Do as `grams.find`, a window at a time."""
    if len(skeleton) <= _WINDOW:
        return grams.find(skeleton)
    known: Known = {}
    for first, last in _windows(skeleton):
        yield
        known |= _moved(grams.find(skeleton[first:last]), first)
    return known


def mirrored(grams: Grams, skeleton: str, rotated: str) -> Steps[tuple[Known, Known, Known]]:
    """Do as `grams.find_mirrored`, a window at a time."""
    if len(skeleton) <= _WINDOW:
        return grams.find_mirrored(skeleton, rotated)
    straight: Known = {}
    rot13: Known = {}
    backwards: Known = {}
    for first, last in _windows(skeleton):
        yield
        one, other, turned = grams.find_mirrored(skeleton[first:last], rotated[first:last])
        straight |= _moved(one, first)
        rot13 |= _moved(other, first)
        backwards |= _moved(turned, len(skeleton) - last)
    return straight, rot13, backwards


def whole_values(values: Values, skeleton: str) -> Steps[list[tuple[int, int, Holders]]]:
    """Do as `values.find`, a window at a time."""
    found: list[tuple[int, int, Holders]] = []
    for first in range(0, len(skeleton), _WINDOW):
        if first:
            yield
        found += values.find(skeleton, first, first + _WINDOW)
    return found


def _windows(skeleton: str) -> Iterator[tuple[int, int]]:
    """Give windows of which every run lies in exactly one."""
    for first in range(0, len(skeleton) - RUN + 1, _WINDOW):
        yield first, min(first + _WINDOW + RUN - 1, len(skeleton))


def _moved(known: Known, offset: int) -> Known:
    return {offset + start: holders for start, holders in known.items()}
