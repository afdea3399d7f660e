"""Erasure: what is kept of one person or one tenant goes, chains and log verify, nobody else loses a byte."""

import json
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from firewall.core.arrival import Arrival
from firewall.core.errors import ChainBroken, StoreUnavailable
from firewall.core.identity import Sender
from firewall.core.ids import MessageId, PrincipalId, TenantId
from firewall.core.label import Principals
from firewall.core.message import Message, Part
from firewall.core.receipt import Receipt
from firewall.core.session import SessionKey
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    alone,
    altered,
    audience,
    denial,
    dm,
    dumped,
    group,
    judgement,
    key_of,
    opened,
    opened_turn,
    own,
    part,
    principal,
    turn,
)
from vault.erasure import Erased
from vault.ledger import Filter, Stored
from vault.migrations import migrations
from vault.open import Vault

BOTH = (ACME, GLOBEX)
PLANTED = "ORCHID-4417-0093"
KEPT = ("sessions", "parts", "said", "entries", "notes", "inbox", "effects", "records", "outbox", "keys")


def who(name: str) -> PrincipalId:
    return principal(ACME, name).id


def both(*names: str) -> Principals:
    return Principals(ids=frozenset(who(name) for name in names))


def arrival(tenant: TenantId, name: str) -> Arrival:
    sender = Sender(
        channel="telegram", app="bot", realm="r", id=name, kind=principal(tenant, name).kind, verified=True
    )
    message = Message(
        id=MessageId(f"{tenant}-{name}"),
        delivery=f"{tenant}-{name}",
        sender=sender,
        conversation=dm(name),
        text=f"{PLANTED} of {name}",
    )
    return Arrival(message=message, route={})


async def spoke(vault: Vault, tenant: TenantId, name: str) -> None:
    """One turn in private and one in the group: history, a note, an effect, an answer that was refused."""
    for number, place in enumerate((dm(name), group())):
        key = key_of(tenant, name, place)
        async with vault.sessions.open_turn(key, wait_s=1, message=MessageId(f"{name}-{number}")) as held:
            await vault.sessions.append(held, [part(number, f"{PLANTED} of {name}", own(tenant, name))])
        now = opened_turn(vault, turn(tenant, name, place, number=number + 1))
        await vault.records.record(judgement(now, denial()))
        await vault.effects.finish(await vault.effects.intend(now, "send", "0" * 64), "done")
        await vault.notes.remember(now, "badge", f"{PLANTED} of {name}")
    await vault.inbox.accept(key_of(tenant, name), arrival(tenant, name))


async def lived(vault: Vault) -> None:
    """Two people in each of two tenants; entries for the one, for the other and for both."""
    for tenant in BOTH:
        for name in ("u1", "u2"):
            await spoke(vault, tenant, name)
            await vault.entries.add(tenant, "own", f"{PLANTED} of {name}", alone(tenant, name))
        await vault.entries.add(tenant, "both", f"{PLANTED} of two", both("u1", "u2"))
        await vault.entries.add(tenant, "taken", "of u2", alone(tenant, "u2"))
        await vault.entries.add(tenant, "taken", "of two", both("u1", "u2"))


class Seen(NamedTuple):
    histories: list[tuple[str, tuple[Part, ...], int]]
    values: list[str | None]
    notes: Mapping[str, str]
    records: tuple[Stored, ...]


async def seen(vault: Vault, tenant: TenantId, name: str) -> Seen:
    """Everything that somebody gets from the stores, and that operators see of it."""
    histories: list[tuple[str, tuple[Part, ...], int]] = []
    for place in (dm(name), group()):
        async with vault.sessions.hold(key_of(tenant, name, place), wait_s=1) as held:
            histories.append((held.id, held.history, held.turns))
    spoken = turn(tenant, name)
    entries = [await vault.entries.lookup(audience(tenant, name), each) for each in ("own", "both", "taken")]
    records = await vault.records.violations(Filter(tenant=tenant, principal=principal(tenant, name).id))
    values = [None if each is None else each.value for each in entries]
    return Seen(histories, values, await vault.notes.recall(spoken), records)


