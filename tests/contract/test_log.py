"""The log over all tenants: one leaf a receipt, in its transaction; no row of it can be touched unseen."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from firewall.core.errors import ChainBroken, MisuseError
from firewall.core.merkle import leaf_hash
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, altered, denial, dumped, judgement, opened, turn
from vault.bundles import Fields
from vault.checkpoints import LogState
from vault.log import canonical_bytes, commitment
from vault.open import Vault

UNLOGGED = (
    "DELETE FROM log_head",
    "DELETE FROM log_leaves",
    "DELETE FROM log_nodes",
    "DELETE FROM checkpoints",
)


async def written(vault: Vault, count: int = 4) -> None:
    for n in range(count):
        for tenant in (ACME, GLOBEX):
            await vault.records.record(judgement(turn(tenant, number=n), denial()))


async def test_every_receipt_of_every_tenant_is_a_leaf(vault: Vault) -> None:
    await asyncio.gather(*(written(vault) for _ in range(8)))
    assert await vault.checkpoints.verify() == LogState(size=64, erased=0, checkpoints=0)
    signed = await vault.checkpoints.make()
    assert signed.size == 64
    assert await vault.checkpoints.tenants() == (ACME, GLOBEX)
    positions = [
        each["leaf"] for tenant in (ACME, GLOBEX) async for each in vault.bundles.receipts(tenant, signed)
    ]
    assert sorted(map(str, positions)) == sorted(map(str, range(64)))


async def test_a_log_longer_than_a_page_verifies(vault: Vault) -> None:
    for n in range(1_100):
        vault.records.queue(judgement(turn((ACME, GLOBEX)[n % 2], number=n)))
    await vault.records.settle()
    signed = await vault.checkpoints.make()
    assert (await vault.checkpoints.verify()).size == signed.size == 1_100
    assert len([each async for each in vault.bundles.receipts(ACME, signed)]) == 550


async def test_an_empty_log_verifies_and_can_be_signed(vault: Vault) -> None:
    first = await vault.checkpoints.make()
    assert first.size == 0
    assert await vault.checkpoints.verify() == LogState(size=0, erased=0, checkpoints=1)
    await written(vault)
    after = await vault.checkpoints.make()
    assert await vault.bundles.consistency(first.note.encode(), after) == []
    assert [each async for each in vault.bundles.receipts(ACME, first)] == []


async def test_a_leaf_commits_under_a_salt_of_its_own(vault: Vault) -> None:
    same = judgement(turn(ACME), denial())
    for _ in range(3):
        await vault.records.record(same)
    signed = await vault.checkpoints.make()
    found = [each async for each in vault.bundles.receipts(ACME, signed)]
    receipts = [each async for each in vault.records.receipts(ACME)]
    salts = {str(each["salt"]) for each in found}
    assert {len(each) for each in salts} == {64}
    assert len(salts) == 3
    for fields, receipt in zip(found, receipts, strict=True):
        salt = bytes.fromhex(str(fields["salt"]))
        assert leaf_hash(commitment(salt, receipt)).hex() == fields["leaf_hash"]
        assert leaf_hash(canonical_bytes(receipt)).hex() != fields["leaf_hash"]


async def test_a_salt_is_missing_only_where_an_erasure_is_marked(shared: str) -> None:
    async with await opened(shared) as vault:
        await written(vault)
        await vault.checkpoints.make()
        assert await vault.erasure.erase(GLOBEX, None) is not None
    altered(shared, "UPDATE log_leaves SET salt = NULL WHERE tenant = 'ACME'")
    async with await opened(shared) as vault:
        with pytest.raises(ChainBroken, match="receipt 1"):
            await vault.records.verify(ACME)
        (gone,) = set(await vault.checkpoints.tenants()) - {ACME}
        assert await vault.records.verify(gone) == 5
        assert (await vault.checkpoints.verify()).erased == 8
        signed = await vault.checkpoints.make()
        fields = [each async for each in vault.bundles.receipts(gone, signed)]
        assert [each["salt"] is None for each in fields] == [True] * 4 + [False]


async def test_what_a_newer_program_finds_without_a_log_is_put_into_one(shared: str) -> None:
    async with await opened(shared) as vault:
        await written(vault, 300)
        before = [each async for each in vault.records.receipts(ACME)]
    altered(shared, *UNLOGGED)
    async with await opened(shared) as vault:
        assert [each async for each in vault.records.receipts(ACME)] == before
        assert await vault.records.verify(ACME) == await vault.records.verify(GLOBEX) == 300
        await written(vault, 1)
        assert await vault.checkpoints.verify() == LogState(size=602, erased=0, checkpoints=0)


async def test_closing_signs_what_was_written_and_looking_signs_nothing(shared: str) -> None:
    async with await opened(shared) as vault:
        await written(vault)
    async with await opened(shared) as vault:
        assert (await vault.checkpoints.verify()).checkpoints == 1
    async with await opened(shared) as vault:
        await written(vault)
    async with await opened(shared) as vault:
        assert (await vault.checkpoints.verify()).checkpoints == 2


async def test_the_same_log_is_signed_once(vault: Vault, clock: SteppedClock) -> None:
    await written(vault)
    first = await vault.checkpoints.make()
    clock.at_ms += 1_000
    assert await vault.checkpoints.make() == first
    assert await vault.checkpoints.verify() == LogState(size=8, erased=0, checkpoints=1)


TAMPERED = {
    "the-head-removed": "DELETE FROM log_head",
    "the-head-moved": "UPDATE log_head SET size = 7",
    "the-heads-peaks": "UPDATE log_head SET peaks = replace(peaks, '0', '1')",
    "the-heads-peaks-unreadable": "UPDATE log_head SET peaks = 'x'",
    "a-hash": "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 2",
    "a-hash-removed": "DELETE FROM log_nodes WHERE level = 2 AND position = 1",
    "a-leaf": "UPDATE log_nodes SET hash = zeroblob(32) WHERE level = 0 AND position = 2",
    "a-leaf-removed": "DELETE FROM log_nodes WHERE level = 0 AND position = 7",
    "a-leaf-without-a-receipt": "DELETE FROM receipts WHERE tenant = 'ACME' AND seq = 2",
    "a-receipt-without-a-leaf": "DELETE FROM log_leaves WHERE position = 3",
    "a-checkpoint": "UPDATE checkpoints SET note = replace(note, '8', '9')",
    "a-checkpoint-of-another-size": "UPDATE checkpoints SET size = 5",
}


@pytest.mark.parametrize("case", TAMPERED)
async def test_tampering_with_the_log_is_found(shared: str, case: str) -> None:
    async with await opened(shared) as vault:
        await written(vault)
        assert (await vault.checkpoints.make()).size == 8
    altered(shared, TAMPERED[case])
    with pytest.raises(ChainBroken):
        async with await opened(shared) as vault:
            await vault.checkpoints.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_leaves WHERE tenant = 'ACME' AND seq = 2",
        "UPDATE log_leaves SET salt = zeroblob(32) WHERE tenant = 'ACME' AND seq = 2",
        "DELETE FROM log_nodes WHERE level = 0 AND position = 2",
    ],
)
async def test_a_receipt_that_the_log_does_not_hold_is_found(shared: str, statement: str) -> None:
    async with await opened(shared) as vault:
        await written(vault)
        signed = await vault.checkpoints.make()
    altered(shared, statement)
    async with await opened(shared) as vault:
        with pytest.raises(ChainBroken, match="receipt 2"):
            await vault.records.verify(ACME)
        assert await vault.records.verify(GLOBEX) == 4
        if "salt" not in statement:
            with pytest.raises(ChainBroken):
                _ = [each async for each in vault.bundles.receipts(ACME, signed)]


@pytest.mark.parametrize("case", ["the-head-removed", "the-head-moved"])
async def test_a_log_whose_head_was_altered_takes_no_more_receipts(shared: str, case: str) -> None:
    async with await opened(shared) as vault:
        await written(vault)
    altered(shared, TAMPERED[case])
    with pytest.raises(ChainBroken):
        async with await opened(shared) as vault:
            await written(vault)
    assert len(dumped(shared, "receipts")) == 8


async def test_nothing_is_signed_that_does_not_begin_with_what_was_signed(file: Path, tmp_path: Path) -> None:
    fork = tmp_path / "home" / "fork.db"
    async with await opened(file) as vault:
        await written(vault, 2)
    shutil.copy(file, fork)
    async with await opened(fork) as vault:
        await written(vault, 1)
        elsewhere = await vault.checkpoints.make()
    # What a restored backup looks like to whoever knows what the lost one had signed.
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO checkpoints VALUES (?, 0, ?)", (elsewhere.size, elsewhere.note))
    connection.close()
    async with await opened(file) as vault:
        with pytest.raises(ChainBroken, match="does not begin"):
            await vault.checkpoints.make()
        await written(vault, 3)
        with pytest.raises(ChainBroken, match="does not begin"):
            await vault.checkpoints.make()
        with pytest.raises(ChainBroken, match="not those that were signed"):
            await vault.checkpoints.verify()
    assert len(dumped(file, "checkpoints")) == 2


async def test_a_checkpoint_of_a_fork_is_never_gone_on_from(file: Path, tmp_path: Path) -> None:
    fork = tmp_path / "home" / "fork.db"
    async with await opened(file) as vault:
        await written(vault, 2)
    shutil.copy(file, fork)
    async with await opened(fork) as vault:
        await written(vault, 1)
        elsewhere = await vault.checkpoints.make()
    async with await opened(file) as vault:
        await written(vault, 2)
        with pytest.raises(ChainBroken, match="did not grow"):
            await vault.bundles.consistency(elsewhere.note.encode(), await vault.checkpoints.make())


async def test_two_processes_on_one_database_write_one_log(shared: str) -> None:
    async with await opened(shared) as one, await opened(shared) as two:
        await asyncio.gather(*(written(each, 8) for each in (one, two, one, two)))
        assert (await one.checkpoints.make()).size == 64
        assert await one.checkpoints.make() == await two.checkpoints.make()
        assert await two.checkpoints.verify() == LogState(size=64, erased=0, checkpoints=1)
        for tenant in (ACME, GLOBEX):
            assert await one.records.verify(tenant) == 32


async def test_a_checkpoint_of_a_larger_log_shows_that_this_one_was_cut(shared: str, tmp_path: Path) -> None:
    async with await opened(shared) as vault:
        await written(vault)
        first = await vault.checkpoints.make()
        await written(vault)
        second = await vault.checkpoints.make()
        with pytest.raises(MisuseError, match="larger"):
            await vault.bundles.consistency(second.note.encode(), first)
        with pytest.raises(MisuseError, match="no checkpoint"):
            await vault.bundles.consistency(b"nonsense", first)
        path = await vault.bundles.consistency(first.note.encode(), second)
        assert path
    async with await opened(tmp_path / "other" / "partywall.db") as other:
        await written(other)
        with pytest.raises(MisuseError, match="not signed by this key"):
            await other.bundles.consistency(first.note.encode(), await other.checkpoints.make())


async def test_the_logs_key_is_the_deployments_and_stays(shared: str, tmp_path: Path) -> None:
    async with await opened(shared) as vault:
        key = vault.checkpoints.signer.key
        assert vault.secret.hex() not in repr(vault.checkpoints.signer)
    async with await opened(shared) as vault:
        assert vault.checkpoints.signer.key == key
    async with await opened(tmp_path / "other" / "partywall.db") as other:
        assert other.checkpoints.signer.key != key


async def test_a_closing_that_cannot_sign_is_logged_and_loses_nothing(
    shared: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await opened(shared) as vault:
        await written(vault)
        altered(shared, "UPDATE log_head SET size = 7")
    assert "a checkpoint of the log" in caplog.text
    assert len(dumped(shared, "receipts")) == 8


def proof_of(fields: Fields) -> int:
    proof = fields["proof"]
    assert isinstance(proof, list)
    return len(proof)


async def test_a_proof_is_as_long_as_the_tree_is_high(vault: Vault) -> None:
    await written(vault, 16)
    signed = await vault.checkpoints.make()
    assert {proof_of(each) async for each in vault.bundles.receipts(ACME, signed)} == {5}
