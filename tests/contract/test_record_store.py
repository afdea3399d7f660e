"""Every record store: nothing lost, nothing doubled, in order, chained, and found again."""

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firewall.core.errors import BadIdentifier, ChainBroken, IntegrityError, StoreUnavailable
from firewall.core.ids import Ref, SessionId, TenantId, TurnId
from firewall.core.receipt import GENESIS, RecordKind, linked, verify
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    SteppedClock,
    altered,
    denial,
    dumped,
    judgement,
    key_of,
    opened,
    opened_turn,
    principal,
    turn,
)
from vault.database import TransactionLost
from vault.job import Make, Outcome
from vault.ledger import Filter
from vault.open import Vault, open_vault


async def test_as_many_rows_as_denials_however_alike_they_are(vault: Vault) -> None:
    same = judgement(turn(ACME), denial(), denial())
    for _ in range(20):
        await vault.records.record(same)
    await vault.records.record(judgement(turn(GLOBEX), denial()))
    assert await vault.records.counts(Filter(tenant=ACME)) == {RecordKind.DENIAL: 40}
    assert await vault.records.counts(Filter(tenant=GLOBEX)) == {RecordKind.DENIAL: 1}
    assert await vault.records.verify(ACME) == 20
    assert await vault.outbox.count() == 41


async def test_concurrent_judgements_of_two_tenants_chain_apart(vault: Vault) -> None:
    tenants = [ACME, GLOBEX] * 100
    receipts = await asyncio.gather(
        *(
            vault.records.record(judgement(turn(tenant, number=n), denial()))
            for n, tenant in enumerate(tenants)
        )
    )
    for tenant in (ACME, GLOBEX):
        chain = [one async for one in vault.records.receipts(tenant)]
        assert [one.seq for one in chain] == list(range(1, 101))
        assert verify(chain, tenant=tenant) == await vault.records.verify(tenant) == 100
        assert chain == sorted((one for one in receipts if one.tenant == tenant), key=lambda one: one.seq)


async def test_a_chain_longer_than_a_page_verifies(vault: Vault) -> None:
    for n in range(1_203):
        vault.records.queue(judgement(turn(ACME, number=n), denial("r", violation=False)))
    await vault.records.record(judgement(turn(ACME, number=9_999), denial()))
    assert await vault.records.verify(ACME) == 1_204
    assert await vault.records.verify(GLOBEX) == 0
    assert len([one async for one in vault.records.export(Filter(tenant=ACME, violation=None))]) == 1_204


async def test_a_queued_judgement_is_not_overtaken(vault: Vault) -> None:
    for n in range(50):
        vault.records.queue(judgement(turn(ACME, number=n)))
        if n % 10 == 9:
            receipt = await vault.records.record(judgement(turn(ACME, number=1_000 + n), denial()))
            assert receipt.seq == n + 1 + (n + 1) // 10
    await vault.effects.intend(turn(ACME), "send", "00")
    vault.records.queue(judgement(turn(ACME, number=77)))
    await vault.effects.intend(turn(ACME), "send", "01")
    bodies = [one.body async for one in vault.records.receipts(ACME)]
    assert len(bodies) == 56
    assert "turn-77" in bodies[-1]


async def test_a_queued_judgement_is_committed_by_closing(shared: str) -> None:
    async with await opened(shared) as vault:
        vault.records.queue(judgement(turn(ACME), denial()))
    async with await opened(shared) as vault:
        assert await vault.records.verify(ACME) == 1


async def test_a_clock_that_steps_back_does_not_take_the_chain_with_it(
    vault: Vault, clock: SteppedClock
) -> None:
    start = clock.at_ms
    times: list[int] = []
    for step in (0, 1_000, -5_000, 2_000):
        clock.at_ms += step
        times.append((await vault.records.record(judgement(turn(ACME), denial()))).at_ms)
    assert times == [start, start + 1_000, start + 1_000, start + 1_000]
    assert (await vault.records.record(judgement(turn(GLOBEX), denial()))).at_ms == clock.at_ms
    assert await vault.records.verify(ACME) == 4


