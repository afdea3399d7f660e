"""Two processes tell from one PostgreSQL: all arrives, in order, and twice only where one was killed."""

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from firewall.core.verdict import Severity
from partywall.alerts.post import AT_ONCE
from partywall.runtime import SystemClock
from tests.fakes.alert_crasher import KEY, URL, routes
from tests.fakes.postgres import fresh_schema
from tests.fakes.receivers import Receiver, receiver
from tests.fakes.services import ROOT, needs
from tests.fakes.vaults import (
    ACME,
    GLOBEX,
    MASTER,
    CountedIds,
    denial,
    judgement,
    opened_turn,
    turn,
)
from vault.delivery import Delivery, DeliveryState
from vault.open import Vault, open_vault

pytestmark = needs("postgres")
RULES = 6
# ACME's are told on two routes, GLOBEX's on one.
MESSAGES = 3 * RULES


class Process:
    """One child; `told` are the ids of the messages that it says were taken."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.told: list[str] = []
        self.open = asyncio.Event()
        self._hearing = asyncio.create_task(self._hear())

    async def kill(self) -> None:
        self._child.kill()
        assert await self._child.wait() == -9, "it ended by itself"
        await self._hearing

    async def _hear(self) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            word, *rest = line.decode().split()
            self.told += rest
            if word == "open":
                self.open.set()


@asynccontextmanager
async def running() -> AsyncGenerator[list[Process]]:
    """Give a list of processes to add to; all are killed at the end."""
    made: list[Process] = []
    try:
        yield made
    finally:
        for each in made:
            await each.kill()


async def started(url: str) -> Process:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.alert_relayer", url), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    process = Process(child)
    await process.open.wait()
    return process


async def happens(vault: Vault, number: int, severity: Severity) -> None:
    """Something at both tenants; each rule is an incident, which is told again as it grows worse."""
    for tenant in (ACME, GLOBEX):
        of = opened_turn(vault, turn(tenant, number=number))
        rules = [replace(denial(f"rule_{each}"), severity=severity) for each in range(RULES)]
        await vault.records.record(judgement(of, *rules))


async def arrived(vault: Vault) -> tuple[Delivery, ...]:
    """Wait until all there is to tell was told."""
    while True:
        made = await vault.deliveries.listed(limit=100_000)
        if not await vault.outbox.count() and {each.state for each in made} == {DeliveryState.SENT}:
            return made


def in_order(far: Receiver, made: tuple[Delivery, ...]) -> Counter[str]:
    """Look at what came: all of it, of each incident in the order in which it was made; count the ids."""
    order: defaultdict[str, list[str]] = defaultdict(list)
    tenants: defaultdict[str, set[str]] = defaultdict(set)
    for each in far.taken:
        said = json.loads(each.body)["data"]
        order[said["incident"]].append(each.headers["webhook-id"])
        tenants[each.path].add(said["tenant"])
    assert tenants == {"/hook": {ACME, GLOBEX}, "/hook/acmes": {ACME}}
    for incident in {each.incident for each in made}:
        wanted = [each.id for each in made if each.incident == incident]
        # One that came twice came twice in a row: nothing of its incident went out in between.
        assert sorted(order[incident], key=wanted.index) == order[incident]
        assert list(dict.fromkeys(order[incident])) == wanted
    return Counter(each.headers["webhook-id"] for each in far.taken)


@pytest.mark.parametrize("kills", [pytest.param(0, id="both-live"), pytest.param(2, id="two-are-killed")])
async def test_processes_share_the_telling_and_none_repeats_what_another_told(
    kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_schema() as url, receiver() as far:
        monkeypatch.setenv(URL, far.url)
        monkeypatch.setenv(KEY, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        vault = await open_vault(url, clock=SystemClock(), ids_factory=CountedIds, master_key=MASTER)
        async with vault, running() as processes:
            processes += [await started(url), await started(url)]
            everybody = list(processes)
            for number, severity in enumerate(Severity):
                before = len(far.requests)
                await happens(vault, number, severity)
                if 0 < number <= kills:
                    await far.heard(before + 2)
                    await processes.pop(0).kill()
                    processes.append(await started(url))
                    everybody.append(processes[-1])
                await far.heard(before + MESSAGES)
            made = await arrived(vault)
    came = in_order(far, made)
    assert set(came) == {each.id for each in made}
    again = {id for id, times in came.items() if times > 1}
    assert again <= {each.id for each in made if each.attempts > 1}
    assert len(again) <= kills * AT_ONCE * len(routes())
    assert max(Counter(each.incident for each in made).values()) > 2, "no incident went on"
    assert sum(bool(each.told) for each in everybody) >= 2, "one process did all the work"
