"""Attacks by who receives alerts, on the way to them, and by tenants who cause as many as they can."""

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from firewall.core.errors import ConfigError
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from partywall.alerts import discord, slack
from partywall.alerts.mail import Mail, MailServer, mail
from partywall.alerts.outcome import Later
from partywall.alerts.pagerduty import event
from partywall.alerts.post import Post, judged
from partywall.alerts.webhook import body
from sandbox.exchange import Answer
from tests.fakes.receivers import certificate, receiver
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, denial, judgement, opened, turn
from vault.deliveries import BATCH
from vault.delivery import Delivery, DeliveryState
from vault.incidents import Wish
from vault.ledger import Filter
from vault.open import Vault
from vault.outbox import Violation
from vault.receivers import Receiver
from vault.summaries import Width

OPS = Receiver(route="ops", mark="m", per_minute=30)
OTHERS = Receiver(route="others", mark="o", per_minute=30)
WINDOW_MS = 300_000
PATIENCE_S = 20.0
DELIVERY = Delivery(
    id="msg_0123456789abcdef",
    incident="0123456789abcdef",
    route="ops",
    tenant=ACME,
    layer="tool_denial",
    rule="unknown_tool",
    verb="trigger",
    kind=RecordKind.DENIAL,
    severity=Severity.HIGH,
    ref=Ref("r"),
    preview="tool, 4",
    count=1,
    first_ms=0,
    last_ms=0,
    at_ms=0,
    due_ms=0,
    state=DeliveryState.SENDING,
    attempts=1,
    fault="",
)
EVIL = "GLOBEX\r\nBcc: eve@example.org\r\n\r\n<!channel> @everyone <https://evil.example|click> [a](https://e.example)"


@contextmanager
def listening(spoken: Callable[[socket.socket], None]) -> Generator[tuple[int, threading.Event]]:
    """Serve one connection with a server that never ends by itself; the event says that it was cut off."""
    cut, server = threading.Event(), socket.create_server(("127.0.0.1", 0))
    server.settimeout(PATIENCE_S)

    def serve() -> None:
        connection, _ = server.accept()
        connection.settimeout(PATIENCE_S)
        with connection, suppress(OSError):
            spoken(connection)
        cut.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], cut
    finally:
        server.close()
        thread.join(PATIENCE_S)


def dripped(connection: socket.socket) -> None:
    """Begin a TLS record of 16 KB and send it byte by byte: each byte comes in time, the whole never does."""
    connection.recv(10_000)
    for byte in b"\x16\x03\x03\x40\x00" + bytes(16_384):
        connection.sendall(bytes([byte]))
        if connection_ended(connection):
            return


def connection_ended(connection: socket.socket) -> bool:
    connection.settimeout(0.02)
    try:
        return connection.recv(1_000) == b""
    except TimeoutError:
        return False
    finally:
        connection.settimeout(PATIENCE_S)


def dripped_after_starttls(connection: socket.socket) -> None:
    connection.sendall(b"220 mailbox\r\n")
    connection.recv(1_000)
    connection.sendall(b"250-mailbox\r\n250 STARTTLS\r\n")
    connection.recv(1_000)
    connection.sendall(b"220 go\r\n")
    dripped(connection)


def endless_reply(connection: socket.socket) -> None:
    connection.sendall(b"220 mailbox\r\n")
    connection.recv(1_000)
    for _ in range(100_000):
        connection.sendall(b"250-more\r\n" * 1_000)


def mail_to(
    port: int, timeout_s: float, *, implicit: bool = False, tls: ssl.SSLContext | None = None
) -> Mail:
    server = MailServer(host="localhost", port=port, implicit=implicit, private=True, timeout_s=timeout_s)
    return Mail(server, "wall@example.org", ["ops@example.org"], tls=tls)


@pytest.mark.parametrize(
    ("spoken", "implicit"),
    [
        pytest.param(dripped_after_starttls, False, id="starttls"),
        pytest.param(dripped, True, id="tls"),
    ],
)
async def test_a_mail_server_that_drips_its_handshake_holds_no_thread(
    spoken: Callable[[socket.socket], None], implicit: bool
) -> None:
    with listening(spoken) as (port, cut):
        sender = mail_to(port, 0.5, implicit=implicit)
        assert await sender.send(DELIVERY, 0) == Later(fault="timeout")
        assert await asyncio.to_thread(cut.wait, PATIENCE_S), "the thread still shakes hands"
        sender.close()