async def receipts(vault: Vault, tenant: TenantId) -> list[Receipt]:
    return [each async for each in vault.records.receipts(tenant)]


async def erased(vault: Vault, tenant: TenantId, name: str | None = "u1") -> Erased:
    found = await vault.erasure.erase(tenant, None if name is None else who(name))
    assert found is not None
    return found


async def test_a_persons_data_goes_and_everybody_else_keeps_every_byte(vault: Vault) -> None:
    await lived(vault)
    others = ((ACME, "u2"), (GLOBEX, "u1"), (GLOBEX, "u2"))
    before = [await seen(vault, *each) for each in others]
    chain = await receipts(vault, GLOBEX)
    counts = await vault.erasure.count(ACME, who("u1"))
    assert (await erased(vault, ACME)).counts == counts
    assert counts == {
        "outbox": 2,
        "records": 2,
        "effects": 2,
        "inbox": 1,
        "receipts": 2,
        "openings": 2,
        "parts": 2,
        "notes": 1,
        "entries": 1,
        "shared entries": 2,
        "sessions": 2,
        "principals": 1,
        "keys": 1,
    }
    left = await seen(vault, ACME, "u1")
    assert [history for _, history, _ in left.histories] == [(), ()]
    assert (left.values, dict(left.notes), left.records) == ([None] * 3, {}, ())
    # The room had one note of that name, and u2 was the last to write it.
    assert [await seen(vault, *each) for each in others] == before
    assert await receipts(vault, GLOBEX) == chain
    assert await vault.erasure.count(GLOBEX, who("u1")) == counts


async def test_an_entry_that_others_read_stays_theirs_alone(vault: Vault) -> None:
    await lived(vault)
    await erased(vault, ACME)
    listed = [(each.name, each.readers) async for each in vault.entries.list(ACME)]
    assert listed == [(each, alone(ACME, "u2")) for each in ("own", "both", "taken")]
    assert [each.value for each in await vault.entries.show(ACME, "taken")] == ["of u2"]
    assert await vault.entries.rotate(ACME) == 3
    await erased(vault, ACME, "u2")
    assert [each async for each in vault.entries.list(ACME)] == []


async def test_chains_log_and_checkpoints_verify_and_count_what_was_erased(vault: Vault) -> None:
    await lived(vault)
    signed = await vault.checkpoints.make()
    whole = await receipts(vault, ACME)
    await erased(vault, ACME)
    assert await vault.records.verify(ACME) == 5
    assert await vault.records.verify(GLOBEX) == 4
    state = await vault.checkpoints.verify()
    assert (state.size, state.erased) == (9, 2)
    after = await receipts(vault, ACME)
    pairs = list(zip(whole, after, strict=False))
    assert [(new.hash, new.previous) for _, new in pairs] == [(old.hash, old.previous) for old, _ in pairs]
    assert [new.body for _, new in pairs].count("") == 2
    assert await vault.bundles.consistency(signed.note.encode(), await vault.checkpoints.make())
    # Judging goes on, and so does erasing.
    await vault.records.record(judgement(opened_turn(vault, turn(ACME, "u2", number=9)), denial()))
    await erased(vault, ACME, "u2")
    assert await vault.records.verify(ACME) == 7
    assert (await vault.checkpoints.verify()).erased == 5


async def test_the_erasure_is_a_receipt_that_names_nobody(vault: Vault) -> None:
    await lived(vault)
    found = await erased(vault, ACME)
    last = (await receipts(vault, ACME))[-1]
    said = json.loads(last.body)
    assert said == {
        "act": "erase",
        "counts": dict(found.counts),
        "principal": said["principal"],
        "tenant": ACME,
    }
    assert re.fullmatch("[0-9a-f]{32}", said["principal"])
    assert "u1" not in last.body
    assert said["principal"] == vault.ids.derived("erased principal", ACME, who("u1"))[:32]


