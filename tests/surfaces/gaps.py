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


_GLUED: Final = "an encoded run that the texts beside it are glued to is another run"
_SIGN: Final = "the platform itself refuses a sign that it does not have, so nobody is shown it"
GAPS: Final[Sequence[Gap]] = [
    Gap(
        place="*",
        disguise="leet",
        why="looked for by `partywall scan` alone: any digits would be letters",
        witness=("reply: content", "leet"),
    ),
    Gap(
        place="tool gives: text",
        disguise="base64 in short lines",
        why="of lines behind words on the first of them, the first copy of two is not found",
        witness=None,
    ),
    Gap(
        place="reply: halved over key and value",
        disguise="ascii85",
        why="Ascii85 that the name before it is glued to is another run",
        witness=("reply: halved over key and value", "ascii85"),
    ),
    *(
        Gap(
            place=place,
            disguise=each,
            why="an encoded run that an address is glued to is another run",
            witness=(witness, each),
        )
        for place, witness in (
            ("*: *address", "telegram: button's address"),
            ("discord: *picture", "discord: embed's picture"),
        )
        for each in ("base85", "ascii85", "base64 twice")
    ),
    *(
        Gap(
            place=f"{each}: halved*",
            disguise=disguise,
            why=_GLUED,
            witness=(f"{each}: {name}", disguise),
        )
        for each, name in (
            ("telegram", "halved over options"),
            ("slack", "halved over blocks"),
            ("discord", "halved over answers"),
        )
        for disguise in ("base85", "ascii85")
    ),
    *(
        Gap(
            place=place,
            disguise=disguise,
            why=_GLUED,
            witness=(witness, disguise),
        )
        for place, witness, disguises in (
            ("slack: halved*", "slack: halved over blocks", ("decimal codes", "decimal codes, commas")),
            (
                "slack: letter by letter*",
                "slack: letter by letter in elements",
                ("base85", "ascii85", "decimal codes", "decimal codes, commas"),
            ),
        )
        for disguise in disguises
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
