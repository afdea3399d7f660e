"""Stretches: characters without a space between them, more than nearly all words have.

Most tokens are one, or hold one. Where a text has none, nobody needs to look for them.
"""

import importlib
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from firewall.detect.secrets.cache import Cache, name_of
from firewall.detect.secrets.gate import Pattern

LONG: Final = 16
_SPACES: Final = frozenset(b" \t\r\n")
STRETCH: Final = Pattern(regex=rf"[^ \t\r\n]{{{LONG}}}")
# The parser of `re` itself, which has no public name since Python 3.11.
_parser: Any = importlib.import_module("re._parser")
_ops: Any = importlib.import_module("re._constants")
_REPEATS: Final = (_ops.MAX_REPEAT, _ops.MIN_REPEAT, _ops.POSSESSIVE_REPEAT)


def stretched(pattern: str) -> bool:
    """True only if every match of this pattern holds a `STRETCH`; what is not understood may hold none."""
    # `re` reads `[[:space:]]`, which RE2 takes, as something else.
    if ":]" in pattern:
        return False
    try:
        return _holds(_parser.parse(pattern))
    except (re.error, RecursionError, OverflowError):
        return False


def unstretched(patterns: Sequence[str], cache: Path | None) -> list[int]:
    """Give the places of the patterns of which a match may hold no `STRETCH`, in order.

    Reading hundreds of patterns takes as long as the rest of a start, so what came of it is kept beside the
    automata, under the digest of the patterns and of this module.
    """
    if cache is None:
        return _unstretched(patterns)
    kept = Cache(folder=cache)
    this = resources.files("firewall.detect.secrets").joinpath("stretch.py").read_bytes()
    name = name_of(b"stretches", this, *(each.encode() for each in patterns))
    found = _known(kept.read(name), len(patterns))
    if found is None:
        found = _unstretched(patterns)
        kept.write(name, msgspec.msgpack.encode(found))
    return found


def _unstretched(patterns: Sequence[str]) -> list[int]:
    return [number for number, each in enumerate(patterns) if not stretched(each)]


def _known(content: bytes | None, count: int) -> list[int] | None:
    if content is None:
        return None
    try:
        found = msgspec.msgpack.decode(content, type=list[int])
    except msgspec.DecodeError:
        return None
    return found if all(0 <= number < count for number in found) else None


def _holds(items: Iterable[Any]) -> bool:
    stretch = 0
    for op, value in items:
        solid = _solid(op, value)
        stretch = 0 if solid is None else stretch + solid
        if stretch >= LONG or _holds_inside(op, value):
            return True
    return False


def _holds_inside(op: Any, value: Any) -> bool:  # noqa: ANN401  (the parser has no types)
    if op is _ops.BRANCH:
        return all(map(_holds, value[1]))
    if op in _REPEATS:
        return value[0] > 0 and _holds(value[2])
    return _holds(_inside(op, value))


def _solid(op: Any, value: Any) -> int | None:  # noqa: ANN401  (as above)
    """Give how many characters there are at least; None if one of them may be a space."""
    if op is _ops.LITERAL:
        return None if value in _SPACES else 1
    if op is _ops.IN:
        return 1 if _spaceless(value) else None
    if op is _ops.BRANCH:
        counts = [_sum(each) for each in value[1]]
        return None if None in counts else min(count for count in counts if count is not None)
    if op in _REPEATS:
        once = _sum(value[2])
        return None if once is None else once * int(value[0])
    inside = _inside(op, value)
    return _sum(inside) if inside else None


def _sum(items: Iterable[Any]) -> int | None:
    counts = [_solid(op, value) for op, value in items]
    return None if None in counts else sum(count for count in counts if count is not None)


def _inside(op: Any, value: Any) -> list[Any]:  # noqa: ANN401  (as above)
    if op is _ops.SUBPATTERN:
        return list(value[3])
    return list(value) if op is _ops.ATOMIC_GROUP else []


def _spaceless(members: Iterable[Any]) -> bool:
    """True if no space is in a class, as far as that is known."""
    for op, value in members:
        if op is _ops.LITERAL:
            known = value not in _SPACES
        elif op is _ops.RANGE:
            known = not any(value[0] <= space <= value[1] for space in _SPACES)
        else:
            known = op is _ops.CATEGORY and value in (_ops.CATEGORY_DIGIT, _ops.CATEGORY_WORD)
        if not known:
            return False
    return True