async def test_a_mail_server_whose_reply_never_ends_fills_no_memory() -> None:
    with listening(endless_reply) as (port, cut):
        sender = mail_to(port, PATIENCE_S)
        assert await sender.send(DELIVERY, 0) == Later(fault="unreachable")
        assert await asyncio.to_thread(cut.wait, PATIENCE_S)
        sender.close()


def test_names_that_tenants_choose_begin_no_header_and_call_nobody() -> None:
    evil = replace(DELIVERY, tenant=TenantId(EVIL), rule=EVIL, ref=Ref(EVIL), preview=EVIL)
    letter = mail(evil, "wall@example.org", ["ops@example.org"], 0)
    assert sorted(letter.keys()) == sorted(mail(DELIVERY, "wall@example.org", ["ops@example.org"], 0).keys())
    assert letter["To"] == "ops@example.org"
    assert "Bcc" not in [line.partition(":")[0] for line in letter.as_string().splitlines()]
    chat = slack.message(evil)
    assert "<" not in chat["text"]
    assert "mrkdwn" not in json.dumps(chat)
    assert json.dumps(chat).count('"type": "plain_text"') > 5
    assert discord.message(evil)["allowed_mentions"] == {"parse": []}
    for sent in (body(evil), str(event(evil, "k" * 32)).encode(), str(chat).encode()):
        assert b"\\r" not in sent
        assert b"\r" not in sent


@pytest.mark.parametrize("wish", ["nan", "inf", "1e400", "-1", "0", "9" * 400, "1e3\x00", "", "tomorrow"])
@pytest.mark.parametrize("status", [429, 503])
def test_an_absurd_wish_to_wait_is_a_day_at_most(wish: str, status: int) -> None:
    for each in (
        wish,
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 0001 00:00:00 -2359",
        "Thu, 1 Jan 1970 0:0:0",
    ):
        answer = Answer(status=status, headers=(("Retry-After", each),), body=b"")
        outcome = judged(answer, 1_700_000_000_000)
        assert isinstance(outcome, Later)
        assert 0 <= (outcome.after_s or 0) <= 86_400


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://user:secret@example.org/",
        "https://example.org@localhost/",
        "https://example.org\\@localhost/",
        "https://\uff4cocalhost/",
        "https://localhost%2eexample/",
        "https://exa mple.org/",
        "https://example.org\r\nHost: x/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "http://example.org/",
    ],
)
def test_an_address_that_two_parsers_read_in_two_ways_is_none(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        Post(url, private=False, timeout_s=1)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.1",
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "::1",
        "::",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "fe80::1",
        "fe80::1%lo",
        "fd00:ec2::254",
        "ff02::1",
    ],
)
@pytest.mark.parametrize("kind", ["https", "smtp"])
async def test_no_name_leads_inside_however_its_address_is_written(
    address: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "93.184.215.14", address)
    if kind == "https":
        post = Post("https://hook.example.org/", private=False, timeout_s=5)
        outcome: object = await post.send(b"{}", {})
        post.close()
    else:
        server = MailServer(
            host="mail.example.org", port=587, implicit=False, private=False, timeout_s=5, user=None
        )
        sender = Mail(server, "wall@example.org", ["ops@example.org"])
        outcome = await sender.send(DELIVERY, 0)
        sender.close()
    assert outcome == Later(fault="address refused")


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "::169.254.169.254",
        "2002:a9fe:a9fe::",
    ],
)
async def test_a_route_that_may_go_inside_still_asks_no_clouds_metadata(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, address)
    post = Post("http://metadata.internal/", private=True, timeout_s=5)
    assert await post.send(b"{}", {}) == Later(fault="address refused")
    post.close()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have every name stand for these addresses, and no connection be made."""

    def answered(*_: object, **__: object) -> list[object]:
        return [(0, 0, 0, "", (address, 443)) for address in addresses]

    def never(*_: object, **__: object) -> socket.socket:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "getaddrinfo", answered)
    monkeypatch.setattr(socket, "create_connection", never)


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that answers with a public address first and a private one later is asked once."""
    asked: list[str] = []

    def answered(host: str, *_: object, **__: object) -> list[object]:
        asked.append(host)
        return [(0, 0, 0, "", ("93.184.215.14" if len(asked) == 1 else "127.0.0.1", 443))]

    connected: list[object] = []

    def connect(address: tuple[str, int], **_: object) -> socket.socket:
        connected.append(address)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", answered)
    monkeypatch.setattr(socket, "create_connection", connect)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.evil.example:3128")
    post = Post("https://hook.example.org/", private=False, timeout_s=5)
    assert await post.send(b"{}", {}) == Later(fault="unreachable")
    post.close()
    assert (asked, connected) == (["hook.example.org"], [("93.184.215.14", 443)])


