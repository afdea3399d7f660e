"""A database of any schema that ever stood on `main` comes up to date, on both, with its data readable."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vault.open
from tests.fakes.postgres import fresh_schema, with_connection
from tests.fakes.services import needs
from tests.fakes.vaults import ACME, GLOBEX, audience, denial, judgement, key_of, opened, turn
from vault.address import Address
from vault.ledger import Filter
from vault.migrations import migrations
from vault.open import Vault

# They came to `main` together with the next one: no program ever made a database of these.
NEVER_ALONE = {5, 6}
DUMPS = sorted((Path(__file__).resolve().parents[2] / "data" / "schema").glob("*.sql"))


def of_file(dump: Path, path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()


def rows_of(dump: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Give the tables of a dump with their rows."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
        names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (name,) in connection.execute(names).fetchall():
            yield name, connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - a table of ours
    connection.close()


async def on_server(dump: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the schema as that version made it, and put the dump's rows there."""
    with monkeypatch.context() as patch:
        patch.setattr(vault.open, "migrations", lambda: migrations()[: int(dump.stem)])
        # Only the schema is wanted: a younger program's stores do not find all their tables yet.
        patch.setattr(vault.open, "deployment_secret", _nothing_more)
        with pytest.raises(_Enough):
            await opened(url)

    async def filled(connection: Any, _: Address) -> None:
        await connection.execute("SET session_replication_role = replica")
        for table, rows in rows_of(dump):
            if rows:
                await connection.copy_records_to_table(table, records=rows)
        sequences = await connection.fetch(_SEQUENCES)
        for table, column in sequences:
            sequence = f"pg_get_serial_sequence('{table}', '{column}')"
            await connection.execute(
                f"SELECT setval({sequence}, greatest(max({column}), 1)) FROM {table}"  # noqa: S608 - our own tables
            )

    with_connection(url, filled)


_SEQUENCES = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema() AND is_identity = 'YES'"
)


class _Enough(Exception):
    pass


def _nothing_more(*_: object) -> Any:
    raise _Enough


async def readable(vault: Vault) -> int:
    """Read what the dump holds of both tenants, add a record to each, and give how many receipts one has."""
    count = 0
    for tenant in (ACME, GLOBEX):
        entry = await vault.entries.lookup(audience(tenant), "name")
        assert entry is not None
        assert entry.value == f"value of {tenant}"
        assert await vault.notes.recall(turn(tenant)) == {"key": f"note of {tenant}"}
        async with vault.sessions.open_turn(key_of(tenant), wait_s=5) as held:
            assert [one.text for one in held.history] == [f"said by {tenant}"]
        found = await vault.records.violations(Filter(tenant=tenant))
        assert [one.record.rule for one in found] == [f"rule-{tenant}"]
        count = await vault.records.verify(tenant)
        assert count == found[-1].seq
        await vault.records.record(judgement(turn(tenant, number=2), denial("young")))
        assert await vault.records.verify(tenant) == count + 1
    await vault.checkpoints.make()
    assert (await vault.checkpoints.verify()).size == 2 * (count + 1)
    return count + 1


def test_every_schema_before_the_newest_has_a_dump() -> None:
    newest = max(int(dump.stem) for dump in DUMPS)
    assert newest >= 7
    assert {int(dump.stem) for dump in DUMPS} == set(range(1, newest + 1)) - NEVER_ALONE
    assert all(re.search(rf"user_version = {int(dump.stem)};", dump.read_text()) for dump in DUMPS)


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_a_file_comes_up_to_date_with_its_data_readable(dump: Path, tmp_path: Path) -> None:
    path = tmp_path / "home" / "partywall.db"
    of_file(dump, path)
    async with await opened(path) as vault:
        count = await readable(vault)
    async with await opened(path) as vault:
        assert await vault.records.verify(ACME) == count


@needs("postgres")
@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_a_schema_on_a_server_comes_up_to_date_with_its_data_readable(
    dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_schema() as url:
        await on_server(dump, url, monkeypatch)
        async with await opened(url) as vault:
            count = await readable(vault)
        async with await opened(url) as vault:
            assert await vault.records.verify(GLOBEX) == count
