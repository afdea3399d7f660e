"""An operator looks at what a bot that died may have answered."""

import asyncio
import json
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.arrival import Arrival
from tests.fakes.commands import ran

SECRET = "kelp-47-lantern"


async def died() -> None:
    """Take a message of each of two tenants on, begin to answer both, and end without an outcome."""
    for realm in ("T-ACME", "T-GLOBEX"):
        message = pw.message(SECRET, channel="own", realm=realm, sender="ada", conversation="d1")
        async with pw.open("partywall.toml") as wall:
            runtime = await wall.runtime()
            accepted = await runtime.vault.inbox.accept(
                runtime.turns.key(message), Arrival(message=message, route={})
            )
            assert accepted is not None
            async with wall.turn(message) as turn:
                runtime.vault.inbox.begin(accepted, turn.opened.turn)
                await turn.reply("one half")
    async with pw.open("partywall.toml") as wall:
        assert await (await wall.runtime()).vault.inbox.recover() == ()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text('profile = "light"\n')
    asyncio.run(died())
    return tmp_path


def listed(*words: str) -> list[dict[str, object]]:
    done = ran("inbox", "list", "--json", *words)
    assert done.code == 0, done.err
    rows: list[dict[str, object]] = json.loads(done.out)
    return rows


def test_what_may_be_answered_is_listed_by_tenant_without_its_words(state: Path) -> None:
    rows = listed()
    assert [row["number"] for row in rows] == [1, 2]
    assert [len(listed("--tenant", str(row["tenant"]))) for row in rows] == [1, 1]
    assert listed("--tenant", "nobody") == []
    shown = ran("inbox", "list").out
    assert str(rows[0]["ref"]) in shown
    assert SECRET not in shown


def test_a_message_is_dismissed_once(state: Path) -> None:
    assert "message 1 is closed" in ran("inbox", "dismiss", "1").out
    assert [row["number"] for row in listed()] == [2]
    again = ran("inbox", "dismiss", "1")
    assert again.code == 1
    assert "partywall inbox list" in again.err


def test_the_doctor_lists_it_with_the_remedy(state: Path) -> None:
    found = [check for check in json.loads(ran("doctor", "--json").out)["checks"] if check["name"] == "inbox"]
    assert [check["state"] for check in found] == ["warning", "warning"]
    assert all("partywall inbox dismiss" in check["remedy"] for check in found)


def test_without_a_database_there_is_nothing_to_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ran("inbox", "list").code == 3
    assert list(tmp_path.iterdir()) == []
