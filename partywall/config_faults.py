"""What is wrong with a configuration, and in which line."""

import re

from pydantic_core import ErrorDetails

from firewall.core.errors import ConfigError


def malformed(error: str, text: str) -> ConfigError:
    """Say what is no TOML, and in which line."""
    found = re.search(r"line (\d+)", error)
    line = int(found[1]) if found else len(text.splitlines())
    what = re.sub(r" \(at .*\)$", "", error)
    remedy = "; a key may stand only once" if re.search("twice|overwrite|mutate", what) else ""
    return ConfigError(f"this is not TOML: {what}{remedy}", line=line)


def remedy(where: tuple[str, ...], error: ErrorDetails) -> str:
    """Say what is wrong with a setting, without its value."""
    name = ".".join(where) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{name} is not a setting; remove it, or see docs/configuration.md for the names"
    return f"{name}: {error['msg']}; see docs/configuration.md"


def line_of(text: str, where: tuple[str, ...]) -> int | None:
    """Find the line of a key: the headers of its tables first, each by its number, then its own name."""
    names = [step for step in where if not step.isdigit()]
    if not text or not names:
        return None
    lines = text.splitlines()
    start, stop, headed = 0, len(lines), False
    for depth, step in enumerate(where):
        if step.isdigit():
            continue
        index = int(where[depth + 1]) if where[depth + 1 : depth + 2] and where[depth + 1].isdigit() else 0
        path = [each for each in where[: depth + 1] if not each.isdigit()]
        header = re.compile(rf"\s*\[+\s*{re.escape('.'.join(path))}\s*\]+")
        heads = [number for number in range(start, stop) if header.match(lines[number])]
        if index < len(heads):
            start, headed = heads[index], True
            stop = heads[index + 1] if index + 1 < len(heads) else stop
    name = re.escape(names[-1])
    key = re.compile(rf"(^|[\s{{,.])\"?{name}\"?\s*=|^\s*\[+[^\]]*{name}\s*\]")
    found = next((number for number in range(start, stop) if key.search(lines[number])), None)
    return found + 1 if found is not None else start + 1 if headed else None
