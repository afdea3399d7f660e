"""Prose: letters, spaces and the marks between words, which is what nearly all of a chat is.

Few kinds of value can stand in it: none with a digit, no address, no code in any disguise. So it is told
first, and most detectors need not look at most texts.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, Protocol, runtime_checkable

from firewall.detect.secrets.gate import Gate, Pattern, apart

_NOT_PROSE: Final = (
    Pattern(regex=r"[^A-Za-z \t\r\n.,;:!?'\"()-]"),
    # What `disguise.sight` takes for code where there are no digits.
    Pattern(regex="[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Z]{8}"),
)


LONGEST: Final = 65_536


@runtime_checkable
class Proseless(Protocol):
    """A detector that knows what prose has to hold for any of its kinds to be in it."""

    @property
    def prose_gates(self) -> Sequence[Gate] | None:
        """One of them opens for any prose of at most `LONGEST` characters in which a value is.

        So it does for prose of which a piece would be found to hold one. None if no gate can tell.
        """
        ...


def is_prose(text: str) -> bool:
    """True if a text is of ASCII letters, blanks, line ends and `.,;:!?'"()-` alone, in words of plain case.

    Then so is every piece of it; it is its own plain form (`normal.PLAIN`), and no run in it has a reading
    other than a mirror (`views.undisguised`).
    """
    return text.isascii() and not not_prose().opens(text.encode("ascii"))


@cache
def not_prose() -> Gate:
    """Give the gate that opens for a text in ASCII that is not prose."""
    return apart(_NOT_PROSE)
