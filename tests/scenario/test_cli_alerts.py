"""An operator tries a route, looks at what was told, has the dead sent again, and closes an incident."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from firewall.core.ids import TenantId
from partywall.alerts.routes import checked
from partywall.alerts.senders import sender_of
from partywall.config import parse
from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.commands import ran
from tests.fakes.receivers import Behaviour, Receiver, Says, receiver
from tests.fakes.services import ROOT
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, opened_turn, turn
from vault.delivery import Delivery
from vault.incidents import Wish
from vault.open import Vault, open_vault
from vault.outbox import Violation
from vault.receivers import Receiver as Known

PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OPS = Known(route="ops", mark="m", per_minute=100)


def wished(_: Violation) -> Sequence[Wish]:
    return (Wish(route="ops", window_ms=1_000),)


async def told(outcome: str) -> tuple[Delivery, ...]:
    """Have something happen to each of two tenants, and what is told of it end so."""
    async with await open_vault("partywall.db", clock=SystemClock(), ids_factory=KeyedIds) as vault:
        await vault.deliveries.meet([OPS])
        for tenant in (ACME, GLOBEX):
            await vault.records.record(judgement(opened_turn(vault, turn(tenant)), denial()))
        await vault.deliveries.expand(wished)
        found = await vault.deliveries.lease(OPS, at_once=10)
        for each in found:
            await _ended(vault, each, outcome)
        return found


async def _ended(vault: Vault, delivery: Delivery, outcome: str) -> None:
    if outcome == "sent":
        await vault.deliveries.sent(delivery)
    else:
        await vault.deliveries.buried(delivery, "http 410", disable=True)


@pytest.fixture(autouse=True)
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, and a configuration of two tenants with a route to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_KEY", KEY)
    with receiver() as made:
        Path("partywall.toml").write_text(
            f"""
            profile = "light"
            store.path = "partywall.db"
            tenant = [{{ id = "ACME" }}, {{ id = "GLOBEX" }}]
            [[alert]]
            name = "ops"
            kind = "webhook"
            url = "{made.url}"
            keys_env = ["HOOK_KEY"]
            private = true
            """
        )
        yield made


def rows(*words: str) -> list[dict[str, object]]:
    done = ran("alerts", *words, "--json")
    assert done.code == 0, done.err
    found: list[dict[str, object]] = json.loads(done.out)
    return found


def test_a_route_is_tried_without_a_database_and_what_was_opened_is_closed(far: Receiver) -> None:
    done = ran("alerts", "test", "ops")
    assert (done.code, done.out) == (0, "route ops took the message\n")
    assert [json.loads(each.body)["type"] for each in far.requests] == ["incident.opened", "incident.closed"]
    assert {json.loads(each.body)["data"]["tenant"] for each in far.requests} == {"test"}
    assert not Path("partywall.db").exists()


def test_a_route_that_fails_says_how_and_what_the_receiver_says_is_not_repeated(far: Receiver) -> None:
    far.script.append(Says(status=500, body=b"kelp-47-lantern"))
    done = ran("alerts", "test", "ops")
    assert done.code == 3
    assert "http 500" in done.err
    assert "kelp" not in done.err + done.out


def test_a_route_that_is_not_configured_is_named_with_those_that_are() -> None:
    done = ran("alerts", "test", "pager")
    assert done.code == 2
    assert "there are: ops" in done.err


def test_a_missing_secret_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_KEY")
    done = ran("alerts", "test", "ops")
    assert done.code == 2
    assert "HOOK_KEY is not set" in done.err


def test_what_was_told_is_listed_by_tenant_route_and_state() -> None:
    first, _ = asyncio.run(told("sent"))
    assert [row["tenant"] for row in rows("list")] == [ACME, GLOBEX]
    assert [row["tenant"] for row in rows("list", "--tenant", "GLOBEX")] == [GLOBEX]
    assert rows("list", "--route", "nobody") == rows("list", "--state", "dead") == rows("dead") == []
    shown = ran("alerts", "list").out
    assert first.incident in shown
    assert first.id in shown
    assert "No message is dead." in ran("alerts", "dead").out


def test_the_dead_are_listed_and_sent_again_one_or_all_of_a_route() -> None:
    first, _ = asyncio.run(told("gone"))
    assert [row["fault"] for row in rows("dead")] == ["http 410", "http 410"]
    assert "route ops is disabled" in ran("alerts", "dead").err
    assert "1 message is due again" in ran("alerts", "retry", first.id).out
    assert ran("alerts", "retry", first.id).code == 1
    assert "1 message is due again" in ran("alerts", "retry", "--route", "ops").out
    assert rows("dead") == []
    assert "disabled" not in ran("alerts", "dead").err
    assert ran("alerts", "retry").code == 2


def test_a_misspelt_route_is_told_from_one_without_dead_messages() -> None:
    asyncio.run(told("sent"))
    assert "0 messages are due again" in ran("alerts", "retry", "--route", "ops").out
    done = ran("alerts", "retry", "--route", "opps")
    assert (done.code, "there are: ops" in done.err) == (2, True)


ENDS: dict[str, tuple[Behaviour, str]] = {
    "redirects": (
        Says(status=302, headers={"Location": "https://example.org"}),
        "name the address it",
    ),
    "knows-no-key": (Says(status=401), "check the variable that the route names"),
    "refuses": (Says(status=422), "check the address and the key"),
    "is-broken": (Says(status=503), "a fault of its own"),
    "hangs": ("hang", "timeout_s"),
    "speaks-no-http": ("garbage", "check the address and the port"),
    "hangs-up": ("reset", "check"),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_trial_that_fails_says_what_to_do(far: Receiver, case: str) -> None:
    behaviour, words = ENDS[case]
    config = Path("partywall.toml")
    config.write_text(f"{config.read_text()}timeout_s = 1.0\n")
    far.script.append(behaviour)
    done = ran("alerts", "test", "ops")
    assert (done.code, words in done.err) == (3, True), done.err
    assert done.err.count("\n") == 1


def test_a_trial_that_cannot_be_closed_says_which_incident_stays_open(far: Receiver) -> None:
    far.script += [Says(), Says(status=500)]
    done = ran("alerts", "test", "ops")
    incident = json.loads(far.requests[0].body)["data"]["incident"]
    assert (done.code, f"test incident {incident} stays open" in done.err) == (3, True)


def test_a_trial_at_an_address_inside_is_not_sent(far: Receiver) -> None:
    config = Path("partywall.toml")
    config.write_text(config.read_text().replace("http://", "https://").replace("private = true", ""))
    done = ran("alerts", "test", "ops")
    assert (done.code, "private = true" in done.err, far.requests) == (3, True, [])


def test_what_was_told_is_pruned_by_age_and_the_dead_stay() -> None:
    first, _ = asyncio.run(told("gone"))
    assert ran("alerts", "prune").code == 2
    config = Path("partywall.toml")
    config.write_text(f"{config.read_text()}[alerts]\nkeep_days = 30\n")
    assert "0 messages older than 30 days" in ran("alerts", "prune").out
    assert first.id in ran("alerts", "dead").out


def test_the_doctor_tells_of_dead_messages_and_of_routes_that_are_off() -> None:
    asyncio.run(told("gone"))
    checks = json.loads(ran("doctor", "--json").out)["checks"]
    told_of = [each for each in checks if each["name"] == "messages"]
    assert [each["state"] for each in told_of] == ["warning", "warning"]
    assert "switched off" in told_of[0]["detail"]
    assert "2 never arrived" in told_of[1]["detail"]


def test_an_id_is_never_broken_in_a_pipe_or_on_a_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = asyncio.run(told("gone"))
    monkeypatch.delenv("COLUMNS", raising=False)
    piped = ran("alerts", "dead").out.splitlines()
    assert [line for line in piped if first.id in line and first.incident in line and "http 410" in line]
    monkeypatch.setenv("COLUMNS", "60")
    narrow = ran("alerts", "dead").out
    assert f"id: {second.id}\nincident: {second.incident}\n" in narrow
    assert "- http 410: the receiver was taken down for good" in narrow


def test_an_incident_is_closed_once_and_only_its_own_tenant_hears_of_it() -> None:
    first, _ = asyncio.run(told("sent"))
    assert f"incident {first.incident} is closed" in ran("alerts", "resolve", first.incident).out
    assert ran("alerts", "resolve", first.incident).code == 1
    assert [row["verb"] for row in rows("list", "--tenant", "ACME")] == ["trigger", "resolve"]
    assert [row["verb"] for row in rows("list", "--tenant", "GLOBEX")] == ["trigger"]


def test_the_page_configures_routes_that_load_and_tells_tenants_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    on_call, siem = parse(block).alerts
    assert (on_call.tenants, siem.tenants) == ((), ("acme",))
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "r" * 32)
    monkeypatch.setenv("ACME_HOOK_KEY", KEY)
    checked(parse(block).alerts, [TenantId("acme"), TenantId("globex")])
    for each in (on_call, siem):
        sender_of(each).close()


def test_every_command_of_the_page_works() -> None:
    first, _ = asyncio.run(told("gone"))
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert len(block.splitlines()) == 5
    for line in block.splitlines():
        words = line.replace("0123456789abcdef", first.incident).replace("on-call", "ops").split()
        done = ran(*words[1:])
        assert (words[0], done.code) == ("partywall", 0), (line, done.err)


def test_the_pages_check_of_a_signature_takes_ours_and_no_other(far: Receiver) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/alerts.md", "exec"), names)  # noqa: S102 - our own documentation
    assert ran("alerts", "test", "ops").code == 0
    heard = far.requests[0]
    assert names["is_ours"](KEY, heard.headers, heard.body)
    assert not names["is_ours"](KEY, heard.headers, heard.body + b" ")
    assert not names["is_ours"]("whsec_" + "A" * 32, heard.headers, heard.body)
