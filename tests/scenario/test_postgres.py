"""PostgreSQL under a vault: lost connections and commits, processes taken for dead, errors without values."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg  # type: ignore[import-untyped]  # it has no types
import pytest

from firewall.core.errors import ConfigError, IntegrityError, KeyMismatch, StoreUnavailable
from firewall.core.label import Members, Principals
from tests.fakes.postgres import alter_server, fresh_schema, kill_connections, server_rows, with_connection
from tests.fakes.services import needs
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    SteppedClock,
    alone,
    audience,
    denial,
    judgement,
    key_of,
    opened,
    own,
    part,
    principal,
    turn,
)
from vault.address import Address
from vault.database import CommitUnknown, TransactionLost
from vault.job import Job
from vault.ledger import Filter
from vault.open import Vault, open_vault

pytestmark = needs("postgres")
PASSWORD = "PLANTED-" + "password"


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_schema() as url:
        yield url


@pytest.fixture
async def vault(url: str) -> AsyncIterator[Vault]:
    async with await opened(url) as vault:
        yield vault


def added(name: str) -> Job[None]:
    yield ("INSERT INTO tenants (id, first_ms, last_ms) VALUES (?, 0, 0)", (name,))


def tenants(url: str) -> list[object]:
    return [row[1] for row in server_rows(url, ["tenants"], "1")]


async def test_connections_that_were_cut_are_made_again_and_nobody_notices(vault: Vault, url: str) -> None:
    for number in range(3):
        for tenant in (ACME, GLOBEX):
            async with vault.sessions.open_turn(key_of(tenant), wait_s=5) as held:
                await asyncio.to_thread(kill_connections, url)
                await vault.records.record(judgement(turn(tenant, number=number), denial()))
                await vault.sessions.append(held, [part(number, f"{tenant} {number}", own(tenant))])
    for tenant in (ACME, GLOBEX):
        assert await vault.records.verify(tenant) == 3
        async with vault.sessions.hold(key_of(tenant), wait_s=5) as held:
            assert [one.text for one in held.history] == [f"{tenant} {number}" for number in range(3)]


class _Cut:
    """A connection that ends at a commit: before the server has it, or before its answer arrives."""

    def __init__(self, connection: Any, url: str, *, arrives: bool) -> None:
        self._connection = connection
        self._url = url
        self._arrives = arrives

    async def execute(self, script: str) -> str:
        if script != "COMMIT":
            tag: str = await self._connection.execute(script)
            return tag
        if self._arrives:
            await self._connection.execute(script)
        self._connection.terminate()
        raise ConnectionResetError("cut by the test")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def cut(vault: Vault, url: str, *, arrives: bool) -> None:
    writer: Any = vault.engine.database
    wire = writer._writer
    wire._connection = _Cut(wire._connection, url, arrives=arrives)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_whose_answer_was_lost_is_there_once(vault: Vault, url: str, arrives: bool) -> None:
    await vault.engine.writer.submit(ACME, lambda: added("ACME"))
    cut(vault, url, arrives=arrives)
    if not arrives:
        with pytest.raises(TransactionLost):
            await vault.engine.writer.submit(GLOBEX, lambda: added("GLOBEX"))
        assert tenants(url) == ["ACME"]
    await vault.engine.writer.submit(GLOBEX, lambda: added("GLOBEX"))
    assert tenants(url) == ["ACME", "GLOBEX"]


async def test_a_lost_commit_of_many_jobs_is_tried_again_job_by_job(vault: Vault, url: str) -> None:
    await vault.engine.writer.submit(ACME, lambda: added("first"))
    cut(vault, url, arrives=False)
    names = [f"tenant {number}" for number in range(8)]
    await asyncio.gather(*(vault.engine.writer.submit(name, partial(added, name)) for name in names))
    assert tenants(url) == ["first", *names]


async def test_a_judgement_whose_commit_nobody_can_confirm_is_owed_and_written_once(
    vault: Vault, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await vault.records.record(judgement(turn(ACME, number=1), denial("first")))
    database: Any = vault.engine.database

    async def silent() -> int | None:
        raise StoreUnavailable("nobody answers")

    with monkeypatch.context() as patch:
        patch.setattr(database, "_known", silent)
        cut(vault, url, arrives=True)
        with pytest.raises(CommitUnknown):
            await vault.records.record(judgement(turn(ACME, number=2), denial("second")))
    await vault.records.record(judgement(turn(ACME, number=3), denial("third")))
    found = [one.record.rule for one in await vault.records.violations(Filter(tenant=ACME))]
    assert found == ["first", "second", "third"]
    assert await vault.records.verify(ACME) == 3


async def test_a_process_that_was_taken_for_dead_writes_nothing_any_more(url: str) -> None:
    async with await opened(url) as other:
        cut_off = await opened(url)
        async with cut_off.sessions.hold(key_of(ACME), wait_s=1) as held:
            mark: Any = cut_off.engine.mark
            await _hidden(mark)
            assert not await other.engine.mark.lives(cut_off.engine.mark.id)
            async with other.sessions.hold(key_of(ACME), wait_s=5) as new:
                await other.sessions.append(new, [part(1, "the heir's", own(ACME))])
            with pytest.raises(StoreUnavailable, match="took this one for dead"):
                await cut_off.sessions.append(held, [part(1, "the dead one's", own(ACME))])
            with pytest.raises(StoreUnavailable, match="took this one for dead"):
                await cut_off.records.record(judgement(turn(GLOBEX), denial()))
        with pytest.raises(StoreUnavailable):
            await cut_off.close()
        async with other.sessions.hold(key_of(ACME), wait_s=1) as new:
            assert [one.text for one in new.history] == ["the heir's"]
        assert await other.records.verify(GLOBEX) == 0


async def _hidden(mark: Any) -> None:
    """Take the mark's connection away and keep it from coming back, as a network does that is cut in two."""

    async def drop() -> None:
        mark._closing = True
        await mark._wire.close()

    await mark._hub.run(drop)


