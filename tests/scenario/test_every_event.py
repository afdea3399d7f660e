"""Every enforcement event on every store: one record, one receipt, and exactly the alerts it must bring."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.ids import TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import ReasonCode, Severity
from partywall.alerts.relay import relay_of
from partywall.config import load
from partywall.runtime import SystemClock
from partywall.wall import Wall
from tests.fakes.eventful import (
    ACME,
    GLOBEX,
    KEY,
    KEY_VARIABLE,
    PLANTED,
    SETTINGS,
    furnish,
    globexs,
    plants,
    routes,
)
from tests.fakes.events import ELSEWHERE, EVENTS, UNREACHABLE, Event
from tests.fakes.postgres import fresh_schema
from tests.fakes.receivers import Receiver, Says, receiver
from tests.fakes.services import ROOT, needs
from vault.delivery import Delivery, DeliveryState
from vault.ledger import Filter, Stored
from vault.open import Vault

GRAVE = {Severity.HIGH, Severity.CRITICAL}
# Told nobody's words, only ids: what must stand in no message.
SILENT = PLANTED.encode()


class Ahead(SystemClock):
    """The machine's clocks, of which the one on the wall can be put forward."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@pytest.fixture(params=["memory", "file", pytest.param("postgres", marks=needs("postgres"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    if request.param == "memory":
        yield {"path": ":memory:"}
        return
    if request.param == "file":
        yield {"path": str(tmp_path / "home" / "partywall.db")}
        return
    key = tmp_path / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    with fresh_schema() as url:
        yield {"path": url, "master_key_file": str(key)}


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setattr("partywall.runtime.relay_of", partial(relay_of, poll_s=0.01))


@asynccontextmanager
async def eventful(
    event: Event, store: dict[str, str], far: Receiver, clock: Ahead
) -> AsyncGenerator[tuple[Wall, Vault]]:
    """Open the wall that an event needs, as `partywall.open` does, with a clock that can be put forward."""
    config = {**SETTINGS, "store": store, "alert": routes(far.url), **event.settings}
    async with Wall(load(config), clock=clock) as wall:
        furnish(wall)
        yield wall, (await wall.runtime()).vault


async def kept(vault: Vault) -> list[Stored]:
    return [each async for each in vault.records.export(Filter(violation=None))]


async def named(vault: Vault, tenant: TenantId) -> list[tuple[int, str]]:
    """Give the receipts of a tenant that hold a record: their numbers and references."""
    bodies = [(each.seq, json.loads(each.body)) async for each in vault.records.receipts(tenant)]
    return [(seq, body["ref"]) for seq, body in bodies for _ in body["records"]]


async def told(vault: Vault, clock: Ahead) -> tuple[Delivery, ...]:
    """Let time pass until nothing waits to be told, and give what was told."""
    async with asyncio.timeout(60):
        while True:
            waiting = await vault.outbox.count()
            found = await vault.deliveries.listed()
            if not waiting and all(each.state is DeliveryState.SENT for each in found):
                return found
            clock.ahead_ms += 1_000


async def theirs(wall: Wall) -> None:
    """Have GLOBEX do what is told of for certain: behind it, whatever ACME did is told as well."""
    with pytest.raises(pw.Denied):
        async with wall.turn(globexs()) as turn:
            await turn.call_tool("undeclared", {})


def hears(event: Event) -> list[str]:
    """Give the routes that must hear of an event."""
    if not event.violation:
        return []
    return ["all", "grave"] if event.severity in GRAVE and event.tenant == ACME else ["all"]


def bodies(far: Receiver) -> dict[str, set[bytes]]:
    """Give all that was sent, by its id."""
    said: defaultdict[str, set[bytes]] = defaultdict(set)
    for each in far.requests:
        said[each.headers["webhook-id"]].add(each.body)
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is there after an event, and after GLOBEX did what is told of for certain.

    Attributes:
        ref: The reference of the event's turn.
        one: The record of the event.
        after: All records in the end.
        made: All alerts.
    """

    ref: str
    one: Stored
    after: list[Stored]
    made: tuple[Delivery, ...]


async def seen(event: Event, wall: Wall, vault: Vault, clock: Ahead) -> Seen:
    """Play an event between the turns of the other tenant, and look after each step."""
    if event.plants:
        await plants(wall)
    ref = await event.play(wall)
    (one,) = await kept(vault)
    assert await named(vault, event.tenant) == [(one.seq, ref)]
    assert await named(vault, GLOBEX) == []
    await theirs(wall)
    made, after = await told(vault, clock), await kept(vault)
    for tenant in (event.tenant, GLOBEX):
        seqs = [each.seq async for each in vault.records.receipts(tenant)]
        assert await vault.records.verify(tenant) == len(seqs) > 0
    assert (await vault.checkpoints.verify()).size >= len(after)
    return Seen(ref=ref, one=one, after=after, made=made)


def recorded(event: Event, seen: Seen) -> None:
    """Compare the one record with what the table says."""
    one, record = seen.one, seen.one.record
    assert (record.kind, record.layer, record.rule) == (event.kind, event.layer, event.rule)
    assert (record.severity, record.violation) == (event.severity, event.violation)
    assert (one.tenant, one.ref, one.reason) == (event.tenant, seen.ref, event.reason)
    kinds = [(each.tenant, each.record.kind) for each in seen.after]
    assert kinds == [(event.tenant, event.kind), (GLOBEX, RecordKind.DENIAL)]


def alerted(event: Event, seen: Seen, far: Receiver) -> None:
    """Compare what receivers heard with what the table says."""
    ours = [each for each in seen.made if each.tenant == event.tenant]
    assert sorted(each.route for each in ours) == hears(event)
    assert {(each.ref, each.rule, each.count) for each in ours} <= {(seen.ref, event.rule, 1)}
    assert sorted(each.route for each in seen.made if each.tenant == GLOBEX) == ["all", "theirs"]
    said = bodies(far)
    assert said.keys() == {each.id for each in seen.made}
    assert all(len(each) == 1 for each in said.values()), "one id said two things"
    assert len(far.taken) == len(seen.made) < len(far.requests), "only what was refused came again"
    assert not any(SILENT in each.body for each in far.requests)
    others = [json.loads(each.body)["data"]["tenant"] for each in far.requests if "theirs" in each.path]
    assert set(others) == {GLOBEX}


@pytest.mark.parametrize("event", [pytest.param(each, id=name) for name, each in EVENTS.items()])
async def test_an_event_is_one_record_one_receipt_and_the_alerts_it_must_bring(
    event: Event, store: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not event.confines:
        monkeypatch.setattr("sandbox.confinement._SEARCH", "/nowhere")
    clock = Ahead()
    with receiver(Says(status=500)) as far:
        async with eventful(event, store, far, clock) as (wall, vault):
            found = await seen(event, wall, vault, clock)
    recorded(event, found)
    alerted(event, found, far)


def test_every_reason_has_an_event_or_a_cause_why_no_turn_can_reach_it() -> None:
    reached = {each.reason for each in EVENTS.values()} - {None}
    assert not reached & (UNREACHABLE.keys() | ELSEWHERE.keys())
    assert reached | UNREACHABLE.keys() | ELSEWHERE.keys() == set(ReasonCode)
    assert all(UNREACHABLE.values())
    for reason, path in ELSEWHERE.items():
        source = (ROOT / path).read_text(encoding="utf-8")
        assert reason.name in source or reason.value in source


def test_every_kind_of_record_has_an_event() -> None:
    assert {each.kind for each in EVENTS.values()} == set(RecordKind)
