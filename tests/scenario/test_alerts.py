"""Operators are told: real receivers on loopback that work, hang, refuse, redirect, and talk nonsense."""

import asyncio
import json
import logging
import sqlite3
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

import partywall as pw
from firewall.core.ids import TenantId
from partywall.alerts.mail import Mail, MailServer
from partywall.alerts.outcome import Later, Outcome, Refused, Sent
from partywall.alerts.relay import Relay, relay_of
from partywall.alerts.routes import Route
from partywall.alerts.settings import AlertRoute
from tests.fakes.receivers import Behaviour, Heard, Mailbox, Receiver, Says, receiver, sealed_by
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    SteppedClock,
    denial,
    judgement,
    opened,
    opened_turn,
    turn,
)
from vault.delivery import Delivery, DeliveryState
from vault.open import Vault, open_vault
from vault.receivers import Receiver as Known

SECRET = "kelp-47-lantern"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENVIRONMENT = {"HOOK_KEY": KEY}
DAY_MS = 86_400_000


def hook(url: str, name: str = "ops", **more: object) -> AlertRoute:
    given = {"name": name, "kind": "webhook", "url": url, "keys_env": ("HOOK_KEY",), "private": True}
    return AlertRoute.model_validate({**given, **more})


@asynccontextmanager
async def relaying(vault: Vault, clock: SteppedClock, *routes: AlertRoute) -> AsyncGenerator[Relay]:
    ids = CountedIds(b"s" * 32)
    relay = relay_of(routes, (), vault.deliveries, clock, ids, ENVIRONMENT, poll_s=0.01)
    assert relay is not None
    relay.start()
    try:
        yield relay
    finally:
        await relay.close()


async def happens(vault: Vault, tenant: TenantId = ACME, rule: str = "unknown_tool") -> None:
    await vault.records.record(judgement(opened_turn(vault, turn(tenant)), denial(rule)))


async def until(vault: Vault, wanted: Callable[[tuple[Delivery, ...]], bool]) -> tuple[Delivery, ...]:
    """Look until the deliveries are as wanted."""
    async with asyncio.timeout(30):
        found = await vault.deliveries.listed()
        while not wanted(found):
            found = await vault.deliveries.listed()
    return found


def arrived(count: int = 1) -> Callable[[tuple[Delivery, ...]], bool]:
    return lambda found: [each.state for each in found].count(DeliveryState.SENT) == count


def failed(found: tuple[Delivery, ...]) -> bool:
    return bool(found) and found[0].state in ("waiting", "dead") and found[0].fault != ""


def everything(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.rglob("*") if each.is_file())


def told(heard: Heard) -> dict[str, object]:
    facts: dict[str, object] = json.loads(heard.body)["data"]
    return facts


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def vault(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Vault]:
    async with await opened(tmp_path / "partywall.db", clock) as vault:
        yield vault


async def test_a_violation_arrives_signed_and_names_its_tenant_rule_and_reference(
    vault: Vault, clock: SteppedClock
) -> None:
    with receiver() as far:
        async with relaying(vault, clock, hook(far.url)):
            await happens(vault)
            (heard,) = await far.heard(1)
            (delivery,) = await until(vault, arrived())
    facts = told(heard)
    assert heard.headers["webhook-id"] == delivery.id
    assert (facts["tenant"], facts["rule"], facts["ref"]) == (ACME, "unknown_tool", "ACME-u1-ref-1")
    assert (facts["severity"], facts["violations"], facts["preview"]) == ("high", 1, "tool, 4")
    stamp = heard.headers["webhook-timestamp"]
    signed = Verifier(KEY).sign(delivery.id, datetime.fromtimestamp(int(stamp), UTC), heard.body.decode())
    assert heard.headers["webhook-signature"] == signed


