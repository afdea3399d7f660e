"""The delivery store: each violation told in order, under an id that stays, to those who asked alone."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId
from firewall.core.receipt import Record, RecordKind
from firewall.core.verdict import Severity
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    SteppedClock,
    altered,
    denial,
    judgement,
    opened,
    opened_turn,
    turn,
)
from vault.delivery import Delivery, DeliveryState
from vault.incidents import Wish
from vault.open import Vault
from vault.outbox import Violation
from vault.receivers import BREAKS_AT, Receiver

OPS = Receiver(route="ops", mark="address 1", per_minute=100)
ACMES = Receiver(route="acmes", mark="address 2", per_minute=100)
WINDOW_MS = 300_000
DAY_MS = 86_400_000


def everybody(_: Violation) -> Sequence[Wish]:
    return (Wish(route="ops", window_ms=WINDOW_MS),)


def each_its_own(violation: Violation) -> Sequence[Wish]:
    asked = everybody(violation)
    return (*asked, Wish(route="acmes", window_ms=WINDOW_MS)) if violation.tenant == ACME else asked


@pytest.fixture
async def store(vault: Vault) -> Vault:
    await vault.deliveries.meet([OPS, ACMES])
    return vault


async def happens(
    vault: Vault, tenant: TenantId = ACME, rule: str = "unknown_tool", *, record: Record | None = None
) -> None:
    await vault.records.record(judgement(opened_turn(vault, turn(tenant)), record or denial(rule)))


async def due(vault: Vault, receiver: Receiver = OPS, at_once: int = 100) -> tuple[Delivery, ...]:
    while await vault.deliveries.expand(each_its_own):
        pass
    return await vault.deliveries.lease(receiver, at_once=at_once)


async def test_a_violation_is_told_once_to_every_route_that_asks_for_it(store: Vault) -> None:
    await happens(store, ACME)
    await happens(store, GLOBEX)
    ops, acmes = await due(store), await due(store, ACMES)
    assert [each.tenant for each in ops] == [ACME, GLOBEX]
    assert [each.tenant for each in acmes] == [ACME]
    assert len({each.id for each in (*ops, *acmes)}) == 3
    assert await store.outbox.count() == 0
    assert await due(store) == await due(store, ACMES) == ()


async def test_a_message_says_what_the_record_says_and_nothing_else(store: Vault) -> None:
    await happens(store)
    (told,) = await due(store)
    assert (told.layer, told.rule, told.kind) == ("tool_denial", "unknown_tool", RecordKind.DENIAL)
    assert (told.severity, told.ref, told.preview) == (Severity.HIGH, "ACME-u1-ref-1", "tool, 4")
    assert (told.verb, told.count, told.attempts) == ("trigger", 1, 1)


async def test_what_is_only_watched_is_never_told(store: Vault) -> None:
    watched = replace(denial(), kind=RecordKind.SHADOW)
    await happens(store, record=watched)
    await happens(store, record=denial(violation=False))
    assert await due(store) == ()
    assert await store.outbox.count() == 0


async def test_a_storm_is_one_message_at_once_and_one_a_window(store: Vault, clock: SteppedClock) -> None:
    for _ in range(60):
        await happens(store)
    (first,) = await due(store)
    await store.deliveries.sent(first)
    assert first.count == 1
    assert await due(store) == ()
    clock.at_ms += WINDOW_MS
    (second,) = await due(store)
    assert (second.verb, second.count, second.incident) == ("update", 60, first.incident)
    assert len(await store.records.why(first.ref)) == 60


async def test_a_storm_at_one_tenant_is_not_counted_at_another(store: Vault) -> None:
    for _ in range(5):
        await happens(store, ACME)
    await happens(store, GLOBEX)
    assert {each.tenant: each.count for each in await due(store)} == {ACME: 1, GLOBEX: 1}
    assert [each.count for each in await store.deliveries.listed(tenant=GLOBEX)] == [1]
    assert sorted(each.count for each in await store.deliveries.listed(tenant=ACME)) == [1, 1, 5, 5]


async def test_a_rise_in_severity_does_not_wait_for_the_window(store: Vault) -> None:
    await happens(store)
    (first,) = await due(store)
    await store.deliveries.sent(first)
    await happens(store, record=replace(denial(), severity=Severity.CRITICAL))
    (second,) = await due(store)
    assert (second.incident, second.severity) == (first.incident, Severity.CRITICAL)


async def test_after_a_quiet_window_another_incident_begins(store: Vault, clock: SteppedClock) -> None:
    await happens(store)
    (first,) = await due(store)
    await store.deliveries.sent(first)
    clock.at_ms += WINDOW_MS + 1
    await happens(store)
    (second,) = await due(store)
    assert (second.verb, second.count) == ("trigger", 1)
    assert second.incident != first.incident


async def test_messages_of_an_incident_go_one_after_the_other_and_do_not_hold_another(
    store: Vault, clock: SteppedClock
) -> None:
    for _ in range(2):
        await happens(store)
    (first,) = await due(store)
    await happens(store, rule="other_rule")
    clock.at_ms += WINDOW_MS
    (other,) = await due(store)
    assert other.rule == "other_rule"
    await store.deliveries.put_off(first, "http 500", due_ms=clock.at_ms + DAY_MS, until_ms=0)
    assert await due(store) == ()
    clock.at_ms += DAY_MS
    (again,) = await due(store)
    assert (again.id, again.attempts, again.fault) == (first.id, 2, "http 500")
    await store.deliveries.buried(again, "given up")
    (update,) = await due(store)
    assert (update.verb, update.incident) == ("update", first.incident)


async def test_a_message_that_was_tried_says_the_same_the_next_time(
    store: Vault, clock: SteppedClock
) -> None:
    await happens(store)
    (first,) = await due(store)
    await store.deliveries.put_off(first, "timeout", due_ms=clock.at_ms, until_ms=0)
    await happens(store, record=replace(denial(), preview="tool, 9"))
    (again,) = await due(store)
    assert replace(again, attempts=1, fault="") == first
    await store.deliveries.sent(again)
    clock.at_ms += WINDOW_MS
    (update,) = await due(store)
    await store.deliveries.put_off(update, "timeout", due_ms=clock.at_ms, until_ms=0)
    await happens(store)
    (again,) = await due(store)
    assert replace(again, attempts=1, fault="", due_ms=update.due_ms) == update
    assert (update.preview, update.count) == ("tool, 9", 2)


async def test_a_receiver_that_fails_again_and_again_is_left_alone_longer_and_longer(
    store: Vault, clock: SteppedClock
) -> None:
    for number in range(20):
        await happens(store, rule=f"rule_{number}")
    for each in (await due(store))[:BREAKS_AT]:
        await store.deliveries.put_off(each, "timeout", due_ms=clock.at_ms, until_ms=0)
    assert await due(store) == ()
    await store.deliveries.release(15)
    rests: list[int] = []
    for _ in range(8):
        begun_ms = clock.at_ms
        while not (probe := await due(store)):
            clock.at_ms += 15_000
        rests.append(clock.at_ms - begun_ms)
        assert len(probe) == 1
        await store.deliveries.put_off(probe[0], "timeout", due_ms=clock.at_ms, until_ms=0)
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (30_000, 900_000)
    clock.at_ms += 900_000
    (last,) = await due(store)
    await store.deliveries.sent(last)
    assert len(await due(store)) == 19


async def test_one_routes_broken_receiver_does_not_touch_anothers(store: Vault, clock: SteppedClock) -> None:
    for number in range(BREAKS_AT):
        await happens(store, rule=f"rule_{number}")
    for each in await due(store):
        await store.deliveries.put_off(each, "timeout", due_ms=clock.at_ms, until_ms=clock.at_ms + DAY_MS)
    assert await due(store) == ()
    assert len(await due(store, ACMES)) == BREAKS_AT


async def test_no_more_go_out_in_a_minute_than_the_route_allows(store: Vault, clock: SteppedClock) -> None:
    slow = replace(OPS, per_minute=3)
    for number in range(5):
        await happens(store, rule=f"rule_{number}")
    first = await due(store, slow)
    for each in first:
        await store.deliveries.sent(each)
    assert (len(first), await due(store, slow)) == (3, ())
    clock.at_ms += 60_000
    assert len(await due(store, slow)) == 2


async def test_a_receiver_that_is_gone_gets_nothing_until_it_is_revived_or_has_another_address(
    store: Vault,
) -> None:
    await happens(store)
    (first,) = await due(store)
    await store.deliveries.buried(first, "http 410", disable=True)
    await happens(store, rule="other_rule")
    assert await due(store) == ()
    assert await store.deliveries.disabled() == ("ops",)
    assert await store.deliveries.idle(["ops"])
    await store.deliveries.meet([replace(OPS, mark="another address")])
    assert [each.rule for each in await due(store)] == ["other_rule"]
    assert await store.deliveries.revive(route="ops") == 1
    assert [each.id for each in await due(store)] == [first.id]


async def test_closing_an_incident_tells_every_route_of_it_after_all_else(
    store: Vault, clock: SteppedClock
) -> None:
    for _ in range(2):
        await happens(store, ACME)
    await happens(store, GLOBEX)
    (first, globexs), (acmes,) = await due(store), await due(store, ACMES)
    assert await store.deliveries.close("no such incident") == ()
    assert set(await store.deliveries.close(first.incident)) == {first.incident, acmes.incident}
    assert await store.deliveries.close(first.incident) == ()
    for each in (first, globexs, acmes):
        await store.deliveries.sent(each)
    (update,) = await due(store)
    await store.deliveries.sent(update)
    (resolve,) = await due(store)
    assert [update.verb, resolve.verb] == ["update", "resolve"]
    assert (resolve.incident, resolve.count, resolve.tenant) == (first.incident, 2, ACME)
    await happens(store, ACME)
    (again,) = await due(store)
    assert (again.verb, again.incident == first.incident) == ("trigger", False)


async def test_a_dead_message_of_a_closed_incident_is_not_sent_again(store: Vault) -> None:
    await happens(store)
    (first,) = await due(store)
    await store.deliveries.buried(first, "http 400")
    assert [each.state for each in await store.deliveries.listed(state=DeliveryState.DEAD)] == ["dead"]
    assert await store.deliveries.revive(id=first.id) == 1
    (again,) = await due(store)
    assert (again.id, again.attempts) == (first.id, 1)
    await store.deliveries.buried(again, "http 400")
    await store.deliveries.close(first.incident)
    (resolve,) = await due(store)
    await store.deliveries.sent(resolve)
    assert await store.deliveries.revive(id=first.id) == 0


async def test_to_revive_names_a_message_or_a_route_and_not_both(store: Vault) -> None:
    for wrong in ({}, {"id": "msg_1", "route": "ops"}):
        with pytest.raises(MisuseError, match="--route"):
            await store.deliveries.revive(**wrong)


async def test_two_processes_never_send_one_message_at_the_same_time(shared: str) -> None:
    async with await opened(shared) as one, await opened(shared) as two:
        for vault in (one, two):
            await vault.deliveries.meet([OPS])
        for number in range(4):
            await happens(one, rule=f"rule_{number}")
        await one.deliveries.expand(everybody)
        await two.deliveries.expand(everybody)
        mine = await one.deliveries.lease(OPS, at_once=2)
        theirs = await two.deliveries.lease(OPS, at_once=100)
        assert [each.rule for each in (*mine, *theirs)] == [f"rule_{number}" for number in range(4)]
        assert not await two.deliveries.idle(["ops"])
        assert await two.deliveries.recover() == 0


async def test_what_a_dead_process_was_sending_is_sent_again_under_the_same_id(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.deliveries.meet([OPS])
        await happens(vault)
        (first,) = await due(vault)
    async with await opened(shared) as vault:
        assert await due(vault) == ()
        assert await vault.deliveries.recover() == 1
        (again,) = await due(vault)
        assert (again.id, again.attempts) == (first.id, 2)


async def test_a_process_that_was_taken_over_changes_nothing_any_more(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.deliveries.meet([OPS])
        await happens(vault)
        (first,) = await due(vault)
        altered(shared, "UPDATE deliveries SET holder = 'another process'")
        await vault.deliveries.sent(first)
        assert [each.state for each in await vault.deliveries.listed(route="ops")] == ["sending"]


async def test_a_stored_delivery_that_was_spoilt_is_not_believed(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.deliveries.meet([OPS])
        await happens(vault)
        await due(vault)
        altered(shared, "UPDATE deliveries SET severity = 'enormous'")
        with pytest.raises(Exception, match="a stored delivery cannot be read"):
            await vault.deliveries.listed()
