"""Policies through the whole wall: a tenant's rule denies its own bot's call, by argument and by host."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters import litellm_model
from firewall.core.ids import Ref
from firewall.core.receipt import RecordKind
from firewall.core.verdict import ReasonCode, Severity
from firewall.policy.actions import ACTIONS
from firewall.policy.cedar import schema_text
from firewall.policy.rule import ANNOTATIONS
from partywall.bot import Bot
from partywall.cli.app import main
from partywall.config import parse
from partywall.policy_examples import tried
from partywall.wall import Wall
from tests.fakes.channels import MemoryChannel
from tests.fakes.models import Call, Scripted
from tests.fakes.services import ROOT
from vault.ledger import Filter, Stored

ACME, GLOBEX = "T-ACME", "T-GLOBEX"
RULES = """
@id("no-gold") @severity("critical") @reason("gold is bought by people")
forbid(principal, action == Action::"tool_call", resource == Tool::"order")
when { resource.hasTag("what") && resource.getTag("what") like "*gold*" };

@id("no-paste") forbid(principal, action == Action::"tool_reach", resource)
when { resource.name like "*.paste.example" };

@id("doubled") forbid(principal, action == Action::"tool_call", resource == Tool::"pay")
when { context.numbers.hasTag("amount") && context.numbers.getTag("amount") * 2 > 100 };

@id("watched") @mode("shadow") forbid(principal, action == Action::"outbound", resource);

@id("hidden") @obligation("redact")
permit(principal, action == Action::"tool_result", resource == Tool::"salary");

