"""What every command shares: the configuration, the opened vault, output, and exit codes."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firewall.core.errors import (
    ConfigError,
    IntegrityError,
    KeyMismatch,
    MisuseError,
    PartywallError,
    StoreUnavailable,
    UnavailableError,
)
from firewall.core.ids import TenantId
from partywall.config import Config, load
from partywall.runtime import KeyedIds, SystemClock
from vault.address import is_server
from vault.ground import schema_of
from vault.open import Vault, open_vault
from vault.sqlite import MEMORY, Synchronous

T = TypeVar("T")
_WIDEST = 10_000
DEFAULT_CONFIG = Path("partywall.toml")

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; ./partywall.toml if it is there, else the defaults."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines: JSON instead of a table.")]


class Absent(PartywallError):
    """What was asked for is not there; nothing is wrong, and nothing was done."""


class Exit(IntEnum):
    """What a command's exit code says; listed in `docs/cli.md`."""

    DONE = 0
    FAULT = 1
    MISUSE = 2
    UNAVAILABLE = 3
    INTEGRITY = 4


def code_of(error: PartywallError) -> Exit:
    """Say with which code a command ends that failed with this error."""
    if isinstance(error, MisuseError):
        return Exit.MISUSE
    if isinstance(error, UnavailableError):
        return Exit.UNAVAILABLE
    return Exit.INTEGRITY if isinstance(error, IntegrityError) else Exit.FAULT


def configuration(path: Path | None) -> Config:
    """Read the named configuration, or the one in the working directory, or give the defaults.

    Raises:
        ConfigError: It is missing although it was named, or wrong.
    """
    if path is None and not DEFAULT_CONFIG.exists():
        return Config()
    return load(path or DEFAULT_CONFIG)


@asynccontextmanager
async def opened(config: Config, *, make: bool = False) -> AsyncGenerator[Vault]:
    """Open the configured vault for the length of the block.

    Args:
        config: Names the database and its key.
        make: True for commands that may begin a new database; a look must not leave one behind.

    Raises:
        StoreUnavailable: There is no database.
        KeyMismatch, SchemaTooNew: As `open_vault`.
    """
    await _there(config, make=make)
    vault = await open_vault(
        config.store.path,
        clock=SystemClock(),
        ids_factory=KeyedIds,
        master_key=master_key(config),
        synchronous=Synchronous(config.store.synchronous),
    )
    async with vault:
        yield vault


async def _there(config: Config, *, make: bool) -> None:
    where = config.store.path
    if where == MEMORY:
        raise ConfigError(
            "store.path is :memory:, which ends with the bot's process; there is nothing to open"
        )
    if not make and not await _exists(where):
        raise StoreUnavailable(
            "there is no database at store.path yet; run this where the bot runs, or name its configuration "
            "by --config"
        )


async def _exists(where: str) -> bool:
    if is_server(where):
        return await schema_of(where) is not None
    return await asyncio.to_thread(Path(where).exists)


def master_key(config: Config) -> bytes | None:
    """Read the configured master key; None leaves it to the file beside the database.

    Raises:
        KeyMismatch: The file cannot be read.
    """
    if config.store.master_key_file is None:
        return None
    try:
        return Path(config.store.master_key_file).read_bytes()
    except OSError as error:
        raise KeyMismatch("store.master_key_file cannot be read; check the path and its owner") from error


def known_tenant(config: Config, tenant: str) -> TenantId:
    """Give the tenant's id, unless the configuration names tenants and this is none of them.

    Raises:
        ConfigError: It would be a misspelt name, whose entries nobody could ever read.
    """
    names = [each.id for each in config.tenants]
    if names and tenant not in names:
        raise ConfigError(
            f"no tenant of that name is configured; there are {', '.join(map(repr, sorted(names)))}"
        )
    return TenantId(tenant)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end."""
    return asyncio.run(work)


def plain(text: str) -> str:
    """Give a text in which nothing moves the cursor: names come from people, and a terminal obeys."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def moment(at_ms: int) -> str:
    """Give a moment as people and programs read it, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def say(text: str) -> None:
    """Write a line for the operator."""
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """Write a warning, beside what the command gives."""
    sys.stderr.write(f"warning: {text}\n")


def give(value: object) -> None:
    """Write one JSON value on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True) + "\n")


def show(title: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, empty: str) -> None:
    """Write rows as a table; every cell is text, and nothing in it is obeyed.

    A cell is never broken: an id must be copied whole. In a pipe each row is one line, however long; a screen
    that is too narrow gets each row as lines of its own.
    """
    cells = [[plain(_cell(row.get(column))) for column in columns] for row in rows]
    if not cells:
        say(empty)
        return
    names = [column.replace("_", " ") for column in columns]
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console = Console(file=sys.stdout)
    needed = console.measure(table, options=console.options.update(max_width=_WIDEST)).maximum
    if needed <= console.width or not (console.is_terminal or "COLUMNS" in os.environ):
        Console(file=sys.stdout, width=max(needed, console.width)).print(table)
        return
    say(title)
    for row in cells:
        say("")
        for name, text in zip(names, row, strict=True):
            say(f"{name}: {text}")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
