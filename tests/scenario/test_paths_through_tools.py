"""Hostile paths through every tool that takes one: nothing outside the compartment opens, own files still do.

`PARTYWALL_PATHS=all` plays every case of the sets; without it every 40th, so that the suite stays quick.
"""

import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.message import Message
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.services import data_root, needs

CANARY = "canary-7391-outside"
OWN = "own-words-of-ann"
STEP = 1 if os.environ.get("PARTYWALL_PATHS") == "all" else 40


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    (tmp_path / "secret.txt").write_text(CANARY)
    config: dict[str, object] = {
        "profile": "light",
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files"), "max_entries": 100_000},
        "limits": {"turn_timeout_s": 3_600},
    }
    async with pw.open(config) as opened:
        yield opened


def cases() -> list[str]:
    found: list[str] = []
    for name, key in (
        ("securejoin_cases", "unsafe"),
        ("fuzzdb_traversal", "text"),
        ("fuzzdb_unicode_control", "text"),
    ):
        with gzip.open(data_root() / "paths" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            found += [json.loads(line)[key] for line in lines]
    return found


def calls(path: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("read", {"path": path}),
        ("list", {"path": path}),
        ("glob", {"pattern": path}),
        ("grep", {"text": "canary", "path": path}),
        ("append", {"path": path, "text": "x"}),
        ("edit", {"path": path, "old": CANARY, "new": "gone"}),
        ("move", {"source": path, "target": "taken"}),
        ("move", {"source": "own.txt", "target": path}),
        ("delete", {"path": path}),
        ("write", {"path": path, "text": "x"}),
    ]


def message(sender: str) -> Message:
    return pw.message("hi", channel="telegram", realm="bot", sender=sender, conversation=sender)


@needs("data")
async def test_no_path_of_the_sets_leaves_the_compartment_by_any_tool(wall: Wall, tmp_path: Path) -> None:
    played = refused = 0
    async with wall.turn(message("globex-bob")) as turn:
        await turn.call_tool("write", {"path": "bob.txt", "text": CANARY})
    async with wall.turn(message("acme-ann")) as turn:
        for path in cases()[::STEP]:
            for name, arguments in calls(path):
                said = await _said(turn, name, arguments)
                played, refused = played + 1, refused + (said is None)
                assert CANARY not in (said or ""), f"{name} opened something outside"
        await turn.call_tool("write", {"path": "own.txt", "text": OWN})
        assert await turn.call_tool("read", {"path": "own.txt"}) == OWN
    assert (tmp_path / "secret.txt").read_text() == CANARY
    async with wall.turn(message("globex-bob")) as turn:
        assert await turn.call_tool("read", {"path": "bob.txt"}) == CANARY
    assert not [each for each in _beneath(tmp_path) if each not in _expected(tmp_path)]
    assert played > 100
    assert refused, "some of the cases climb, and must be refused"
    print(f"{played} calls, {refused} refused, 0 opened outside")  # noqa: T201  figure of the closing note


async def _said(turn: TurnHandle, name: str, arguments: dict[str, Any]) -> str | None:
    try:
        return await turn.call_tool(name, arguments)
    except pw.Denied:
        return None


def _beneath(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def _expected(folder: Path) -> set[str]:
    assert (folder / "files").is_dir()
    return {"secret.txt", "files"}
