"""A schema of its own for each test on PostgreSQL, and somebody who looks into it past the stores."""

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import asyncpg  # type: ignore[import-untyped]  # it has no types

from tests.fakes.services import postgres_url
from vault.address import Address
from vault.dialect import given, translated

T = TypeVar("T")
_ZEROBLOB = re.compile(r"zeroblob\(((?:[^()]|\([^()]*\))*)\)")
_ZEROES = r"decode(repeat('00', (\1)::int), 'hex')"


@contextmanager
def fresh_schema() -> Generator[str]:
    """Give the URL of a schema that nobody else has; it is dropped at the end, whatever stands in it."""
    base = postgres_url()
    url = f"{base}{'&' if '?' in base else '?'}schema=partywall_test_{secrets.token_hex(8)}"
    try:
        yield url
    finally:
        with_connection(url, _dropped)


def with_connection(url: str, work: Callable[[Any, Address], Coroutine[Any, Any, T]]) -> T:
    """Do something on a connection of its own, in a loop of its own, and wait for it."""

    async def connected() -> T:
        address = Address.of(url)
        connection: Any = await cast("Any", asyncpg).connect(
            address.dsn, server_settings={"search_path": f'"{address.schema}"', "application_name": "test"}
        )
        try:
            return await work(connection, address)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(connected())).result()


def server_rows(url: str, tables: Sequence[str], where: str) -> list[tuple[object, ...]]:
    """Read whole tables, each row behind its table's name, by their first column."""
    condition = "true" if where == "1" else where

    async def read(connection: Any, _: Address) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for table in tables:
            sql = f"SELECT * FROM {table} WHERE {condition} ORDER BY 1"  # noqa: S608 - a test's own words
            found = await connection.fetch(sql)
            rows += [(table, *map(given, row)) for row in found]
        return rows

    return with_connection(url, read)


def alter_server(url: str, statements: Sequence[str]) -> None:
    """Run statements in SQLite's dialect; foreign keys do not hold, as in SQLite's file for who has it."""

    async def run(connection: Any, _: Address) -> None:
        await connection.execute("SET session_replication_role = replica")
        for statement in statements:
            sql, _values = translated(statement, ())
            tag: str = await connection.execute(_ZEROBLOB.sub(_ZEROES, sql))
            assert not tag.endswith(" 0"), "the statement touched nothing"

    with_connection(url, run)


def kill_connections(url: str) -> int:
    """End every connection to this schema, as a server that restarts would, and count them."""

    async def kill(connection: Any, address: Address) -> int:
        rows = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
            f"partywall {address.schema}",
        )
        return len(rows)

    return with_connection(url, kill)


async def _dropped(connection: Any, address: Address) -> None:
    await connection.execute(f'DROP SCHEMA IF EXISTS "{address.schema}" CASCADE')
