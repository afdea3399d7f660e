"""`kill -9` during whole turns, again and again on one database: nothing recorded is lost, doubled or mixed.

Each child is a careless bot behind `partywall.open` that serves two tenants at once: it presents the other
tenant's words (a reset), calls a tool it may not (a denial), and replies. `PARTYWALL_KILLS` says how many
times it is killed (8 without it).
"""

import logging
import os
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firewall.core.ids import TenantId
from firewall.core.receipt import RecordKind
from firewall.core.session import SessionKey
from tests.fakes.killing import killed
from tests.fakes.tenants import ACME, GLOBEX, dm, person
from tests.fakes.vaults import dumped, opened
from vault.ledger import Filter
from vault.open import Vault

KILLS = int(os.environ.get("PARTYWALL_KILLS", "8"))
# Drawn in lines the child has printed and turns of a loop, never in time, as in `test_crash.py`.
MAX_LINES = 40
_LOG = logging.getLogger(__name__)
_KINDS = {"reset": RecordKind.RESET, "denied": RecordKind.DENIAL}


@dataclass(slots=True)
class Promised:
    """What the children said, over all their lives: refs of recorded violations, and replies in order."""

    recorded: dict[TenantId, set[tuple[str, RecordKind]]] = field(
        default_factory=lambda: {ACME: set(), GLOBEX: set()}
    )
    replied: dict[TenantId, list[str]] = field(default_factory=lambda: {ACME: [], GLOBEX: []})

    def heard(self, line: str) -> None:
        word, *rest = line.split()
        assert word != "mixed", "a prompt held words of the other tenant"
        if word in _KINDS:
            self.recorded[TenantId(rest[0])].add((rest[1], _KINDS[word]))
        elif word == "replied":
            self.replied[TenantId(rest[0])].append(rest[1])


async def checked(vault: Vault, path: Path, promised: Promised) -> int:
    """Check everything that was promised, and give how many receipts verified."""
    receipts = 0
    for tenant in (ACME, GLOBEX):
        await _violations_are_there_once(vault, tenant, promised)
        await _history_is_whole(vault, tenant, promised.replied[tenant])
        receipts += await vault.records.verify(tenant)
    unresolved = {one.id for one in await vault.effects.unresolved()}
    states = {str(row[2]): row[10] for row in dumped(path, "effects")}
    assert {effect for effect, state in states.items() if state == "unknown"} == unresolved
    assert set(states.values()) <= {"done", "unknown"}, "an intent without outcome is not listed"
    return receipts


async def _violations_are_there_once(vault: Vault, tenant: TenantId, promised: Promised) -> None:
    found = [one async for one in vault.records.export(Filter(tenant=tenant))]
    counted = Counter((str(one.ref), one.record.kind) for one in found)
    assert set(counted.values()) <= {1}, "a violation was doubled"
    assert promised.recorded[tenant] <= counted.keys(), "an acknowledged violation was lost"
    others = set[str]().union(
        *({ref for ref, _ in refs} for other, refs in promised.recorded.items() if other != tenant)
    )
    assert others.isdisjoint(ref for ref, _ in counted), "a violation stands with another tenant"


async def _history_is_whole(vault: Vault, tenant: TenantId, replied: list[str]) -> None:
    key = SessionKey.of(person(tenant=tenant), dm(tenant=tenant))
    async with vault.sessions.hold(key, wait_s=5) as held:
        texts = [one.text for one in held.history]
    assert all(text.startswith(tenant) for text in texts), "histories have mixed"
    assert max(Counter(texts).values(), default=1) == 1, "a part was doubled"
    turns = {text.rpartition("-")[0] for text in texts if text.endswith("-answered")}
    asked = {text.rpartition("-")[0] for text in texts[1:] if text.endswith("-asked")}
    assert turns <= asked | {texts[0].rpartition("-")[0] if texts else ""}, "an answer without its question"
    acknowledged = [text for text in texts if text in set(replied)]
    assert acknowledged == replied[len(replied) - len(acknowledged) :], "an answer in the middle was lost"
    assert len(texts) >= min(2 * len(replied), 200), "acknowledged parts were lost"


@pytest.mark.timeout(120 + 30 * KILLS)
async def test_what_a_turn_promised_survives_kill_9_exactly_once(tmp_path: Path) -> None:
    chance = random.Random(29)
    path, promised, receipts = tmp_path / "home" / "partywall.db", Promised(), 0
    for life in range(KILLS):
        lines, spins = chance.randrange(MAX_LINES), chance.randrange(200)
        await killed("tests.fakes.turn_crasher", path, life, lines, spins, promised.heard)
        # The first lives may be killed before there is a database, or a key.
        async with await opened(path, master=None) as vault:
            receipts = await checked(vault, path, promised)
    # `--log-cli-level=INFO` shows it.
    _LOG.info(
        "%d kills, %d acknowledged violations, %d acknowledged replies, %d receipts verified",
        KILLS,
        sum(map(len, promised.recorded.values())),
        sum(map(len, promised.replied.values())),
        receipts,
    )
    assert all(promised.recorded.values()), "no child lived long enough to prove anything"
