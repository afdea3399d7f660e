"""Names of people whom a tenant has listed, wherever they stand as words of their own.

Only what the operator has written down is looked for. A list that grew by itself, out of who has spoken or
what is in the vault, would tell by its markers who exists; and whoever calls themselves "thank you" on their
platform would have these words cut from everybody's answers.

Source: docs/detection/names.md
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from firewall.core.ports import Match
from firewall.detect.detectors import All
from firewall.detect.excerpts.listed import Foreign
from firewall.detect.normal import PLAIN

KIND: Final = "PERSON"
RULE: Final = "names.PERSON"
_LEAST_ALONE = 6
_LEAST_WORDS = 2


def distinct(name: str) -> bool:
    """True if a name can be told from ordinary words: it has two words, or one of 6 letters."""
    words = [word for word in PLAIN.fold(name).split() if word[:1].isalpha()]
    return len(words) >= _LEAST_WORDS or any(len(word) >= _LEAST_ALONE for word in words)


class Names:
    """Finds listed names, in any case, width and spacing; implements `ports.Detector`.

    Args:
        names: As people write them; each is `distinct`.

    Raises:
        ValueError: One could be an ordinary word.
    """

    def __init__(self, names: Iterable[str]) -> None:
        given = list(names)
        if not all(map(distinct, given)):
            raise ValueError("a name of one short word would be cut out of ordinary sentences")
        self._listed = Foreign(given)

    @property
    def rules(self) -> Sequence[str]:
        """The one rule."""
        return (RULE,)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every listed name, in order of start; may overlap."""
        return [
            replace(match, kind=KIND, rule=RULE)
            for match in self._listed.scan(text)
            if _apart(text, match.start, match.stop)
        ]


class Listing:
    """Finds listed names in every disguise, and over the ends of lines; implements `ports.Detector`.

    A disguise is undone line by line. A name is broken wherever a line was full, which hides it from nobody.

    Args:
        names: As for `Names`.

    Raises:
        ValueError: As for `Names`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = Names(names)
        self._all = All([self._names])

    @property
    def rules(self) -> Sequence[str]:
        """The one rule."""
        return self._names.rules

    def scan(self, text: str) -> Sequence[Match]:
        """Find every listed name, in order of start; may overlap."""
        found = {*self._all.scan(text), *self._names.scan(text)}
        return sorted(found, key=lambda match: (match.start, match.stop, match.key))


def _apart(text: str, start: int, stop: int) -> bool:
    """True if no letter or digit touches a stretch on either side."""
    before, after = PLAIN.fold(text[max(0, start - 1) : start]), PLAIN.fold(text[stop : stop + 1])
    return not (before[-1:].isalnum() or after[:1].isalnum())