async def test_a_tenant_that_leaves_takes_its_name_along(shared: str) -> None:
    async with await opened(shared) as vault:
        await lived(vault)
        await erased(vault, ACME)
        before = [await seen(vault, GLOBEX, each) for each in ("u1", "u2")]
        found = await erased(vault, ACME, None)
        assert found.chain.startswith("erased-")
        assert await vault.records.verify(found.chain) == 6
        assert await vault.records.verify(ACME) == 0
        assert await vault.checkpoints.tenants() == (GLOBEX, found.chain)
        assert (await vault.checkpoints.verify()).erased == 5
        assert [await seen(vault, GLOBEX, each) for each in ("u1", "u2")] == before
        assert [each.tenant for each in await vault.tenants.list()] == [GLOBEX]
        assert await vault.erasure.count(ACME, None) == {}
        assert await vault.erasure.erase(ACME, None) is None
    tables = [name for name in tables_of() if name not in {"meta", "holders"}]
    assert [row for row in dumped(shared, *tables) if "ACME" in repr(row)] == []
    async with await opened(shared) as vault:
        await lived(vault)
        assert await vault.records.verify(ACME) == 4


def tables_of() -> list[str]:
    text = "\n".join(statement for step in migrations() for statement in step.statements)
    return re.findall(r"CREATE TABLE (\w+)", text)


async def test_every_table_is_looked_at_or_keeps_nobodys_data(shared: str) -> None:
    """A new table has to say here what it keeps, before it outlives somebody's wish."""
    async with await opened(shared) as vault:
        await lived(vault)
        await erased(vault, ACME)
    nobodys = {
        "meta", "holders", "log_head", "log_nodes", "checkpoints", "chains", "pruned", "erased", "floors",
        "receivers", "install_states", "tenants", "receipts", "log_leaves", "incidents", "deliveries",
        "installations", "foreign_findings", "holds",
    }  # fmt: skip
    cascade = {"entry_readers", "inbox_marks"}
    assert set(tables_of()) == nobodys | cascade | {*KEPT, "principals"}
    named = [
        row
        for row in dumped(shared, *tables_of())
        if row[0] != "tenants" and '"u1"' in repr(row) and "ACME" in repr(row)
    ]
    assert named == []


