"""A small run of the faults on every store, and proof that its counts would notice what is not there."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from firewall.core.errors import ChainBroken
from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.eventful import ACME, GLOBEX
from tests.fakes.services import needs
from tests.fakes.vaults import altered
from tests.faults.__main__ import stored
from tests.faults.run import Run, played
from tests.faults.tally import tallied
from vault.open import open_vault

STORES = ["memory", "file", pytest.param("postgres", marks=needs("postgres"))]


@pytest.mark.parametrize("kind", STORES)
async def test_whatever_fails_nothing_is_missing_doubled_or_told_wrongly(kind: str, tmp_path: Path) -> None:
    with stored(kind, tmp_path) as store:
        run, tally = await played(store, tmp_path, count=300, seed=7)
    assert tally.wrong == {}
    assert (run.told.turns, run.troubles > 0) == (300, True)
    assert tally.seen["acknowledged"] > 100
    assert tally.seen["requests"] > tally.seen["messages"] > 0, "receivers were never down"


async def wrong(run: Run) -> Mapping[str, int]:
    """Count once more what a run left in its file."""
    path = run.store["path"]
    async with await open_vault(path, clock=SystemClock(), ids_factory=KeyedIds) as vault:
        return (await tallied(vault, run.told, run.far)).wrong


@pytest.fixture
async def run(tmp_path: Path) -> Run:
    """A run that went well."""
    with stored("file", tmp_path) as store:
        run, tally = await played(store, tmp_path, count=60, seed=1)
    assert tally.wrong == {}
    return run


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
    altered(Path(run.store["path"]), statement)
    assert (await wrong(run)).keys() == {noticed}


async def test_a_record_that_is_gone_breaks_the_chain(run: Run) -> None:
    altered(Path(run.store["path"]), "DELETE FROM outbox", "DELETE FROM records WHERE id = 1")
    with pytest.raises(ChainBroken):
        await wrong(run)
