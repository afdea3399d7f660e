"""Telephone numbers: what numbering plans allow, what is written like one, and what is called one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import phonenumbers

# Presidio's own regions come first; then the plans of countries that write numbers without separators.
REGIONS: Final = ("US", "GB", "DE", "FR", "IL", "IN", "CA", "BR", "CN", "JP")
_FEWEST: Final = 6
_FEWEST_WRITTEN: Final = 7
_FEWEST_ALONE: Final = 10
_FEWEST_GROUPED: Final = 9
_DOTTED: Final = 3
_MOST: Final = 15
_EXTENSION: Final = r"(?:\ ?(?:x|ext\.?|extension|\#)\ ?[0-9]{1,6})?"
# A run of groups of digits, with what people put between them; brackets only around the first two groups.
_RUN: Final = re.compile(
    r"(?<![\w+#$€£%])(?<![\w][.,/:\-])(?:\+\ ?|00[\ \-.]?)?(?:\([0-9]{1,5}\)[\ \-.]?)?[0-9]+"
    r"(?:[\ \-.]?\([0-9]{1,4}\))?(?:[\ \-.][0-9]+){0,7}" + _EXTENSION + r"(?![\w%])(?![.,:/][0-9])",
    re.IGNORECASE | re.VERBOSE,
)
_CALLED: Final = re.compile(
    r"\b(?:phones?|telephone|tel|tele|call(?:ed|ing)?|dial(?:led)?|ring|mobile|mob|cell(?:phone|ular)?|"
    r"handy|fax|facsimile|office|hotline|landline|whats\ ?app|sms|text(?:ed)?|voicemail|answer(?:ing)?|"
    r"reach(?:ed)?|contact|extension|telefono|teléfono|telefon|téléphone|móvil|celular|rufnummer|nummer|numéro)\b",
    re.IGNORECASE,
)
_BEFORE: Final = 40
_AFTER: Final = 16
# Ways of writing that nothing but a telephone number has: an area code in brackets, three groups of the North
# American plan, a trunk zero before groups, an extension.
_WRITTEN: Final = re.compile(
    r"(?:\+?1[\ \-.]|001[\ \-.])?(?:\([0-9]{3}\)\ ?|[0-9]{3}[\-.\ ])[0-9]{3}[\-.\ ][0-9]{4}"
    + _EXTENSION
    + "|"
    r"\(0?[0-9]{1,4}\)[\ \-]?[0-9]{2,8}(?:[\ \-][0-9]{2,8}){0,3}|"
    r"0[0-9]{1,4}(?:[\ \-./][0-9]{2,8}){1,4}|"
    r"(?:\+|00)[1-9][0-9\ \-.()]{6,20}",
    re.IGNORECASE | re.VERBOSE,
)
_DATE: Final = re.compile(
    r"[0-3]?[0-9]([\-./\ ])[0-3]?[0-9]\1(?:1[89]|20)?[0-9]{2}|"
    r"(?:1[89]|20)[0-9]{2}([\-./\ ]?)[01][0-9]\2[0-3][0-9]"
)
_ADDRESS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_SOCIAL: Final = re.compile(r"[0-9]{3}([\- ])[0-9]{2}\1[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Phone:
    """A stretch that is a telephone number, and how sure that is, 0 to 1."""

    start: int
    stop: int
    score: float


def find(text: str, regions: Sequence[str] = REGIONS) -> Iterator[Phone]:
    """Find every telephone number of 6 to 15 digits, in order.

    A number that a plan of `regions` allows scores 0.4, as Presidio says; one that is written as nothing else
    is, 0.5; one that begins with its country, 0.6. A number of no such form counts where words beside it call
    it one, and all count 0.35 more there. Dates, addresses of machines and social security numbers are none.
    """
    for run in _RUN.finditer(text):
        written = run.group()
        digits = sum(char.isdigit() for char in re.split(r"(?i)x|ext|#", written, maxsplit=1)[0])
        if not _FEWEST <= digits <= _MOST + 2 or _is_other(written):
            continue
        called = _called(text, run.start(), run.end())
        score = _score(written, digits, regions)
        if score or (called and _grouped(written, digits)):
            yield Phone(run.start(), run.end(), min(1.0, (score or 0.2) + (0.35 if called else 0.0)))


def _score(written: str, digits: int, regions: Sequence[str]) -> float:
    abroad = written.startswith(("+", "00"))
    if abroad and _allowed(written.replace("00", "+", 1) if written.startswith("00") else written, None):
        return 0.6
    if digits >= _FEWEST_WRITTEN and _WRITTEN.fullmatch(written):
        return 0.5
    if _plausible(written, digits) and any(_allowed(written, region) for region in regions):
        return 0.4
    return 0.0


def _plausible(written: str, digits: int) -> bool:
    """True if a plan may be asked: ten digits in a row, or groups as people make them and versions do not."""
    groups = re.findall(r"[0-9]+", written)
    if len(groups) == 1:
        return digits >= _FEWEST_ALONE
    lengths = [len(group) for group in groups[groups[0] == "1" :]]
    dotted = len(groups) < _DOTTED and "." in written
    return digits >= _FEWEST_GROUPED and min(lengths) > 1 and max(lengths) > 2 and not dotted


def _allowed(written: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(written, region))
    except phonenumbers.NumberParseException:
        return False


def _grouped(written: str, digits: int) -> bool:
    """True if words alone may make it a number: groups of at least two digits, or seven digits in a row."""
    groups = re.findall(r"[0-9]+", written)
    return digits >= _FEWEST_WRITTEN if len(groups) == 1 else min(map(len, groups[:2])) > 1


def _called(text: str, start: int, stop: int) -> bool:
    before = text[max(0, start - _BEFORE) : start]
    after = text[stop : stop + _AFTER]
    return bool(_CALLED.search(before) or _CALLED.search(after))


def _is_other(written: str) -> bool:
    return any(each.fullmatch(written) for each in (_DATE, _ADDRESS, _SOCIAL))
