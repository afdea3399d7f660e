"""Cutting a stream where it may be cut, so that each stretch can be judged by itself."""

from collections.abc import Callable, Sequence

from firewall.core.ports import Match
from firewall.detect.stream import Holdback


class Cutter(Holdback):
    """Gives the text of a stream unchanged, in stretches whose ends no match crosses.

    Judging the stretches one by one is then the same as judging the whole, and nothing is judged after it
    was shown.
    """

    def __init__(self, scan: Callable[[str], Sequence[Match]]) -> None:
        super().__init__(scan)

    def _redacted(self, matches: Sequence[Match], end: int) -> str:  # noqa: ARG002  the cut is all that is used
        return self._text[self._released : end]
