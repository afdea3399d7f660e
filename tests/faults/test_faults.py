"""A small run of the faults on every store, and proof that its counts would notice what is not there."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firewall.core.errors import ChainBroken
from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.eventful import ACME, GLOBEX
from tests.fakes.services import needs
from tests.fakes.vaults import altered
from tests.faults.__main__ import main
from tests.faults.run import Run, played
from tests.faults.stores import stored
from tests.faults.tally import tallied
from tests.faults.turns import Happened, Told
from vault.open import open_vault

FILE = pytest.param("file", id="file")
POSTGRES = pytest.param("postgres", marks=needs("postgres"), id="postgres")
CLUSTER = pytest.param("cluster", marks=needs("cluster"), id="a-server-that-restarts")
STORES = [pytest.param("memory", id="memory"), FILE, POSTGRES, CLUSTER]


@pytest.mark.parametrize("kind", STORES)
async def test_whatever_fails_nothing_is_missing_doubled_or_told_wrongly(kind: str, tmp_path: Path) -> None:
    count = {"postgres": 200, "cluster": 80}.get(kind, 300)
    with stored(kind, tmp_path) as store:
        run = await played(store, tmp_path, count=count, seed=7)
    assert run.tally.wrong == {}
    assert (run.told.turns, run.told.troubles > 0) == (count, True)
    assert run.tally.seen["acknowledged"] > count / 3
    assert run.tally.seen["requests"] > run.tally.seen["messages"] > 0, "receivers were never down"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", [FILE, POSTGRES])
async def test_nothing_is_missing_or_doubled_when_the_process_is_killed_at_random(
    kind: str, tmp_path: Path
) -> None:
    count = {"postgres": 60}.get(kind, 200)
    with stored(kind, tmp_path) as store:
        run = await played(store, tmp_path, count=count, seed=3, lines=3 * count)
    assert run.tally.wrong == {}
    assert (run.told.turns >= count, run.kills > 1) == (True, True)
    assert run.tally.seen["acknowledged"] > count / 3
    assert run.tally.seen["requests"] > run.tally.seen["messages"] > 0, "receivers were never down"


def test_runs_are_summed_and_each_has_a_line_and_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--store", "memory", "--count", "60", "--batch", "40", "--seed", "5"]) == 0
    said = capsys.readouterr()
    runs = [json.loads(line.partition(": ")[2]) for line in said.err.splitlines()]
    assert [(run["seed"], run["turns"]) for run in runs] == [(5, 40), (6, 20)]
    total = json.loads(said.out)
    assert (total["runs"], total["turns"], total["faults"]) == (2, 60, 0)
    assert total["records"] == sum(run["records"] for run in runs) > 0


def test_memory_is_not_played_on_by_a_process_that_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--store", "memory", "--kill"])
    assert "--kill needs another --store" in capsys.readouterr().err


async def wrong(run: Run) -> Mapping[str, int]:
    """Count once more what a run left in its file."""
    async with await open_vault(run.store.path, clock=SystemClock(), ids_factory=KeyedIds) as vault:
        tally = await tallied(vault, run.told, run.far)
    assert tally.named.keys() == tally.wrong.keys(), "what is wrong has no name"
    return tally.wrong


@pytest.fixture
async def run(tmp_path: Path) -> Run:
    """A run that went well."""
    with stored("file", tmp_path) as store:
        done = await played(store, tmp_path, count=60, seed=1)
    assert done.tally.wrong == {}
    return done


def test_what_was_meant_is_unsure_until_it_is_kept() -> None:
    told = Told()
    for tenant in (ACME, GLOBEX):
        told.tell("meant", tenant, "ref", "rule")
    told.tell("kept", ACME, "ref", "rule")
    assert told.written == {Happened(tenant=ACME, ref="ref", rule="rule")}
    assert told.unsure == {Happened(tenant=GLOBEX, ref="ref", rule="rule")}


async def test_a_record_that_is_missing_or_that_nobody_was_told_of_is_noticed(run: Run) -> None:
    known = {each.tenant: each for each in run.told.written}
    run.told.written -= set(known.values())
    run.told.written |= {replace(known[ACME], rule="never"), replace(known[GLOBEX], ref="never")}
    assert await wrong(run) == {"missing": 2, "unexpected": 2}


async def test_an_alert_that_did_not_arrive_or_says_two_things_is_noticed(run: Run) -> None:
    last = run.far.taken.pop()
    assert "silent" in await wrong(run)
    run.far.taken += [last, replace(last, body=last.body.replace(b"violations", b"violation "))]
    assert await wrong(run) == {"two_bodies": 1}


async def test_alerts_in_another_order_are_noticed(run: Run) -> None:
    run.far.taken.reverse()
    assert (await wrong(run)).keys() == {"out_of_order"}


@pytest.mark.parametrize(
    ("statement", "noticed"),
    [
        pytest.param("UPDATE deliveries SET state = 'dead' WHERE n = 1", "undelivered", id="a-dead-alert"),
        pytest.param("UPDATE deliveries SET count = count + 1", "alerts_off", id="a-violation-too-many"),
    ],
)
async def test_what_the_database_says_of_alerts_is_compared(run: Run, statement: str, noticed: str) -> None:
    altered(Path(run.store.path), statement)
    assert (await wrong(run)).keys() == {noticed}


async def test_a_record_that_is_gone_breaks_the_chain(run: Run) -> None:
    altered(Path(run.store.path), "DELETE FROM outbox", "DELETE FROM records WHERE id = 1")
    with pytest.raises(ChainBroken):
        await wrong(run)
