"""Backups of one deployment: taken while a bot works, verified, and restored whole or not at all."""

import os
import platform
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from firewall.core.errors import ConfigError, IntegrityError, StoreUnavailable
from firewall.core.ports import Clock
from partywall.archive import DATABASE, FORMAT, Manifest, unpacked, written
from partywall.config import Config
from partywall.runtime import KeyedIds
from vault.address import is_server
from vault.backup import copied, examined, sqlite_version
from vault.migrations import migrations
from vault.open import open_vault
from vault.sqlite import MEMORY
from vault.swap import Swap, swapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A backup that was unpacked, opened with the master key, and whose chains hold."""

    manifest: Manifest
    tenants: int
    receipts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup that is in its place, and where the old state is kept; None where there was none."""

    verified: Verified
    kept: Path | None
    kept_files: Path


async def take(config: Config, target: Path, *, key: bytes, clock: Clock) -> Verified:
    """Write a backup to a new file, for its owner only, and verify it by unpacking it.

    Raises:
        ConfigError: The store is in memory or on a server.
        StoreUnavailable: There is no database, no room, or the file is there already.
        IntegrityError: The database is damaged, or a chain is broken: it is no state to go back to.
    """
    source = database_of(config)
    if not source.exists():
        raise StoreUnavailable("there is no database at store.path yet; name its configuration by --config")
    with _desk(target.parent) as desk:
        copy = desk / "copy"
        await copied(source, copy)
        told = partial(_manifest, at_ms=clock.now_ms(), schema=await examined(copy))
        descriptor = os.open(desk / "archive", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            written(stream, copy, Path(config.files.path), told)
            stream.flush()
            os.fsync(stream.fileno())
        copy.unlink()
        with _desk(desk) as unpacking:
            verified = await _verified(desk / "archive", unpacking, key=key, clock=clock)
        # Unlike a rename, a link takes nobody else's name.
        os.link(desk / "archive", target)
    return verified


async def restore(config: Config, source: Path, *, key: bytes, clock: Clock) -> Restored:
    """Unpack a backup beside the database, verify it, and swap it in; the old state is kept.

    Raises:
        ConfigError: The store is in memory or on a server.
        StoreUnavailable: A process has the database open, or a folder cannot be written.
        KeyMismatch: The backup was made with another master key.
        IntegrityError: The backup is damaged, or one of its chains is broken.
    """
    database, files = database_of(config), _absolute(config.files.path)
    with _desk(database.parent) as desk, _desk(files.parent) as beside:
        verified = await _verified(source, desk, key=key, clock=clock)
        # The compartments may be on another file system than the database.
        shutil.move(desk / "files", beside / "files")
        stamp = f"before-restore-{clock.now_ms()}"
        kept = database.with_name(f"{database.name}.{stamp}")
        kept_files = files.with_name(f"{files.name}.{stamp}")
        swapped(
            Swap(
                database=str(database),
                fresh=str(desk / DATABASE),
                kept=str(kept),
                files=str(files),
                fresh_files=str(beside / "files"),
                kept_files=str(kept_files),
            )
        )
    return Restored(verified=verified, kept=kept if kept.exists() else None, kept_files=kept_files)


def database_of(config: Config) -> Path:
    """Give the database's file.

    Raises:
        ConfigError: The store has none.
    """
    where = config.store.path
    if is_server(where):
        raise ConfigError(
            "the store is on a PostgreSQL server: back it up with pg_dump, and files.path with tar"
        )
    if where == MEMORY:
        raise ConfigError(
            "store.path is :memory:, which ends with the bot's process; there is nothing to keep"
        )
    return _absolute(where)


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(path))


async def _verified(source: Path, desk: Path, *, key: bytes, clock: Clock) -> Verified:
    try:
        with source.open("rb") as stream:
            manifest = unpacked(stream, desk)
    except FileNotFoundError as error:
        raise StoreUnavailable("there is no backup of that name") from error
    if manifest.schema > len(migrations()):
        raise IntegrityError("the backup was written by a newer program; restore it with that one")
    await examined(desk / DATABASE)
    receipts = 0
    vault = await open_vault(str(desk / DATABASE), clock=clock, ids_factory=KeyedIds, master_key=key)
    async with vault:
        tenants = await vault.tenants.list()
        for each in await vault.checkpoints.tenants():
            receipts += await vault.records.verify(each)
        # The attack: a chain taken back to an older head, or cut out whole, verifies; the log lacks it.
        await vault.checkpoints.verify()
    return Verified(manifest=manifest, tenants=len(tenants), receipts=receipts)


def _manifest(
    *,
    at_ms: int,
    schema: int,
    database_bytes: int,
    database_sha256: str,
    files: int,
    files_bytes: int,
    files_sha256: str,
    left_out: int,
) -> Manifest:
    return Manifest(
        format=FORMAT,
        at_ms=at_ms,
        partywall=version("partywall"),
        python=platform.python_version(),
        sqlite=sqlite_version(),
        schema=schema,
        database_bytes=database_bytes,
        database_sha256=database_sha256,
        files=files,
        files_bytes=files_bytes,
        files_sha256=files_sha256,
        left_out=left_out,
    )


@contextmanager
def _desk(where: Path) -> Generator[Path]:
    """Give a folder of ours alone that is gone afterwards; a process that is killed leaves it behind."""
    try:
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".partywall-", dir=where))
    except OSError as error:
        raise StoreUnavailable(f"the folder cannot be written ({error.strerror})") from error
    try:
        yield folder
    except OSError as error:
        raise StoreUnavailable(
            f"the backup cannot be written or read ({error.strerror}); nothing was changed"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
