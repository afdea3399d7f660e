"""`kill -9` at random points of a turn, again and again on one database: what was acknowledged is there once.

`PARTYWALL_KILLS` says how many times (10 without it).
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firewall.core.ids import TenantId
from tests.fakes.killing import killed
from tests.fakes.vaults import ACME, GLOBEX, dumped, key_of, opened
from vault.ledger import Filter
from vault.open import Vault

KILLS = int(os.environ.get("PARTYWALL_KILLS", "10"))
# The point is drawn in lines the child has printed and turns of a loop, never in time: a slow machine
# is killed at the same kinds of points as a fast one.
MAX_LINES = 40


@dataclass(slots=True)
class Promised:
    """What the children were told, over all their lives."""

    recorded: dict[TenantId, list[tuple[int, str]]] = field(
        default_factory=lambda: {ACME: [], GLOBEX: []},
    )
    appended: dict[TenantId, list[str]] = field(default_factory=lambda: {ACME: [], GLOBEX: []})
    intended: set[str] = field(default_factory=set[str])
    finished: set[str] = field(default_factory=set[str])

    def heard(self, line: str) -> None:
        word, *rest = line.split()
        if word == "recorded":
            self.recorded[TenantId(rest[0])].append((int(rest[1]), rest[2]))
        elif word == "appended":
            self.appended[TenantId(rest[0])].append(rest[1])
        elif word == "intended":
            self.intended.add(rest[1])
        elif word == "finished":
            self.finished.add(rest[1])


async def checked(vault: Vault, path: Path, promised: Promised) -> None:
    for tenant in (ACME, GLOBEX):
        await _violations_are_there_once(vault, tenant, promised.recorded[tenant])
        await _history_is_whole(vault, tenant, promised.appended[tenant])
    unresolved = {one.id for one in await vault.effects.unresolved()}
    states = {str(row[2]): row[10] for row in dumped(path, "effects")}
    assert {effect for effect, state in states.items() if state == "unknown"} == unresolved
    assert set(states.values()) <= {"done", "unknown"}, "an intent without outcome is not listed"
    assert promised.intended <= set(states), "an acknowledged intent was lost"
    assert {states[effect] for effect in promised.finished} <= {"done"}, "an acknowledged outcome was lost"


async def _violations_are_there_once(
    vault: Vault, tenant: TenantId, recorded: Sequence[tuple[int, str]]
) -> None:
    found = [one async for one in vault.records.export(Filter(tenant=tenant))]
    rules = Counter(one.record.rule for one in found)
    assert set(rules.values()) <= {1}, "a violation was doubled"
    by_seq = {(one.seq, one.record.rule) for one in found}
    for seq, name in recorded:
        assert {(seq, name), (seq, f"{name}-again")} <= by_seq, "an acknowledged violation was lost"
    assert all(rule.startswith(tenant) for rule in rules), "a violation stands with another tenant"
    assert all(rules[f"{rule}-again"] == 1 for rule in rules if not rule.endswith("-again")), (
        "half a judgement"
    )
    assert await vault.records.verify(tenant) >= len(recorded)


async def _history_is_whole(vault: Vault, tenant: TenantId, appended: Sequence[str]) -> None:
    async with vault.sessions.hold(key_of(tenant), wait_s=5) as held:
        texts = [one.text for one in held.history]
    assert all(text.startswith(tenant) for text in texts), "histories have mixed"
    assert max(Counter(texts).values(), default=1) == 1, "a part was doubled"
    # Between acknowledged parts may stand one a life that was committed, but killed before it was told.
    acknowledged = [text for text in texts if text in set(appended)]
    assert len(acknowledged) >= min(len(appended), 200 - KILLS), "acknowledged parts were lost"
    assert appended[len(appended) - len(acknowledged) :] == acknowledged, "one in the middle was lost"


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_what_was_acknowledged_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    chance = random.Random(11)
    path, promised = tmp_path / "home" / "partywall.db", Promised()
    for life in range(KILLS):
        lines, spins = chance.randrange(MAX_LINES), chance.randrange(200)
        await killed("tests.fakes.crasher", path, life, lines, spins, promised.heard)
        async with await opened(path) as vault:
            await checked(vault, path, promised)
    assert promised.intended, "no child lived long enough to prove anything"