async def test_cancelling_the_wait_neither_loses_nor_doubles_a_record(vault: Vault) -> None:
    for steps in range(30):
        task = asyncio.create_task(_recorded(vault, steps))
        for _ in range(steps % 10 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    await vault.records.record(judgement(turn(ACME, number=99), denial()))
    rows = await vault.records.violations(Filter(tenant=ACME))
    assert [one.ref for one in rows] == [turn(ACME, number=n).ref for n in [*range(30), 99]]
    assert await vault.records.verify(ACME) == 31


async def _recorded(vault: Vault, number: int) -> None:
    await vault.records.record(judgement(turn(ACME, number=number), denial()))


FULL = judgement(turn(ACME), denial())
NOBODYS = {
    "tenant": replace(FULL, tenant=TenantId("")),
    "session": replace(FULL, session=SessionId(" ")),
    "turn": replace(FULL, turn=TurnId("null")),
    "ref": replace(FULL, ref=Ref("")),
}


@pytest.mark.parametrize("field", NOBODYS)
async def test_a_record_that_would_belong_to_nobody_is_refused(vault: Vault, field: str) -> None:
    empty = NOBODYS[field]
    with pytest.raises(BadIdentifier):
        await vault.records.record(empty)
    with pytest.raises(BadIdentifier):
        vault.records.queue(empty)
    with pytest.raises(BadIdentifier):
        Filter(tenant=TenantId(""))
    assert await vault.records.violations(Filter()) == ()


async def test_violations_are_found_by_each_filter_and_by_no_other_tenants(
    vault: Vault, clock: SteppedClock
) -> None:
    for tenant, name in ((ACME, "u1"), (ACME, "u2"), (GLOBEX, "u1")):
        async with vault.sessions.hold(key_of(tenant, name), wait_s=1):
            of = opened_turn(vault, turn(tenant, name))
            await vault.records.record(
                judgement(of, denial(f"rule-{name}"), denial("watched", violation=False))
            )
        clock.at_ms += 10
    records = vault.records
    assert [(one.tenant, one.record.rule) for one in await records.violations(Filter(tenant=ACME))] == [
        (ACME, "rule-u1"),
        (ACME, "rule-u2"),
    ]
    by_principal = await records.violations(Filter(tenant=ACME, principal=principal(ACME, "u2").id))
    assert [one.record.rule for one in by_principal] == ["rule-u2"]
    assert by_principal[0].principal == principal(ACME, "u2").id
    assert len(await records.violations(Filter(rule="rule-u1"))) == 2
    assert len(await records.violations(Filter(layer="redaction"))) == 0
    assert len(await records.violations(Filter(since_ms=clock.at_ms - 10))) == 1
    assert len(await records.violations(Filter(kind=RecordKind.DENIAL, violation=None))) == 6
    assert len(await records.violations(Filter(violation=False))) == 3
    first = (await records.violations(Filter(), limit=1))[0]
    assert [one.record.rule for one in await records.violations(Filter(), after=first.id)] == [
        "rule-u2",
        "rule-u1",
    ]
    assert [one.record.rule for one in await records.why(turn(ACME, "u2").ref)] == ["rule-u2", "watched"]
    assert await records.why(Ref("unknown")) == ()


async def test_only_violations_are_put_in_the_outbox(vault: Vault) -> None:
    await vault.records.record(judgement(turn(ACME), denial(), denial("watched", violation=False)))
    await vault.records.record(judgement(turn(GLOBEX), denial()))
    waiting = await vault.outbox.pending()
    violations = await vault.records.violations(Filter())
    assert [(one.tenant, one.record) for one in waiting] == [(one.tenant, one.id) for one in violations]
    assert await vault.outbox.pending(after=waiting[0].id, limit=1) == waiting[1:]


TAMPERED = {
    "tenant": "UPDATE receipts SET tenant = 'EVIL' WHERE seq = 2 AND tenant = 'ACME'",
    "seq": "UPDATE receipts SET seq = 77 WHERE seq = 2 AND tenant = 'ACME'",
    "at_ms": "UPDATE receipts SET at_ms = at_ms + 1 WHERE seq = 2 AND tenant = 'ACME'",
    "body": "UPDATE receipts SET body = replace(body, 'high', 'low') WHERE seq = 2 AND tenant = 'ACME'",
    "body-unreadable": "UPDATE receipts SET body = '{' WHERE seq = 2 AND tenant = 'ACME'",
    "previous": "UPDATE receipts SET previous = hash WHERE seq = 2 AND tenant = 'ACME'",
    "hash": "UPDATE receipts SET hash = previous WHERE seq = 2 AND tenant = 'ACME'",
    "ref": "UPDATE receipts SET ref = 'other' WHERE seq = 2 AND tenant = 'ACME'",
    "session": "UPDATE receipts SET session = 'other' WHERE seq = 2 AND tenant = 'ACME'",
    "a-receipt-removed": "DELETE FROM receipts WHERE seq = 2 AND tenant = 'ACME'",
    "the-first-removed": "DELETE FROM receipts WHERE seq = 1 AND tenant = 'ACME'",
    "the-last-removed": "DELETE FROM receipts WHERE seq = 3 AND tenant = 'ACME'",
    "all-removed": "DELETE FROM receipts WHERE tenant = 'ACME'",
    "head-moved": "UPDATE chains SET seq = 2 WHERE tenant = 'ACME'",
    "a-receipt-added": (
        "INSERT INTO receipts SELECT tenant, 4, 'x', ref, session, at_ms, body, hash, previous"
        " FROM receipts WHERE seq = 3 AND tenant = 'ACME'"
    ),
    "head-removed": "DELETE FROM chains WHERE tenant = 'ACME'",
    "a-record-removed": "DELETE FROM records WHERE seq = 2 AND tenant = 'ACME'",
    "a-record-added": (
        "INSERT INTO records SELECT 999, tenant, seq, 7, kind, layer, rule, severity, violation,"
        " count, slot, preview FROM records WHERE seq = 2 AND tenant = 'ACME'"
    ),
    **{
        f"record-{column}": f"UPDATE records SET {column} = {value} WHERE seq = 2 AND tenant = 'ACME'"  # noqa: S608 - ours
        for column, value in {
            "kind": "'notice'",
            "layer": "'x'",
            "rule": "'x'",
            "severity": "'info'",
            "violation": "0",
            "count": "2",
            "slot": "'x'",
            "preview": "'x'",
        }.items()
    },
}


@pytest.mark.parametrize("case", TAMPERED)
async def test_tampering_with_any_field_or_row_is_found(shared: str, case: str) -> None:
    async with await opened(shared) as vault:
        for tenant in (ACME, GLOBEX):
            for n in range(3):
                await vault.records.record(judgement(turn(tenant, number=n), denial()))
    altered(shared, TAMPERED[case])
    async with await opened(shared) as vault:
        with pytest.raises(ChainBroken):
            await vault.records.verify(ACME)
        assert await vault.records.verify(GLOBEX) == 3


async def test_a_chain_rewritten_as_a_whole_with_right_hashes_is_found(file: Path) -> None:
    async with await opened(file) as vault:
        for tenant in (ACME, GLOBEX):
            for n in range(3):
                await vault.records.record(judgement(turn(tenant, number=n), denial()))
        chain = [one async for one in vault.records.receipts(ACME)]
    previous = GENESIS
    connection = sqlite3.connect(file, isolation_level=None)
    for one in chain:
        forged = linked(
            ACME, one.seq, one.at_ms, one.body.replace('"bytes_scanned":12', '"bytes_scanned":13'), previous
        )
        connection.execute(
            "UPDATE receipts SET body = ?, previous = ?, hash = ? WHERE tenant = 'ACME' AND seq = ?",
            (forged.body, forged.previous, forged.hash, one.seq),
        )
        assert forged.body != one.body
        previous = forged.hash
    connection.execute("UPDATE chains SET hash = ? WHERE tenant = 'ACME'", (previous,))
    connection.close()
    async with await opened(file) as vault:
        assert verify([one async for one in vault.records.receipts(ACME)], tenant=ACME) == 3
        with pytest.raises(ChainBroken):
            await vault.records.verify(ACME)
        assert await vault.records.verify(GLOBEX) == 3


@pytest.mark.parametrize("then", ["record", "intend"])
async def test_what_could_not_be_written_at_first_is_written_before_what_follows(
    file: Path, then: str
) -> None:
    vault = await open_vault(
        str(file), clock=SteppedClock(), ids_factory=CountedIds, master_key=MASTER, busy_timeout_s=0.02
    )
    async with vault:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        vault.records.queue(judgement(turn(ACME, number=1)))
        with pytest.raises(StoreUnavailable, match="locked"):
            await vault.records.record(judgement(turn(GLOBEX), denial()))
        other.execute("ROLLBACK")
        other.close()
        assert [one async for one in vault.records.receipts(ACME)] == []
        if then == "record":
            assert (await vault.records.record(judgement(turn(ACME, number=2), denial()))).seq == 2
        else:
            await vault.effects.intend(turn(ACME, number=2), "send", "00")
        bodies = [one.body async for one in vault.records.receipts(ACME)]
        assert "turn-1" in bodies[0]


async def test_a_chain_whose_head_was_altered_takes_no_more_records(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.records.record(judgement(turn(ACME), denial()))
    altered(shared, TAMPERED["head-moved"])
    async with await opened(shared) as vault:
        with pytest.raises(ChainBroken):
            await vault.records.record(judgement(turn(ACME), denial()))
        assert (await vault.records.record(judgement(turn(GLOBEX), denial()))).seq == 1


async def test_a_record_row_that_cannot_be_read_is_an_error_not_an_omission(shared: str) -> None:
    async with await opened(shared) as vault:
        await vault.records.record(judgement(turn(ACME), denial()))
    altered(shared, "UPDATE records SET severity = 'loud'")
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError):
            await vault.records.violations(Filter())


async def test_what_one_tenant_writes_leaves_the_others_records_byte_identical(shared: str) -> None:
    tables = ("records", "receipts", "outbox")
    async with await opened(shared) as vault:
        await vault.records.record(judgement(turn(ACME), denial()))
        before = dumped(shared, *tables, where="tenant = 'ACME'")
        for n in range(20):
            await vault.records.record(judgement(turn(GLOBEX, number=n), denial()))
        assert dumped(shared, *tables, where="tenant = 'ACME'") == before


async def test_after_closing_a_judgement_is_refused(vault: Vault) -> None:
    await vault.close()
    with pytest.raises(StoreUnavailable):
        await vault.records.record(judgement(turn(ACME), denial()))
    with pytest.raises(StoreUnavailable):
        vault.records.queue(judgement(turn(ACME), denial()))
    with pytest.raises(StoreUnavailable):
        await vault.records.verify(GLOBEX)


async def test_a_judgement_that_could_not_be_committed_is_owed_and_comes_before_the_next_one(
    shared: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await opened(shared) as vault:
        lost = True
        write = vault.engine.database.write

        async def failing(makes: Sequence[Make]) -> list[Outcome]:
            if lost and makes:
                raise TransactionLost("nothing of a transaction was written: the disk is full")
            return await write(makes)

        monkeypatch.setattr(vault.engine.writer, "_write", failing)
        cancelled = asyncio.create_task(_recorded(vault, 1))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait({cancelled})
        with pytest.raises(StoreUnavailable):
            await _recorded(vault, 2)
        with pytest.raises(StoreUnavailable):
            await vault.effects.intend(turn(ACME), "send", "00")
        lost = False
        await vault.records.record(judgement(turn(GLOBEX), denial()))
        await vault.effects.intend(turn(ACME), "send", "00")
        rows = await vault.records.violations(Filter(tenant=ACME))
        assert [one.ref for one in rows] == [turn(ACME, number=n).ref for n in (1, 2)]
        await _recorded(vault, 3)
        assert await vault.records.verify(ACME) == 3
        assert await vault.records.verify(GLOBEX) == 1
    assert {each.name for each in caplog.records} == {"partywall"}
    assert "disk" not in caplog.text
