"""What a vault stands on: memory, a file or a server; the database there, and the mark of this process."""

import asyncio
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from firewall.core.errors import KeyMismatch, ServiceUnavailable
from vault.address import is_server
from vault.crypto import KEY_BYTES, Random
from vault.database import Database, Mark
from vault.holder import Holder, Opening
from vault.keyfile import FILE_NAME, file_made, folder_made
from vault.keyfile import master_key as read_master_key
from vault.sqlite import MEMORY, Synchronous
from vault.sqlite import Database as Sqlite
from vault.swap import undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """An open database, in which nothing was looked at yet.

    Attributes:
        file: The database's file; None in memory and on a server.
        opening: Keeps other openers of the file out, until it is ended.
    """

    database: Database
    mark: Mark
    file: Path | None
    opening: Opening

    async def material(self, given: bytes | None, random: Random, *, make: bool) -> bytes:
        """Give the master key: the given one, that of the file beside the database, or one for memory.

        Raises:
            KeyMismatch, StoreUnavailable: As `keyfile.master_key`.
        """
        if given is not None:
            return given
        if self.file is None:
            return random(KEY_BYTES)
        path = self.file.with_name(FILE_NAME)
        return await asyncio.to_thread(read_master_key, path, random, make=make)


async def ground(
    where: str, *, random: Random, synchronous: Synchronous, busy_timeout_s: float, keyed: bool
) -> Ground:
    """Open the database, which may be new.

    Args:
        where: `:memory:`, a file, or the URL of a PostgreSQL database.
        random: Where the id of this process comes from.
        synchronous: How durable a commit is.
        busy_timeout_s: Longest wait for another process's transaction, in seconds.
        keyed: True if the master key is given; beside a server there is no folder to keep one in.

    Raises:
        KeyMismatch: A server, and no key.
        ServiceUnavailable: A server, and its driver is not installed.
        StoreUnavailable, IntegrityError: As `open_vault`.
    """
    if is_server(where):
        return await _on_server(where, random, synchronous, busy_timeout_s, keyed=keyed)
    file = None if where == MEMORY else Path(os.path.abspath(where))  # noqa: ASYNC240 - no input or output: joins text
    opening = await asyncio.to_thread(_begun, file)
    try:
        folder = None if file is None else file.with_name(f"{file.name}.holders")
        holder = await asyncio.to_thread(Holder.take, folder, random)
        try:
            database = await Sqlite.open(
                MEMORY if file is None else str(file), synchronous=synchronous, busy_timeout_s=busy_timeout_s
            )
        except BaseException:
            await holder.close()
            raise
    except BaseException:
        opening.end()
        raise
    return Ground(database=database, mark=holder, file=file, opening=opening)


async def schema_of(url: str) -> int | None:
    """Read which schema stands on a server, and change nothing; None if there is none of ours.

    Raises:
        ServiceUnavailable: The driver is not installed.
        StoreUnavailable, IntegrityError, ConfigError: As `open_vault`.
    """
    found: int | None = await _driver().version(url)
    return found


def _driver() -> ModuleType:
    """Load what speaks to the server: the driver is an extra, and few need it."""
    try:
        return importlib.import_module("vault.marks")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
    raise ServiceUnavailable("asyncpg is not installed; pip install 'partywall[postgres]'")


async def _on_server(
    url: str, random: Random, synchronous: Synchronous, busy_timeout_s: float, *, keyed: bool
) -> Ground:
    if not keyed:
        raise KeyMismatch(
            "a database on a server needs a master key of its own; make a file of 32 random bytes, mode "
            "0600, and name it in store.master_key_file"
        )
    database, mark = await _driver().opened(
        url, random=random, durable=synchronous is Synchronous.FULL, busy_timeout_s=busy_timeout_s
    )
    return Ground(database=database, mark=mark, file=None, opening=Opening(None))


def _begun(file: Path | None) -> Opening:
    opening = Opening(file)
    if file is not None:
        folder_made(file.parent)
        opening.begin()
        try:
            undone(file)
            file_made(file)
        except BaseException:
            opening.end()
            raise
    return opening
