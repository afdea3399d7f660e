"""Somebody who can write the database, or a backup of it, takes a part of it back; the key is not theirs."""

import asyncio
import io
import json
import shutil
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.commands import ran
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, turn
from vault.open import open_vault
from vault.verify_bundle import main

DATABASE = Path(".partywall") / "partywall.db"
EVERYWHERE = ("outbox", "records", "log_leaves", "receipts", "chains")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    asyncio.run(lived("first"))
    return tmp_path


async def lived(rule: str) -> None:
    async with await open_vault(str(DATABASE), clock=SystemClock(), ids_factory=KeyedIds) as vault:
        for tenant in (ACME, GLOBEX):
            await vault.tenants.seen(turn(tenant).principal)
            await vault.records.record(judgement(turn(tenant), denial(rule)))


def altered(database: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for sql, values in statements:
            connection.execute(sql, values)


def head_of(tenant: str) -> tuple[object, ...]:
    with closing(sqlite3.connect(DATABASE)) as connection:
        row: tuple[object, ...] = connection.execute(
            "SELECT seq, at_ms, hash, mac, tenant FROM chains WHERE tenant = ?", (tenant,)
        ).fetchone()
    return row


def taken_back(database: Path, tenant: str, head: tuple[object, ...]) -> None:
    """Remove what a tenant's chain got since, and put its old head back, whose MAC is right."""
    altered(
        database,
        (
            "DELETE FROM outbox WHERE tenant = ? AND record IN (SELECT id FROM records WHERE seq > 1)",
            (tenant,),
        ),
        ("DELETE FROM records WHERE tenant = ? AND seq > 1", (tenant,)),
        ("DELETE FROM log_leaves WHERE tenant = ? AND seq > 1", (tenant,)),
        ("DELETE FROM receipts WHERE tenant = ? AND seq > 1", (tenant,)),
        ("UPDATE chains SET seq = ?, at_ms = ?, hash = ?, mac = ? WHERE tenant = ?", head),
    )


@pytest.mark.parametrize("form", ["--bundle", "--dsse"])
def test_a_chain_that_was_taken_back_is_never_signed_as_whole(form: str) -> None:
    old = head_of(ACME)
    asyncio.run(lived("second"))
    taken_back(DATABASE, ACME, old)
    done = ran("receipts", "export", "--tenant", ACME, form, "acme.out")
    assert (done.code, Path("acme.out").exists()) == (4, False)
    assert "leaf" in done.err
    # Another tenant's chain hangs in the same log, which is not whole.
    assert ran("receipts", "export", "--tenant", GLOBEX, form, "globex.out").code == 4


def test_a_whole_log_is_signed_as_before() -> None:
    asyncio.run(lived("second"))
    assert ran("receipts", "export", "--tenant", ACME, "--bundle", "acme.zip").code == 0
    assert ran("receipts", "export", "--tenant", GLOBEX, "--dsse", "globex.jsonl").code == 0


def rewritten(tar: Path, database: Path) -> None:
    """Make a backup with another database, whose manifest says so: nothing in it is signed."""
    with tarfile.open(tar) as old:
        manifest = json.loads(old.extractfile("manifest.json").read())  # type: ignore[union-attr]
    data = database.read_bytes()
    manifest |= {"database_bytes": len(data), "database_sha256": sha256(data).hexdigest()}
    tar.unlink()
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as new:
        for name, content in (("database", data), ("manifest.json", json.dumps(manifest).encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("case", ["a-tenant-cut-out", "a-chain-taken-back", "an-older-log-head"])
def test_a_backup_from_which_receipts_were_taken_is_not_restored(case: str) -> None:
    old, before = head_of(ACME), Path("before.db")
    shutil.copy(DATABASE, before)
    asyncio.run(lived("second"))
    assert ran("backup", "state.tar").code == 0
    with tarfile.open("state.tar") as tar:
        tar.extract("database", filter="data")
    database = Path("database")
    if case == "a-tenant-cut-out":
        gone = tuple((f"DELETE FROM {table} WHERE tenant = ?", (ACME,)) for table in EVERYWHERE)  # noqa: S608 - names of ours
        altered(database, *gone)
    elif case == "a-chain-taken-back":
        taken_back(database, ACME, old)
    else:
        with closing(sqlite3.connect(before)) as connection:
            row = connection.execute("SELECT size, peaks, mac FROM log_head").fetchone()
        altered(database, ("UPDATE log_head SET size = ?, peaks = ?, mac = ?", row))
    rewritten(Path("state.tar"), database)
    state = DATABASE.read_bytes()
    done = ran("restore", "state.tar")
    assert (done.code, DATABASE.read_bytes() == state) == (4, True), done.err


def test_a_state_with_a_cut_out_tenant_is_not_backed_up() -> None:
    gone = tuple((f"DELETE FROM {table} WHERE tenant = ?", (ACME,)) for table in EVERYWHERE)  # noqa: S608 - names of ours
    altered(DATABASE, *gone)
    assert (ran("backup", "state.tar").code, Path("state.tar").exists()) == (4, False)


def test_a_restored_older_backup_is_told_by_a_checkpoint_that_was_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = ran("receipts", "key").out.strip()
    assert ran("backup", "old.tar").code == 0
    asyncio.run(lived("second"))
    Path("kept.txt").write_text(ran("receipts", "checkpoint").out)
    assert ran("receipts", "export", "--tenant", ACME, "--bundle", "kept.zip").code == 0
    assert ran("restore", "old.tar").code == 0
    export = ("receipts", "export", "--tenant", ACME, "--bundle")
    refused = ran(*export, "short.zip", "--earlier", "kept.txt")
    assert (refused.code, "was an old backup restored?" in refused.err) == (2, True)
    # Nor does it help to let the log grow past it again.
    for rule in ("third", "fourth"):
        asyncio.run(lived(rule))
    refused = ran(*export, "later.zip", "--earlier", "kept.txt")
    assert (refused.code, "did not grow from that checkpoint" in refused.err) == (4, True)
    assert ran(*export, "later.zip").code == 0
    # Who leaves the checkpoint out of the bundle, or puts another in, is found as well.
    capsys.readouterr()
    for kept in ("kept.txt", "kept.zip"):
        assert main(["later.zip", "--key", key, "--earlier", kept]) == 1
    with zipfile.ZipFile("kept.zip") as archive:
        assert archive.read("checkpoint.txt").decode() == Path("kept.txt").read_text()
