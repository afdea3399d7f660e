"""The store of installations: a token opens under its own tenant and in its own row, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from firewall.core.errors import BadIdentifier, IntegrityError, MisuseError
from firewall.core.ids import TenantId
from firewall.core.installation import Installation, InstallationKey
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, altered, dumped, opened
from vault.open import Vault
from vault.states import LASTS_S

APP, OTHER_APP = "111.222", "111.223"
TOKEN, REFRESH = "xoxb-kelp-47-lantern", "xoxe-1-lantern-47-kelp"


def key_of(team: str = "T0ACME001", enterprise: str | None = None, app: str = APP) -> InstallationKey:
    return InstallationKey(app=app, enterprise=enterprise, team=team)


def installation(key: InstallationKey, token: str = TOKEN, *, at_ms: int = 1_000) -> Installation:
    return Installation(
        key=key,
        token=token,
        bot_user="U0BOT0001",
        bot="B0WALL001",
        scopes=("chat:write", "im:history"),
        installer="U0ADA0001",
        at_ms=at_ms,
        refresh=REFRESH,
        end_ms=9_000_000,
    )


MINE, THEIRS = key_of("T0ACME001"), key_of("T0GLOBEX1")


async def both(vault: Vault) -> None:
    await vault.installations.save(ACME, installation(MINE))
    await vault.installations.save(GLOBEX, installation(THEIRS, "xoxb-theirs"))


async def test_each_workspace_has_its_own_installation_and_nobody_elses(vault: Vault) -> None:
    await both(vault)
    assert await vault.installations.find(ACME, MINE) == installation(MINE)
    assert await vault.installations.find(GLOBEX, THEIRS) == installation(THEIRS, "xoxb-theirs")
    assert await vault.installations.find(GLOBEX, MINE) is None
    assert await vault.installations.find(ACME, THEIRS) is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(key_of(app=OTHER_APP), id="another-app"),
        pytest.param(key_of(enterprise="E1"), id="in-an-organisation"),
        pytest.param(key_of(team="T0ACME00"), id="another-workspace"),
        pytest.param(InstallationKey(app="111", enterprise="222", team="T0ACME001"), id="joined-otherwise"),
    ],
)
async def test_a_key_that_differs_in_any_field_is_another(vault: Vault, other: InstallationKey) -> None:
    await both(vault)
    assert await vault.installations.find(ACME, other) is None
    await vault.installations.save(ACME, installation(other, "xoxb-other"))
    assert (await vault.installations.find(ACME, MINE)) == installation(MINE)
    assert not await vault.installations.delete(replace(other, team="T0NOBODY1"))


async def test_the_same_workspace_again_replaces_what_was_kept(vault: Vault) -> None:
    await both(vault)
    again = installation(MINE, "xoxb-again", at_ms=2_000)
    await vault.installations.save(ACME, again)
    assert await vault.installations.find(ACME, MINE) == again
    assert [(one.key, one.at_ms) for one in await vault.installations.list()] == [
        (THEIRS, 1_000),
        (MINE, 2_000),
    ]


async def test_a_workspace_that_changed_its_tenant_must_be_installed_again(vault: Vault) -> None:
    await both(vault)
    await vault.installations.save(GLOBEX, installation(MINE, "xoxb-moved"))
    assert await vault.installations.find(ACME, MINE) is None
    moved = await vault.installations.find(GLOBEX, MINE)
    assert moved is not None
    assert moved.token == "xoxb-moved"


async def test_what_is_deleted_is_gone_and_the_others_stay(vault: Vault) -> None:
    await both(vault)
    assert not await vault.installations.delete(MINE, until_ms=999), "it was made later"
    assert await vault.installations.delete(MINE, until_ms=1_000)
    assert not await vault.installations.delete(MINE)
    assert await vault.installations.find(ACME, MINE) is None
    assert await vault.installations.find(GLOBEX, THEIRS) is not None


async def test_the_list_is_by_tenant_and_without_tokens(vault: Vault) -> None:
    await both(vault)
    (mine,) = await vault.installations.list(ACME)
    assert (mine.key, mine.tenant, mine.installer) == (MINE, ACME, "U0ADA0001")
    assert mine.scopes == ("chat:write", "im:history")
    assert TOKEN not in repr(mine)
    assert {one.tenant for one in await vault.installations.list()} == {ACME, GLOBEX}
    assert await vault.installations.list(TenantId("nobody")) == ()


def test_no_repr_shows_a_token() -> None:
    for key in (MINE, THEIRS):
        shown = repr(installation(key))
        assert key.team in shown
        assert TOKEN not in shown
        assert REFRESH not in shown


async def test_what_can_name_nothing_is_refused(vault: Vault) -> None:
    for key in (key_of(team=""), key_of(team="null"), key_of(enterprise=""), key_of(app=" ")):
        with pytest.raises(BadIdentifier):
            await vault.installations.save(ACME, installation(key))
    with pytest.raises(MisuseError, match="has a token"):
        await vault.installations.save(GLOBEX, installation(THEIRS, ""))
    with pytest.raises(IntegrityError, match="cannot be kept"):
        await vault.installations.save(GLOBEX, installation(THEIRS, "xoxb-\ud800"))
    assert await vault.installations.list() == ()


async def test_no_token_stands_in_the_data_readably(file: Path) -> None:
    async with await opened(file) as vault:
        await both(vault)
        files = [path for path in file.parent.rglob("*") if path.is_file()]
        assert len(files) > 1
        for path in files:
            assert all(one.encode() not in path.read_bytes() for one in (TOKEN, REFRESH, "xoxb-theirs"))


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(("sealed", "key", "tenant"), id="whole"),
        pytest.param(("sealed", "key"), id="with-its-key"),
        pytest.param(("sealed",), id="alone"),
    ],
)
async def test_a_token_that_was_moved_to_another_workspace_does_not_open(
    shared: str, moved: tuple[str, ...]
) -> None:
    async with await opened(shared) as vault:
        await both(vault)
    set_to = ", ".join(
        f"{column} = (SELECT {column} FROM installations WHERE team = 'T0ACME001')"  # noqa: S608 - a test's own words
        for column in moved
    )
    altered(shared, f"UPDATE installations SET {set_to} WHERE team = 'T0GLOBEX1'")  # noqa: S608 - a test's own words
    async with await opened(shared) as vault:
        for tenant in (ACME, GLOBEX):
            if (tenant == ACME) == ("tenant" in moved):
                with pytest.raises(IntegrityError):
                    await vault.installations.find(tenant, THEIRS)
            else:
                assert await vault.installations.find(tenant, THEIRS) is None
        assert await vault.installations.find(ACME, MINE) == installation(MINE)


async def test_a_tenants_token_is_unreadable_without_the_tenants_key(shared: str) -> None:
    async with await opened(shared) as vault:
        await both(vault)
    altered(shared, "DELETE FROM keys WHERE tenant = 'ACME'")
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError):
            await vault.installations.find(ACME, MINE)
        assert await vault.installations.find(GLOBEX, THEIRS) is not None
        assert len(await vault.installations.list()) == 2, "a list needs no key"


async def test_a_rotation_seals_installations_anew_and_destroys_the_old_key(shared: str) -> None:
    async with await opened(shared) as vault:
        await both(vault)
        before = dumped(shared, "installations")
        assert await vault.entries.rotate(ACME) == 0
        assert await vault.installations.find(ACME, MINE) == installation(MINE)
        assert await vault.installations.find(GLOBEX, THEIRS) is not None
    changed = [row for row in dumped(shared, "installations") if row not in before]
    assert [row[2] for row in changed] == ["ACME"]
    assert len(dumped(shared, "keys", where="tenant = 'ACME'")) == 1


async def test_installations_outlive_the_process(shared: str) -> None:
    async with await opened(shared) as vault:
        await both(vault)
    async with await opened(shared) as vault:
        assert await vault.installations.find(ACME, MINE) == installation(MINE)


# States


async def test_a_state_is_good_once_and_for_its_own_app(vault: Vault) -> None:
    mine, theirs = vault.states.issue(APP), vault.states.issue(OTHER_APP)
    assert mine != vault.states.issue(APP)
    assert not await vault.states.consume(OTHER_APP, mine)
    assert await vault.states.consume(APP, mine)
    assert not await vault.states.consume(APP, mine)
    assert await vault.states.consume(OTHER_APP, theirs)


async def test_a_state_is_over_after_ten_minutes_and_its_mark_is_forgotten(
    shared: str, clock: SteppedClock
) -> None:
    async with await opened(shared, clock) as vault:
        used, late = vault.states.issue(APP), vault.states.issue(OTHER_APP)
        assert await vault.states.consume(APP, used)
        clock.at_ms += LASTS_S * 1000 - 1
        assert not await vault.states.consume(APP, used)
        clock.at_ms += 1
        assert not await vault.states.consume(OTHER_APP, late)
        assert await vault.states.consume(APP, vault.states.issue(APP))
    assert len(dumped(shared, "install_states")) == 1


async def test_a_state_that_is_not_ours_is_none(file: Path, clock: SteppedClock) -> None:
    async with await opened(file, clock) as vault:
        state = vault.states.issue(APP)
        nonce, end, mac = state.split(".")
        later = f"{nonce}.{int(end) + 1}.{mac}"
        for forged in (
            "",
            ".",
            "..",
            "a.b.c",
            later,
            state[:-1],
            f"{state}.",
            f"{nonce}.{end}.\ud800",
            "x" * 999,
        ):
            assert not await vault.states.consume(APP, forged)
        assert await vault.states.consume(APP, state)
    async with await opened(file.with_name("other.db"), clock, master=b"m" * 32) as other:
        assert not await other.states.consume(APP, state)
        assert await other.states.consume(OTHER_APP, other.states.issue(OTHER_APP))
