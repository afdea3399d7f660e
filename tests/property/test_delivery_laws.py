"""Whatever fails and whoever dies: each incident is told in order, at least once, under ids that stay."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firewall.core.ids import TenantId
from partywall.alerts.webhook import body
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, denial, judgement, opened, opened_turn, turn
from vault.delivery import Delivery
from vault.incidents import Wish
from vault.open import Vault
from vault.outbox import Violation
from vault.receivers import Receiver

ROUTES = ("ops", "acmes")
RECEIVERS = {name: Receiver(route=name, mark=name, per_minute=1_000) for name in ROUTES}
WINDOW_MS = 60_000

HAPPENS = st.tuples(st.just("happens"), st.sampled_from([ACME, GLOBEX]), st.sampled_from(["one", "two"]))
# What a receiver does with a message, and whether the process lives to write it down.
SENDS = st.tuples(
    st.just("sends"), st.sampled_from(ROUTES), st.sampled_from(["takes", "fails", "dies after taking"])
)
PASSES = st.tuples(st.just("passes"), st.sampled_from([1_000, 30_000, 61_000, 600_000]))
CLOSES = st.tuples(st.just("closes"), st.integers(min_value=0, max_value=20))
STEPS = st.lists(st.one_of(HAPPENS, SENDS, PASSES, CLOSES), min_size=5, max_size=60)


def wished(violation: Violation) -> Sequence[Wish]:
    names = ROUTES if violation.tenant == ACME else ROUTES[:1]
    return tuple(Wish(route=name, window_ms=WINDOW_MS) for name in names)


class World:
    """One store, its receivers, and what those got."""

    def __init__(self, vault: Vault, clock: SteppedClock) -> None:
        self.vault = vault
        self.clock = clock
        self.happened = 0
        self.got: defaultdict[str, list[Delivery]] = defaultdict(list)
        self.said: defaultdict[str, set[bytes]] = defaultdict(set)

    async def happens(self, tenant: TenantId, rule: str) -> None:
        await self.vault.records.record(judgement(opened_turn(self.vault, turn(tenant)), denial(rule)))
        self.happened += 1

    async def sends(self, route: str, how: str) -> None:
        store = self.vault.deliveries
        await store.expand(wished)
        for each in await store.lease(RECEIVERS[route], at_once=3):
            # A receiver that failed may have read it all the same.
            self.said[each.id].add(body(each))
            if how != "fails":
                self.got[each.incident].append(each)
            if how == "takes":
                await store.sent(each)
            elif how == "fails":
                due_ms = self.clock.at_ms + 5_000 * each.attempts
                await store.put_off(each, "timeout", due_ms=due_ms, until_ms=0)
            else:
                await store.release(1)

    async def passes(self, ms: int) -> None:
        self.clock.at_ms += ms

    async def closes(self, number: int) -> None:
        found = await self.vault.deliveries.listed()
        if found:
            await self.vault.deliveries.close(found[number % len(found)].incident)

    async def settle(self) -> None:
        """Let every receiver work until nothing waits."""
        while any(each.state != "sent" for each in await self.listed()) or await self.vault.outbox.count():
            self.clock.at_ms += 900_000
            for route in ROUTES:
                await self.sends(route, "takes")

    async def listed(self) -> tuple[Delivery, ...]:
        return await self.vault.deliveries.listed(limit=10_000)


async def played(steps: Sequence[tuple[Any, ...]]) -> None:
    clock = SteppedClock()
    async with await opened(":memory:", clock) as vault:
        world = World(vault, clock)
        await vault.deliveries.meet(RECEIVERS.values())
        acts: Mapping[str, Callable[..., Awaitable[None]]] = {
            "happens": world.happens,
            "sends": world.sends,
            "passes": world.passes,
            "closes": world.closes,
        }
        for name, *arguments in steps:
            await acts[name](*arguments)
        await world.settle()
        made = await world.listed()
        for incident in {each.incident for each in made}:
            wanted = [each.id for each in made if each.incident == incident]
            got = [each.id for each in world.got[incident]]
            assert list(dict.fromkeys(got)) == wanted
            # Never one again after a later one: what comes twice comes twice in a row.
            assert sorted(got, key=wanted.index) == got
        assert all(len(each) == 1 for each in world.said.values())
        told = {each.incident: each.count for each in made if each.route == "ops"}
        assert sum(told.values()) == world.happened
        assert {each.tenant for each in made if each.route == "acmes"} <= {ACME}


@settings(max_examples=60)
@given(STEPS)
def test_every_incident_is_told_in_order_at_least_once_and_every_violation_is_counted(
    steps: list[tuple[Any, ...]],
) -> None:
    asyncio.run(played(steps))