async def test_a_certificate_that_nobody_vouches_for_gets_no_alert(tmp_path: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate(tmp_path))
    with receiver(tls=context) as far:
        post = Post(far.url, private=True, timeout_s=5)
        assert await post.send(b"{}", {}) == Later(fault="tls")
        post.close()
    assert far.requests == []


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def vault(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[Vault]:
    async with await opened(tmp_path / "partywall.db", clock) as vault:
        await vault.deliveries.meet([OPS, OTHERS])
        yield vault


def everybody(_: Violation) -> tuple[Wish, ...]:
    return tuple(Wish(route=route, window_ms=WINDOW_MS) for route in ("ops", "others"))


async def happens(vault: Vault, tenant: TenantId, *rules: str) -> None:
    for number, rule in enumerate(rules):
        vault.records.queue(judgement(turn(tenant, number=number), denial(rule)))
    await vault.records.settle()
    while await vault.deliveries.expand(everybody) == BATCH:
        pass


async def told(vault: Vault) -> list[TenantId]:
    """Have all that may go out now go out, as the relay does, and give whose it was."""
    found: list[TenantId] = []
    while mine := await vault.deliveries.lease(OPS, at_once=4):
        for each in mine:
            await vault.deliveries.sent(each)
            found.append(each.tenant)
    return found


async def test_a_tenant_that_breaks_every_rule_at_once_does_not_delay_anothers_page(
    vault: Vault, clock: SteppedClock
) -> None:
    await happens(vault, ACME, *(f"rule_{number}" for number in range(200)))
    before = await told(vault)
    assert 20 <= len(before) <= 27
    assert set(before) == {ACME}
    await happens(vault, GLOBEX, "unknown_tool")
    assert await told(vault) == [GLOBEX]
    # The flood goes on, minute by minute, and another incident of the quiet tenant is not behind it either.
    for _ in range(3):
        clock.at_ms += 60_000
        await happens(vault, GLOBEX, f"rule_{clock.at_ms}")
        assert GLOBEX in await told(vault)


async def test_a_flood_is_one_record_each_and_few_messages(vault: Vault) -> None:
    await happens(vault, ACME, *(f"rule_{number % 5}" for number in range(1_000)))
    counts = await vault.records.counts(Filter())
    assert (sum(counts.values()), await vault.records.verify(ACME)) == (1_000, 1_000)
    found = await vault.deliveries.listed(route="ops", limit=10_000)
    # For each rule, one that opens its incident and one that counts all others.
    assert sorted((each.verb, each.count) for each in found) == [("trigger", 1)] * 5 + [("update", 200)] * 5


async def test_a_receiver_that_is_gone_or_asks_for_a_day_silences_no_other(
    vault: Vault, clock: SteppedClock
) -> None:
    await happens(vault, ACME, "one", "two")
    first, second = await vault.deliveries.lease(OPS, at_once=4)
    day_ms = clock.at_ms + 86_400_000
    await vault.deliveries.put_off(first, "http 429", due_ms=day_ms, until_ms=day_ms)
    await vault.deliveries.buried(second, "http 410", disable=True)
    await happens(vault, GLOBEX, "three")
    assert await told(vault) == []
    assert [each.rule for each in await vault.deliveries.lease(OTHERS, at_once=4)] == ["one", "two", "three"]


async def test_lists_and_exports_of_one_tenant_hold_nothing_of_another(vault: Vault) -> None:
    await happens(vault, ACME, "acmes_rule")
    await happens(vault, GLOBEX, "globexs_rule")
    ours = [
        str(await vault.deliveries.listed(tenant=GLOBEX)),
        str([each async for each in vault.records.export(Filter(tenant=GLOBEX))]),
        str(await vault.records.youngest(Filter(tenant=GLOBEX), 100)),
        str(await vault.records.summary(Filter(tenant=GLOBEX), top=10, width=Width.DAY)),
        str([each async for each in vault.records.receipts(GLOBEX)]),
    ]
    assert all("globexs_rule" in each for each in ours[:4])
    assert [each for each in ours if "ACME" in each or "acmes_rule" in each] == []
