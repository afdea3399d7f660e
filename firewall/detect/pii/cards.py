"""Payment cards: runs of digits of an issuing range, with its length, whose last digit checks the others."""

import re
from collections.abc import Iterator
from typing import Final

# First digits, the last of their range, and how many digits there are, by ISO/IEC 7812 and what the networks
# publish; older ranges (enRoute, JCB and Visa with fewer digits) are still written and still tested with.
_RANGES: Final[tuple[tuple[str, str, range], ...]] = (
    ("4", "4", range(13, 20)),  # Visa
    ("51", "55", range(16, 17)),  # Mastercard
    ("2221", "2720", range(16, 17)),
    ("34", "34", range(15, 16)),  # American Express
    ("37", "37", range(15, 16)),
    ("300", "305", range(14, 20)),  # Diners Club
    ("3095", "3095", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("2014", "2014", range(15, 16)),  # enRoute
    ("2149", "2149", range(15, 16)),
    ("3528", "3589", range(16, 20)),  # JCB
    ("1800", "1800", range(15, 16)),
    ("2131", "2131", range(15, 16)),
    ("6011", "6011", range(16, 20)),  # Discover
    ("81", "81", range(16, 20)),  # RuPay
    ("50", "50", range(12, 20)),  # Maestro, UnionPay, and the national schemes within their ranges
    ("56", "69", range(12, 20)),
    ("0604", "0604", range(12, 13)),
    ("2200", "2204", range(16, 20)),  # Mir
    ("9792", "9792", range(16, 17)),  # Troy
    ("1", "1", range(15, 16)),  # UATP
)


def _by_prefix() -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    for first, last, lengths in _RANGES:
        for number in range(int(first), int(last) + 1):
            prefix = str(number).zfill(len(first))
            found[prefix] = found.get(prefix, frozenset[int]()) | frozenset(lengths)
    return found


_BY_PREFIX: Final = _by_prefix()
_LONGEST_PREFIX: Final = 4
_LONGEST: Final = 19
_RUN: Final = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9](?:[ \-]?[0-9]){11,}(?![0-9])")
_GROUP: Final = re.compile(r"[0-9]+")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def find(text: str) -> Iterator[tuple[int, int]]:
    """Find every card number, written as one run or in groups with a space or a dash between; in order.

    Of the stretches that one run of groups allows the longest from the left is taken, so a security code or a
    house number beside a card hides nothing.
    """
    for run in _RUN.finditer(text):
        groups = [(each.start(), each.end()) for each in _GROUP.finditer(text, run.start(), run.end())]
        yield from _cards(text, groups)


def valid(digits: str) -> bool:
    """True if the digits are of an issuing range and length and pass the check of ISO/IEC 7812-1, annex B."""
    return len(digits) in _lengths(digits) and _checks(digits)


def _lengths(digits: str) -> frozenset[int]:
    """Give how many digits a card may have that begins with these."""
    prefixes = (digits[:size] for size in range(1, _LONGEST_PREFIX + 1))
    return frozenset[int]().union(*(_BY_PREFIX.get(prefix, ()) for prefix in prefixes))


def _cards(text: str, groups: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(groups):
        last = _last(text, groups, first)
        if last is None:
            first += 1
        else:
            yield groups[first][0], groups[last][1]
            first = last + 1


def _last(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """Give the last group of the longest card that begins with a group."""
    begin = groups[first][0]
    lengths = _lengths(_digits(text[begin : begin + 2 * _LONGEST_PREFIX]))
    count, found = 0, None
    for index in range(first, len(groups)) if lengths else ():
        start, stop = groups[index]
        count += stop - start
        if count > _LONGEST:
            break
        if count in lengths and _checks(_digits(text[begin:stop])):
            found = index
    return found


def _digits(text: str) -> str:
    return text.replace(" ", "").replace("-", "")


def _checks(digits: str) -> bool:
    total = sum(int(digit) for digit in digits[-1::-2])
    total += sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0
