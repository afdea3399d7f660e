"""All detectors as one, each shown one segment at a time, as written and without disguise."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol, runtime_checkable

from firewall.core.ports import Detector, Match
from firewall.detect.disguise.codecs import SCRAPS
from firewall.detect.disguise.unmasked import moved, unmasked
from firewall.detect.normal import PLAIN, Normal
from firewall.detect.prose import LONGEST, Proseless, not_prose
from firewall.detect.secrets.gate import Gate, Joined
from firewall.detect.segments import bounds

# So many segments are glanced at together, and so many of those where something may be.
_TOGETHER: Final = (64, 8, 1)


@runtime_checkable
class Glances(Protocol):
    """A detector that can tell at a glance that there is nothing of its kinds."""

    def excludes(self, text: str) -> bool:
        """True only if `scan` would find nothing and raise nothing, in this text and in every piece of it."""
        ...


class All:
    """Finds what any of the detectors finds; if one of them raises, so does this.

    Each segment is scanned as it stands and, where that differs, in its plain form, so full-width digits and
    zero-width characters hide nothing and no match of the original is lost to the folding. What runs in a
    segment say in disguise is scanned as well, but for accidental scraps and mirrors.

    One look tells most texts that are prose (`prose`) and hold nothing; nobody is shown them.
    A detector that can tell at a glance is shown many segments at once, then fewer where there may be
    something, and is asked to scan only segments near a value: what it excludes it excludes in every piece.

    Args:
        detectors: In whatever order.
        unmask: False for whoever undoes disguises by themselves.
    """

    def __init__(self, detectors: Sequence[Detector], *, unmask: bool = True) -> None:
        self._detectors = tuple(detectors)
        self._unmask = unmask and bool(self._detectors)
        self._asked = tuple(map(_asked, detectors))
        gates = [_prose_gates(each) for each in detectors]
        # Who knows no gate for prose is asked by itself.
        self._gateless = [each for each, known in zip(self._asked, gates, strict=True) if known is None]
        self._gate = Joined([not_prose(), *(gate for known in gates if known is not None for gate in known)])

    @property
    def rules(self) -> Sequence[str]:
        """The rules of all detectors, in their order."""
        return tuple(rule for detector in self._detectors for rule in detector.rules)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every typed value, in order of start; may overlap.

        Raises:
            ServiceUnavailable: A detector could not look, or a segment is too deep to be examined.
        """
        if self._is_empty_prose(text):
            return []
        found = self._seen(text)
        for offset, view in unmasked(text) if self._unmask else ():
            if SCRAPS not in view.via:
                found.update(moved(match, view, offset) for match in self._seen(view.text))
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule, match.key))

    def _is_empty_prose(self, text: str) -> bool:
        """True only of prose without a value, as most of a chat is; nothing in prose is disguised."""
        short = text.isascii() and len(text) <= LONGEST
        closed = short and not self._gate.opens(text.encode("ascii"))
        return closed and all(each.excludes(text) for each in self._gateless)

    def _seen(self, text: str) -> set[Match]:
        if not self._asked:
            return set()
        # Where nobody finds anything the text is not even cut into segments.
        wanted, odd = _wanted(self._asked, text, odd=True)
        if not wanted:
            return set()
        places = (0, *bounds(text), len(text))
        return set(_near(wanted, text, places, _TOGETHER, odd=odd))


class _Asked(NamedTuple):
    detector: Detector
    excludes: Callable[[str], bool]


def _asked(detector: Detector) -> _Asked:
    glancing: object = detector
    return _Asked(detector, glancing.excludes if isinstance(glancing, Glances) else _never)


def _prose_gates(detector: Detector) -> Sequence[Gate] | None:
    knowing: object = detector
    return knowing.prose_gates if isinstance(knowing, Proseless) else None


def _never(_text: str) -> bool:
    return False


def _wanted(asked: Sequence[_Asked], text: str, *, odd: bool) -> tuple[Sequence[_Asked], bool]:
    """Give whoever may find something in a text, and whether its plain form is another one.

    With `odd` False it is known that it is not; so it is not for any piece of the text, since what is folded
    is folded character by character.
    """
    plain = PLAIN.fold(text) if odd else text
    odd = plain != text
    forms = (text, plain) if odd else (text,)
    return [each for each in asked if not all(map(each.excludes, forms))], odd


def _near(
    asked: Sequence[_Asked], text: str, places: Sequence[int], together: Sequence[int], *, odd: bool
) -> Iterator[Match]:
    """Scan the segments between these places in which somebody may find something."""
    size = together[0]
    for first in range(0, len(places) - 1, size):
        inside = places[first : first + size + 1]
        block = text[inside[0] : inside[-1]]
        if len(inside) == 2:
            yield from _scanned(asked, block, inside[0], odd=odd)
        elif size >= len(places) - 1:
            # That is what was glanced at before.
            yield from _near(asked, text, inside, together[1:], odd=odd)
        else:
            wanted, odder = _wanted(asked, block, odd=odd)
            if wanted:
                yield from _near(wanted, text, inside, together[1:], odd=odder)


def _scanned(asked: Sequence[_Asked], segment: str, offset: int, *, odd: bool) -> Iterator[Match]:
    for detector, _ in asked:
        for match in detector.scan(segment):
            yield replace(match, start=offset + match.start, stop=offset + match.stop)
    plain = PLAIN.fold(segment) if odd else segment
    if plain == segment:
        return
    normal: Normal | None = None
    for detector, _ in asked:
        for match in detector.scan(plain):
            normal = normal or PLAIN.normal(segment)
            start, stop = normal.span(match.start, match.stop)
            yield replace(match, start=offset + start, stop=offset + stop)
