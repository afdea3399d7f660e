"""A model's arguments as values, read so that no two readers could differ about them."""

import json
import math
from collections.abc import Mapping
from typing import cast

from firewall.core.nesting import nesting
from firewall.core.subject import Json

MAX_DEPTH = 32
MAX_BYTES = 1_000_000


def parsed(raw: str | Mapping[str, Json]) -> dict[str, Json] | None:
    """Read the arguments of a tool call; None if they are not one well-formed JSON object.

    Refused are doubled keys (two parsers would take different values), NaN and infinities, nesting over 32
    levels, and more than 1 MB.

    Source: RFC 8259 §4, §6.
    """
    try:
        text = raw if isinstance(raw, str) else json.dumps(raw, allow_nan=False)
        if len(text.encode()) > MAX_BYTES or nesting(text) > MAX_DEPTH:
            return None
        value = json.loads(text or "{}", object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, TypeError, RecursionError):
        return None
    return cast("dict[str, Json]", value) if isinstance(value, dict) else None


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
