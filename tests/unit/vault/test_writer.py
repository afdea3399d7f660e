"""The writer neither loses nor doubles a job, whatever happens to the others."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import IntegrityError, LeaseLost, StoreUnavailable
from tests.fakes.vaults import ACME, GLOBEX
from vault.database import TransactionLost
from vault.job import Done, Failed, Job, Make, Outcome
from vault.sqlite import Database, Synchronous
from vault.writer import Writer


class Recorder:
    """Takes batches like a database, runs nothing, and can be told to lose them."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.lose: set[str] = set()
        self.ended_behind_all = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, makes: Sequence[Make]) -> list[Outcome]:
        await self.gate.wait()
        names = [next(make())[0] for make in makes]
        if self.lose & set(names):
            raise TransactionLost("lost")
        self.ended_behind_all = not names
        if names:
            self.batches.append(names)
        return [Done(value=name) for name in names]


def named(name: str) -> Job[str]:
    yield (name, ())
    return name


async def test_tenants_take_turns_whoever_has_more_waiting() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    writer = Writer(recorder.write)
    first = writer.post(ACME, partial(named, "first"))
    await asyncio.sleep(0)
    flood = [writer.post(ACME, partial(named, f"a{n}")) for n in range(600)]
    others = [writer.post(GLOBEX, partial(named, f"g{n}")) for n in range(3)]
    recorder.gate.set()
    await asyncio.gather(first, *flood, *others)
    assert recorder.batches[1][:6] == ["a0", "g0", "a1", "g1", "a2", "g2"]
    assert [name for batch in recorder.batches for name in batch if name[0] == "a"] == [
        f"a{n}" for n in range(600)
    ]
    await writer.close()


async def test_one_tenants_flood_is_refused_and_the_others_are_served() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    writer = Writer(recorder.write, waiting=10)
    waiting = [writer.post(ACME, partial(named, "a")) for _ in range(10)]
    try:
        with pytest.raises(StoreUnavailable):
            writer.post(ACME, partial(named, "a"))
        waiting += [writer.post(GLOBEX, partial(named, "g")) for _ in range(5)]
        with pytest.raises(StoreUnavailable):
            writer.post(GLOBEX, partial(named, "g"))
    finally:
        recorder.gate.set()
    await asyncio.gather(*waiting)
    await writer.close()


async def test_a_batch_that_is_lost_is_tried_again_job_by_job() -> None:
    recorder = Recorder()
    recorder.lose = {"bad"}
    writer = Writer(recorder.write)
    names = ["a", "bad", "b"]
    futures = [writer.post(ACME, partial(named, name)) for name in names]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(one) for one in results] == [str, TransactionLost, str]
    assert recorder.batches == [["a"], ["b"]]
    await writer.close()


async def test_closing_commits_what_was_handed_in_and_takes_nothing_more() -> None:
    recorder = Recorder()
    writer = Writer(recorder.write)
    future = writer.post(ACME, partial(named, "a"))
    await writer.close()
    assert await future == "a"
    with pytest.raises(StoreUnavailable):
        writer.post(GLOBEX, partial(named, "g"))


async def test_a_cancelled_writer_still_commits_what_was_handed_in() -> None:
    recorder = Recorder()
    writer = Writer(recorder.write)
    future = writer.post(ACME, partial(named, "a"))
    await asyncio.sleep(0)
    other = writer.post(GLOBEX, partial(named, "g"))
    for task in asyncio.all_tasks():
        if task.get_name() == "partywall writer":
            task.cancel()
    await writer.close()
    assert future.done()
    assert await other == "g"


async def database(path: Path) -> Database:
    database = await Database.open(str(path), synchronous=Synchronous.FULL, busy_timeout_s=0.05)
    await database.write(
        [partial(executed, "CREATE TABLE t (n INTEGER PRIMARY KEY, tenant TEXT NOT NULL) STRICT")]
    )
    return database


