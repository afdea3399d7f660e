"""Structural ids: order numbers, ticket ids, account numbers and UUIDs, known by their shape alone."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from firewall.core.ports import Match
from firewall.detect.keys import key_of
from firewall.detect.marker import ID
from firewall.detect.secrets.gate import Gate, Pattern, apart

# Every quantifier is bounded or runs over one class that nothing after it shares, and no two of them compete
# for a character: a hostile text costs at most a constant factor of its length.
_NUMBERED = re.compile(
    r"(?<![^\W_])(?:[A-Z]{1,15}-?[0-9]{4,12}|[A-Za-z]{1,15}[-_#]?[0-9]{5,12}|[A-Z]{2,15} [0-9]{5,12})"
    r"(?:-[0-9]{1,12}){0,3}(?![^\W_])"
)
_DIGITS = re.compile(r"[0-9]{6,}")
# A fraction (`0.30000000000000004`) is no id; a number of any other surroundings is, even inside a word.
_FRACTION = re.compile(r"[0-9][.,]\Z")
_UUID = re.compile(r"(?<![^\W_])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![^\W_])")
# What no numbered id is without; a UUID may be all letters and has four dashes. Spelt so that the engine can
# skip to the first digit.
_HINT = re.compile(
    r"[0-9](?:(?:(?<=[A-Za-z][0-9])|(?<=[A-Za-z][-_#][0-9]))[0-9]{3}|(?<=[A-Z] [0-9])[0-9]{4}|[0-9]{5})"
)
# The same for a text in ASCII, as `gate.apart` asks for it.
_HINTS = tuple(
    Pattern(regex=each)
    for each in ("[A-Za-z][0-9]{4}", "[A-Za-z][-_#][0-9]{4}", "[A-Z] [0-9]{5}", "[0-9]{6}")
)
_DASHES = 4
_RULES = ("identifier.NUMBERED", "identifier.DIGITS", "identifier.UUID")


class Identifiers:
    """Finds ids by their shape: letters with 4 to 12 digits, 6 digits or more in a row, UUIDs.

    Dates, years and short counts stay: fewer than 4 digits is never an id, and lower-case letters need 5.
    """

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return _RULES

    def excludes(self, text: str) -> bool:
        """True only if there is no id in this text or in any piece of it; see `detectors.Glances`."""
        return text.count("-") < _DASHES and not _hinted(text)

    @property
    def prose_gates(self) -> Sequence[Gate]:
        """One of them opens for prose that may hold an id; see `prose.Proseless`."""
        return (_prose_gate(),)

    def scan(self, text: str) -> Sequence[Match]:
        """Find every id, in order of start."""
        numbered, digits, uuid = _RULES
        found: list[Match] = []
        if _hinted(text):
            found += _matches(numbered, _NUMBERED.finditer(text))
            found += _matches(
                digits, (hit for hit in _DIGITS.finditer(text) if not _fraction(text, hit.start()))
            )
        if text.count("-") >= _DASHES:
            found += _matches(uuid, _UUID.finditer(text))
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule))


def _hinted(text: str) -> bool:
    if text.isascii():
        return _gate().opens(text.encode("ascii"))
    return _HINT.search(text) is not None


@cache
def _gate() -> Gate:
    return apart(_HINTS)


@cache
def _prose_gate() -> Gate:
    # Only a UUID can do without a digit.
    return apart([Pattern(regex="-[a-fA-F]{4}-")])


def _fraction(text: str, start: int) -> bool:
    return _FRACTION.search(text, max(0, start - 2), start) is not None


def _matches(rule: str, hits: Iterable[re.Match[str]]) -> Iterator[Match]:
    for hit in hits:
        yield Match(start=hit.start(), stop=hit.end(), kind=ID, rule=rule, key=key_of(ID, hit.group()))