async def test_a_mark_is_set_again_when_its_connection_comes_back(url: str) -> None:
    async with await opened(url) as ours, await opened(url) as theirs:
        await asyncio.to_thread(kill_connections, url)
        mark: Any = ours.engine.mark
        while mark._again is None or not mark._again.done():  # noqa: ASYNC110 - the other thread tells nobody
            await asyncio.sleep(0)
        assert await theirs.engine.mark.lives(mark.id)
        await ours.records.record(judgement(turn(ACME), denial()))


async def test_another_transaction_is_waited_for_a_bounded_time_and_nothing_is_lost(url: str) -> None:
    vault = await open_vault(
        url, clock=SteppedClock(), ids_factory=CountedIds, master_key=MASTER, busy_timeout_s=0.02
    )
    async with vault:
        address = Address.of(url)
        other: Any = await _locking(address)
        vault.records.queue(judgement(turn(ACME, number=1)))
        with pytest.raises(StoreUnavailable, match="locked"):
            await vault.records.record(judgement(turn(GLOBEX), denial()))
        await other.close()
        assert [one async for one in vault.records.receipts(ACME)] == []
        assert (await vault.records.record(judgement(turn(ACME, number=2), denial()))).seq == 2
        bodies = [one.body async for one in vault.records.receipts(ACME)]
        assert "turn-1" in bodies[0]


async def _locking(address: Address) -> Any:
    connection: Any = await cast("Any", asyncpg).connect(address.dsn)
    await connection.execute(f"BEGIN; {address.writing}")
    return connection


async def test_errors_quote_no_value_and_carry_no_error_of_the_driver(vault: Vault) -> None:
    def refused(value: str) -> Job[None]:
        yield ("INSERT INTO tenants (id, first_ms, last_ms) VALUES (?, ?, 0)", (value, None))

    for value in ("PLANTED-row", "PLANTED-\ud800"):
        with pytest.raises(IntegrityError) as caught:
            await vault.engine.writer.submit(ACME, partial(refused, value))
        assert "PLANTED" not in "".join(traceback.format_exception(caught.value, chain=True))
        error: BaseException | None = caught.value
        while error is not None:
            assert "PLANTED" not in str(error)
            assert not type(error).__module__.startswith("asyncpg")
            error = error.__cause__ or error.__context__


async def test_a_job_that_fails_takes_no_other_with_it(vault: Vault, url: str) -> None:
    await vault.engine.writer.submit(ACME, lambda: added("ACME"))
    jobs = [
        vault.engine.writer.submit(str(n), partial(added, "ACME" if n % 2 else f"t{n}")) for n in range(6)
    ]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(each).__name__ for each in outcomes] == ["NoneType", "IntegrityError"] * 3
    assert tenants(url) == ["ACME", "t0", "t2", "t4"]


async def test_a_read_cannot_write(vault: Vault, url: str) -> None:
    with pytest.raises(StoreUnavailable):
        await vault.engine.database.read(lambda: added("ACME"))
    assert tenants(url) == []


async def test_a_text_with_nul_and_a_long_list_of_readers_are_kept(vault: Vault) -> None:
    await vault.entries.add(ACME, "a\x00name", "a\x00value\x01", Members())
    many = Principals(ids=frozenset(principal(ACME, f"somebody {number}").id for number in range(800)))
    await vault.entries.add(GLOBEX, "shared", "among many", many)
    found = await vault.entries.lookup(audience(ACME), "a\x00name")
    assert found is not None
    assert found.value == "a\x00value\x01"
    assert [one.name async for one in vault.entries.list(GLOBEX)] == ["shared"]
    await vault.entries.add(GLOBEX, "shared", "again", alone(GLOBEX))
    assert len(await vault.entries.show(GLOBEX, "shared")) == 2


async def test_another_programs_schema_is_refused_and_left_as_it_is(url: str) -> None:
    schema = Address.of(url).schema
    alter_server(url, [f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.diary (note TEXT)"])
    with pytest.raises(IntegrityError, match="another program"):
        await opened(url)

    async def tables(connection: Any, address: Address) -> list[str]:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", address.schema)
        return [row[0] for row in rows]

    assert with_connection(url, tables) == ["diary"]


async def test_two_processes_open_a_new_schema_at_once(url: str) -> None:
    first, second = await asyncio.gather(opened(url), opened(url))
    assert first.secret == second.secret
    await first.close()
    await second.close()


async def test_a_server_needs_a_master_key_and_the_right_one(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyMismatch, match="master_key_file"):
        await opened(url, master=None)
    async with await opened(url):
        pass
    with pytest.raises(KeyMismatch):
        await opened(url, master=b"x" * 32)
    assert not any(tmp_path.iterdir()), "no key is made where nobody looks for it"  # noqa: ASYNC240 - a test's look


async def test_a_server_that_is_not_there_is_unavailable_and_not_named() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await opened(f"postgresql://wall:{PASSWORD}@127.0.0.1:1/none")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(ConfigError) as refused:
        await opened(f"postgresql://wall:{PASSWORD}@127.0.0.1/none?schema=Not One")
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))


async def test_after_closing_nobody_is_left_on_the_server(url: str) -> None:
    vault = await opened(url)
    await vault.records.record(judgement(turn(ACME), denial()))
    await vault.close()
    assert kill_connections(url) == 0
    assert [row[1] for row in server_rows(url, ["partywall_writers"], "1")] == [""]
    with pytest.raises(StoreUnavailable):
        await vault.records.verify(GLOBEX)
