"""Violations a second through the real store, each awaited until it is committed.

A violation is a judgement with all that the store writes for it: receipt, chain, leaf and hashes of the log,
record, and row of the outbox. Ours is the store as it is. The peer is the same store with the same
judgements, each in a transaction and a commit of its own, so it writes the very same rows. Both take turns on
one database. Budget 10: at least 8 times at NORMAL, 30 times at FULL.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from unittest import mock

from benchmarks.group_commit import BUDGETS, TENANTS, judged
from benchmarks.table import Row
from firewall.core.ids import TenantId
from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.postgres import fresh_schema
from tests.fakes.services import postgres_url
from vault import writer
from vault.open import Vault, open_vault
from vault.sqlite import Synchronous

CALLERS = (1, 10, 100, 1_000)
AT_ONCE = CALLERS[-1]
GROUPED = 2_000
SINGLE = 200
# A caller alone waits for each commit; so many are enough to know how long that takes.
_EACH = 100

Rates = dict[str, list[float]]


def run(rounds: int, beat: Callable[[], None]) -> tuple[list[Row], Rates]:
    """Measure, and give the rows of the table."""
    rates = asyncio.run(_measured(rounds, beat))
    middle = {name: statistics.median(each) for name, each in rates.items()}
    rows = [
        Row(
            budget="10" if name != "postgres" else "",
            what=f"violations, group commit / a commit each, {what}",
            unit="a second",
            p50=middle[f"grouped_{name}"],
            peer=middle[f"single_{name}"],
            limit=BUDGETS.get(f"ratio_{name}"),
            least=True,
        )
        for name, what in (("normal", "NORMAL"), ("full", "FULL"), ("postgres", "PostgreSQL"))
        if f"grouped_{name}" in middle
    ]
    if "grouped_postgres" not in middle:
        rows.append(Row(what="violations on PostgreSQL: left out, no server answers"))
    alone = middle[f"callers_{CALLERS[0]}"]
    rows += [
        Row(
            what=f"violations at FULL, {n:,} callers / 1",
            unit="a second",
            p50=middle[f"callers_{n}"],
            peer=alone,
        )
        for n in CALLERS[1:]
    ]
    return rows, rates


async def _measured(rounds: int, beat: Callable[[], None]) -> Rates:
    """Measure every store, and the growth with the callers at FULL, in violations a second.

    A store that is not there, as PostgreSQL may not be, is absent.
    """
    rates: Rates = {}
    for synchronous in Synchronous:
        name = synchronous.value.lower()
        with tempfile.TemporaryDirectory(dir=os.environ.get("PARTYWALL_BENCH_DIR")) as folder:
            path = str(Path(folder) / "vault" / "partywall.db")
            async with _opened(path, synchronous) as vault:
                rates |= await _compared(vault, name, rounds, beat)
                if synchronous is Synchronous.FULL:
                    rates |= await _grown(vault, rounds, beat)
    if postgres_url():
        with fresh_schema() as url:
            async with _opened(url, Synchronous.FULL) as vault:
                rates |= await _compared(vault, "postgres", rounds, beat)
    return rates


@asynccontextmanager
async def _opened(path: str, synchronous: Synchronous) -> AsyncGenerator[Vault]:
    """Give an open store whose chains hold at the end what was told to it, and nothing else."""
    async with AsyncExitStack() as opened:
        vault = await open_vault(
            path,
            clock=SystemClock(),
            ids_factory=KeyedIds,
            master_key=bytes(range(32)),
            synchronous=synchronous,
        )
        await opened.enter_async_context(vault)
        yield vault
        kept = [await vault.records.verify(TenantId(tenant)) for tenant in TENANTS]
        assert sum(kept) == (await vault.checkpoints.verify()).size == await vault.outbox.count()


async def _compared(vault: Vault, name: str, rounds: int, beat: Callable[[], None]) -> Rates:
    rates: Rates = {f"grouped_{name}": [], f"single_{name}": []}
    numbers = count()
    await _rate(vault, AT_ONCE, AT_ONCE, numbers)
    for _ in range(rounds):
        rates[f"grouped_{name}"].append(await _rate(vault, AT_ONCE, GROUPED, numbers))
        with mock.patch.object(writer, "MAX_BATCH", 1):
            rates[f"single_{name}"].append(await _rate(vault, SINGLE, SINGLE, numbers))
        beat()
    return rates


async def _grown(vault: Vault, rounds: int, beat: Callable[[], None]) -> Rates:
    rates: Rates = {f"callers_{callers}": [] for callers in CALLERS}
    numbers = count(1 << 30)
    for _ in range(rounds):
        for callers in CALLERS:
            total = max(_EACH, min(callers * _EACH, GROUPED))
            rates[f"callers_{callers}"].append(await _rate(vault, callers, total, numbers))
        beat()
    return rates


async def _rate(vault: Vault, callers: int, total: int, numbers: "count[int]") -> float:
    """Have so many callers write so many violations together, each awaiting its own one after the other."""

    async def caller() -> None:
        for _ in range(total // callers):
            await vault.records.record(judged(next(numbers)))

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return total / (time.perf_counter() - start)
