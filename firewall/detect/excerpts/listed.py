"""Values that must not stand in a text, whoever wrote it: each looked for whole, whatever it looks like."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import ahocorasick_rs

from firewall.core.ports import Match
from firewall.detect.excerpts.values import keeps
from firewall.detect.normal import PLAIN, SKELETON

KIND: Final = "FOREIGN"
RULE: Final = "foreign"


class Foreign:
    """Finds values of any length, by one automaton over all of them; implements `ports.Detector`.

    Case, width, accents, invisible characters, separators and line wraps hide nothing. A value too poor to be
    told from ordinary words (`values.keeps`) counts only where it stands as words of its own.

    Args:
        values: What is looked for. One of no letter and no digit is looked for as it is written.
    """

    def __init__(self, values: Iterable[str]) -> None:
        given = {value for value in values if value}
        self.weak: Sequence[str] = sorted(value for value in given if not keeps(value))
        rich = {SKELETON.fold(value) for value in given if keeps(value)}
        poor = {SKELETON.fold(value) for value in self.weak} - rich
        self._folded = [*sorted(rich), *sorted(poor - {""})]
        self._rich = len(rich)
        self._bare = sorted(value for value in self.weak if not SKELETON.fold(value))
        self._finder = ahocorasick_rs.AhoCorasick(self._folded)
        self._bare_finder = ahocorasick_rs.AhoCorasick(self._bare)

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return (RULE,)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every value, in order of start; may overlap."""
        return sorted(self._found(text), key=lambda match: (match.start, match.stop))

    def _found(self, text: str) -> Iterator[Match]:
        for number, start, stop in self._bare_finder.find_matches_as_indexes(text, overlapping=True):
            yield _match(start, stop, self._bare[number])
        hits = self._finder.find_matches_as_indexes(SKELETON.fold(text), overlapping=True)
        if not hits:
            return
        normal = SKELETON.normal(text)
        for number, first, last in hits:
            start, stop = normal.span(first, last)
            if number < self._rich or _apart(text, start, stop):
                yield _match(start, stop, self._folded[number])


def _match(start: int, stop: int, key: str) -> Match:
    return Match(start=start, stop=stop, kind=KIND, rule=RULE, key=key)


def _apart(text: str, start: int, stop: int) -> bool:
    """True if no letter or digit touches a stretch on either side."""
    before, after = PLAIN.fold(text[max(0, start - 1) : start]), PLAIN.fold(text[stop : stop + 1])
    return not (before[-1:].isalnum() or after[:1].isalnum())
