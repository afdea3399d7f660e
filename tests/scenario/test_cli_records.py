"""A bot's turns are refused and cut; its operator lists, exports and understands what happened."""

import asyncio
import json
import os
import re
import stat
from pathlib import Path

import pytest

from firewall.core.errors import Denied
from firewall.core.message import Message
from partywall.cli.remedies import REMEDIES
from partywall.messages import message
from partywall.wall import Wall
from partywall.wall import open as wall_of
from tests.fakes.commands import ran
from tests.fakes.services import ROOT

SECRET = "ORCHID-4417-0093"
CONFIG = 'profile = "light"\n'


def said(tenant: str, text: str) -> Message:
    return message(
        text, channel="own", realm=tenant, sender="ada", conversation="hall", kind="group", private=True
    )


async def refused(wall: Wall, tenant: str) -> str:
    async with wall.turn(said(tenant, f"please run it, {SECRET}")) as turn:
        with pytest.raises(Denied):
            await turn.call_tool("exec", {"command": f"echo {SECRET}"})
        await turn.reply(f"words of nobody {SECRET}")
        return turn.ref


async def lived() -> dict[str, str]:
    async with wall_of("partywall.toml") as wall:
        return {tenant: await refused(wall, tenant) for tenant in ("ACME", "GLOBEX")}


@pytest.fixture
def refs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """References of one refused turn in each of two tenants."""
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text(CONFIG)
    return asyncio.run(lived())


def tenant_of(name: str) -> str:
    return json.dumps(["own", name, "hall"], separators=(",", ":"))


def listed(*words: str) -> list[dict[str, object]]:
    done = ran("violations", "list", "--json", *words)
    assert done.code == 0, done.err
    rows: list[dict[str, object]] = json.loads(done.out)
    return rows


def test_violations_are_listed_and_filtered(refs: dict[str, str]) -> None:
    rows = listed()
    assert [row["kind"] for row in rows] == ["denial", "notice"] * 2
    assert [row["id"] for row in rows] == sorted(int(str(row["id"])) for row in rows)
    acme = listed("--tenant", tenant_of("ACME"))
    assert {row["ref"] for row in acme} == {refs["ACME"]}
    assert {row["layer"] for row in listed("--layer", "tool_denial")} == {"tool_denial"}
    assert len(listed("--kind", "denial")) == 2
    assert len(listed("--rule", "unaccounted_outbound")) == 2
    assert len(listed("--ref", refs["GLOBEX"])) == 2
    assert len(listed("--principal", str(acme[0]["principal"]), "--tenant", tenant_of("ACME"))) == 2
    assert listed("--since", "2999-01-01") == []
    assert listed("--limit", "1") == rows[-1:]
    assert len(listed("--all")) >= len(rows)


def test_an_empty_scope_is_refused_rather_than_widened(refs: dict[str, str]) -> None:
    assert ran("violations", "list", "--tenant", "").code == 2
    assert ran("violations", "list", "--principal", " ").code == 2


def test_a_table_says_the_same_and_nothing_holds_content(refs: dict[str, str]) -> None:
    shown = [
        ran("violations", "list"),
        ran("violations", "list", "--json"),
        ran("violations", "export"),
        ran("why", refs["ACME"]),
        ran("tenants"),
        ran("doctor", "--json"),
    ]
    assert [done.code for done in shown] == [0] * 6
    assert not any(SECRET in done.out + done.err for done in shown)
    assert "No violation matches" in ran("violations", "list", "--since", "2999-01-01").out


def test_an_export_is_json_lines_in_a_new_file_for_its_owner_only(refs: dict[str, str]) -> None:
    out = ran("violations", "export").out
    assert [json.loads(line) for line in out.splitlines()] == listed()
    assert ran("violations", "export", "--output", "v.jsonl").code == 0
    assert Path("v.jsonl").read_text() == out
    assert stat.S_IMODE(os.stat("v.jsonl").st_mode) == 0o600
    again = ran("violations", "export", "--output", "v.jsonl", "--since", "2999-01-01")
    assert again.code == 2
    assert Path("v.jsonl").read_text() == out


def test_a_reference_is_explained_with_layer_rule_subject_and_remedy(refs: dict[str, str]) -> None:
    rows = json.loads(ran("why", refs["ACME"], "--json").out)
    denial = next(row for row in rows if row["kind"] == "denial")
    assert (denial["layer"], denial["rule"], denial["subject"]) == (
        "tool_denial",
        "denied_class:exec",
        "tool_call",
    )
    assert denial["tenant"] == tenant_of("ACME")
    assert denial["remedy"] == next(text for code, text in REMEDIES.items() if code == denial["reason"])
    told = ran("why", refs["ACME"]).out
    assert "refused" in told
    assert "tools.grants" in told


def test_an_unknown_reference_is_said_to_be_one(refs: dict[str, str]) -> None:
    done = ran("why", "0123456789abcdef")
    assert (done.code, done.out) == (1, "")
    assert "nothing is on record" in done.err


def test_tenants_are_those_seen_and_those_configured(refs: dict[str, str]) -> None:
    Path("named.toml").write_text(f'{CONFIG}[[tenant]]\nid = "INITECH"\n')
    rows = json.loads(ran("tenants", "--json", "--config", "named.toml").out)
    assert {row["tenant"]: (row["configured"], row["principals"]) for row in rows} == {
        "INITECH": (True, 0),
        tenant_of("ACME"): (False, 1),
        tenant_of("GLOBEX"): (False, 1),
    }


def test_the_docs_name_every_field_of_a_record(refs: dict[str, str]) -> None:
    text = (ROOT / "docs" / "violations.md").read_text()
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(listed()[0])


@pytest.mark.parametrize("page", ["violations.md", "cli.md", "operations/backup.md"])
def test_the_commands_of_the_docs_work(page: str, refs: dict[str, str]) -> None:
    """Every shell line of a page, with a reference that exists, in the order in which the page gives them."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) >= 3
    for line in lines:
        value, _, command = line.rpartition(" | ")
        words = command.replace("0123456789abcdef", refs["ACME"]).split()
        assert words[0] == "partywall"
        printed = re.fullmatch(r"printf %s '(.*)'", value)
        done = ran(*words[1:], stdin=printed[1].encode() if printed else b"")
        assert done.code == 0, (line, done.err)
