"""`python -m benchmarks`: every budget beside its peer, both measured in one run."""

import asyncio
import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks import (
    alerts,
    channels,
    gaps,
    group_commit,
    imports,
    paths,
    pii,
    policy,
    receipts,
    scan,
    serving,
    turn,
    violations,
)
from benchmarks.table import Row, compared, drawn

RESULTS = Path(__file__).parent / "results"
# One trivial rail of NeMo Guardrails on a machine of the same kind; it is not installed for this.
NEMO_RAIL_MS = 3.5
_WIDTH = 130
_EXCERPTS = (1, 100, 10_000)
_TENANTS = (1, 10, 100, 1_000)
_PACKAGES = ("partywall", "litellm", "presidio-analyzer", "phonenumbers", "spacy", "pydantic", "aiosqlite")

Raw = Mapping[str, Any]
Beat = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One group of comparisons: how many rounds it runs, and what it gives."""

    run: Callable[[int, Beat], tuple[list[Row], Raw]]
    rounds: int
    quick: int
    beats: int = 1


def _turn(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    spent = asyncio.run(turn.whole(rounds, beat))
    ours, durable, bare = spent["turn"], spent["turn_durable"], spent["bare"]
    return [
        compared(
            ours, NEMO_RAIL_MS, budget="8", what="whole turn / one trivial NeMo rail (recorded)", limit=1 / 10
        ),
        compared(ours, spent["presidio"], what="whole turn / stock Presidio on its prompt"),
        compared(
            ours, spent["json"], budget="9", what="whole turn / JSON round trip of its prompt", limit=10
        ),
        compared(durable, spent["json"], what="with durable commits (FULL) / JSON round trip"),
        compared(bare, None, what="the same turn without the wall"),
    ], spent


def _growth(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    excerpts = [(f"excerpts_{count}", count, 10) for count in _EXCERPTS]
    tenants = [(f"tenants_{count}", 1_000, count) for count in _TENANTS]
    spent = asyncio.run(turn.growth([*excerpts, *tenants], rounds, beat))
    rows = [
        compared(spent[f"excerpts_{n}"], spent["excerpts_1"], what=f"whole turn, {n:,} excerpts / 1")
        for n in _EXCERPTS[1:]
    ]
    rows += [
        compared(
            spent[f"tenants_{n}"],
            spent["tenants_1"],
            what=f"whole turn, {n:,} tenants / 1",
            limit=1.25 if n == _TENANTS[-1] else None,
        )
        for n in _TENANTS[1:]
    ]
    return rows, spent


def _commit(_rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    # It has rounds of its own, and gives medians only.
    figures = group_commit.run()
    beat()
    return [
        Row(
            budget="10",
            what=f"group commit / commit per row, {name.upper()}",
            unit="rows/s",
            p50=figures[f"grouped_rows_s_{name}"],
            peer=figures[f"single_rows_s_{name}"],
            limit=group_commit.BUDGETS[f"ratio_{name}"],
            least=True,
        )
        for name in ("normal", "full")
    ], figures


def _paths(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    spent = paths.measured(rounds, beat)
    usual = spent["usual"]
    return [
        compared(
            spent["safe"], usual, unit="µs", budget="11", what="safe open / realpath + commonpath + open",
            limit=1 / 4,
        ),
        compared(spent["safe_from_text"], usual, unit="µs", what="the same, path read from text"),
    ], spent  # fmt: skip


def _imports(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    spent = imports.measured(rounds, beat)
    return [
        compared(
            spent["partywall"],
            spent["litellm"],
            budget="12",
            what="import partywall / import litellm",
            limit=1 / 10,
        ),
        compared(spent["partywall_cpu"], spent["litellm_cpu"], what="the same in processor time"),
    ], spent


def _receipts(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    rates = receipts.measured(rounds, beat)
    verified, hashed = (statistics.median(rates[side]) for side in ("verified", "hashed"))
    what = "receipts verified from a bundle / SHA-256 over the same lines"
    return [Row(what=what, unit="receipts/s", p50=verified, peer=hashed)], rates


def _channels(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    rows: list[Row] = []
    spent: dict[str, list[float]] = {}
    for library, side in channels.SIDES.items():
        guarded, bare = asyncio.run(channels.added(side, rounds, beat))
        rows += [
            compared(guarded, bare, what=f"{library}, from message to answer: guarded / bare"),
            compared(bare, None, what=f"{library}, bare"),
        ]
        spent |= {f"{library}_guarded": guarded, f"{library}_bare": bare}
    return rows, spent


def _serving(rounds: int, beat: Beat) -> tuple[list[Row], Raw]:
    figures = serving.measured(rounds, beat)
    ours, bare = figures["served"], figures["bare"]
    rows = [
        Row(
            what=f"messages through a managed bot, {serving.SESSIONS:,} sessions / bare slack_bolt",
            unit="msg/s",
            p50=statistics.median(each.rate for each in ours),
            peer=statistics.median(each.rate for each in bare),
        ),
        Row(
            what="peak memory of the process / bare slack_bolt",
            unit="MiB",
            p50=statistics.median(each.peak_mib for each in ours),
            peer=statistics.median(each.peak_mib for each in bare),
        ),
    ]
    raw = {f"{kind}_rate": [each.rate for each in sides] for kind, sides in figures.items()}
    return rows, raw


BENCHES = {
    "turn": Bench(run=_turn, rounds=400, quick=40),
    "growth": Bench(run=_growth, rounds=200, quick=20),
    "commit": Bench(run=_commit, rounds=1, quick=1),
    "violations": Bench(run=violations.run, rounds=7, quick=2, beats=4),
    "alerts": Bench(run=alerts.run, rounds=300, quick=30),
    "paths": Bench(run=_paths, rounds=100, quick=10),
    "pii": Bench(run=pii.run, rounds=40, quick=10, beats=3),
    "scan": Bench(run=scan.run, rounds=40, quick=10, beats=3),
    "gaps": Bench(run=gaps.run, rounds=15, quick=3, beats=4),
    "imports": Bench(run=_imports, rounds=7, quick=2),
    "policy": Bench(run=policy.run, rounds=200, quick=20, beats=4),
    "receipts": Bench(run=_receipts, rounds=20, quick=3),
    "channels": Bench(run=_channels, rounds=100, quick=25, beats=2 * len(channels.SIDES)),
    "serving": Bench(run=_serving, rounds=4_000, quick=400, beats=4),
}


def main(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quick: Annotated[bool, typer.Option(help="A tenth of the rounds; nothing is kept.")] = False,
    only: Annotated[str | None, typer.Option(help=f"One of {', '.join(BENCHES)}; nothing is kept.")] = None,
) -> None:
    """Measure the budgets and say which are met; a whole run is kept in `benchmarks/results`."""
    if only is not None and only not in BENCHES:
        raise typer.BadParameter(f"one of {', '.join(BENCHES)}", param_hint="--only")
    started = datetime.now(UTC)
    load = os.getloadavg()
    rows, raw = _measured([only] if only else list(BENCHES), quick=quick)
    found = {
        "started": started.isoformat(timespec="seconds"),
        "machine": {**_machine(), "load_before": load, "load_after": os.getloadavg()},
        "rows": [row.plain() for row in rows],
        "raw": raw,
    }
    text = json.dumps(found)
    if not (quick or only):
        RESULTS.joinpath(f"{started.date()}.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        print(text)
    else:
        console = Console()
        # Into a file or a pipe the table keeps its shape.
        console.width = console.width if console.is_terminal else _WIDTH
        console.print(drawn(rows, title=_headline(found["machine"])))


def _measured(names: list[str], *, quick: bool) -> tuple[list[Row], dict[str, Raw]]:
    rows: list[Row] = []
    raw: dict[str, Raw] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in names:
            bench = BENCHES[name]
            rounds = bench.quick if quick else bench.rounds
            task = progress.add_task(name, total=rounds * bench.beats)
            found, spent = bench.run(rounds, partial(progress.advance, task))
            rows += found
            raw[name] = {each: _rounded(values) for each, values in spent.items()}
    return rows, raw


def _rounded(values: list[float] | float) -> list[float] | float:
    return [round(each, 4) for each in values] if isinstance(values, list) else round(values, 4)


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "sqlite": sqlite3.sqlite_version,
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _headline(machine: Any) -> str:  # noqa: ANN401  as it goes into the JSON
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}, "
        f"SQLite {machine['sqlite']}, load {machine['load_before'][0]:.1f} to {machine['load_after'][0]:.1f}"
    )


if __name__ == "__main__":
    typer.run(main)
