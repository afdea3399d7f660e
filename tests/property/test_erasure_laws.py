"""Whatever two people of each of two tenants did, erasing one of them leaves the other three every byte."""

import json
import random
from pathlib import Path

import pytest

from firewall.core.ids import MessageId, PrincipalId, TenantId, canonical
from firewall.core.label import Members, Owned, Principals, Readers
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    SteppedClock,
    alone,
    audience,
    denial,
    dm,
    dumped,
    group,
    judgement,
    key_of,
    opened,
    opened_turn,
    part,
    principal,
    turn,
)
from vault.open import Vault

RUNS = 12
NAMES = {ACME: ("ada-4417", "bob-8826"), GLOBEX: ("cyd-1177", "ida-5533")}
Person = tuple[TenantId, str]
PEOPLE: tuple[Person, ...] = tuple((tenant, name) for tenant, names in NAMES.items() for name in names)
ROOMS = (group("hall"), group("yard"))
Rows = list[tuple[object, ...]]


async def acted(vault: Vault, seed: random.Random, clock: SteppedClock, number: int) -> None:
    """One random act of a random person."""
    tenant, name = seed.choice(PEOPLE)
    place = seed.choice([dm(name), *ROOMS])
    now = opened_turn(vault, turn(tenant, name, place, number=number))
    label, value = now.writes, f"ORCHID-{name}-{number}"
    assert label is not None
    clock.at_ms += seed.randrange(1_000)
    match seed.randrange(6):
        case 0 | 1:
            key = key_of(tenant, name, place)
            async with vault.sessions.open_turn(key, wait_s=1, message=MessageId(f"m{number}")) as held:
                await vault.sessions.append(held, [part(number, value, label)])
                await vault.records.record(judgement(now, *[denial()] * seed.randrange(3)))
        case 2:
            async with vault.sessions.hold(key_of(tenant, name, place), wait_s=1):
                await vault.effects.finish(await vault.effects.intend(now, "send", "0" * 64), "done")
        case 3:
            await vault.notes.remember(now, f"{name}-{seed.randrange(3)}", value)
        case 4:
            await vault.entries.add(tenant, f"own-{seed.randrange(3)}", value, alone(tenant, name))
        case _:
            both = Principals(ids=frozenset(principal(tenant, each).id for each in NAMES[tenant]))
            readers: Readers = both if seed.randrange(2) else Members()
            await vault.entries.add(tenant, f"shared-{number}", f"of {tenant}, {number}", readers)


async def seen(vault: Vault, who: Person) -> list[object]:
    """What the stores give to one person: histories, own notes and values, without who else reads them."""
    tenant, name = who
    found: list[object] = []
    for key in await vault.erasure.sessions(tenant, principal(tenant, name).id):
        async with vault.sessions.hold(key, wait_s=1) as held:
            found.append((held.id, held.history, held.turns))
    for place in (dm(name), *ROOMS):
        notes = await vault.notes.recall(turn(tenant, name, place))
        found.append({key: value for key, value in notes.items() if key.startswith(name)})
        asking = audience(tenant, name, place)
        values = [
            (each, await vault.entries.lookup(asking, each)) for each in await vault.entries.names(asking)
        ]
        found.append([(each, entry and entry.value) for each, entry in values])
    return found


def others_rows(where: str, gone: PrincipalId, shared: set[object]) -> Rows:
    """Give every row that is somebody else's alone, as the file has it."""
    sessions = {row[1] for row in dumped(where, "sessions") if row[3] != gone}
    keys = {row[1] for row in dumped(where, "keys") if row[3] != gone}
    rows = [row for row in dumped(where, "parts", "said", "effects", "receipts") if sessions & set(row)]
    rows += [row for row in dumped(where, "notes") if keys & set(row)]
    rows += [row for row in dumped(where, "keys") if row[1] in keys]
    rows += [row for row in dumped(where, "entries") if row[1] not in shared]
    seqs = {(row[1], row[2]) for row in rows if row[0] == "receipts"}
    return rows + [row for row in dumped(where, "records") if (row[2], row[3]) in seqs]


def read_by(where: str, gone: PrincipalId) -> set[object]:
    """Give the ids of the entries that this person may read by name."""
    token = canonical("principal", gone)
    return {row[1] for row in dumped(where, "entries") if token in json.loads(str(row[5]))}


@pytest.mark.parametrize("run", range(RUNS))
async def test_an_erasure_takes_one_persons_and_nothing_else(tmp_path: Path, run: int) -> None:
    seed, clock = random.Random(4_100 + run), SteppedClock()
    where = str(tmp_path / "home" / "partywall.db")
    erased = tenant, name = seed.choice(PEOPLE)
    gone = principal(tenant, name).id
    others = [each for each in PEOPLE if each != erased]
    async with await opened(where, clock) as vault:
        for number in range(seed.randrange(20, 60)):
            await acted(vault, seed, clock, number)
        counts, shared = await vault.erasure.count(tenant, gone), read_by(where, gone)
        before = [await seen(vault, each) for each in others]
        rows = others_rows(where, gone, shared)
        chains = {each: [one async for one in vault.records.receipts(each)] for each in NAMES}
        assert stands(tmp_path, name)
        found = await vault.erasure.erase(tenant, gone)
        assert found is not None
        assert found.counts == counts
        assert others_rows(where, gone, shared) == rows
        assert [await seen(vault, each) for each in others] == before
        assert await vault.erasure.count(tenant, gone) == {}
        assert [text async for text, _, _ in vault.lexicon.each_text() if name in text] == []
        assert [label async for _, label, _ in vault.lexicon.each_text() if isinstance(label, Owned)] != []
        for each, chain in chains.items():
            after = [one async for one in vault.records.receipts(each)]
            assert await vault.records.verify(each) == len(after) == len(chain) + (each == tenant)
            assert [one.hash for one in after[: len(chain)]] == [one.hash for one in chain]
        assert (await vault.checkpoints.verify()).erased == counts.get("receipts", 0)
        assert not stands(tmp_path, name)
        assert all(stands(tmp_path, other) for _, other in others)


def stands(folder: Path, name: str) -> bool:
    """True if the name stands in any file: in clear it is in ids, which are not sealed."""
    return any(name.encode() in each.read_bytes() for each in folder.rglob("*") if each.is_file())
