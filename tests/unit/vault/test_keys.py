"""Keys hang from each other, and what hangs from a destroyed one is gone."""

from pathlib import Path

import pytest

from firewall.core.errors import IntegrityError
from firewall.core.label import Members
from tests.fakes.vaults import ACME, GLOBEX, altered, dumped, key_of, opened, own, part, principal, turn
from vault.open import Vault


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "partywall.db"


async def filled(vault: Vault) -> None:
    for tenant in (ACME, GLOBEX):
        async with vault.sessions.hold(key_of(tenant), wait_s=1) as held:
            await vault.sessions.append(held, [part(1, f"history of {tenant}", own(tenant))])
        await vault.notes.remember(turn(tenant), "k", f"note of {tenant}")
        await vault.entries.add(tenant, "n", f"entry of {tenant}", Members())


async def texts(vault: Vault) -> list[str]:
    return [text async for text, *_ in vault.lexicon.each_text()]


async def test_each_tenant_and_each_principal_has_a_key_of_its_own(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
        await vault.notes.remember(turn(ACME, "u2"), "k", "v")
    owners = sorted((str(row[2]), row[3] or "") for row in dumped(file, "keys"))
    assert owners == sorted(
        [
            (ACME, ""),
            (ACME, principal(ACME).id),
            (ACME, principal(ACME, "u2").id),
            (GLOBEX, ""),
            (GLOBEX, principal(GLOBEX).id),
        ]
    )


async def test_rotation_wraps_the_principals_keys_anew_and_a_restart_still_reads_all(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
        before = await texts(vault)
        theirs = dumped(file, "keys", where="tenant = 'GLOBEX'")
        for _ in range(2):
            await vault.entries.rotate(ACME)
        assert await texts(vault) == before
    parents = {row[4] for row in dumped(file, "keys", where="tenant = 'ACME' AND principal IS NOT NULL")}
    assert parents == {row[1] for row in dumped(file, "keys", where="tenant = 'ACME' AND principal IS NULL")}
    assert dumped(file, "keys", where="tenant = 'GLOBEX'") == theirs
    async with await opened(file) as vault:
        assert await texts(vault) == before


async def test_a_destroyed_tenant_key_takes_everything_of_the_tenant_and_nothing_of_the_other(
    file: Path,
) -> None:
    async with await opened(file) as vault:
        await filled(vault)
    altered(file, "DELETE FROM keys WHERE tenant = 'ACME' AND principal IS NULL")
    async with await opened(file) as vault:
        with pytest.raises(IntegrityError):
            async with vault.sessions.hold(key_of(ACME), wait_s=1):
                pass
        with pytest.raises(IntegrityError):
            await vault.notes.recall(turn(ACME))
        with pytest.raises(IntegrityError):
            await vault.entries.show(ACME, "n")
        assert await vault.notes.recall(turn(GLOBEX)) == {"k": "note of GLOBEX"}
        assert len(await vault.entries.show(GLOBEX, "n")) == 1


@pytest.mark.parametrize("column", ["tenant = 'GLOBEX'", "wrapped = zeroblob(60)"])
async def test_a_key_row_that_was_altered_opens_nothing(file: Path, column: str) -> None:
    async with await opened(file) as vault:
        await filled(vault)
    altered(
        file,
        "DELETE FROM keys WHERE tenant = 'GLOBEX'",
        f"UPDATE keys SET {column} WHERE tenant = 'ACME' AND principal IS NOT NULL",  # noqa: S608 - our own
    )
    async with await opened(file) as vault:
        for tenant in (ACME, GLOBEX):
            with pytest.raises(IntegrityError):
                await vault.notes.recall(turn(tenant))


async def test_a_replaced_key_that_is_still_in_use_cannot_be_destroyed(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
        old = (await vault.engine.writer.submit(ACME, lambda: vault.entries.keyring.replaced(ACME)))[0]
        with pytest.raises(IntegrityError):
            await vault.engine.writer.submit(ACME, lambda: vault.entries.keyring.destroyed(ACME, old))
        assert len(await vault.entries.show(ACME, "n")) == 1
        assert await vault.entries.rotate(ACME) == 1
        assert len(await vault.entries.show(GLOBEX, "n")) == 1
