"""Values to plant before a replay: drawn, from a file of values, or cut from texts with marked spans."""

import gzip
import random
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec

from firewall.core.errors import MisuseError
from firewall.detect.excerpts.index import Excerpts

# Kinds that stand for one person; a city or a date is nobody's.
KINDS = frozenset(
    {"EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN", "IBAN_CODE", "PHONE_NUMBER", "PERSON", "STREET_ADDRESS"}
)
_MIN_CODEPOINTS = 6
_CONSONANTS, _VOWELS = "bcdfghklmnprstvz", "aeiou"
T = TypeVar("T")


class _Value(msgspec.Struct, frozen=True):
    type: str
    value: str


class _Span(msgspec.Struct, frozen=True):
    start: int
    end: int
    type: str


class _Text(msgspec.Struct, frozen=True):
    text: str
    spans: list[_Span]


class Planting:
    """Values in the order in which they are planted, without those the wall cannot recognise.

    Args:
        pool: What to deal, once each and then again with a number behind it; empty draws every value.
        seed: Shuffles the pool, or draws the values.

    Attributes:
        below_floor: How many values were passed over, because they are too short or too ordinary to be found
            inside other text.
    """

    def __init__(self, pool: list[str], *, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  planted values protect nobody
        self._pool = list(dict.fromkeys(pool))
        self._random.shuffle(self._pool)
        self._keeps = Excerpts().keeps
        self.below_floor = 0

    def __iter__(self) -> Iterator[str]:
        source = self._dealt() if self._pool else self._drawn()
        for value in source:
            if self._keeps(value):
                yield value
            else:
                self.below_floor += 1

    def _dealt(self) -> Iterator[str]:
        yield from self._pool
        for number in count(2):
            for value in self._pool:
                yield f"{value} #{number}"

    def _drawn(self) -> Iterator[str]:
        for number in count(1):
            name = "".join(self._random.choice(_CONSONANTS) + self._random.choice(_VOWELS) for _ in range(4))
            digits = f"{self._random.randrange(10**8):08d}"
            yield f"{name}{number}@example.org"
            yield f"ACCT-{digits}-{number}"
            yield f"{name} {digits[:4]} {digits[4:]} {number}"


def values_of(path: Path) -> list[str]:
    """Read values from JSON lines `{"type": …, "value": …}`, which may be compressed by gzip.

    Raises:
        MisuseError: A line is malformed; its number, and nothing of it.
    """
    return [each.value for each in _rows(path, msgspec.json.Decoder(_Value).decode)]


def spans_of(path: Path) -> list[str]:
    """Cut the values of single people out of JSON lines `{"text": …, "spans": [{"start", "end", "type"}]}`.

    Raises:
        MisuseError: A line is malformed; its number, and nothing of it.
    """
    found = [
        each.text[span.start : span.end].strip()
        for each in _rows(path, msgspec.json.Decoder(_Text).decode)
        for span in each.spans
        if span.type in KINDS
    ]
    return [value for value in found if len(value) >= _MIN_CODEPOINTS]


def _rows(path: Path, decode: Callable[[bytes], T]) -> Iterator[T]:
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rb") as stream:
            for line in stream:
                number += 1
                if line.strip():
                    yield decode(line)
        return
    except OSError as error:
        problem = f"the file of values cannot be read ({error.strerror or type(error).__name__})"
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, EOFError):
        problem = f"line {number}: not of the documented form"
    raise MisuseError(problem)
