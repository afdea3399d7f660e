"""Every inbox: taken on once, kept sealed until answered, and handed on when a process dies."""

from dataclasses import replace
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.arrival import Arrival
from firewall.core.errors import IntegrityError
from firewall.core.ids import TenantId
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, altered, dumped, key_of, opened, turn
from vault.inbox import KEPT_MS, Accepted
from vault.open import Vault

SECRET = "kelp-47-lantern"


def arrival(tenant: TenantId, number: int = 1, *, said: str | None = None) -> Arrival:
    message = pw.message(
        SECRET, channel="telegram", realm=tenant, sender="u1", conversation="c", id=str(number)
    )
    return Arrival(message=replace(message, delivery=str(number)), route={"chat": "c"}, said=said)


async def accepted(vault: Vault, tenant: TenantId, number: int = 1) -> Accepted:
    found = await vault.inbox.accept(key_of(tenant), arrival(tenant, number))
    assert found is not None
    return found


async def test_a_delivery_is_taken_on_once_and_another_realms_is_another(vault: Vault) -> None:
    first = await accepted(vault, ACME)
    assert await vault.inbox.accept(key_of(ACME), arrival(ACME)) is None
    other = await accepted(vault, GLOBEX)
    assert (first.tenant, other.tenant) == (ACME, GLOBEX)
    assert first.lane != other.lane
    assert await vault.inbox.take(first) == arrival(ACME)
    assert SECRET not in repr(arrival(ACME))
    assert await vault.inbox.take(other) == arrival(GLOBEX)


async def test_the_same_words_under_another_delivery_id_are_known(vault: Vault) -> None:
    assert await vault.inbox.accept(key_of(ACME), arrival(ACME, 1, said="c:1")) is not None
    assert await vault.inbox.accept(key_of(ACME), arrival(ACME, 2, said="c:1")) is None
    assert await vault.inbox.accept(key_of(GLOBEX), arrival(GLOBEX, 2, said="c:1")) is not None


async def test_a_forged_delivery_does_not_make_the_true_one_a_second_one(vault: Vault) -> None:
    true = arrival(ACME, said="c:1")
    sender = replace(true.message.sender, verified=False)
    forged = replace(true, message=replace(true.message, sender=sender))
    assert await vault.inbox.accept(key_of(ACME, "forger"), forged) is not None
    assert await vault.inbox.accept(key_of(ACME), true) is not None
    assert await vault.inbox.accept(key_of(ACME), true) is None


async def test_what_is_answered_is_erased_and_still_known(shared: str) -> None:
    async with await opened(shared) as vault:
        one = await accepted(vault, ACME)
        vault.inbox.begin(one, turn(ACME))
        vault.inbox.end(one)
        await accepted(vault, ACME, 2)  # what is handed in later is committed later
        with pytest.raises(IntegrityError, match="not in the inbox"):
            await vault.inbox.take(one)
        assert await vault.inbox.accept(key_of(ACME), arrival(ACME)) is None
    assert [row[-1] is None for row in dumped(shared, "inbox")] == [True, False]


async def test_nothing_said_stands_in_the_file_readably(file: Path) -> None:
    async with await opened(file) as vault:
        await accepted(vault, ACME)
    assert all(SECRET.encode() not in path.read_bytes() for path in file.parent.iterdir() if path.is_file())


async def test_one_tenants_delivery_cannot_be_taken_as_anothers(vault: Vault) -> None:
    ours, theirs = await accepted(vault, ACME), await accepted(vault, GLOBEX)
    with pytest.raises(IntegrityError, match="not in the inbox"):
        await vault.inbox.take(replace(ours, tenant=GLOBEX))
    with pytest.raises(IntegrityError, match="not in the inbox"):
        await vault.inbox.take(replace(theirs, n=ours.n))


async def test_a_delivery_that_was_moved_to_another_row_does_not_open(shared: str) -> None:
    async with await opened(shared) as vault:
        one, two = await accepted(vault, ACME, 1), await accepted(vault, ACME, 2)
    assert (one.n, two.n) == (1, 2)
    altered(shared, "UPDATE inbox SET sealed = (SELECT sealed FROM inbox WHERE n = 2) WHERE n = 1")
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError):
            await vault.inbox.take(one)
        assert await vault.inbox.take(two) == arrival(ACME, 2)


async def test_a_living_process_keeps_what_it_took_on_and_a_dead_ones_is_handed_on(shared: str) -> None:
    async with await opened(shared) as first:
        one = await accepted(first, ACME, 1)
        begun = await accepted(first, GLOBEX, 2)
        first.inbox.begin(begun, turn(GLOBEX))
        async with await opened(shared) as second:
            assert await second.inbox.recover() == ()
    async with await opened(shared) as third:
        assert await third.inbox.recover() == (one, replace(begun, again=True))
        assert await third.inbox.recover() == ()
        assert await third.inbox.take(one) == arrival(ACME, 1)


async def test_what_may_have_been_shown_is_listed_and_never_handed_on(shared: str) -> None:
    async with await opened(shared) as first:
        one = await accepted(first, ACME)
        first.inbox.begin(one, turn(ACME))
        await first.effects.intend(turn(ACME), "send", "00")
        kept = await accepted(first, GLOBEX)
        first.inbox.begin(kept, turn(GLOBEX))
    async with await opened(shared) as second:
        assert await second.inbox.recover() == (replace(kept, again=True),)
        (found,) = await second.inbox.unknown()
        assert (found.n, found.tenant, found.ref) == (one.n, ACME, turn(ACME).ref)
        assert await second.inbox.unknown(GLOBEX) == ()
        assert not await second.inbox.dismiss(kept.n), "it is not unknown"
    async with await opened(shared) as third:
        assert len(await third.inbox.unknown(ACME)) == 1
        assert await third.inbox.dismiss(one.n)
        assert await third.inbox.unknown() == ()
        assert not await third.inbox.dismiss(one.n)
        with pytest.raises(IntegrityError, match="not in the inbox"):
            await third.inbox.take(one)


async def test_an_effect_of_an_equal_turn_id_of_another_tenant_is_no_effect(shared: str) -> None:
    async with await opened(shared) as first:
        one = await accepted(first, ACME)
        first.inbox.begin(one, turn(ACME))
        await first.effects.intend(replace(turn(GLOBEX), id=turn(ACME).id), "send", "00")
    async with await opened(shared) as second:
        assert await second.inbox.recover() == (replace(one, again=True),)


async def test_what_was_answered_long_ago_is_forgotten_and_the_rest_kept(
    vault: Vault, clock: SteppedClock
) -> None:
    old = await accepted(vault, ACME, 1)
    vault.inbox.end(old)
    await accepted(vault, ACME, 2)
    assert await vault.inbox.prune() == 0
    clock.at_ms += KEPT_MS + 1
    assert await vault.inbox.prune() == 1
    assert await vault.inbox.accept(key_of(ACME), arrival(ACME, 2)) is None
    assert await vault.inbox.accept(key_of(ACME), arrival(ACME, 1)) is not None
