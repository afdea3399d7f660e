"""A vault opens with its own key and schema, keeps nothing readable, and shares its file.

The tests look at files from inside a loop that has nothing else to do.
"""

# ruff: noqa: ASYNC240 - nothing else runs in the loop while a test looks at a file

import asyncio
import os
import stat
import sys
from pathlib import Path

import pytest

from firewall.core.errors import IntegrityError, KeyMismatch, SchemaTooNew, StoreUnavailable
from firewall.core.label import Members
from tests.fakes.services import ROOT, needs
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    CountedIds,
    SteppedClock,
    altered,
    audience,
    denial,
    judgement,
    key_of,
    opened,
    own,
    part,
    turn,
)
from vault.holder import Holder
from vault.ledger import Filter
from vault.migrations import migrations
from vault.open import Vault, open_vault


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "partywall.db"


async def filled(vault: Vault) -> None:
    for tenant in (ACME, GLOBEX):
        async with vault.sessions.hold(key_of(tenant), wait_s=1) as held:
            await vault.sessions.append(held, [part(1, f"PLANTED-history-{tenant}", own(tenant))])
        await vault.entries.add(tenant, f"PLANTED-name-{tenant}", f"PLANTED-value-{tenant}", Members())
        await vault.notes.remember(turn(tenant), f"PLANTED-key-{tenant}", f"PLANTED-note-{tenant}")


async def test_nothing_that_was_said_stands_readable_in_any_file(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
        assert file.with_name("partywall.db-wal").stat().st_size > 0
        while_open = [path for path in file.parent.rglob("*") if path.is_file()]
        assert {path.name for path in while_open} >= {"partywall.db", "partywall.db-wal", "partywall.db-shm"}
        assert not any(b"PLANTED" in path.read_bytes() for path in while_open)
        assert any(b"ACME" in path.read_bytes() for path in while_open), "the search itself must work"
    assert b"PLANTED" not in file.read_bytes()


async def test_files_are_for_their_owner_only(file: Path) -> None:
    async with await opened(file, master=None) as vault:
        await filled(vault)
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        for path in file.parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


async def test_without_a_path_everything_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with await open_vault(clock=SteppedClock(), ids_factory=CountedIds) as vault:
        await filled(vault)
    home = tmp_path / ".partywall"
    assert {path.name for path in home.iterdir()} >= {"partywall.db", "master.key"}
    assert len((home / "master.key").read_bytes()) == 32
    async with await open_vault(clock=SteppedClock(), ids_factory=CountedIds) as vault:
        assert await vault.entries.lookup(audience(ACME), "PLANTED-name-ACME") is not None


async def test_a_wrong_or_missing_master_key_refuses_to_open(file: Path) -> None:
    async with await opened(file, master=None) as vault:
        await filled(vault)
        secret = vault.secret
    before = file.read_bytes()
    with pytest.raises(KeyMismatch):
        await opened(file, master=b"x" * 32)
    key = file.with_name("master.key")
    material = key.read_bytes()
    key.unlink()
    with pytest.raises(KeyMismatch):
        await opened(file, master=None)
    assert not key.exists(), "a key must never be made over sealed data"
    for wrong in (b"x" * 32, b"", material[:31], material + b"\n"):
        key.write_bytes(wrong)
        key.chmod(0o600)
        with pytest.raises(KeyMismatch):
            await opened(file, master=None)
    key.write_bytes(material)
    key.chmod(0o640)
    with pytest.raises(KeyMismatch, match="chmod 600"):
        await opened(file, master=None)
    key.chmod(0o600)
    assert file.read_bytes() == before
    async with await opened(file, master=None) as vault:
        assert vault.secret == secret


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM meta WHERE name = 'check'", "UPDATE meta SET value = zeroblob(60) WHERE name = 'secret'"],
)
async def test_a_damaged_key_row_refuses_to_open(file: Path, damage: str) -> None:
    async with await opened(file) as vault:
        await filled(vault)
    altered(file, damage)
    with pytest.raises(IntegrityError):
        await opened(file)


