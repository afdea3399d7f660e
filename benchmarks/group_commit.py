"""What group commit gains: rows a second through the writer, beside the same rows committed one by one.

Both sides run in one process on one disk, interleaved, and the medians are compared, at `synchronous` NORMAL
and FULL. Budget 10: at least 8 times at NORMAL, 30 times at FULL. `record_*` is what one judgement costs with
receipt, record and outbox row, for information.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from firewall.core.ids import Ref, SessionId, TenantId, TurnId
from firewall.core.receipt import Judgement, Record, RecordKind
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from partywall.runtime import KeyedIds, SystemClock
from vault.job import Job
from vault.open import open_vault
from vault.sqlite import Database, Synchronous
from vault.writer import Writer

BUDGETS = {"ratio_normal": 8.0, "ratio_full": 30.0}
ROUNDS = 5
GROUPED = 4_096
SINGLE = 256
RECORDS = 512
TENANTS = ("ACME", "GLOBEX")


def _row(n: int) -> Job[None]:
    yield ("INSERT INTO t (tenant, n, body) VALUES (?, ?, ?)", (TENANTS[n % 2], n, "x" * 100))


def _table() -> Job[None]:
    yield ("CREATE TABLE t (id INTEGER PRIMARY KEY, tenant TEXT, n INTEGER, body TEXT) STRICT", ())


def _count() -> Job[int]:
    rows = yield ("SELECT count(*) FROM t", ())
    total: int = rows[0][0]
    return total


async def _rate(work: Callable[[], Awaitable[object]], rows: int) -> float:
    start = time.perf_counter()
    await work()
    return rows / (time.perf_counter() - start)


async def _rows(folder: Path, synchronous: Synchronous) -> tuple[float, float]:
    database = await Database.open(str(folder / "rows.db"), synchronous=synchronous, busy_timeout_s=5)
    await database.write([_table])
    writer = Writer(database.write)

    async def grouped() -> None:
        await asyncio.gather(*(writer.post(TENANTS[n % 2], partial(_row, n)) for n in range(GROUPED)))

    async def single() -> None:
        for n in range(SINGLE):
            await database.write([partial(_row, n)])

    pairs = [(await _rate(grouped, GROUPED), await _rate(single, SINGLE)) for _ in range(ROUNDS)]
    assert await database.read(_count) == ROUNDS * (GROUPED + SINGLE)
    await writer.close()
    await database.close()
    return statistics.median(one for one, _ in pairs), statistics.median(one for _, one in pairs)


def judged(n: int) -> Judgement:
    """Give a refusal, of one tenant after the other."""
    record = Record(
        kind=RecordKind.DENIAL,
        layer="tool_denial",
        rule="unknown_tool",
        severity=Severity.HIGH,
        violation=True,
    )
    return Judgement(
        tenant=TenantId(TENANTS[n % 2]),
        session=SessionId("0" * 64),
        turn=TurnId(f"turn-{n}"),
        ref=Ref(f"ref-{n}"),
        subject=SubjectKind.TOOL_CALL,
        allowed=False,
        reason=ReasonCode.UNKNOWN_TOOL,
        records=(record,),
        bytes_scanned=2_048,
        digest="0" * 64,
    )


async def _records(folder: Path, synchronous: Synchronous) -> tuple[float, float]:
    path = str(folder / "vault" / "partywall.db")
    async with await open_vault(
        path, clock=SystemClock(), ids_factory=KeyedIds, synchronous=synchronous
    ) as vault:

        async def together() -> None:
            await asyncio.gather(*(vault.records.record(judged(n)) for n in range(RECORDS)))

        async def one_by_one() -> None:
            for n in range(SINGLE):
                await vault.records.record(judged(n))

        pairs = [(await _rate(together, RECORDS), await _rate(one_by_one, SINGLE)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in pairs), statistics.median(one for _, one in pairs)


async def _measured() -> dict[str, float]:
    figures: dict[str, float] = {}
    for synchronous in Synchronous:
        name = synchronous.value.lower()
        with tempfile.TemporaryDirectory(dir=os.environ.get("PARTYWALL_BENCH_DIR")) as folder:
            grouped, single = await _rows(Path(folder), synchronous)
            together, one_by_one = await _records(Path(folder), synchronous)
        figures |= {
            f"grouped_rows_s_{name}": grouped,
            f"single_rows_s_{name}": single,
            f"ratio_{name}": grouped / single,
            f"record_grouped_s_{name}": together,
            f"record_single_ms_{name}": 1_000 / one_by_one,
        }
    return figures


def run() -> dict[str, float]:
    """Measure both sides and give rows a second, milliseconds a record, and the ratios."""
    return asyncio.run(_measured())


def main() -> None:
    """Print the figures and whether the budgets are met."""
    figures = run()
    met = {name: figures[name] >= least for name, least in BUDGETS.items()}
    print(json.dumps({**{name: round(value, 3) for name, value in figures.items()}, "met": met}, indent=2))


if __name__ == "__main__":
    main()
