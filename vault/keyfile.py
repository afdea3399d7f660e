"""The master key's file: made once, for the owner's eyes only, and never made again over existing data."""

import os
import stat
from pathlib import Path

from firewall.core.errors import KeyMismatch, StoreUnavailable
from vault.crypto import KEY_BYTES, Random

FILE_NAME = "master.key"
_OTHERS = 0o077


def folder_made(folder: Path) -> None:
    """Make the database's folder, 0700, if it is missing.

    Raises:
        StoreUnavailable: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the database's folder cannot be made (errno {error.errno})") from error


def file_made(database: Path) -> None:
    """Make the database's file, 0600, if it is missing.

    SQLite gives its journal and index the mode of the database, so it is set before anything is written.

    Raises:
        StoreUnavailable: It cannot be made.
    """
    try:
        os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreUnavailable(f"the database's folder cannot be written (errno {error.errno})") from error


def master_key(path: Path, random: Random, *, make: bool) -> bytes:
    """Read the master key, or make it where there is nothing yet that it could have sealed.

    Args:
        path: The key's file.
        random: Where a new key comes from.
        make: True only beside a database that holds no data.

    Raises:
        KeyMismatch: It is missing, not 32 bytes long, or others can read it.
        StoreUnavailable: It cannot be read or made.
    """
    try:
        if make and not path.exists():
            _made(path, random(KEY_BYTES))
        return _read(path)
    except FileNotFoundError as error:
        raise KeyMismatch(
            "the database holds sealed data, but master.key is missing; restore it, or pass the master key"
        ) from error
    except OSError as error:
        raise StoreUnavailable(f"the master key's file cannot be used (errno {error.errno})") from error


def _made(path: Path, material: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(material)
        file.flush()
        # A power cut must not leave data sealed with a key that never reached the disk.
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
            raise KeyMismatch("others on this machine can read the master key; run `chmod 600` on it")
        material = file.read(KEY_BYTES + 1)
    if len(material) != KEY_BYTES:
        raise KeyMismatch(f"the master key's file must hold exactly {KEY_BYTES} bytes")
    return material
