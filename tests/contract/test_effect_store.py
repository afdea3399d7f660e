"""Every effect store: an intent before, an outcome after, and no forgetting in between."""

import pytest

from firewall.core.errors import IntegrityError, MisuseError
from tests.fakes.vaults import ACME, GLOBEX, altered, dumped, key_of, opened, turn
from vault.effects import EffectState
from vault.open import Vault


async def test_an_intent_is_named_by_its_turn_alone(vault: Vault) -> None:
    ours = [await vault.effects.intend(turn(ACME), "send", "00") for _ in range(2)]
    theirs = await vault.effects.intend(turn(GLOBEX), "send", "00")
    assert len({*ours, theirs}) == 3
    async with await opened(":memory:") as bare:
        if bare.secret == vault.secret:
            assert await bare.effects.intend(turn(ACME), "send", "00") == ours[0]


async def test_an_effect_ends_once(vault: Vault) -> None:
    effect = await vault.effects.intend(turn(ACME), "send", "00")
    await vault.effects.finish(effect, "done")
    await vault.effects.finish(effect, "done")
    with pytest.raises(IntegrityError):
        await vault.effects.finish(effect, "failed")
    with pytest.raises(IntegrityError):
        await vault.effects.finish("unheard-of", "done")
    with pytest.raises(MisuseError):
        await vault.effects.finish(effect, "unknown")
    assert await vault.effects.unresolved() == ()


async def test_an_intent_of_a_dead_process_is_listed_and_of_a_living_one_is_not(shared: str) -> None:
    async with await opened(shared) as first:
        left = await first.effects.intend(turn(ACME), "send", "ab")
        await first.effects.intend(turn(GLOBEX), "edit", "cd")
        async with await opened(shared) as second:
            assert await second.effects.unresolved() == ()
            await second.effects.intend(turn(ACME, "u2"), "send", "ef")
    async with await opened(shared) as vault:
        found = await vault.effects.unresolved(ACME)
        assert [(one.id, one.kind, one.digest, one.state) for one in found][:1] == [
            (left, "send", "ab", EffectState.UNKNOWN)
        ]
        assert [one.tenant for one in await vault.effects.unresolved()] == [ACME, GLOBEX, ACME]
        await vault.effects.finish(left, "done")
        assert [one.digest for one in await vault.effects.unresolved(ACME)] == ["ef"]


async def test_a_holder_name_from_the_file_is_no_path(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.effects.intend(turn(ACME), "send", "ab")
    altered(shared, "UPDATE effects SET holder = '../../../etc/passwd'")
    async with await opened(shared) as vault:
        assert len(await vault.effects.unresolved()) == 1


async def test_what_one_tenant_does_leaves_the_others_effects_byte_identical(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.effects.intend(turn(ACME), "send", "ab")
        before = dumped(shared, "effects", where="tenant = 'ACME'")
        await vault.effects.finish(await vault.effects.intend(turn(GLOBEX), "send", "ab"), "failed")
        assert dumped(shared, "effects", where="tenant = 'ACME'") == before


async def test_an_outcome_nobody_waits_for_is_committed_by_closing_and_before_what_comes_next(
    shared: str,
) -> None:
    async with await opened(shared) as vault:
        first = await vault.effects.intend(turn(ACME), "send", "ab")
        vault.effects.finish(first, "done")
        await vault.effects.intend(turn(ACME), "send", "cd")
        assert [row[10] for row in dumped(shared, "effects")] == ["done", "intent"]
        theirs = await vault.effects.intend(turn(GLOBEX), "send", "ef")
        vault.effects.finish(theirs, "failed")
        async with vault.sessions.open_turn(key_of(GLOBEX), wait_s=1):
            assert [row[10] for row in dumped(shared, "effects")] == ["done", "intent", "failed"]
        last = await vault.effects.intend(turn(GLOBEX), "send", "gh")
        vault.effects.finish(last, "done")
    assert [row[10] for row in dumped(shared, "effects")] == ["done", "intent", "failed", "done"]
