"""Small helpers of the specimens: fields that may be left out, and bodies as they stand on the wire."""

import json
from typing import Any


def put(body: dict[str, Any], name: str, value: object) -> None:
    """Set a field, or leave it out if there is no value."""
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


def wire(body: object) -> bytes:
    """Give a body as JSON, as the platforms send it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
