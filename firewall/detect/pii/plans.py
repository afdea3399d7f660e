"""Numbering plans: which digits alone can be a number of a region, as the library `phonenumbers` has them.

A plan never says no to what the library takes for a valid number; it says no at once to most years, prices
and versions, for which the library needs fifty times as long.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

# What is dialled to call abroad has two digits at least ("00", "011").
_ABROAD: Final = 2
_PREFIXES: Final = 2
# A number is valid if it is of one of these kinds, whichever it is.
_KINDS: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the numbers of one region have.

    Attributes:
        code: The code of the country.
        lengths: How many digits there may be, without prefixes.
        numbers: What they match, without prefixes.
        abroad: What is dialled to call abroad.
        prefix: What is dialled before a number within the country, or None.
        changes: True if digits are added to what is dialled: then nothing is said by digits alone.
        fewest: How few digits a number has that is written without a plus sign.
    """

    code: str
    lengths: frozenset[int]
    numbers: re.Pattern[str]
    abroad: re.Pattern[str]
    prefix: re.Pattern[str] | None
    changes: bool
    fewest: int

    def may_be(self, digits: str) -> bool:
        """False only if these digits, written with any separators and no plus sign, are no number."""
        if len(digits) < self.fewest:
            return False
        if self.abroad.match(digits):
            return True
        whole = (digits, digits.removeprefix(self.code))
        return any(self._is_number(each) for each in whole) or self._is_dialled(whole)

    def _is_number(self, digits: str) -> bool:
        return len(digits) in self.lengths and self.numbers.fullmatch(digits) is not None

    def _is_dialled(self, whole: Sequence[str]) -> bool:
        found = whole
        # The library takes a prefix off behind the code of the country, and then once more.
        for _ in range(_PREFIXES):
            found = [*self._without_prefix(found)]
            if found and (self.changes or any(self._is_number(each) for each in found)):
                return True
        return False

    def _without_prefix(self, numbers: Sequence[str]) -> Iterator[str]:
        if self.prefix is not None:
            matches = ((each, self.prefix.match(each)) for each in numbers)
            yield from (each[match.end() :] for each, match in matches if match is not None)


@cache
def plan_of(region: str) -> Plan:
    """Give the plan of a region by its two letters."""
    code = phonenumbers.country_code_for_region(region)
    own = _metadata_of(code, region)
    # Countries that share a code also share numbers: what is no number here may be one next door.
    shared = [_metadata_of(code, each) for each in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]]
    return Plan(
        code=str(code),
        lengths=frozenset(length for each in shared for length in each.general_desc.possible_length),
        numbers=re.compile("|".join(map(_numbers, shared))),
        abroad=re.compile(own.international_prefix),
        prefix=re.compile(own.national_prefix_for_parsing) if own.national_prefix_for_parsing else None,
        changes=bool(own.national_prefix_transform_rule),
        fewest=min(_ABROAD + fewest_abroad(), *map(_least, shared)),
    )


@cache
def fewest_abroad() -> int:
    """Give the fewest digits of a number that begins with the code of any country."""
    return min(
        len(str(code)) + _least(_metadata_of(code, region))
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        for region in regions
    )


def _metadata_of(code: int, region: str) -> Any:  # noqa: ANN401  (of the untyped phonenumbers)
    metadata: Any = PhoneMetadata
    return metadata.metadata_for_region_or_calling_code(code, region)


def _numbers(plan: Any) -> str:  # noqa: ANN401  (of the untyped phonenumbers)
    kinds = [getattr(plan, kind) for kind in _KINDS]
    patterns = [
        f"(?:{kind.national_number_pattern})" for kind in kinds if kind and kind.national_number_pattern
    ]
    return rf"(?=(?:{plan.general_desc.national_number_pattern})\Z)(?:{'|'.join(patterns)})"


def _least(plan: Any) -> int:  # noqa: ANN401  (of the untyped phonenumbers)
    lengths: Sequence[int] = plan.general_desc.possible_length
    # Some plans add the area code to what is dialled within the area.
    local: Sequence[int] = plan.general_desc.possible_length_local_only
    return min((*lengths, *local) if plan.national_prefix_transform_rule else lengths)