TAMPERED = {
    "a-body-without-a-mark": (
        "UPDATE receipts SET body = '', ref = '', session = '' WHERE tenant = 'ACME' AND seq = 3"
    ),
    "a-mark-removed": "DELETE FROM erased WHERE tenant = 'ACME' AND seq = 1",
    "a-mark-of-another-receipt": (
        "UPDATE erased SET mac = (SELECT max(mac) FROM erased e WHERE e.seq = 2) WHERE seq = 1"
    ),
    "a-mark-of-the-other-tenant": "UPDATE erased SET mac = 'x' WHERE seq = 1",
    "a-body-put-back": "UPDATE receipts SET body = '{}' WHERE tenant = 'ACME' AND seq = 1",
    "a-hash": "UPDATE receipts SET hash = 'x' WHERE tenant = 'ACME' AND seq = 1",
    "a-reference-put-back": "UPDATE receipts SET ref = 'r' WHERE tenant = 'ACME' AND seq = 1",
    "a-moment": "UPDATE receipts SET at_ms = at_ms + 1 WHERE tenant = 'ACME' AND seq = 1",
    "a-salt-put-back": "UPDATE log_leaves SET salt = zeroblob(32) WHERE tenant = 'ACME' AND seq = 1",
    "a-salt-without-a-mark": "UPDATE log_leaves SET salt = NULL WHERE tenant = 'ACME' AND seq = 3",
    "a-leaf-removed": "DELETE FROM log_leaves WHERE tenant = 'ACME' AND seq = 1",
    "the-receipt-of-the-erasure": "UPDATE receipts SET body = replace(body, 'erase', 'prune') WHERE seq = 5",
    "the-receipt-of-the-erasure-unreadable": "UPDATE receipts SET body = '{\"act\":1}' WHERE seq = 5",
    "a-record-put-back": (
        "INSERT INTO records (tenant, seq, n, kind, layer, rule, severity, violation, count, slot, preview)"
        " SELECT tenant, 1, 0, kind, layer, rule, severity, violation, count, slot, preview FROM records"
        " WHERE tenant = 'ACME' AND seq = 3"
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
async def test_what_was_erased_is_told_from_what_was_removed(shared: str, case: str) -> None:
    async with await opened(shared) as vault:
        await lived(vault)
        await erased(vault, ACME)
        assert await vault.records.verify(ACME) == 5
    altered(shared, TAMPERED[case])
    async with await opened(shared) as vault:
        with pytest.raises(ChainBroken):
            await vault.records.verify(ACME)
        assert await vault.records.verify(GLOBEX) == 4


async def test_no_later_turn_has_the_number_or_the_epoch_of_an_erased_one(vault: Vault) -> None:
    await lived(vault)
    for _ in range(2):
        async with vault.sessions.open_turn(key_of(ACME), wait_s=1):
            pass
    async with vault.sessions.open_turn(key_of(ACME), wait_s=1) as before:
        pass
    async with vault.sessions.hold(key_of(GLOBEX), wait_s=1) as held:
        other = held.epoch
    await erased(vault, ACME)
    await erased(vault, ACME, "u2")
    async with vault.sessions.open_turn(key_of(ACME), wait_s=1) as after:
        assert after.turns > before.turns
        assert after.epoch > before.epoch
        assert after.history == ()
    async with vault.sessions.hold(key_of(GLOBEX), wait_s=1) as held:
        assert held.epoch == other + 1


async def test_what_was_said_in_a_persons_name_goes_too(vault: Vault) -> None:
    await lived(vault)
    forged = PrincipalId(json.dumps(["unverified", who("u1")], separators=(",", ":")))
    for tenant in BOTH:
        key = SessionKey.of(principal(tenant), dm())
        forger = SessionKey(
            **{name: getattr(key, name) for name in key.__slots__ if name != "principal"}, principal=forged
        )
        async with vault.sessions.hold(forger, wait_s=1):
            pass
    await erased(vault, ACME)
    assert await vault.erasure.sessions(ACME, forged) == ()
    assert len(await vault.erasure.sessions(GLOBEX, forged)) == 1
    assert {each.principal for each in await vault.erasure.sessions(ACME, None)} == {who("u2")}


async def test_a_process_that_has_the_database_open_is_noticed(shared: str) -> None:
    async with await opened(shared) as vault:
        assert not await vault.erasure.in_use()
        async with await opened(shared):
            assert await vault.erasure.in_use()
        assert not await vault.erasure.in_use()


async def test_nothing_that_was_erased_stands_in_the_file(file: Path) -> None:
    """What stands there unsealed is looked for: platform ids, of one person and of a whole tenant."""
    async with await opened(file) as vault:
        await lived(vault)
        for name in ("ada-4417", "bob-8826"):
            await spoke(vault, ACME, name)
            await vault.entries.add(ACME, "own", PLANTED, alone(ACME, name))
        assert found_in(file.parent, b"ada-4417")
        assert (await erased(vault, ACME, "ada-4417")).rewritten
        assert not found_in(file.parent, b"ada-4417")
        assert found_in(file.parent, b"bob-8826")
        await erased(vault, ACME, None)
        assert not found_in(file.parent, b"bob-8826")
        assert not found_in(file.parent, b"ACME")
        assert found_in(file.parent, b"GLOBEX")


def found_in(folder: Path, value: bytes) -> bool:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return any(value in each.read_bytes() or value.decode() in each.name for each in files)


async def test_an_erasure_that_could_not_rewrite_the_file_says_how_to_go_on(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await opened(file) as vault:
        await lived(vault)
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM parts").fetchall()
        with pytest.raises(StoreUnavailable, match="once more"):
            await vault.erasure.erase(ACME, who("u1"))
        reader.close()
        assert await vault.erasure.erase(ACME, who("u1")) is None
        assert await vault.records.verify(ACME) == 5
