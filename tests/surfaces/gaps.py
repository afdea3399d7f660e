"""Cells that are known to leak, or to take too much: each with its reason, and a cell that shows it.

A gap whose witness is right again must be removed from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What is not found.

    Attributes:
        place: Pattern of the names of places.
        disguise: Pattern of the names of disguises.
        why: The reason, for people.
        witness: The place and the disguise in which it must show; None if that is up to what was said before.
    """

    place: str
    disguise: str
    why: str
    witness: tuple[str, str] | None

    def covers(self, place: str, disguise: str) -> bool:
        """True if this cell is one of it."""
        return fnmatchcase(place, self.place) and fnmatchcase(disguise, self.disguise)


_SIGN: Final = "the platform itself refuses a sign that it does not have, so nobody is shown it"
GAPS: Final[Sequence[Gap]] = [
    Gap(
        place="*",
        disguise="leet",
        why="looked for by `partywall scan` alone: any digits would be letters",
        witness=("reply: content", "leet"),
    ),
    Gap(
        place="tool gives: JSON in *",
        disguise="tag characters",
        why="two letters that JSON escapes are a run of 23 characters, and others may have said them too",
        witness=None,
    ),
    *(
        Gap(place=f"{each}: reaction", disguise="*", why=_SIGN, witness=(f"{each}: reaction", "identity"))
        for each in ("telegram", "slack", "discord")
    ),
]


def gap_of(place: str, disguise: str) -> Gap | None:
    """Give the gap that a cell belongs to, if it is known to be wrong."""
    return next((each for each in GAPS if each.covers(place, disguise)), None)