def executed(sql: str, error: Exception | None = None) -> Job[None]:
    yield (sql, ())
    if error is not None:
        raise error


def added(n: int, tenant: str, error: Exception | None = None) -> Job[int]:
    yield ("INSERT INTO t (n, tenant) VALUES (?, ?)", (n, tenant))
    if error is not None:
        raise error
    return n


def rows() -> Job[list[int]]:
    found = yield ("SELECT n FROM t ORDER BY n", ())
    return [row[0] for row in found]


async def test_a_job_that_fails_takes_no_other_of_its_batch_with_it(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    outcomes = await base.write(
        [
            partial(added, 1, ACME),
            partial(added, 2, ACME, LeaseLost("x")),
            partial(added, 3, GLOBEX),
            partial(added, 3, GLOBEX),
            partial(added, 4, GLOBEX),
        ]
    )
    assert [isinstance(one, Done) for one in outcomes] == [True, False, True, False, True]
    assert isinstance(outcomes[1], Failed)
    assert isinstance(outcomes[3], Failed)
    assert isinstance(outcomes[1].error, LeaseLost)
    assert isinstance(outcomes[3].error, IntegrityError)
    assert await base.read(rows) == [1, 3, 4]
    await base.close()


async def test_a_full_disk_fails_whoever_did_not_fit_and_leaves_the_rest_whole(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    await base.write([partial(executed, "CREATE TABLE big (data BLOB)")])
    pages: int = (await base.read(lambda: pragma("page_count")))[0]
    await base.write([partial(executed, f"PRAGMA max_page_count = {pages + 2}")])
    writer = Writer(base.write)
    futures: list[asyncio.Future[Any]] = [
        writer.post(ACME, partial(added, 1, ACME)),
        writer.post(GLOBEX, partial(executed, "INSERT INTO big VALUES (zeroblob(100000))")),
        writer.post(ACME, partial(added, 2, ACME)),
    ]
    results: list[object] = list(await asyncio.gather(*futures, return_exceptions=True))
    assert results[0] == 1
    assert isinstance(results[1], StoreUnavailable)
    assert results[2] == 2
    assert "full" in str(results[1])
    assert await base.read(rows) == [1, 2]
    await writer.close()
    await base.close()


def pragma(name: str) -> Job[tuple[int, ...]]:
    found = yield (f"PRAGMA {name}", ())
    return found[0]


async def test_a_locked_and_a_read_only_database_are_said_to_be_so(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    other = await Database.open(str(tmp_path / "t.db"), synchronous=Synchronous.NORMAL, busy_timeout_s=0.05)
    held = asyncio.Event()

    def locked(_: int) -> Job[None]:
        yield ("INSERT INTO t VALUES (1, 'ACME')", ())
        with pytest.raises(StoreUnavailable, match="locked"):
            asyncio.run_coroutine_threadsafe(other.write([partial(added, 2, GLOBEX)]), loop).result()
        held.set()

    loop = asyncio.get_running_loop()
    await base.write([partial(locked, 0)])
    assert held.is_set()
    await base.write([partial(executed, "PRAGMA query_only = ON")])
    with pytest.raises(StoreUnavailable, match="read-only"):
        await base.write([partial(added, 3, ACME)])
    assert await base.read(rows) == [1]
    await base.close()
    await other.close()


async def test_a_reader_cannot_write_and_a_closed_database_says_so(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    with pytest.raises(StoreUnavailable):
        await base.read(partial(added, 1, ACME))
    assert await base.read(rows) == []
    await base.close()
    with pytest.raises(StoreUnavailable):
        await base.read(rows)
    with pytest.raises(StoreUnavailable):
        await base.write([partial(added, 1, GLOBEX)])


async def test_cancelling_everybody_at_any_moment_leaves_every_job_done_once(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    writer = Writer(base.write)
    for n in range(60):
        task = asyncio.create_task(writer.submit(ACME if n % 2 else GLOBEX, partial(added, n, ACME)))
        for _ in range(n % 6 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    await writer.close()
    assert await base.read(rows) == list(range(60))
    await base.close()


async def test_a_failure_while_committing_writes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    base = await database(tmp_path / "t.db")
    await base.write(
        [partial(executed, "CREATE TABLE child (n REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)")]
    )
    writer = Writer(base.write)
    orphan = "INSERT INTO child VALUES (99)"
    futures: list[asyncio.Future[Any]] = [
        writer.post(ACME, partial(added, 1, ACME)),
        writer.post(ACME, partial(executed, orphan)),
        writer.post(GLOBEX, partial(added, 2, GLOBEX)),
    ]
    results: list[object] = list(await asyncio.gather(*futures, return_exceptions=True))
    assert results[0] == 1
    assert isinstance(results[1], TransactionLost)
    assert results[2] == 2
    assert await base.read(rows) == [1, 2]
    await writer.close()
    await base.close()


async def test_a_database_that_fails_otherwise_tells_everybody_who_waits() -> None:
    async def broken(makes: Sequence[Make]) -> list[Outcome]:
        raise StoreUnavailable("gone")

    writer = Writer(broken)
    futures = [writer.post(tenant, partial(named, "x")) for tenant in (ACME, GLOBEX)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(one) for one in results] == [StoreUnavailable, StoreUnavailable]
    await writer.close()


async def test_those_whose_batch_was_cut_off_are_told_and_the_rest_is_committed() -> None:
    recorder = Recorder()
    recorder.gate.clear()
    writer = Writer(recorder.write)
    under_way = writer.post(ACME, partial(named, "a"))
    for _ in range(3):
        await asyncio.sleep(0)
    waiting = writer.post(GLOBEX, partial(named, "g"))
    for task in asyncio.all_tasks():
        if task.get_name() == "partywall writer":
            task.cancel()
    recorder.gate.set()
    with pytest.raises(StoreUnavailable):
        await under_way
    assert await waiting == "g"
    await writer.close()
    assert recorder.ended_behind_all, "the writer ended while a batch could still be on the database's thread"


async def test_a_failure_that_nobody_waits_for_any_more_is_logged_once_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    recorder.lose = {"CANARY-gone", "CANARY-left"}
    writer = Writer(recorder.write)
    gone = asyncio.create_task(writer.submit(ACME, partial(named, "CANARY-gone")))
    await asyncio.sleep(0)
    gone.cancel()
    writer.leave(GLOBEX, partial(named, "CANARY-left"))
    kept = writer.post(GLOBEX, partial(named, "kept"))
    assert await kept == "kept"
    await writer.close()
    assert [each.name for each in caplog.records] == ["partywall"]
    assert "2 writes" in caplog.text
    assert "TransactionLost" in caplog.text
    assert "CANARY" not in caplog.text


async def test_a_failure_that_somebody_waits_for_is_theirs_and_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    recorder.lose = {"a"}
    writer = Writer(recorder.write)
    with pytest.raises(TransactionLost):
        await writer.submit(ACME, partial(named, "a"))
    writer.leave(GLOBEX, partial(named, "b"))
    await writer.close()
    assert recorder.batches == [["b"]]
    assert caplog.records == []


async def test_a_writer_that_broke_says_so_once_and_every_write_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(BaseException):
        """What no store expects."""

    broken = True

    async def write(makes: Sequence[Make]) -> list[Outcome]:
        nonlocal broken
        if broken:
            broken = False
            raise Broken("CANARY")
        return [Done(value=None) for _ in makes]

    writer = Writer(write)
    with pytest.raises(StoreUnavailable):
        await writer.submit(ACME, partial(named, "a"))
    for tenant in (ACME, GLOBEX):
        with pytest.raises(StoreUnavailable):
            await writer.submit(tenant, partial(named, "b"))
    await writer.close()
    assert len(caplog.records) == 1
    assert "CANARY" not in caplog.text
