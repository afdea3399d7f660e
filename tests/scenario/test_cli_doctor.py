"""The doctor on a real state folder: sound, damaged, newer, older; it changes nothing, tells nothing."""

import asyncio
import hashlib
import json
import os
from pathlib import Path

import pytest

from partywall.messages import message
from partywall.wall import open as wall_of
from tests.fakes.commands import ran
from tests.fakes.vaults import altered
from vault.migrations import migrations

SECRET = "ORCHID-4417-0093"
DATABASE = Path(".partywall/partywall.db")


def checks(*words: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    done = ran("doctor", "--json", *words)
    assert SECRET not in done.out + done.err
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(done.out)["checks"]:
        found.setdefault(each["name"], []).append(each)
    return done.code, found


def faults(*words: str) -> list[str]:
    code, found = checks(*words)
    names = [name for name, each in found.items() if any(one["state"] == "fault" for one in each)]
    assert code == bool(names)
    return names


async def lived() -> None:
    async with wall_of("partywall.toml") as wall:
        for tenant in ("ACME", "GLOBEX"):
            said = message(SECRET, channel="own", realm=tenant, sender="ada", conversation="hall")
            async with wall.turn(said) as turn:
                await turn.reply(f"words of nobody, {SECRET}")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder in which two tenants lived."""
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text('profile = "light"\n')
    asyncio.run(lived())
    return tmp_path


def test_a_sound_wall_has_no_faults_and_says_what_each_layer_does(state: Path) -> None:
    done = ran("doctor")
    assert done.code == 0
    assert "0 faults" in done.out
    told = json.loads(ran("doctor", "--json").out)
    assert told["sound"] is True
    assert told["layers"]["redaction"] == "cuts excerpts; looks for no typed values"
    _, found = checks()
    assert "of 2 tenants" in found["receipts"][0]["detail"]
    assert "move" in found["master key"][0]["remedy"]


def test_a_new_folder_is_sound_and_stays_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert faults() == []
    assert list(tmp_path.iterdir()) == []


def test_a_changed_record_is_a_fault_of_that_tenants_chain(state: Path) -> None:
    altered(DATABASE, "UPDATE records SET severity = 'info' WHERE tenant LIKE '%ACME%'")
    assert faults() == ["receipts"]
    _, found = checks()
    assert ["ACME" in each["detail"] for each in found["receipts"]] == [True]


def test_an_intent_without_an_outcome_is_listed_and_is_no_fault(state: Path) -> None:
    altered(DATABASE, "UPDATE effects SET state = 'unknown' WHERE tenant LIKE '%GLOBEX%'")
    assert faults() == []
    _, found = checks()
    assert [each["state"] for each in found["effects"]] == ["warning"]
    assert "send" in found["effects"][0]["detail"]


def test_a_newer_database_is_a_fault_and_stays_as_it_is(state: Path) -> None:
    altered(DATABASE, "PRAGMA user_version = 99")
    before = hashlib.sha256(DATABASE.read_bytes()).hexdigest()
    assert faults() == ["schema"]
    assert hashlib.sha256(DATABASE.read_bytes()).hexdigest() == before


def test_an_older_database_is_announced_and_not_migrated(state: Path) -> None:
    altered(DATABASE, f"PRAGMA user_version = {len(migrations()) - 1}")
    before = hashlib.sha256(DATABASE.read_bytes()).hexdigest()
    assert faults() == []
    _, found = checks()
    assert "back up" in found["schema"][0]["remedy"]
    assert hashlib.sha256(DATABASE.read_bytes()).hexdigest() == before


def test_a_file_that_is_no_database_is_a_fault(state: Path) -> None:
    for path in Path(".partywall").glob("partywall.db*"):
        if path.is_file():
            path.unlink()
    DATABASE.write_bytes(SECRET.encode() * 1_000)
    assert faults() == ["schema"]


def test_a_wrong_a_missing_and_a_shared_key_are_faults(state: Path) -> None:
    key = Path(".partywall/master.key")
    right = key.read_bytes()
    key.write_bytes(bytes(32))
    assert faults() == ["database"]
    key.write_bytes(right)
    os.chmod(key, 0o644)
    assert faults() == ["master key", "database"]
    key.unlink()
    assert faults() == ["master key", "database"]


def test_a_wrong_configuration_is_a_fault_with_its_line(state: Path) -> None:
    Path("partywall.toml").write_text('profile = "light"\nprofil = "x"\n')
    assert faults() == ["configuration"]
    _, found = checks()
    assert "line 2" in found["configuration"][0]["detail"]
    assert "database" not in found


def test_a_folder_that_would_shadow_is_a_fault_with_the_reason(state: Path) -> None:
    (state / "adapters").mkdir()
    done = ran("doctor")
    assert done.code == 1
    assert "adapters" in done.out
    assert faults() == ["packages"]


def test_a_database_in_memory_is_nothing_to_look_into(state: Path) -> None:
    Path("memory.toml").write_text('profile = "light"\n[store]\npath = ":memory:"\n')
    _, found = checks("--config", "memory.toml")
    assert "memory" in found["database"][0]["detail"]
