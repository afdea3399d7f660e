"""Two processes on one PostgreSQL: sessions hop between them, one is killed again and again, nothing mixes.

`PARTYWALL_HOPS` says how many sessions there are for each tenant (20 without it) and `PARTYWALL_KILLS` how
many processes are killed (6 without it).
"""

import asyncio
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field

import pytest

from firewall.core.ids import TenantId
from tests.fakes.postgres import fresh_schema
from tests.fakes.services import ROOT, needs
from tests.fakes.vaults import ACME, GLOBEX, key_of, opened
from vault.ledger import Filter
from vault.open import Vault

pytestmark = needs("postgres")
SESSIONS = int(os.environ.get("PARTYWALL_HOPS", "20"))
KILLS = int(os.environ.get("PARTYWALL_KILLS", "6"))
# Points are drawn in lines that a child has printed, never in time: a slow machine is killed at the same.
MAX_LINES = 60 + 2 * SESSIONS


@dataclass(slots=True)
class Promised:
    """What was acknowledged, over the lives of all processes."""

    recorded: dict[str, tuple[TenantId, int]] = field(default_factory=dict[str, tuple[TenantId, int]])
    appended: dict[tuple[TenantId, str], list[str]] = field(
        default_factory=dict[tuple[TenantId, str], list[str]]
    )
    lives: dict[tuple[TenantId, str], set[str]] = field(default_factory=dict[tuple[TenantId, str], set[str]])

    def heard(self, line: str) -> None:
        word, *rest = line.split()
        if word == "recorded":
            self.recorded[rest[2]] = (TenantId(rest[0]), int(rest[1]))
        elif word == "appended":
            key = (TenantId(rest[0]), rest[1])
            self.appended.setdefault(key, []).append(rest[2])
            self.lives.setdefault(key, set()).add(rest[2].partition("-")[0])


class Process:
    """One child, whose lines are heard as they come."""

    def __init__(self, child: asyncio.subprocess.Process, promised: Promised) -> None:
        self._child = child
        self._promised = promised
        self._lines = 0
        self._more = asyncio.Condition()
        self._hearing = asyncio.create_task(self._hear())

    @classmethod
    async def start(cls, url: str, life: int, promised: Promised) -> "Process":
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fakes.hopper", url, str(life), str(SESSIONS)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(child, promised)

    async def said(self, lines: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self._lines >= lines or self._hearing.done())
        assert not self._hearing.done(), "the child ended by itself"

    async def kill(self) -> None:
        self._child.kill()
        assert await self._child.wait() == -9
        await self._hearing

    async def _hear(self) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            # A line cut short was not an acknowledgement that anybody could read.
            if line.endswith(b"\n"):
                self._promised.heard(line.decode())
            async with self._more:
                self._lines += 1
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()


async def checked(vault: Vault, promised: Promised) -> None:
    """Look at everything: each record once, each history whole and its own, each chain in one piece."""
    for tenant in (ACME, GLOBEX):
        found = [one async for one in vault.records.export(Filter(tenant=tenant))]
        rules = Counter(one.record.rule for one in found)
        assert max(rules.values()) == 1, "a record was doubled"
        mine = {name: seq for name, (of, seq) in promised.recorded.items() if of == tenant}
        assert set(mine.items()) <= {(one.record.rule, one.seq) for one in found}
        assert await vault.records.verify(tenant) == len(found)
    for (tenant, person), names in promised.appended.items():
        async with vault.sessions.hold(key_of(tenant, person), wait_s=60) as held:
            texts = [one.text for one in held.history]
        assert all(text.startswith(f"{tenant}/{person}/") for text in texts), "histories have mixed"
        kept = [text.rpartition("/")[2] for text in texts]
        assert len(set(kept)) == len(kept), "a part was doubled"
        assert set(names[-200:]) <= set(kept) or len(kept) == 200, "an acknowledged part was lost"


@pytest.mark.timeout(120 + 20 * KILLS + SESSIONS)
async def test_sessions_hop_between_processes_of_which_one_is_killed_again_and_again() -> None:
    chance, promised = random.Random(17), Promised()
    with fresh_schema() as url:
        running = [await Process.start(url, life, promised) for life in range(2)]
        for life in range(2, 2 + KILLS):
            victim = running.pop(chance.randrange(2))
            await victim.said(chance.randrange(1, MAX_LINES))
            await victim.kill()
            running.append(await Process.start(url, life, promised))
        for process in running:
            await process.said(MAX_LINES)
            await process.kill()
        async with await opened(url) as vault:
            await checked(vault, promised)
    assert any(len(lives) > 1 for lives in promised.lives.values()), "no session ever hopped"
    assert len(promised.recorded) > KILLS
