"""Streams of everything that the wall looks for; `python -m tests.streaming` plays many more."""

from collections.abc import Callable

import pytest

from firewall.detect.stream import Holdback
from tests.streaming.play import Scan, Stream, Tally, cuts, shipped


@pytest.fixture(scope="module")
def scan() -> Scan:
    return shipped()


def test_the_pieces_are_the_redacted_whole_wherever_a_stream_is_cut_or_broken_off(scan: Scan) -> None:
    tally, stream = Tally(), Stream(scan)
    for seed in range(24):
        stream.play(seed, tally)
    assert tally.wrong == []
    assert tally.matches > 20
    assert tally.cancelled > 60


def test_the_stretches_of_a_cut_stream_are_judged_as_the_whole_is(scan: Scan) -> None:
    assert [seed for seed in range(40) if not cuts(scan, seed)] == []


class Hasty(Holdback):
    """Lets everything go at once."""

    def _cut(self) -> str:
        end = len(self._text)
        out = self._redacted(self._scan(self._text), end)
        self._forget(end)
        return out


class Forgetful(Holdback):
    """Waits for no letters behind the end of a segment."""

    def _ends(self) -> list[int]:
        return [
            end for end in range(1, len(self._text)) if end > self._released and self._text[end - 1] == " "
        ]


@pytest.mark.parametrize("mutant", [Hasty, Forgetful])
def test_a_stream_that_lets_go_too_early_is_seen(scan: Scan, mutant: Callable[[Scan], Holdback]) -> None:
    tally, stream = Tally(), Stream(scan, mutant)
    for seed in range(24):
        stream.play(seed, tally)
    assert tally.wrong
