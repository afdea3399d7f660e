"""`partywall backup` and `partywall restore`: one file that holds the state of a deployment."""

import os
from pathlib import Path
from typing import Annotated

import typer

from firewall.core.errors import MisuseError, StoreUnavailable
from partywall.backups import Verified, database_of, restore, take
from partywall.cli.desk import AsJson, ConfigPath, configuration, give, master_key, moment, run, say
from partywall.config import Config
from partywall.runtime import SystemClock
from vault.keyfile import FILE_NAME
from vault.keyfile import master_key as read_master_key

File = Annotated[Path, typer.Argument(help="The backup.")]


def backup(
    file: Annotated[Path, typer.Argument(help="A new file, for its owner only.")],
    key_file: Annotated[
        Path | None,
        typer.Option("--master-key", help="Also write the master key, to this new file. Keep it elsewhere."),
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Back up the database and the files of a bot, which may be running, and verify what was written."""
    loaded = configuration(config)
    for each in (file, key_file):
        if each is not None and each.exists():
            raise MisuseError("there is a file of that name already; it stays as it is. Name another one")
    key = _key(loaded)
    found = run(take(loaded, file, key=key, clock=SystemClock()))
    if key_file is not None:
        _kept(key_file, key)
    _told("Backed up", found, as_json=as_json)


def restored(file: File, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Put a verified backup in the place of the state. Stop the bot first; the old state is kept."""
    loaded = configuration(config)
    database_of(loaded)  # a store that is no file has no backup to look for
    if not file.exists():
        # Before the key is looked for: on a new machine there is none either, and that would be named first.
        raise StoreUnavailable("there is no backup of that name")
    found = run(restore(loaded, file, key=_key(loaded), clock=SystemClock()))
    _told("Restored", found.verified, as_json=as_json)
    if not as_json:
        kept = [each for each in (found.kept, found.kept_files) if each is not None]
        names = " and ".join(each.name for each in kept)
        say(f"The state before is kept as {names}; remove it if all is well.")


def _key(config: Config) -> bytes:
    """Read the master key, which must be there already: a backup is sealed with it."""
    return master_key(config) or read_master_key(
        database_of(config).with_name(FILE_NAME), os.urandom, make=False
    )


def _kept(path: Path, key: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MisuseError(f"the key's file cannot be made ({error.strerror}); name a new one") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())


def _told(did: str, found: Verified, *, as_json: bool) -> None:
    manifest = found.manifest
    if as_json:
        give(
            {
                "at": moment(manifest.at_ms),
                "schema": manifest.schema,
                "partywall": manifest.partywall,
                "database_bytes": manifest.database_bytes,
                "database_sha256": manifest.database_sha256,
                "files": manifest.files,
                "files_bytes": manifest.files_bytes,
                "left_out": manifest.left_out,
                "tenants": found.tenants,
                "receipts": found.receipts,
            }
        )
        return
    say(
        f"{did} and verified: the state of {moment(manifest.at_ms)}, {found.tenants} tenants, "
        f"{found.receipts} receipts, {manifest.database_bytes} bytes, {manifest.files} files."
    )
    if manifest.left_out:
        say(f"{manifest.left_out} links and other things that are no files were left out.")
