"""What a principal may learn from the excerpt index is counted exactly, whichever process it happens in."""

import asyncio
import random

import pytest

from firewall.core.budget import Allowance
from firewall.core.ids import Ref
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, dumped, opened, principal, turn
from vault.bodies import Act, told
from vault.budgets import Budgets
from vault.open import Vault

THREE = Allowance(findings=3, window_ms=10_000, hold_ms=60_000)


def marks(*numbers: int) -> list[str]:
    return [f"{number:032x}" for number in numbers]


async def held(budgets: Budgets, name: str = "u1") -> list[bool]:
    """Say whether the one of that name is held, in either tenant."""
    return [await budgets.held(tenant, principal(tenant, name).id) for tenant in (ACME, GLOBEX)]


async def test_so_many_different_marks_are_paid_for_and_not_one_more(vault: Vault) -> None:
    for number in range(3):
        assert await vault.budgets.spend(turn(ACME), marks(number), THREE)
        assert await held(vault.budgets) == [False, False]
    assert await vault.budgets.spend(turn(ACME, number=7), marks(0, 1, 2), THREE), "the same tell nothing new"
    assert not await vault.budgets.spend(turn(ACME, number=8), marks(3), THREE)
    assert await held(vault.budgets) == [True, False]
    assert not await vault.budgets.spend(turn(ACME, number=9), marks(0), THREE), "held is held"
    assert [each.ref for each in await vault.budgets.list()] == [turn(ACME, number=8).ref]


async def test_what_cannot_be_paid_for_whole_is_not_paid_for_in_part(vault: Vault) -> None:
    assert await vault.budgets.spend(turn(ACME), marks(0), THREE)
    assert not await vault.budgets.spend(turn(ACME), marks(1, 2, 3), THREE)
    assert await vault.budgets.release(turn(ACME).ref)
    assert await vault.budgets.spend(turn(ACME), marks(4, 5, 6), THREE)


async def test_nobody_pays_for_a_neighbour_or_for_another_tenant(vault: Vault) -> None:
    assert not await vault.budgets.spend(turn(ACME), marks(0, 1, 2, 3), THREE)
    assert await held(vault.budgets) == [True, False]
    assert await held(vault.budgets, "u2") == [False, False]
    assert await vault.budgets.spend(turn(ACME, "u2"), marks(0, 1, 2), THREE)
    assert await vault.budgets.spend(turn(GLOBEX), marks(0, 1, 2), THREE)
    assert [each.tenant for each in await vault.budgets.list()] == [ACME]
    assert await vault.budgets.list(GLOBEX) == ()


async def test_a_window_slides_and_a_hold_ends_by_itself(vault: Vault, clock: SteppedClock) -> None:
    assert await vault.budgets.spend(turn(ACME), marks(0, 1), THREE)
    clock.at_ms += 9_999
    assert await vault.budgets.spend(turn(ACME), marks(2), THREE)
    clock.at_ms += 1
    assert await vault.budgets.spend(turn(ACME), marks(3, 4), THREE), "the first two are too old to count"
    assert not await vault.budgets.spend(turn(ACME), marks(5), THREE)
    clock.at_ms += THREE.hold_ms - 1
    clock.at_s += 60
    assert await held(vault.budgets) == [True, False]
    clock.at_ms += 1
    assert await held(vault.budgets) == [False, False], "without a look at the database"
    assert await vault.budgets.spend(turn(ACME), marks(6), THREE)


async def test_a_restart_forgets_nothing_and_processes_count_together(
    shared: str, clock: SteppedClock
) -> None:
    async with await opened(shared, clock) as one:
        assert await one.budgets.spend(turn(ACME), marks(0, 1), THREE)
    async with await opened(shared, clock) as one, await opened(shared, clock) as two:
        assert await two.budgets.spend(turn(ACME), marks(2), THREE)
        assert await held(one.budgets) == [False, False]
        assert not await two.budgets.spend(turn(ACME), marks(3), THREE)
        assert not await one.budgets.spend(turn(ACME), marks(0), THREE), "whatever it remembers"
        assert await held(one.budgets) == [True, False]
        assert await two.budgets.release(turn(ACME).ref)
        assert await held(one.budgets) == [True, False], "for a moment"
        clock.at_s += 1
        assert await held(one.budgets) == [False, False]
    async with await opened(shared, clock) as one:
        assert await held(one.budgets) == [False, False]


async def test_a_release_is_a_receipt_of_its_tenant_and_names_nobody(vault: Vault) -> None:
    assert not await vault.budgets.spend(turn(ACME), marks(0, 1, 2, 3), THREE)
    assert await vault.budgets.release(Ref("another")) is None
    assert await held(vault.budgets) == [True, False]
    released = await vault.budgets.release(turn(ACME).ref)
    assert released is not None
    assert (released.tenant, released.principal) == (ACME, principal(ACME).id)
    assert await vault.budgets.release(turn(ACME).ref) is None
    assert await held(vault.budgets) == [False, False]
    [receipt] = [each async for each in vault.records.receipts(ACME)]
    act = told(receipt)
    assert isinstance(act, Act)
    assert (act.act, act.counts) == ("release", {"holds": 1})
    assert principal(ACME).id not in receipt.body
    assert await vault.records.verify(ACME) == 1
    assert await vault.records.verify(GLOBEX) == 0


async def test_many_at_once_are_never_paid_more_than_one_after_the_other(vault: Vault) -> None:
    paid = await asyncio.gather(
        *(vault.budgets.spend(turn(ACME, number=n), marks(n), THREE) for n in range(40)),
        *(vault.budgets.spend(turn(GLOBEX, number=n), marks(n % 3), THREE) for n in range(40)),
    )
    assert sum(paid[:40]) == 3
    assert all(paid[40:])


@pytest.mark.parametrize("seed", range(5))
async def test_inside_any_window_no_more_is_paid_for_than_the_allowance(seed: int) -> None:
    """Against a plain count, over random marks, sizes and times."""
    rng, clock = random.Random(seed), SteppedClock()
    shown: list[tuple[int, str]] = []
    paid = 0
    async with await opened(":memory:", clock) as vault:
        for _ in range(200):
            clock.at_ms += rng.randrange(4_000)
            clock.at_s += 1
            wanted = marks(*rng.sample(range(12), rng.randint(1, 4)))
            if await vault.budgets.spend(turn(ACME), wanted, THREE):
                first = {mark for at_ms, mark in shown if at_ms > clock.at_ms - THREE.window_ms}
                paid += 1
                shown += [(clock.at_ms, mark) for mark in wanted if mark not in first]
            elif await vault.budgets.release(turn(ACME).ref):
                shown = []
            recent = {mark for at_ms, mark in shown if at_ms > clock.at_ms - THREE.window_ms}
            assert len(recent) <= THREE.findings
    assert paid > 10


async def test_what_is_kept_of_it_goes_with_its_owner(shared: str) -> None:
    async with await opened(shared) as vault:
        for tenant in (ACME, GLOBEX):
            assert await vault.budgets.spend(turn(tenant), marks(0), THREE)
            assert not await vault.budgets.spend(turn(tenant), marks(1, 2, 3), THREE)
        counted = await vault.erasure.count(ACME, principal(ACME).id)
        assert counted == {"findings": 1, "holds": 1}
        assert await vault.erasure.erase(ACME, principal(ACME).id)
        assert await vault.erasure.count(GLOBEX, None) == {"findings": 1, "holds": 1}
    left = {row[1] for row in dumped(shared, "holds", "foreign_findings")}
    assert left == {"GLOBEX"}
