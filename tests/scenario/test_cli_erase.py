"""An operator meets a person's request for erasure, and a tenant that leaves takes everything along."""

import asyncio
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import Denied
from partywall.messages import message
from partywall.wall import Wall
from partywall.wall import open as wall_of
from tests.fakes.commands import Ran, process, ran
from tests.scenario.test_cli_receipts import audited, contents

SECRET = "ORCHID-4417-0093"
CONFIG = """
profile = "light"
[[tenant]]
id = "ACME"
realms = [{ channel = "own", realm = "realm-acme" }]
[[tenant]]
id = "GLOBEX"
realms = [{ channel = "own", realm = "realm-globex" }]
"""
PEOPLE = ("ada-4417", "bob-8826")


def person(name: str, tenant: str = "ACME") -> str:
    return f"principal:own/realm-{tenant.lower()}/{name}"


def value(name: str, *, private: bool = True) -> str:
    """Something that only this person said, and only there."""
    return hashlib.sha256(f"{name} {private}".encode()).hexdigest()[:20]


async def spoke(wall: Wall, tenant: str, name: str, *, private: bool) -> None:
    said = message(
        value(name, private=private),
        channel="own",
        realm=f"realm-{tenant.lower()}",
        sender=name,
        conversation=f"dm-{name}" if private else "hall",
        kind="dm" if private else "group",
    )
    async with wall.turn(said) as turn:
        path = f"plans-{name}-{'private' if private else 'hall'}.txt"
        await turn.call_tool("write", {"path": path, "text": value(name, private=private)})
        await turn.remember(f"key-{name}", value(name, private=private))
        with pytest.raises(Denied):
            await turn.call_tool("exec", {"command": "echo"})