async def test_a_database_of_a_newer_version_is_left_untouched(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
    altered(file, f"PRAGMA user_version = {len(migrations()) + 1}")
    before = file.read_bytes()
    with pytest.raises(SchemaTooNew):
        await opened(file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", ["a table", "text", "an application"])
async def test_another_programs_file_is_refused(file: Path, content: str) -> None:
    file.parent.mkdir()
    if content == "text":
        file.write_text("this is no database, it is a diary of some length\n" * 50)
    else:
        altered(
            file,
            "CREATE TABLE diary (text)",
            *(["PRAGMA application_id = 7"] if content != "a table" else []),
        )
    before = file.read_bytes() if content == "text" else b""
    with pytest.raises(IntegrityError):
        await opened(file)
    if before:
        assert file.read_bytes() == before


async def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    with pytest.raises(StoreUnavailable):
        await opened(tmp_path / "a-file" / "partywall.db")
    (tmp_path / "a-folder").mkdir()
    with pytest.raises(StoreUnavailable):
        await opened(tmp_path / "a-folder")


READ_ONLY = """
import asyncio, sys
from firewall.core.errors import StoreUnavailable
from tests.fakes.vaults import opened
async def main():
    try:
        await opened(sys.argv[1])
    except StoreUnavailable:
        sys.exit(7)
asyncio.run(main())
"""


@needs("bwrap")
async def test_a_read_only_database_is_unavailable(file: Path) -> None:
    async with await opened(file) as vault:
        await filled(vault)
    jail = ["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--die-with-parent"]
    command = [*jail, sys.executable, "-B", "-c", READ_ONLY, str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == 7


async def test_many_openers_at_once_agree_on_key_and_secret(file: Path) -> None:
    vaults = await asyncio.gather(*(opened(file, master=None) for _ in range(4)))
    assert len({vault.secret for vault in vaults}) == 1
    await asyncio.gather(
        *(vault.records.record(judgement(turn(ACME, number=n), denial())) for n, vault in enumerate(vaults))
    )
    assert await vaults[0].records.verify(ACME) == 4
    for vault in vaults:
        await vault.close()
    assert list((file.parent / "partywall.db.holders").iterdir()) == []


OTHER_PROCESS = """
import asyncio, sys
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, key_of, opened, own, part, turn
async def main():
    async with await opened(sys.argv[1]) as vault:
        for n in range(30):
            for tenant in (ACME, GLOBEX):
                async with vault.sessions.open_turn(key_of(tenant), wait_s=60) as held:
                    await vault.sessions.append(held, [part(n, f"{tenant} {n}", own(tenant))])
                await vault.records.record(judgement(turn(tenant, number=n), denial()))
asyncio.run(main())
"""


async def test_two_processes_share_one_file(file: Path) -> None:
    async with await opened(file):
        pass
    command = [sys.executable, "-c", OTHER_PROCESS, str(file)]
    both = [await asyncio.create_subprocess_exec(*command, cwd=ROOT) for _ in range(2)]
    assert [await one.wait() for one in both] == [0, 0]
    async with await opened(file) as vault:
        for tenant in (ACME, GLOBEX):
            async with vault.sessions.hold(key_of(tenant), wait_s=1) as held:
                assert held.turns == 60
                assert sorted(one.text for one in held.history) == sorted(
                    f"{tenant} {n}" for n in [*range(30)] * 2
                )
            assert await vault.records.verify(tenant) == 60
            assert len(await vault.records.violations(Filter(tenant=tenant))) == 60


async def test_a_holder_is_dead_once_its_lock_is_gone(tmp_path: Path) -> None:
    ours, theirs = Holder.take(tmp_path / "h", os.urandom), Holder.take(tmp_path / "h", os.urandom)
    assert await ours.lives(ours.id)
    assert await ours.lives(theirs.id)
    await theirs.close()
    assert not await ours.lives(theirs.id)
    left = tmp_path / "h" / ("0" * 32)
    left.touch()
    assert not await ours.lives(left.name)
    assert not left.exists()
    for name in ("../h/" + ours.id, "", "x" * 32):
        assert not await ours.lives(name)
    await ours.close()


async def test_closing_twice_or_cancelled_closes_once(file: Path) -> None:
    vault = await opened(file)
    vault.records.queue(judgement(turn(ACME), denial()))
    closing = asyncio.create_task(vault.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait({closing})
    await vault.close()
    await vault.close()
    async with await opened(file) as again:
        assert await again.records.verify(ACME) == 1


NEVER_CLOSED = """
import asyncio, sys
from tests.fakes.vaults import ACME, denial, judgement, opened, turn
async def main():
    vault = await opened(sys.argv[1])
    for n in range(50):
        vault.records.queue(judgement(turn(ACME, number=n), denial()))
    await vault.records.record(judgement(turn(ACME), denial()))
    vault.records.queue(judgement(turn(ACME), denial()))
asyncio.run(main())
"""


async def test_a_program_that_never_closes_the_vault_loses_nothing_and_ends(file: Path) -> None:
    command = [sys.executable, "-c", NEVER_CLOSED, str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == 0
    async with await opened(file) as vault:
        assert await vault.records.verify(ACME) == 52
        assert await vault.records.verify(GLOBEX) == 0
