"""Judgements that share a transaction: few statements, each as if alone, and nobody's fault is another's."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from firewall.core.errors import ChainBroken
from firewall.core.ids import TenantId
from firewall.core.receipt import linked
from tests.fakes.vaults import ACME, GLOBEX, altered, denial, judgement, opened, turn
from vault.chain import Item
from vault.job import Job, Make, Outcome
from vault.log import Log, canonical_bytes
from vault.open import Vault
from vault.rows import portions
from vault.sheaf import Sheaf

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


async def together(vault: Vault, count: int, start: int = 0) -> list[Any]:
    """Hand judgements of both tenants in at once, so that they share a transaction."""
    return await asyncio.gather(
        *(
            vault.records.record(judgement(turn((ACME, GLOBEX)[n % 2], number=start + n), denial()))
            for n in range(count)
        ),
        return_exceptions=True,
    )


def counting(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the list of the statements that the writer's transactions run from now on."""
    seen: list[str] = []
    write = vault.engine.database.write

    def counted(make: Make) -> Job[object]:
        job, rows = make(), None
        try:
            while True:
                statement = job.send(rows)  # type: ignore[arg-type]
                seen.append(statement[0])
                rows = yield statement
        except StopIteration as done:
            return done.value

    async def watched(makes: Sequence[Make]) -> list[Outcome]:
        return await write([partial(counted, make) for make in makes])

    monkeypatch.setattr(vault.engine.writer, "_write", watched)
    return seen


async def test_a_hundred_judgements_of_one_transaction_cost_few_statements(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    await together(vault, 2)
    seen = counting(vault, monkeypatch)
    await together(vault, 2, 10)
    few = len(seen)
    seen.clear()
    await together(vault, 128, 100)
    assert len(seen) < 3 * few
    assert sum(sql.startswith("UPDATE log_head") for sql in seen) == 1
    assert sum(sql.startswith("INSERT INTO chains") for sql in seen) == 1
    assert await vault.records.verify(ACME) == await vault.records.verify(GLOBEX) == 66
    assert (await vault.checkpoints.verify()).size == await vault.outbox.count() == 132


async def test_an_altered_chain_fails_its_own_judgements_and_no_other_tenants(shared: str) -> None:
    async with await opened(shared) as vault:
        await together(vault, 4)
    altered(shared, "UPDATE chains SET at_ms = at_ms + 1 WHERE tenant = 'ACME'")
    async with await opened(shared) as vault:
        found = await together(vault, 20, 10)
        assert [type(each) for each in found[::2]] == [ChainBroken] * 10
        assert [each.seq for each in found[1::2]] == list(range(3, 13))
        assert await vault.records.verify(GLOBEX) == 12
        assert (await vault.checkpoints.verify()).size == 14


async def test_a_job_that_fails_beside_judgements_takes_none_of_them_with_it(vault: Vault) -> None:
    def failing() -> Job[None]:
        yield ("SELECT 1 FROM meta LIMIT 1", ())
        raise ChainBroken("nothing to do with them")

    judged = asyncio.create_task(together(vault, 10))
    await asyncio.sleep(0)
    with pytest.raises(ChainBroken):
        await vault.engine.writer.submit(GLOBEX, failing)
    assert [each.seq for each in await judged] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert await vault.records.verify(ACME) == await vault.records.verify(GLOBEX) == 5
    assert (await vault.checkpoints.verify()).size == 10


async def test_a_job_sees_the_judgements_that_were_handed_in_before_it_and_no_later_ones(
    vault: Vault,
) -> None:
    def receipts() -> Job[int]:
        rows = yield ("SELECT count(*) FROM receipts", ())
        total: int = rows[0][0]
        return total

    for n in range(3):
        vault.records.queue(judgement(turn(ACME, number=n)))
    seen = vault.engine.writer.post(ACME, receipts)
    after = asyncio.create_task(vault.records.record(judgement(turn(ACME, number=9), denial())))
    other = vault.engine.writer.post(GLOBEX, receipts)
    assert await seen == 3
    assert await other <= 4
    assert (await after).seq == 4


async def test_a_judgement_that_is_handed_in_twice_is_written_once(vault: Vault) -> None:
    for n in range(5):
        vault.records.queue(judgement(turn(ACME, number=n)))
    await asyncio.gather(vault.records.settle(), vault.records.settle(), together(vault, 2, 50))
    assert await vault.records.verify(ACME) == 6
    assert (await vault.checkpoints.verify()).size == 7


async def test_nothing_is_bound_where_nothing_would_write_it(vault: Vault) -> None:
    sheaf = Sheaf(Log(secret=b"s" * 32, random=bytes))
    one = judgement(turn(ACME), denial())
    with pytest.raises(RuntimeError, match="transactions"):
        sheaf.bind(Item.of(one, "1", 0))
    sheaf.begin()
    bound = sheaf.bind(Item.of(one, "1", 0))
    with pytest.raises(RuntimeError, match="before its transaction"):
        _ = bound.receipt
    sheaf.end()
    with pytest.raises(RuntimeError, match="transactions"):
        sheaf.bind(Item.of(one, "2", 0))
    assert await vault.records.verify(GLOBEX) == 0


@given(TEXTS, TEXTS, st.integers(0, 2**53 - 1))
@settings(max_examples=300)
def test_what_a_leaf_commits_to_is_canonical_json(tenant: str, body: str, at_ms: int) -> None:
    receipt = linked(TenantId(tenant), 1, at_ms, body, "0" * 64)
    fields = {name: getattr(receipt, name) for name in ("tenant", "seq", "at_ms", "body", "previous", "hash")}
    assert canonical_bytes(receipt) == rfc8785.dumps(fields)


@given(st.integers(0, 1_000))
def test_portions_are_the_whole_in_its_order(count: int) -> None:
    whole = list(range(count))
    found = list(portions(whole))
    assert [each for some in found for each in some] == whole
    assert {len(some) for some in found} <= {1, 2, 4, 8, 16, 32, 64}