async def lived() -> None:
    async with wall_of("partywall.toml") as wall:
        for tenant in ("ACME", "GLOBEX"):
            for name in PEOPLE:
                await spoke(wall, tenant, f"{name}-{tenant}", private=True)
                await spoke(wall, tenant, f"{name}-{tenant}", private=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a bot served two people of each of two tenants, and stands still."""
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text(CONFIG)
    asyncio.run(lived())
    for name in PEOPLE:
        words = ("vault", "add", "badge", "-t", "ACME", "-r", person(f"{name}-ACME"))
        assert ran(*words, stdin=f"{SECRET} of {name}".encode()).code == 0
    return tmp_path


def given(*words: str) -> Any:
    done = ran(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def traces(value: str) -> list[str]:
    """Name the files in which this stands, or that are called so."""
    files = [each for each in Path(".partywall").rglob("*") if stat.S_ISREG(each.lstat().st_mode)]
    return [str(each) for each in files if value in each.name or value.encode() in each.read_bytes()]


def answered(tenant: str, name: str) -> tuple[object, ...]:
    """Ask as that person: what is remembered, what stands in the files."""

    async def asked() -> tuple[object, ...]:
        async with wall_of("partywall.toml") as wall:
            said = message(
                "what do you know?",
                channel="own",
                realm=f"realm-{tenant.lower()}",
                sender=name,
                conversation=f"dm-{name}",
            )
            async with wall.turn(said) as turn:
                return dict(await turn.recall()), await turn.call_tool("list", {"path": "."})

    return asyncio.run(asked())


def test_a_persons_data_is_counted_then_erased_and_found_nowhere() -> None:
    ada, bob = "ada-4417-ACME", "bob-8826-ACME"
    assert traces(f"plans-{ada}")
    assert traces(ada)
    assert len(traces(value(ada))) == len(traces(value(ada, private=False))) == 1
    dry = given("erase", "ACME", person(ada), "--dry-run")
    assert dry["erased"] is False
    assert (dry["counts"]["files"], dry["counts"]["sessions"], dry["counts"]["entries"]) == (2, 2, 1)
    assert SECRET not in json.dumps(dry)
    assert given("erase", "ACME", person(ada), "--dry-run") == dry
    done = given("erase", "ACME", person(ada), "--yes")
    assert (done["counts"], done["chain"], done["rewritten"]) == (dry["counts"], "ACME", True)
    assert traces(ada) + traces(value(ada)) + traces(value(ada, private=False)) == []
    assert len(traces(f"plans-{bob}")) == 2
    assert ran("erase", "ACME", person(ada), "--dry-run").code == 1
    assert given("receipts", "verify")["log"]["erased"] == done["counts"]["receipts"]
    assert ran("doctor").code == 0
    assert answered("ACME", ada) == ({}, "[]")
    recalled, files = answered("ACME", bob)
    assert recalled == {f"key-{bob}": value(bob)}
    assert f"plans-{bob}-private.txt" in json.dumps(files)
    assert ran("vault", "show", "badge", "-t", "ACME").out == f"{SECRET} of bob-8826\n"


def test_a_bundle_with_erased_receipts_verifies_and_says_so() -> None:
    export = ("receipts", "export", "--tenant", "ACME")
    ran(*export, "--bundle", "before.zip")
    before = contents("before.zip")["receipts.jsonl"].splitlines()
    count = given("erase", "ACME", person("ada-4417-ACME"), "--yes")["counts"]["receipts"]
    assert ran(*export, "--bundle", "after.zip").code == 0
    assert ran(*export, "--dsse", "after.jsonl").code == 0
    found = audited("after.zip")
    assert (found.code, f"{count} of them have no salt" in found.out) == (0, True), found.out
    after = contents("after.zip")["receipts.jsonl"].splitlines()
    assert len(after) == len(before) + 1
    assert json.loads(json.loads(after[-1])["body"])["act"] == "erase"
    bare = [json.loads(each) for each in after if json.loads(each)["body"] == ""]
    assert len(bare) == count
    assert {each["salt"] for each in bare} == {None}
    hashes = [json.loads(each)["hash"] for each in before]
    assert [json.loads(each)["hash"] for each in after[:-1]] == hashes


def test_a_tenant_that_leaves_is_found_nowhere_and_its_chain_verifies() -> None:
    done = given("erase", "ACME", "--all", "--yes")
    assert done["chain"].startswith("erased-")
    assert traces("ACME") == []
    assert traces("realm-acme") == []
    assert traces("ada-4417-GLOBEX")
    chains = {each["tenant"]: each["receipts"] for each in given("receipts", "verify")["chains"]}
    assert chains[done["chain"]] == done["counts"]["receipts"] + 1
    assert ran("doctor").code == 0
    assert ran("receipts", "export", "--tenant", done["chain"], "--bundle", "left.zip").code == 0
    assert audited("left.zip").code == 0
    assert "ACME" not in contents("left.zip")["receipts.jsonl"].decode()


def test_a_running_bot_is_to_be_stopped_first() -> None:
    async def refused() -> tuple[Ran, Ran]:
        async with wall_of("partywall.toml"):
            words = ("erase", "ACME", person("ada-4417-ACME"))
            return tuple(  # type: ignore[return-value]
                [
                    await asyncio.to_thread(process, *words, more, cwd=Path.cwd())
                    for more in ("--yes", "--dry-run")
                ]
            )

    stopped, counted = asyncio.run(refused())
    assert (stopped.code, "stop the bot" in stopped.err) == (3, True)
    assert counted.code == 0, counted.err
    assert traces("plans-ada-4417-ACME")


def test_nothing_goes_without_a_yes() -> None:
    words = ("erase", "ACME", person("ada-4417-ACME"))
    asked = ran(*words, stdin=b"n\n")
    assert (asked.code, "nothing was erased" in asked.err) == (1, True)
    assert "sessions" in asked.out
    assert traces("plans-ada-4417-ACME")
    assert ran(*words, stdin=b"y\n").code == 0
    assert traces("ada-4417-ACME") == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("erase", "ACME"), 2, "--all", id="neither-a-person-nor-all"),
        pytest.param(("erase", "ACME", "somebody", "--all"), 2, "--all", id="both"),
        pytest.param(("erase", "ACME", "principal:own"), 2, "CHANNEL/REALM/SENDER", id="a-malformed-person"),
        pytest.param(("erase", "ACME", "somebody", "--yes"), 1, "nothing is kept", id="an-unknown-person"),
        pytest.param(("erase", "INITECH", "--all", "--yes"), 1, "nothing is kept", id="an-unknown-tenant"),
    ],
)
def test_a_wrong_request_erases_nothing(words: tuple[str, ...], code: int, said: str) -> None:
    done = ran(*words)
    assert (done.code, said in done.err) == (code, True), done.err
    assert traces("plans-ada-4417-ACME")
    assert given("receipts", "verify")["log"]["erased"] == 0
