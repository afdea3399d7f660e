"""What was told goes by age, on every store: what arrived, and nothing that anybody still needs."""

from collections.abc import Sequence

import pytest

from firewall.core.ids import TenantId
from partywall.alerts.keeping import DAY_MS, Keeping
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    SteppedClock,
    denial,
    dumped,
    judgement,
    opened,
    opened_turn,
    turn,
)
from vault.delivery import Delivery, DeliveryState
from vault.incidents import Wish
from vault.open import Vault
from vault.outbox import Violation
from vault.receivers import Receiver
from vault.telling import STEP

OPS = Receiver(route="ops", mark="address", per_minute=100_000)
WINDOW_MS = 300_000


def everybody(_: Violation) -> Sequence[Wish]:
    return (Wish(route="ops", window_ms=WINDOW_MS),)


@pytest.fixture
async def store(vault: Vault) -> Vault:
    await vault.deliveries.meet([OPS])
    return vault


async def happens(vault: Vault, *rules: str, tenant: TenantId = ACME) -> None:
    await vault.records.record(judgement(opened_turn(vault, turn(tenant)), *map(denial, rules)))


async def due(vault: Vault) -> tuple[Delivery, ...]:
    while await vault.deliveries.expand(everybody):
        pass
    return await vault.deliveries.lease(OPS, at_once=1_000)


async def told(vault: Vault) -> tuple[Delivery, ...]:
    found = await due(vault)
    for each in found:
        await vault.deliveries.sent(each)
    return found


async def pruned(vault: Vault, before_ms: int) -> int:
    count, after = 0, 0
    while True:
        done = await vault.deliveries.prune(before_ms, after=after)
        count += done.count
        if done.after is None:
            return count
        after = done.after


async def ids(vault: Vault) -> set[str]:
    return {each.id for each in await vault.deliveries.listed(limit=10_000)}


async def test_what_arrived_of_a_closed_incident_goes_by_age_and_only_then(
    store: Vault, clock: SteppedClock
) -> None:
    await happens(store, "one")
    await happens(store, "one", tenant=GLOBEX)
    acmes, globexs = await told(store)
    await store.deliveries.close(acmes.incident)
    await told(store)
    assert await pruned(store, clock.at_ms) == 0
    clock.at_ms += DAY_MS
    assert await pruned(store, clock.at_ms) == 2
    assert await ids(store) == {globexs.id}
    assert await store.deliveries.close(acmes.incident) == ()


async def test_an_incident_nobody_closed_keeps_its_last_message_its_count_and_its_way_to_be_closed(
    store: Vault, clock: SteppedClock
) -> None:
    seen: set[str] = set()
    for _ in range(3):
        await happens(store, "one")
        await happens(store, "one", tenant=GLOBEX)
        seen |= {each.id for each in await told(store)}
        clock.at_ms += WINDOW_MS
        seen |= {each.id for each in await told(store)}
    first = min(await store.deliveries.listed(tenant=ACME), key=lambda each: each.count)
    assert len(seen) == 6
    assert await pruned(store, clock.at_ms + 1) == 4
    await happens(store, "one")
    assert await told(store) == ()
    clock.at_ms += WINDOW_MS
    (update,) = await told(store)
    assert (update.verb, update.incident, update.count, update.id in seen) == (
        "update",
        first.incident,
        4,
        False,
    )
    assert await pruned(store, clock.at_ms + 1) == 1
    assert await store.deliveries.close(first.incident) == (first.incident,)
    (resolve,) = await told(store)
    assert (resolve.verb, resolve.count, resolve.ref, resolve.id in seen) == ("resolve", 4, update.ref, False)
    assert {each.count for each in await store.deliveries.listed(tenant=GLOBEX)} == {3}


async def test_nothing_goes_that_waits_is_being_sent_or_is_dead(store: Vault, clock: SteppedClock) -> None:
    await happens(store, "dead", "sending", "waiting")
    await happens(store, "dead", tenant=GLOBEX)
    dead, sending, waiting, globexs = await due(store)
    await store.deliveries.buried(dead, "http 400")
    await store.deliveries.buried(globexs, "http 400")
    await store.deliveries.put_off(waiting, "timeout", due_ms=clock.at_ms + DAY_MS, until_ms=0)
    clock.at_ms += 400 * DAY_MS
    assert await pruned(store, clock.at_ms) == 0
    states = {each.id: each.state for each in await store.deliveries.listed()}
    assert states[sending.id] is DeliveryState.SENDING
    assert states[waiting.id] is DeliveryState.WAITING
    assert await store.deliveries.dead() == {"ops": 2}
    assert await store.deliveries.revive(id=dead.id) == 1


async def test_a_dead_message_of_a_closed_incident_is_not_made_sendable_by_pruning(
    store: Vault, clock: SteppedClock
) -> None:
    await happens(store, "one")
    await happens(store, "one", tenant=GLOBEX)
    acmes, globexs = await due(store)
    await store.deliveries.buried(acmes, "http 400")
    await store.deliveries.sent(globexs)
    await store.deliveries.close(acmes.incident)
    await told(store)
    clock.at_ms += DAY_MS
    assert await pruned(store, clock.at_ms) == 0
    assert await store.deliveries.revive(id=acmes.id) == 0


async def test_pruning_goes_on_over_more_than_one_step_and_leaves_no_incident_behind(shared: str) -> None:
    clock = SteppedClock()
    async with await opened(shared, clock) as vault:
        await vault.deliveries.meet([OPS])
        await happens(vault, *(f"rule_{n}" for n in range(STEP)))
        await happens(vault, "kept", tenant=GLOBEX)
        for each in await told(vault):
            if each.tenant == ACME:
                await vault.deliveries.close(each.incident)
        await told(vault)
        clock.at_ms += 2 * DAY_MS
        keeping = Keeping(vault.deliveries, clock, 1)
        assert [await keeping.step() for _ in range(3)] == [True, True, False]
        assert [each.tenant for each in await vault.deliveries.listed()] == [GLOBEX]
    assert len(dumped(shared, "incidents")) == 1


async def test_the_relay_looks_once_an_hour_and_without_a_setting_never(
    store: Vault, clock: SteppedClock
) -> None:
    for tenant in (ACME, GLOBEX):
        await happens(store, "one", tenant=tenant)
    for each in await told(store):
        await store.deliveries.close(each.incident)
    await told(store)
    keeping = Keeping(store.deliveries, clock, 1)
    assert not await keeping.step()
    clock.at_ms += DAY_MS - 1
    await keeping.step()
    assert len(await ids(store)) == 4
    clock.at_ms += 1_000
    await Keeping(store.deliveries, clock, None).step()
    await keeping.step()
    assert len(await ids(store)) == 4
    clock.at_ms += 3_600_000
    await keeping.step()
    assert await ids(store) == set()
