"""An operator sees who is held, and lets them go."""

import asyncio
import json
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.budget import Allowance
from tests.fakes.commands import ran

ONE = Allowance(findings=1, window_ms=60_000, hold_ms=3_600_000)


async def guessed() -> None:
    """Have one person of each of two tenants find too much, and another one enough."""
    for realm in ("T-ACME", "T-GLOBEX"):
        async with pw.open("partywall.toml") as wall:
            budgets = (await wall.runtime()).vault.budgets
            for sender, marks in (("ada", ["a" * 32, "b" * 32]), ("bob", ["a" * 32])):
                message = pw.message("hi", channel="own", realm=realm, sender=sender, conversation=realm)
                async with wall.turn(message) as turn:
                    assert await budgets.spend(turn.opened.turn, marks, ONE) == (sender == "bob")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text('profile = "light"\n')
    asyncio.run(guessed())
    return tmp_path


def listed(*words: str) -> list[dict[str, str]]:
    done = ran("holds", "list", "--json", *words)
    assert done.code == 0, done.err
    rows: list[dict[str, str]] = json.loads(done.out)
    return rows


def test_who_is_held_is_listed_by_tenant_and_released_once(state: Path) -> None:
    rows = listed()
    assert len({row["tenant"] for row in rows}) == len(rows) == 2
    assert all('"ada"' in row["principal"] for row in rows)
    assert listed("--tenant", rows[0]["tenant"]) == rows[:1]
    assert rows[1]["ref"] in ran("holds", "list").out
    assert ran("holds", "release", rows[0]["ref"]).code == 0
    assert listed() == rows[1:]
    again = ran("holds", "release", rows[0]["ref"])
    assert again.code == 1
    assert "partywall holds list" in again.err
    assert ran("receipts", "verify").code == 0


def test_nobody_is_held_where_nobody_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ran("holds", "list").code == 3
    assert list(tmp_path.iterdir()) == []
