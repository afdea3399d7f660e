"""Payloads in the platforms' documented forms, with invented ids."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent / "data" / "payloads"


def payload(channel: str, name: str) -> Any:
    """Give one payload as a new value, free to be changed."""
    return json.loads((ROOT / channel / f"{name}.json").read_text(encoding="utf-8"))


def every(channel: str) -> list[str]:
    """Give the names of all payloads of a channel, sorted."""
    return sorted(path.stem for path in (ROOT / channel).glob("*.json"))
