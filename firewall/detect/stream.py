"""Redacting a stream: text leaves only when nothing that follows can still make it part of a match.

Why the pieces together equal the redacted whole. A match found by types lies inside one segment and depends
on it alone (`segments`, `detectors.All`). A match found in the excerpt index is made of runs and values of at
most 23 skeleton characters, each of which depends on its own characters alone (`excerpts`). So the text is
cut only at the end of a segment, only where 23 skeleton characters have followed, and only where no match
lies across the cut: what stands before the cut is then decided by text that was already there. Matches merge
where they overlap, never where they touch, so no marker depends on text beyond a cut. What was released stays
in sight for as long as a match of later text could reach back to it.

The hold-back is thus the unfinished segment (a line, or a sentence of plain prose) and the last of the
finished ones until 23 letters or digits have followed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.excerpts.grams import RUN
from firewall.detect.marker import redacted
from firewall.detect.normal import SKELETON
from firewall.detect.segments import bounds

MAX_HELD = 65_536


class Holdback:
    """Redacts one stream; `"".join(map(feed, chunks)) + finish()` is the redacted whole for every chunking.

    Args:
        scan: Finds what must be cut out. It must be local as said above: `All.scan`, `Excerpts.find` for one
            audience, and anything that keeps or drops their matches one by one.
        max_held: How many code points may wait to be decided.
    """

    def __init__(self, scan: Callable[[str], Sequence[Match]], max_held: int = MAX_HELD) -> None:
        self._scan = scan
        self._max_held = max_held
        self._text = ""
        # Code points of `_text` that have been released and are kept as surroundings only.
        self._released = 0
        self._tried = 0
        self._closed = False

    @property
    def held(self) -> int:
        """How many code points wait to be decided."""
        return len(self._text) - self._released

    def feed(self, chunk: str) -> str:
        """Take more of the stream and give what is decided, which may be nothing.

        Raises:
            ServiceUnavailable: More than `max_held` code points wait; the stream is over and nothing more
                leaves.
        """
        self._check()
        self._text += chunk
        released = self._cut()
        if self.held > self._max_held:
            self._close()
            raise ServiceUnavailable(
                f"a stream held more than {self._max_held} code points that could still be part of a match; "
                "nothing more of it is released. Ask the model for shorter lines, or raise the limit"
            )
        return released

    def finish(self) -> str:
        """Give the rest; the stream is over then."""
        self._check()
        rest = self._redacted(self._scan(self._text), len(self._text))
        self._close()
        return rest

    def _check(self) -> None:
        if self._closed:
            raise ServiceUnavailable("this stream is over; nothing more can be released from it")

    def _close(self) -> None:
        self._closed = True
        self._text = ""

    def _cut(self) -> str:
        """Release up to the last cut that is safe, if there is a place that was not tried yet."""
        ends = self._ends()
        if not ends or ends[-1] <= self._tried:
            return ""
        self._tried = ends[-1]
        matches = self._scan(self._text)
        for end in reversed(ends):
            if not any(match.start < end < match.stop for match in matches):
                out = self._redacted(matches, end)
                self._forget(end)
                return out
        return ""

    def _ends(self) -> list[int]:
        """Give the ends of segments, in order, that enough text follows."""
        ends = [end for end in bounds(self._text) if end > self._released]
        while ends and len(SKELETON.fold(self._text[ends[-1] :])) < RUN:
            ends.pop()
        return ends

    def _redacted(self, matches: Sequence[Match], end: int) -> str:
        """Give the redacted text from what was released last to `end`."""
        # Nothing crosses the last cut unless the index learned something since; then the rest of it goes.
        start = self._released
        inside = [
            replace(match, start=max(match.start, start) - start, stop=match.stop - start)
            for match in matches
            if match.stop > start and match.stop <= end
        ]
        return redacted(self._text[start:end], inside)[0]

    def _forget(self, end: int) -> None:
        """Keep of what is released only the segments that a later match could look back to."""
        first = 0
        for begin in reversed([place for place in bounds(self._text) if place < end]):
            if len(SKELETON.fold(self._text[begin:end])) >= RUN:
                first = begin
                break
        self._text = self._text[first:]
        self._released = end - first
        self._tried -= first
