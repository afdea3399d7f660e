"""Accounting: which recorded part each stretch of a presented text comes from.

A bot that is not ours presents whatever it keeps: one list for everybody, decorated lines, one long prompt.
Nothing in it is believed. A stretch is accounted for only if it is, character by character, a whole part that
this session has on record; each record serves once, in order. Recognition plays no part: text that is on no
record of this session is nobody's, whoever wrote it.

The choice among several possible accounts is the one that covers most. So a bot that presents its complete
list has every record of this session accounted for, whatever else stands between them, and what remains after
the cut is the same text whether or not other people wrote anything: that is what non-interference needs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from firewall.core.message import Origin, Part
from firewall.core.subject import Leaf, Span
from firewall.templates import Template

# How many places of one record are looked at from each end of one text. The bound is for each pair, never
# for all together: a neighbour who repeats somebody's short record must not use up the places of the rest.
MAX_REPEATS = 32


class Voice(StrEnum):
    """Whose role a message claims; it never accounts for anything, it only breaks ties."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


_NATURAL = {
    Origin.SENDER: Voice.USER,
    Origin.QUOTED: Voice.USER,
    Origin.NAME: Voice.USER,
    Origin.FILE: Voice.USER,
    Origin.MODEL: Voice.ASSISTANT,
    Origin.TOOL: Voice.TOOL,
    Origin.CALL: Voice.TOOL,
    Origin.OPERATOR: Voice.SYSTEM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A record found in a unit."""

    unit: int
    start: int
    stop: int
    record: int
    weight: int


def account(
    leaves: Sequence[Leaf],
    *,
    records: Sequence[Part],
    templates: Iterable[Template] = (),
    voices: Mapping[int, Voice] | None = None,
) -> tuple[Leaf, ...]:
    """Give the same leaves, each split into stretches with the part that accounts for it, or none.

    Args:
        leaves: In the order they are presented. Those that already have a source are left as they are.
        records: Parts of this session that this turn may read, oldest first.
        templates: Registered texts; their constants become operator text, their holes stay open.
        voices: The role each group claims.

    Returns:
        As many leaves as came in, in the same order, with the same text.
    """
    known, roles = tuple(templates), voices or {}
    opened = [_by_template(each, known) for each in leaves]
    units = _units(opened, roles)
    chosen = _best(_places(units, records))
    filled: dict[int, dict[int, tuple[Span, ...]]] = defaultdict(dict)
    for number, places in chosen.items():
        unit = units[number]
        filled[unit.leaf][unit.span] = _split(unit.text, places, records)
    return tuple(_refilled(each, filled.get(index, {})) for index, each in enumerate(opened))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """What is accounted for at once: one unaccounted stretch of a leaf."""

    text: str
    leaf: int
    span: int
    voice: Voice | None


def _units(leaves: Sequence[Leaf], roles: Mapping[int, Voice]) -> list[_Unit]:
    return [
        _Unit(text=span.text, leaf=index, span=number, voice=roles.get(each.group))
        for index, each in enumerate(leaves)
        for number, span in enumerate(each.spans)
        if span.source is None and span.text
    ]


def _by_template(each: Leaf, templates: Sequence[Template]) -> Leaf:
    if any(span.source is not None for span in each.spans):
        return each
    text = each.text
    for template in templates:
        spans = template.spans(text)
        if spans is not None:
            return replace(each, spans=spans)
    return each


def _refilled(each: Leaf, filled: Mapping[int, tuple[Span, ...]]) -> Leaf:
    if not filled:
        return each
    spans = tuple(
        piece for number, span in enumerate(each.spans) for piece in filled.get(number, (span,)) if piece.text
    )
    return replace(each, spans=spans)


def _places(units: Sequence[_Unit], records: Sequence[Part]) -> list[_Place]:
    whole: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        whole[record.text].append(index)
    places: list[_Place] = []
    for number, unit in enumerate(units):
        places += [
            _place(number, 0, unit.text, unit.voice, index, records, entire=True)
            for index in whole.get(unit.text, ())
        ]
        places += _inside(number, unit.text, unit.voice, records)
    return places


def _inside(unit: int, text: str, voice: Voice | None, records: Sequence[Part]) -> list[_Place]:
    found: list[_Place] = []
    for index, record in enumerate(records):
        if 0 < len(record.text) < len(text):
            found += [
                _place(unit, start, record.text, voice, index, records, entire=False)
                for start in _starts(text, record.text)
            ]
    return found


def _starts(text: str, piece: str) -> list[int]:
    """Give where a piece stands, overlaps included: the first and the last `MAX_REPEATS` places."""
    first, last = list[int](), list[int]()
    start = text.find(piece)
    while start >= 0 and len(first) < MAX_REPEATS:
        first.append(start)
        start = text.find(piece, start + 1)
    floor = first[-1] if first else 0
    start = text.rfind(piece)
    while start > floor and len(last) < MAX_REPEATS:
        last.append(start)
        start = text.rfind(piece, 0, start + len(piece) - 1)
    return first + last[::-1]


def _place(
    unit: int,
    start: int,
    text: str,
    voice: Voice | None,
    index: int,
    records: Sequence[Part],
    *,
    entire: bool,
) -> _Place:
    # Covered text decides; a natural role and a whole message only break ties, so that a record is not
    # found inside somebody else's message when its own stands in the list as well.
    natural = _NATURAL[records[index].origin] is voice
    return _Place(
        unit=unit,
        start=start,
        stop=start + len(text),
        record=index,
        weight=4 * len(text) + 2 * natural + entire,
    )


def _best(places: Sequence[_Place]) -> dict[int, list[_Place]]:
    """Choose places that do not overlap, with records in order, that weigh most together.

    A weighted longest increasing subsequence by a Fenwick tree of prefix maxima over the records: n log n.
    """
    if not places:
        return {}
    size = max(place.record for place in places) + 1
    tree: list[tuple[int, int]] = [(0, -1)] * (size + 1)
    total, before = [0] * len(places), [-1] * len(places)
    # A stop sorts ahead of a start at the same point: neighbours may touch.
    events = sorted(
        [(place.unit, place.start, 1, place.record, index) for index, place in enumerate(places)]
        + [(place.unit, place.stop, 0, place.record, index) for index, place in enumerate(places)]
    )
    for _, _, starts, record, index in events:
        if starts:
            weight, last = _prefix(tree, record)
            total[index], before[index] = weight + places[index].weight, last
        else:
            _raise(tree, record + 1, (total[index], index))
    _, last = _prefix(tree, size)
    chosen: dict[int, list[_Place]] = defaultdict(list)
    while last >= 0:
        chosen[places[last].unit].insert(0, places[last])
        last = before[last]
    return chosen


def _prefix(tree: Sequence[tuple[int, int]], count: int) -> tuple[int, int]:
    """The heaviest chain that ends in one of the first `count` records."""
    best = (0, -1)
    while count > 0:
        best = max(best, tree[count])
        count -= count & -count
    return best


def _raise(tree: list[tuple[int, int]], position: int, value: tuple[int, int]) -> None:
    while position < len(tree):
        tree[position] = max(tree[position], value)
        position += position & -position


def _split(text: str, places: Sequence[_Place], records: Sequence[Part]) -> tuple[Span, ...]:
    spans: list[Span] = []
    position = 0
    for place in places:
        spans.append(Span(text=text[position : place.start], source=None))
        spans.append(Span(text=text[place.start : place.stop], source=records[place.record]))
        position = place.stop
    spans.append(Span(text=text[position:], source=None))
    return tuple(span for span in spans if span.text)


def derived_spans(text: str, produced: Sequence[Part]) -> tuple[Span, ...]:
    """Account for a text that is about to be shown by what this turn's model and tools produced.

    Unlike a prompt, an answer may show a piece of a part (a chunk, an edit while it grows, a shortened
    reply) or one part twice; so a text that is inside a produced part counts, and so does every stretch
    that is a whole one. A file that is shown accounts for itself alone.

    Args:
        text: What the bot wants to say.
        produced: Guarded replies and results of the open turn, and its files that are shown, oldest first.
    """
    for part in reversed(produced):
        if text and (text == part.text or (text in part.text and part.origin is not Origin.FILE)):
            return (Span(text=text, source=part),)
    # The attack is a file of a million guesses: the one that is somebody's would pass uncut, and so be known.
    produced = [part for part in produced if part.origin is not Origin.FILE]
    spans: list[Span] = []
    position = 0
    while position < len(text):
        start, found = _next_part(text, position, produced)
        if found is None:
            spans.append(Span(text=text[position:], source=None))
            break
        spans.append(Span(text=text[position:start], source=None))
        spans.append(Span(text=found.text, source=found))
        position = start + len(found.text)
    return tuple(span for span in spans if span.text)


def _next_part(text: str, position: int, produced: Sequence[Part]) -> tuple[int, Part | None]:
    best: tuple[int, Part | None] = (len(text), None)
    for part in produced:
        found = text.find(part.text, position) if part.text else -1
        longer = best[1] is None or len(part.text) > len(best[1].text)
        if found >= 0 and (found < best[0] or (found == best[0] and longer)):
            best = (found, part)
    return best
