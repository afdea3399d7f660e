"""A distribution of plug-ins, installed and named: what it finds is cut, what it denies stays denied."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firewall.core.errors import Denied
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from partywall.alerts.outcome import Later, Sent
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from partywall.cli.app import app
from partywall.config import parse
from partywall.messages import message
from partywall.testing import memory_wall
from tests.fakes.distribution import built, installed
from tests.fakes.receivers import Says, receiver
from tests.fakes.services import ROOT
from vault.delivery import Delivery, DeliveryState
from vault.ledger import Filter

EXAMPLE = ROOT / "examples" / "plugin"
DOCS = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BADGE, DOOR = "EMP:QKZVWM", "acmedoor_kR8vq2LmT4zW"
REALMS = {"ACME": "T1", "GLOBEX": "T2"}
SETTINGS: dict[str, Any] = {
    "profile": "standard",
    "pii": {"entities": ["CREDIT_CARD"]},
    "tenant": [
        {"id": name, "realms": [{"channel": "own", "realm": realm}]} for name, realm in REALMS.items()
    ],
    "plugins": {
        "detectors": ["acme-badges"],
        "rules": ["acme-codes"],
        "layers": ["acme-promises"],
        "options": {"acme-badges": {"prefix": "EMP"}, "acme-promises": {"phrases": ["we will refund"]}},
    },
}
TOLD = Delivery(
    id="msg_1",
    incident="0123456789abcdef",
    route="acme",
    tenant=TenantId("ACME"),
    layer="redaction",
    rule="foreign_history",
    verb="trigger",
    kind=RecordKind.REDACTION,
    severity=Severity.CRITICAL,
    ref=Ref("ref-1"),
    preview="EMAIL_ADDRESS, 17",
    count=3,
    first_ms=1,
    last_ms=2,
    at_ms=2,
    due_ms=2,
    state=DeliveryState.SENDING,
    attempts=1,
    fault="",
)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Path]:
    site = tmp_path / "site"
    built(site, EXAMPLE)
    with installed(site):
        yield site


def said(tenant: str, sender: str, text: str) -> Any:
    return message(text, channel="own", realm=REALMS[tenant], sender=sender, conversation="d", kind="dm")


async def test_a_named_plug_in_cuts_and_denies_for_every_tenant_alike(tmp_path: Path, acme: Path) -> None:
    async def model(**_: object) -> dict[str, Any]:
        return {
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": f"badge {BADGE}, door {DOOR}"},
                    "finish_reason": "stop",
                }
            ]
        }

    async with memory_wall(tmp_path, **SETTINGS) as wall:
        guarded = wall.guard_model(model)
        for tenant in REALMS:
            async with wall.turn(said(tenant, "ann", "who is that?")) as turn:
                answer = await guarded(model="m", messages=[{"role": "user", "content": "who is that?"}])
                shown = answer["choices"][0]["message"]["content"]
                assert BADGE not in shown
                assert DOOR.removeprefix("acmedoor_") not in shown
                assert "[REDACTED:ID]" in shown
                with pytest.raises(Denied) as denied:
                    await turn.reply("Of course we will REFUND you")
            assert denied.value.reason == "plugin_denied"
            rows = await (await wall.runtime()).vault.records.violations(Filter(ref=Ref(turn.ref)))
            assert ("plugin.acme-promises", "plugin.acme-promises.promise") in {
                (row.record.layer, row.record.rule) for row in rows
            }


async def test_what_the_sender_said_is_the_senders_whatever_a_plug_in_calls_it(
    tmp_path: Path, acme: Path
) -> None:
    async with memory_wall(tmp_path, **SETTINGS) as wall:
        for tenant, shown in (("ACME", f"it is {BADGE}"), ("GLOBEX", "it is [REDACTED:ID]")):
            words = f"I am {BADGE}" if tenant == "ACME" else "who am I?"
            async with wall.turn(said(tenant, "ann", words)) as turn:
                assert await turn.reply(f"it is {BADGE}") == shown


async def test_what_is_installed_and_not_named_never_runs(tmp_path: Path, acme: Path) -> None:
    settings: dict[str, Any] = {**SETTINGS, "plugins": {}}
    async with memory_wall(tmp_path, **settings) as wall, wall.turn(said("ACME", "ann", "hello")) as turn:
        assert await turn.reply(f"badge {BADGE}: we will refund") == f"badge {BADGE}: we will refund"
    assert not [name for name in sys.modules if name.startswith("acme_partywall")]


def route(url: str, **more: object) -> AlertRoute:
    given = {"name": "acme", "kind": "acme-chat", "url": url, "keys_env": ["TOKEN"], "private": True}
    return AlertRoute.model_validate({**given, "options": {"room": "security"}, **more})


async def test_a_kind_of_alert_speaks_in_its_own_words_over_the_walls_own_way_out(acme: Path) -> None:
    with receiver(Says(), Says(status=503)) as heard:
        sender = sender_of(route(heard.url), {"TOKEN": "sesame"})
        assert await sender.send(TOLD, 0) == Sent()
        assert isinstance(await sender.send(replace(TOLD, tenant=TenantId("GLOBEX")), 0), Later)
        sender.close()
    first, second = heard.requests
    assert first.headers["authorization"] == "Bearer sesame"
    assert b'"room": "security"' in first.body
    assert b"| ACME |" in first.body
    assert b"| GLOBEX |" in second.body


async def test_a_kind_of_alert_reaches_no_address_inside_unless_its_route_says_so(acme: Path) -> None:
    sender = sender_of(route("https://localhost/", private=False), {"TOKEN": "sesame"})
    outcome = await sender.send(TOLD, 0)
    sender.close()
    assert isinstance(outcome, Later)
    assert "refused" in outcome.fault


def test_the_doctor_names_every_plug_in_with_its_version(
    tmp_path: Path, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACME_CHAT_TOKEN", "sesame")
    file = tmp_path / "partywall.toml"
    text = (EXAMPLE / "partywall.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("chat.acme.example", "localhost"), encoding="utf-8")
    shown = CliRunner().invoke(app, ["doctor", "--json", "--config", str(file)]).stdout
    for kind, name in (("detectors", "acme-badges"), ("rules", "acme-codes"), ("layers", "acme-promises")):
        assert f"{kind} {name}: acme-partywall 1.2.0, options" in shown
    assert "alerts acme-chat: acme-partywall 1.2.0" in shown
    layers = shown.split('"layers"')[1]
    assert layers.index("accounting") < layers.index("plugin.acme-promises") < layers.index('"redaction"')


def test_a_scan_uses_the_plug_ins_of_its_configuration(
    tmp_path: Path, acme: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pw.toml").write_text('[plugins]\ndetectors = ["acme-badges"]\n', encoding="utf-8")
    (tmp_path / "said.txt").write_text(f"badge {BADGE}\n", encoding="utf-8")
    found = CliRunner().invoke(app, ["scan", "--json", "--config", "pw.toml", "said.txt"])
    assert found.exit_code == 1
    assert "badge [REDACTED:ID]" in found.stdout
    assert CliRunner().invoke(app, ["scan", "said.txt"]).exit_code == 0


@pytest.mark.parametrize("block", re.findall(r"```(?:python|toml)\n(.*?)```", DOCS, re.DOTALL))
def test_every_example_of_the_docs_stands_in_the_distribution_that_is_tested(block: str) -> None:
    sources = [each.read_text(encoding="utf-8") for each in EXAMPLE.rglob("*.*") if each.suffix != ".pyc"]
    assert any(block in source for source in sources)


def test_the_examples_configuration_loads() -> None:
    assert parse((EXAMPLE / "partywall.toml").read_text(encoding="utf-8")).plugins.layers == (
        "acme-promises",
    )