async def test_a_route_of_one_tenant_never_hears_of_another(vault: Vault, clock: SteppedClock) -> None:
    with receiver() as acmes, receiver() as everybodys:
        routes = hook(acmes.url, "acmes", tenants=("ACME",)), hook(everybodys.url)
        async with relaying(vault, clock, *routes):
            await happens(vault, GLOBEX)
            await happens(vault, ACME)
            await happens(vault, GLOBEX, "other_rule")
            await until(vault, arrived(4))
    assert [told(each)["tenant"] for each in acmes.requests] == [ACME]
    assert sorted(str(told(each)["tenant"]) for each in everybodys.requests) == [ACME, GLOBEX, GLOBEX]
    assert all(b"GLOBEX" not in each.body for each in acmes.requests)


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        pytest.param(Says(status=500), "http 500", id="500"),
        pytest.param(Says(status=302, headers={"Location": "/elsewhere"}), "http 302", id="redirect"),
        pytest.param("garbage", "protocol", id="garbage"),
        pytest.param("reset", "unreachable", id="reset"),
        pytest.param("hang", "timeout", id="hangs"),
        pytest.param(Says(body=b"x" * 1_100_000), "too_large", id="an-endless-answer"),
    ],
)
async def test_what_did_not_arrive_comes_again_later_under_the_same_id_and_says_the_same(
    vault: Vault, clock: SteppedClock, behaviour: Behaviour, fault: str
) -> None:
    with receiver(behaviour) as far:
        async with relaying(vault, clock, hook(far.url, timeout_s=0.5)):
            await happens(vault)
            (delivery,) = await until(vault, failed)
            assert (delivery.fault, delivery.state) == (fault, "waiting")
            assert 4_000 <= delivery.due_ms - clock.at_ms <= 6_000
            clock.at_ms = delivery.due_ms
            (delivery,) = await until(vault, arrived())
    first, second = far.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery.id
    assert (first.path, first.body) == (second.path, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


async def test_a_receiver_that_asks_for_time_gets_it_and_so_do_its_other_messages(
    vault: Vault, clock: SteppedClock
) -> None:
    with receiver(Says(status=429, headers={"Retry-After": "120"})) as far:
        async with relaying(vault, clock, hook(far.url)):
            await happens(vault)
            (delivery,) = await until(vault, failed)
            assert delivery.due_ms == clock.at_ms + 120_000
            await happens(vault, rule="other_rule")
            await until(vault, lambda found: len(found) == 2)
            clock.at_ms += 119_000
            assert await vault.deliveries.idle(["ops"])
            clock.at_ms += 1_000
            await until(vault, arrived(2))
    assert len(far.requests) == 3


async def test_410_disables_the_receiver_and_nothing_more_is_sent(
    vault: Vault, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    with receiver(Says(status=410)) as far, caplog.at_level(logging.WARNING, "partywall"):
        async with relaying(vault, clock, hook(far.url)):
            await happens(vault)
            await until(vault, lambda found: bool(found) and found[0].state == "dead")
            await happens(vault, rule="other_rule")
            await until(vault, lambda found: len(found) == 2)
            clock.at_ms += DAY_MS
            assert await vault.deliveries.idle(["ops"])
            assert await vault.deliveries.revive(route="ops") == 1
            await until(vault, arrived(2))
    assert len(far.requests) == 3
    assert "alert route ops is disabled" in caplog.text


async def test_a_message_is_given_up_after_a_day_and_kept(vault: Vault, clock: SteppedClock) -> None:
    begun_ms = clock.at_ms
    with receiver(otherwise=Says(status=503)) as far:
        async with relaying(vault, clock, hook(far.url)):
            await happens(vault)
            while (await until(vault, failed))[0].state != "dead":
                clock.at_ms += 3_600_000
    assert clock.at_ms - begun_ms > 20 * 3_600_000
    assert len(far.requests) == 16
    assert len({each.headers["webhook-id"] for each in far.requests}) == 1
    assert [each.fault for each in await vault.deliveries.listed(state=DeliveryState.DEAD)] == ["http 503"]


async def test_a_receiver_at_an_address_inside_gets_nothing_unless_that_is_configured(
    vault: Vault, clock: SteppedClock
) -> None:
    with receiver() as far:
        port = far.url.split(":")[2]
        async with relaying(vault, clock, hook(f"https://localhost:{port}", private=False)):
            await happens(vault)
            (delivery,) = await until(vault, failed)
    assert delivery.fault == "address refused"
    assert far.requests == []


async def test_a_hanging_receiver_holds_neither_another_receiver_nor_another_incident(
    vault: Vault, clock: SteppedClock
) -> None:
    with receiver("hang") as stuck, receiver() as well:
        async with relaying(vault, clock, hook(stuck.url, "stuck", timeout_s=30), hook(well.url, "well")):
            await happens(vault, ACME)
            await stuck.heard(1)
            await happens(vault, GLOBEX)
            assert len(await well.heard(2)) == 2
            assert len(await stuck.heard(2)) == 2


async def test_a_process_that_ends_between_sending_and_noting_sends_again_under_the_same_id(
    tmp_path: Path, clock: SteppedClock
) -> None:
    path = tmp_path / "partywall.db"
    with receiver("hang") as far:
        async with await opened(path, clock) as vault:
            await vault.records.record(judgement(opened_turn(vault, turn(ACME)), denial()))
            async with relaying(vault, clock, hook(far.url, timeout_s=30)):
                await far.heard(1)
        async with await opened(path, clock) as vault, relaying(vault, clock, hook(far.url)):
            (delivery,) = await until(vault, arrived())
    assert [each.headers["webhook-id"] for each in far.requests] == [delivery.id] * 2


class Locking(Receiver):
    """Has another process lock the database whenever a message comes, before it is answered."""

    def __init__(self, path: Path) -> None:
        self.other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        super().__init__()

    def answer(self, handler: BaseHTTPRequestHandler, heard: Heard) -> None:
        self.other.execute("BEGIN IMMEDIATE")
        super().answer(handler, heard)


async def logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Wait until this was logged."""
    async with asyncio.timeout(30):
        while text not in caplog.text:
            await asyncio.to_thread(lambda: None)


async def test_a_database_that_does_not_answer_delays_alerts_and_has_none_told_twice(
    tmp_path: Path, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "partywall.db"
    async with await open_vault(
        str(path), clock=clock, ids_factory=CountedIds, master_key=MASTER, busy_timeout_s=0.05
    ) as vault:
        far = Locking(path)
        await happens(vault, ACME)
        far.other.execute("BEGIN IMMEDIATE")
        async with relaying(vault, clock, hook(far.url)):
            await logged(caplog, "alerts wait (StoreUnavailable)")
            far.other.execute("ROLLBACK")
            await logged(caplog, "what became of an alert is not written yet")
            far.other.execute("ROLLBACK")
            await until(vault, arrived())
        far.close()
        far.other.close()
    assert len(far.requests) == 1


class Refusing:
    """A sender that will not take messages of one tenant, and breaks at another's."""

    address = "nowhere"
    endpoint = ("nowhere", 443)
    closed = False

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        if delivery.tenant == GLOBEX:
            raise RuntimeError(SECRET)
        return Refused(fault="http 400")

    def close(self) -> None:
        self.closed = True


async def test_a_sender_that_refuses_or_breaks_ends_neither_the_relay_nor_the_records(
    vault: Vault, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    sender = Refusing()
    route = Route(
        settings=hook("https://hook.example.org/"),
        sender=sender,
        receiver=Known(route="ops", mark="m", per_minute=100),
    )
    relay = Relay(vault.deliveries, [route], clock=clock, ids=vault.ids, poll_s=0.01)
    relay.start()
    await happens(vault, ACME)
    await happens(vault, GLOBEX)
    found = await until(vault, lambda found: len(found) == 2 and all(each.fault for each in found))
    await relay.close()
    assert {each.tenant: (each.state, each.fault) for each in found} == {
        ACME: ("dead", "http 400"),
        GLOBEX: ("waiting", "fault in the sender"),
    }
    assert sender.closed
    assert "an alert could not be made (RuntimeError)" in caplog.text
    assert SECRET not in caplog.text


async def test_a_turn_never_waits_for_a_receiver_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_KEY", KEY)
    with receiver(otherwise="hang") as far, caplog.at_level(logging.DEBUG):
        settings = hook(far.url, severity="info", timeout_s=60).model_dump()
        wall = pw.open({"profile": "light", "store": {"path": "partywall.db"}, "alert": [settings]})
        async with wall:
            for number, realm in enumerate(("T-ACME", "T-GLOBEX") * 8):
                said = pw.message(
                    f"{SECRET} {number}", channel="own", realm=realm, sender="ada", conversation="d1"
                )
                async with wall.turn(said) as one:
                    with pytest.raises(pw.Denied):
                        await one.call_tool(f"steal_{number}", {"what": SECRET})
                    await one.reply("done")
            # All of it went by while the first message was under way, and is under way still.
            heard = await far.heard(2)
            runtime = await wall.runtime()
            states = {each.state for each in await runtime.vault.deliveries.listed()}
            assert DeliveryState.SENT not in states
    kept = everything(tmp_path)
    assert all(SECRET.encode() not in each.body for each in heard)
    assert SECRET.encode() not in kept
    assert KEY.encode() not in kept
    assert not any(word in caplog.text for word in (SECRET, KEY))


async def test_without_a_route_nothing_runs_and_what_happened_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with pw.open({"profile": "light"}) as wall:
        runtime = await wall.runtime()
        await happens(runtime.vault, ACME)
        assert runtime.relay is None
        assert await runtime.vault.outbox.count() == 1


async def test_a_route_without_its_secret_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOOK_KEY", raising=False)
    settings = hook("https://hook.example.org/").model_dump()
    with pytest.raises(pw.ConfigError, match="HOOK_KEY is not set"):
        async with pw.open({"profile": "light", "alert": [settings]}):
            pass


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return sealed_by(tmp_path)


async def one_delivery(vault: Vault) -> Delivery:
    async with asyncio.timeout(10):
        await happens(vault)
        with receiver() as far:
            async with relaying(vault, SteppedClock(), hook(far.url)):
                (found,) = await until(vault, arrived())
    return found


def mail_to(box: Mailbox, trust: ssl.SSLContext, **more: object) -> Mail:
    server = MailServer(
        host="localhost",
        port=box.port,
        implicit=box.implicit,
        private=bool(more.get("private", True)),
        timeout_s=5,
        user="partywall",
        password=SECRET,
    )
    return Mail(server, "partywall@example.org", ["on-call@example.org"], tls=trust)


@pytest.mark.parametrize("implicit", [pytest.param(False, id="starttls"), pytest.param(True, id="tls")])
async def test_mail_goes_out_over_tls_and_its_message_id_is_the_deliverys(
    vault: Vault, sealed: tuple[ssl.SSLContext, ssl.SSLContext], implicit: bool
) -> None:
    delivery = await one_delivery(vault)
    box = Mailbox(tls=sealed[0], implicit=implicit)
    await box.start()
    outcomes = [await mail_to(box, sealed[1]).send(delivery, delivery.at_ms) for _ in range(2)]
    await box.close()
    assert outcomes == [Sent(), Sent()]
    assert box.letters[0] == box.letters[1]
    letter = box.letters[0].decode()
    assert f"Message-ID: <{delivery.id}@partywall.invalid>" in letter
    assert "tenant: ACME" in letter
    assert [line.split()[0] for line in box.in_the_clear] == ([] if implicit else [b"ehlo", b"STARTTLS"] * 2)
    assert len(box.logins) == 2


async def test_mail_is_not_sent_without_tls_or_to_a_server_nobody_vouches_for(
    vault: Vault, sealed: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    delivery = await one_delivery(vault)
    plain, strange = Mailbox(tls=sealed[0], plain=True), Mailbox(tls=sealed[0])
    await plain.start()
    await strange.start()
    assert await mail_to(plain, sealed[1]).send(delivery, 0) == Later(fault="smtp without tls or login")
    assert await mail_to(strange, ssl.create_default_context()).send(delivery, 0) == Later(fault="tls")
    assert await mail_to(strange, sealed[1], private=False).send(delivery, 0) == Later(
        fault="address refused"
    )
    await plain.close()
    await strange.close()
    assert plain.letters == strange.letters == []
    assert plain.logins == strange.logins == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(b"550 nobody\r\n", Refused(fault="smtp 550"), id="for-good"),
        pytest.param(b"451 later\r\n", Later(fault="smtp 451"), id="for-now"),
    ],
)
async def test_a_mail_server_that_refuses_says_for_how_long(
    vault: Vault, sealed: tuple[ssl.SSLContext, ssl.SSLContext], answer: bytes, outcome: Refused | Later
) -> None:
    box = Mailbox(tls=sealed[0], refuses=answer)
    await box.start()
    assert await mail_to(box, sealed[1]).send(await one_delivery(vault), 0) == outcome
    await box.close()
