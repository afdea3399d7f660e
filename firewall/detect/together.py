"""What the texts of one subject say together: a value that is split over them stands in none of them whole.

The attack: a bot is talked into two buttons with half of somebody's value each, or into calling a tool with a
list of letters. Each text passes by itself; whoever gets them puts them together. So what is left of the
texts, once each was judged, is looked at once more, one behind the other: all of them, and those that are
neither keys nor names, each from the first to the last and from the last to the first. Of what a tool gives,
that is the strings of its JSON in their order. Where bytes in some code begin and end, their text may not
tell; so texts that stand next to each other and may hold code are put together in twos as well.

What bare numbers alone make up does not count where it is shown: the digits of any table would be somebody's
short code.
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from firewall.core.label import Owned
from firewall.core.ports import Match
from firewall.core.subject import Leaf, Outbound, Subject, ToolCall, ToolResult
from firewall.detect.disguise.readings import BARRIER
from firewall.detect.disguise.views import undisguised

# What is split stands at the ends of texts: of longer ones only so many characters of each end are joined.
_EDGE = 2_048
# A string of JSON, and the colon behind it if it is a key.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*:)?', re.DOTALL)
# A stretch of a leaf, half-open, by the leaf's number.
Cut = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of one text.

    Attributes:
        leaf: The number of the leaf it stands in.
        start: Where it begins in that leaf.
        stop: Where it ends there.
        text: What it says; without the escapes of JSON.
        unit: The number of its text among those that are put together.
        own: True if a part that this turn may read accounts for it.
        number: True if its text is shown and nothing but digits.
    """

    leaf: int
    start: int
    stop: int
    text: str
    unit: int
    own: bool = False
    number: bool = False


# A text in stretches; None where something is left out between two of them.
_Text = list[Piece | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Texts behind each other.

    Attributes:
        text: What they say.
        starts: Where each stretch begins in it, ascending.
        pieces: The stretches.
    """

    text: str
    starts: Sequence[int]
    pieces: Sequence[Piece]

    def crossed(self, match: Match) -> Cut | None:
        """Give the longest stretch of a match that several texts make up and nothing accounts for."""
        first, last = max(0, bisect_right(self.starts, match.start) - 1), bisect_left(self.starts, match.stop)
        touched = self.pieces[first:last]
        if len({piece.unit for piece in touched}) < 2 or all(piece.number for piece in touched):
            return None
        parts = [
            _part(piece, match.start - start, match.stop - start)
            for piece, start in zip(touched, self.starts[first:last], strict=True)
            if not piece.own
        ]
        return max(parts, key=lambda one: one[2] - one[1], default=None)


def together(subject: Subject, cuts: Iterable[Cut]) -> Together | None:
    """Put together what a subject says in several texts; None if there is nothing to put together.

    Args:
        subject: What is judged: a call of a tool, what one gives, or what is shown; of others nothing is.
        cuts: The stretches that are cut out; what stands before one is not put to what stands behind it.
    """
    gone = sorted(cuts)
    if isinstance(subject, ToolResult):
        ways = [list(_strings(subject.leaves, gone))]
    elif isinstance(subject, ToolCall | Outbound):
        said = list(_said(subject, gone))
        words = [text for text, name in said if not name]
        every = [text for text, _ in said]
        ways = [every, every[::-1]]
        ways += [words, words[::-1]] if len(words) < len(every) else []
    else:
        return None
    ways = [way for way in ways if len(way) > 1]
    ways += _pairs(ways)
    open_ = any(piece is not None and not piece.own for way in ways for text in way for piece in text)
    return _joined(ways) if open_ else None


def _pairs(ways: Sequence[list[_Text]]) -> list[list[_Text]]:
    """Give every two neighbours that may hold code, once, unless the two are all there is."""
    every = {
        (id(one), id(other)): [one, other] for way in ways if len(way) > 2 for one, other in pairwise(way)
    }
    return [pair for pair in every.values() if not undisguised("".join(map(_words, pair)))]


def _words(text: _Text) -> str:
    return "".join(piece.text for piece in text if piece is not None)


def _part(piece: Piece, start: int, stop: int) -> Cut:
    """Give as much of a stretch as a match takes of it, or all where escapes were undone."""
    if len(piece.text) < piece.stop - piece.start:
        return piece.leaf, piece.start, piece.stop
    return piece.leaf, piece.start + max(0, start), min(piece.stop, piece.start + stop)


def _said(subject: ToolCall | Outbound, gone: Sequence[Cut]) -> Iterator[tuple[_Text, bool]]:
    """Give every text that says something, and whether it is a key or a name."""
    shown = isinstance(subject, Outbound)
    for index, each in enumerate(subject.leaves):
        text = each.text
        if text:
            name = each.fixed if shown else each.slot.endswith(".key")
            yield _split(index, each, gone, number=shown and text.strip().isdecimal()), name


def _split(index: int, each: Leaf, gone: Sequence[Cut], *, number: bool) -> _Text:
    found: _Text = []
    text, at = each.text, 0
    gaps = _gaps(index, 0, len(text), gone)
    for span in each.spans:
        own = span.source is not None and isinstance(span.source.label, Owned)
        for start, stop in _left(at, at + len(span.text), gaps):
            before = found[-1] if found else None
            if before is not None and before.stop < start:
                found.append(None)
            found.append(
                Piece(
                    leaf=index,
                    start=start,
                    stop=stop,
                    text=text[start:stop],
                    unit=index,
                    own=own,
                    number=number,
                )
            )
        at += len(span.text)
    return found


def _strings(leaves: Sequence[Leaf], gone: Sequence[Cut]) -> Iterator[_Text]:
    """Give the strings of JSON that are no keys."""
    unit = 0
    for index, each in enumerate(leaves):
        text = each.text
        if not text.lstrip().startswith(("[", "{")):
            continue
        for string in _STRING.finditer(text):
            if string[2] is None and string[1]:
                unit += 1
                begin, end = string.span(1)
                found: _Text = []
                for start, stop in _left(begin, end, _gaps(index, begin, end, gone)):
                    said = _unescaped(text[start:stop])
                    found += [None] if found else []
                    found.append(Piece(leaf=index, start=start, stop=stop, text=said, unit=unit))
                yield found


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
    except ValueError:
        return text


def _gaps(index: int, begin: int, end: int, gone: Sequence[Cut]) -> list[tuple[int, int]]:
    """Give what is left out of a text: what is cut, and the middle of a long one."""
    first = bisect_left(gone, (index, 0, 0))
    gaps = [(start, stop) for _, start, stop in gone[first : bisect_left(gone, (index + 1, 0, 0))]]
    middle = [(begin + _EDGE, end - _EDGE)] if end - begin > 2 * _EDGE else []
    return sorted([*gaps, *middle])


def _left(start: int, stop: int, gaps: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for begin, end in gaps:
        if end > start and begin < stop:
            if start < begin:
                yield start, begin
            start = max(start, end)
    if start < stop:
        yield start, stop


def _joined(ways: Sequence[Sequence[_Text]]) -> Together:
    texts: list[str] = []
    starts: list[int] = []
    pieces: list[Piece] = []
    length = 0
    for way in ways:
        for piece in (*(piece for text in way for piece in text), None):
            said = BARRIER if piece is None else piece.text
            texts.append(said)
            if piece is not None:
                starts.append(length)
                pieces.append(piece)
            length += len(said)
    return Together(text="".join(texts), starts=starts, pieces=pieces)