@id("ask") @obligation("approve")
permit(principal, action == Action::"tool_call", resource == Tool::"leave");
"""
CALLS = (
    Call(name="order", arguments={"what": "a bar of gold"}),
    Call(name="order", arguments={"what": "a bar of soap"}),
    Call(name="post", arguments={"url": "https://my.paste.example/new"}),
    Call(name="post", arguments={"url": "https://docs.example.org/new"}),
    Call(name="pay", arguments={"amount": 2**62}),
    Call(name="pay", arguments={"amount": 20}),
    Call(name="salary", arguments={}),
    Call(name="leave", arguments={}),
)


@pytest.fixture
def model() -> Iterator[Scripted]:
    scripted = Scripted([list(CALLS), "done", list(CALLS), "done"])
    litellm_model.register("scripted", scripted)
    yield scripted
    litellm_model.unregister("scripted")


def settings(path: Path, **more: object) -> dict[str, Any]:
    rules = path / "acme.cedar"
    rules.write_text(RULES)
    tenants = [
        {
            "id": realm,
            "realms": [{"channel": "memory", "realm": realm}],
            "tools": {"hosts": [".paste.example", "docs.example.org"], "carry": ["post"]},
            "policy": {"files": [str(rules)] if realm == ACME else []},
        }
        for realm in (ACME, GLOBEX)
    ]
    store = {"path": str(path / "wall.db"), "synchronous": "NORMAL"}
    return {"profile": "light", "model": "scripted/bot", "tenant": tenants, "store": store, **more}


def furnish(wall: Wall) -> list[str]:
    """Declare the tools, and give what really ran."""
    ran: list[str] = []

    @wall.tool(reads="public", effect=True)
    async def order(what: pw.Text) -> str:
        ran.append(what)
        return "ordered"

    @wall.tool(reads="public")
    async def post(url: pw.Url) -> str:
        ran.append(url)
        return "posted"

    @wall.tool(reads="public", effect=True)
    async def pay(amount: int) -> str:
        ran.append(str(amount))
        return "paid"

    @wall.tool(reads="public")
    async def salary() -> str:
        ran.append("salary")
        return "fifty thousand"

    @wall.tool(reads="public", effect=True)
    async def leave() -> str:
        ran.append("leave")
        return "granted"

    return ran


async def records(wall: Wall) -> Sequence[Stored]:
    return [each async for each in (await wall.runtime()).vault.records.export(Filter(violation=None))]


async def test_a_rule_of_one_tenant_denies_its_bots_calls_and_no_others(
    tmp_path: Path, model: Scripted
) -> None:
    channel = MemoryChannel()
    async with pw.open(settings(tmp_path)) as wall:
        ran = furnish(wall)
        answered: dict[str, list[str]] = {}
        for realm in (ACME, GLOBEX):
            before = len(ran)
            async with Bot(wall, wall.agent(), [channel]).serving():
                await channel.says(
                    pw.message("go", channel="memory", realm=realm, sender="ada", conversation=f"D-{realm}")
                )
            answered[realm] = ran[before:]
        kept = await records(wall)
    assert answered[ACME] == ["a bar of soap", "https://docs.example.org/new", "20", "salary"]
    assert answered[GLOBEX] == [
        *("a bar of gold", "a bar of soap", "https://my.paste.example/new", "https://docs.example.org/new"),
        *(str(2**62), "20", "salary", "leave"),
    ]
    ours = [each for each in kept if each.record.layer == "policy"]
    assert {each.tenant for each in ours} == {ACME}
    denied = {(each.reason, each.record.rule) for each in ours if each.record.kind is RecordKind.DENIAL}
    assert denied == {
        (ReasonCode.POLICY_DENIED, "tenant.no-gold"),
        (ReasonCode.POLICY_DENIED, "tenant.no-paste"),
        (ReasonCode.POLICY_FAILED, "tenant:failed"),
        (ReasonCode.APPROVAL_UNAVAILABLE, "policy"),
    }
    assert {each.record.severity for each in ours if each.record.rule == "tenant.no-gold"} == {
        Severity.CRITICAL
    }
    assert "tenant.watched" in {each.record.rule for each in ours if each.record.kind is RecordKind.SHADOW}
    told = json.dumps([request["messages"] for request in model.requests[:2]])
    assert "fifty thousand" not in told
    assert "[REDACTED:OTHER]" in told
    assert "fifty thousand" in json.dumps(model.requests[3]["messages"])
    assert channel.shown[f"D-{ACME}"] == ["done"]
    assert not any("gold" in each.record.preview for each in kept)


async def test_why_names_the_scope_and_the_policy(tmp_path: Path) -> None:
    async with pw.open(settings(tmp_path)) as wall:
        furnish(wall)
        message = pw.message("go", channel="memory", realm=ACME, sender="ada", conversation="D")
        async with wall.turn(message) as turn:
            with pytest.raises(pw.Denied) as denied:
                await turn.call_tool("order", {"what": "gold"})
        found = await (await wall.runtime()).vault.records.why(Ref(denied.value.ref))
    assert [each.record.rule for each in found] == ["tenant.no-gold"]
    assert "gold" not in str(denied.value)


async def test_a_job_is_judged_by_its_own_rules(tmp_path: Path) -> None:
    rules = tmp_path / "digest.cedar"
    rules.write_text('@id("quiet") forbid(principal, action == Action::"tool_call", resource);')
    task = {"task": [{"job": "digest", "files": [str(rules)]}]}
    async with pw.open(settings(tmp_path, policy=task)) as wall:
        ran = furnish(wall)
        message = pw.message("go", channel="memory", realm=GLOBEX, sender="bob", conversation="D")
        async with wall.turn(message) as turn:
            await turn.call_tool("order", {"what": "soap"})
        for name in ("other", "digest"):
            async with wall.job(name, creator=message.sender, destination=message.conversation) as job:
                if name == "digest":
                    with pytest.raises(pw.Denied, match="Reference"):
                        await job.call_tool("order", {"what": "soap"})
                else:
                    await job.call_tool("order", {"what": "soap"})
        assert ran == ["soap", "soap"]
        # Whoever calls their message a job is none: the id alone decides nothing.
        named = pw.message(
            "x", channel="memory", realm=GLOBEX, sender="bob", conversation="D", id="job:digest"
        )
        async with wall.turn(named) as turn:
            await turn.call_tool("order", {"what": "soap"})


def test_the_doctor_finds_a_policy_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = tmp_path / "wrong.cedar"
    rules.write_text('@id("x") forbid(principal, action, resource) when { context.secret };')
    config = tmp_path / "partywall.toml"
    config.write_text(f'[store]\npath = ":memory:"\n[policy]\nfiles = ["{rules}"]\n')
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--config", str(config), "--json"])
    assert end.value.code == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    (found,) = [each for each in checks if each["name"] == "policies"]
    assert found["state"] == "fault"
    assert "line 1, column 61" in found["detail"]


def test_what_the_page_shows_is_sound(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    blocks: dict[str, list[str]] = {"cedar": [], "toml": []}
    for kind, block in re.findall(r"^```(cedar|toml)\n(.*?)^```$", page, re.M | re.S):
        blocks[kind].append(block)
    (rules,), (config, examples) = blocks["cedar"], blocks["toml"]
    found = parse(config)
    assert found.tenants[0].policy.files == ("acme.cedar",)
    assert [found.policy.conversations[0].id, found.policy.tasks[0].job] == ["C0456EFGH", "digest"]
    (tmp_path / "acme.cedar").write_text(rules)
    (tmp_path / "acme.test.toml").write_text(examples)
    assert [each.holds for each in tried(tmp_path / "acme.test.toml")] == [True]
    # Every fact of the schema and every annotation is on the page.
    named = set(re.findall(r"^  (\w+)\??: ", schema_text(), re.M)) | ACTIONS | set(ANNOTATIONS)
    assert {each for each in named if not re.search(rf"\b{each}\b", page)} == set()
