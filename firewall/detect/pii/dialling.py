"""Telephone numbers as the library `phonenumbers` finds them in a text, without its looking at all of it.

Its matcher is asked about the stretches that hold digits, and about those regions alone whose numbers they
may be. What it finds is what it finds in the whole text; `python -m benchmarks.pii --equal` compares.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import phonenumbers

from firewall.core.errors import ServiceUnavailable
from firewall.detect.pii.plans import Plan, fewest_abroad, plan_of

# A number begins at most ten characters before its first digit (two brackets or plus signs with four marks
# each), and the character before it counts too. After its last digit come a `#` and the one that counts.
_BEFORE: Final = 11
_AFTER: Final = 4
# Between two digits of one number stand at most four marks, or a word for an extension of at most eleven
# characters in any number of blanks.
_WORD: Final = 16
_BLANKS: Final = " \u00a0\t,-"
# Nor does a number reach over one of the other marks, but for what follows the word for an extension.
_PARTED: Final = re.compile(r"(?=[^A-Za-z#~\u0080-\U0010ffff]*\Z)[ ()+./\[\]\-]*[^ ()+./\[\]\-]")
_DIGITS: Final = re.compile(r"\d+")
_PLUS: Final = re.compile("[+\uff0b]")
# Where only these stand between the digits, no letter is a digit and no digit belongs to an extension by its
# sign. A matcher then begins and ends its numbers between two runs, as long as a run is not cut in two.
_SIMPLE: Final = re.compile(r"[0-9 .()/\-]*")
_LONGEST: Final = 9
# What the library tries at most in one text before it gives up. Here it is for all regions together, which
# bounds the time as well, to some seconds for a line that was made for it.
_TRIES: Final = 65_535
_MOST_RUNS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """Digits that a number may reach over, and no number reaches beyond.

    Attributes:
        start: Where the first digit stands.
        stop: Where the last one ends.
        runs: The digits, cut where something else stands between them.
    """

    start: int
    stop: int
    runs: tuple[str, ...]

    @property
    def digits(self) -> int:
        return sum(map(len, self.runs))


def find(text: str, regions: Sequence[str], *, leniency: int = 1) -> Iterator[tuple[int, int]]:
    """Find every number that the plan of one of the regions allows, in no order, for each region anew.

    Raises:
        ServiceUnavailable: More had to be tried than can be; the library would keep silent about the rest.
    """
    plans = [plan_of(region) for region in regions]
    before, left = 0, _TRIES
    for stretch in _stretches(text):
        begin = max(before, stretch.start - _BEFORE)
        before = stretch.stop
        window = text[begin : stretch.stop + _AFTER]
        asked = _asked(stretch, window, text[stretch.start : stretch.stop], plans)
        for region in (region for region, may_be in zip(regions, asked, strict=True) if may_be):
            matcher: Any = phonenumbers.PhoneNumberMatcher(window, region, leniency=leniency, max_tries=left)
            for each in matcher:
                # What begins behind the stretch is cut off here, and belongs to the next one.
                if begin + each.start < stretch.stop:
                    yield begin + each.start, begin + each.end
            left = matcher._max_tries
            if left <= 0:
                raise ServiceUnavailable("a line holds too many groups of digits to be examined")


def fewest_of(regions: Sequence[str]) -> int:
    """Give how few digits a number has by the plan of any of the regions."""
    return min(fewest_abroad(), *(plan_of(region).fewest for region in regions))


def may_hold(text: str, fewest: int) -> bool:
    """False only if no number of so many digits is in the text or in any piece of it."""
    return any(stretch.digits >= fewest for stretch in _stretches(text))


def _asked(stretch: _Stretch, window: str, between: str, plans: Sequence[Plan]) -> Sequence[bool]:
    """Say for each plan if a number of it may stand here."""
    count = stretch.digits
    if _PLUS.search(window):
        return [count >= min(plan.fewest, fewest_abroad()) for plan in plans]
    few = len(stretch.runs) <= _MOST_RUNS and max(map(len, stretch.runs)) <= _LONGEST
    if few and _SIMPLE.fullmatch(between):
        joined = tuple(_joined(stretch.runs))
        return [any(map(plan.may_be, joined)) for plan in plans]
    return [count >= plan.fewest for plan in plans]


def _joined(runs: Sequence[str]) -> Iterator[str]:
    """Give the digits of every sequence of runs that stand side by side."""
    for first in range(len(runs)):
        digits = ""
        for run in runs[first:]:
            digits += run
            yield digits


def _stretches(text: str) -> Iterator[_Stretch]:
    start = stop = 0
    runs: list[str] = []
    for run in _DIGITS.finditer(text):
        if runs and _apart(text, stop, run.start()):
            yield _Stretch(start=start, stop=stop, runs=tuple(runs))
            runs = []
        if not runs:
            start = run.start()
        stop = run.end()
        runs.append(run.group())
    if runs:
        yield _Stretch(start=start, stop=stop, runs=tuple(runs))


def _apart(text: str, stop: int, start: int) -> bool:
    gap = text[stop:start]
    return _PARTED.match(gap) is not None or (len(gap) > _WORD and len(gap.strip(_BLANKS)) > _WORD)
