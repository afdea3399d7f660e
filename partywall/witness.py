"""Whose words and values these are, told by comparing text alone: the referee of a replay.

It shares nothing with the wall, neither labels nor records nor folding, so that a mistake there is not
repeated here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

# Tenant and principal.
Owner = tuple[str, str]
_KEY = 6


class Witness:
    """Remembers who owns which value and who was told what."""

    def __init__(self) -> None:
        self._owners: dict[str, set[Owner]] = defaultdict(set)
        self._by_start: dict[str, set[str]] = defaultdict(set)
        self._said: dict[Owner, Counter[str]] = defaultdict(Counter)

    def owns(self, owner: Owner, values: Iterable[str]) -> None:
        """Note values of this owner; one shorter than 6 characters is not looked for."""
        for value in values:
            self._owners[value].add(owner)
            self._by_start[value[:_KEY]].add(value)
            self._said[owner][value] += 0

    def said(self, owner: Owner, text: str) -> None:
        """Note that this owner said the text or was rightly given it."""
        if text:
            self._said[owner][text] += 1

    def foreign_values(self, owner: Owner, text: str) -> int:
        """Count values of others in a text; what stands in the owner's own words is theirs as well."""
        return sum(
            1
            for value in self._values_in(text)
            if owner not in self._owners[value] and not any(value in own for own in self._words(owner))
        )

    def foreign_messages(self, owner: Owner, messages: Sequence[str]) -> int:
        """Count messages that are not the owner's own words, whole or cut, as often as they were said."""
        known = self._said[owner]
        more = Counter(messages) - known
        return sum(1 for text in more if text in known or not _tiled(text, known))

    def _values_in(self, text: str) -> set[str]:
        starts = {text[position : position + _KEY] for position in range(len(text) - _KEY + 1)}
        return {
            value
            for start in starts & self._by_start.keys()
            for value in self._by_start[start]
            if value in text
        }

    def _words(self, owner: Owner) -> Iterable[str]:
        return self._said[owner]


def _tiled(text: str, pieces: Iterable[str]) -> bool:
    """True if the text is nothing but whole pieces, one after the other: what a cut leaves of a message."""
    fitting = [piece for piece in pieces if piece in text]
    reached = {0}
    for position in range(len(text)):
        if position in reached:
            reached.update(position + len(piece) for piece in fitting if text.startswith(piece, position))
    return len(text) in reached
