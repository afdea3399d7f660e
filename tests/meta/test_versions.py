"""`make test-versions` runs what `pyproject.toml` says: its lists name the libraries of the extras."""

import re
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LISTS: Final = ROOT / "tests" / "versions"
# No library of the extras: the one of constraints.txt asks for a newer aiohttp than their floor.
BESIDE: Final = {"litellm"}


def floors() -> set[tuple[str, tuple[int, ...]]]:
    """Give the lowest version of each library that the extras let in; one in two extras has one floor."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras: dict[str, list[str]] = tomllib.load(file)["project"]["optional-dependencies"]
    found = [line.split(">=") for extra in ("slack", "telegram", "discord") for line in extras[extra]]
    return {(name, padded(version)) for name, version in found}


def lines(name: str) -> list[str]:
    text = (LISTS / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def padded(version: str) -> tuple[int, ...]:
    numbers = [int(number) for number in version.split(".")]
    return (*numbers, *[0] * (3 - len(numbers)))


def test_the_lowest_that_is_tested_is_the_floor_of_each_extra() -> None:
    pins = [line.split("==") for line in lines("lowest.txt")]
    assert {(name, padded(version)) for name, version in pins if name not in BESIDE} == floors()


def test_the_newest_is_left_to_the_index_for_each_library_of_the_extras() -> None:
    assert set(lines("newest.txt")) == {name for name, _ in floors()}


def test_the_lists_hold_names_and_versions_only() -> None:
    found = [line for path in sorted(LISTS.glob("*.txt")) for line in lines(path.name)]
    assert len(found) > 15
    assert not [line for line in found if not re.fullmatch(r"[A-Za-z0-9._-]+(==[0-9.]+)?", line)]
