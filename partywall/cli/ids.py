"""Ids made of several fields, taken apart again for people to read."""

import json
from typing import cast


def fields_of(text: str) -> list[str] | None:
    """Give the fields of an id that `canonical` joined, or None if it is none."""
    try:
        found: object = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, list):
        return None
    fields = cast("list[object]", found)
    texts = [field for field in fields if isinstance(field, str)]
    return texts if len(texts) == len(fields) else None
