"""Plays many seeds: `python -m tests.noninterference --count N [--seed S] [--jobs J] [--json]`.

Exits 1 if two worlds differ where they must not, if anything crashed, or if a control did not fire.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeRemainingColumn

from tests.noninterference.runs import Tally, run

_SHOWN = 5


def _report(total: Tally, seconds: float, seed: int) -> dict[str, Any]:
    return {
        "first_seed": seed,
        "seeds": total.seeds,
        "worlds": total.worlds,
        "events_compared": total.events,
        "divergences": len(total.failed),
        "recorded_excerpts": total.recorded,
        "controls_fired": sum(total.fired.values()),
        "controls_silent": total.silent,
        "guards_controlled": len(total.fired),
        "seconds": round(seconds, 1),
        "seeds_per_second": round(total.seeds / seconds, 2) if seconds else 0.0,
        "failed": total.failed,
    }


def _say(report: dict[str, Any]) -> str:
    lines = [f"{name.replace('_', ' '):20} {value}" for name, value in report.items() if name != "failed"]
    for failure in report["failed"][:_SHOWN]:
        lines.append(failure)
        number = failure.split(":")[0].removeprefix("seed ")
        if number.isdigit():
            lines.append(f"  again: python -m tests.noninterference --count 1 --seed {number} --jobs 1")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what was asked for, say what came of it, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.noninterference", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    given = parser.parse_args(arguments)
    columns = (SpinnerColumn(), MofNCompleteColumn(), "seeds,", "{task.description}", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        bar = shown.add_task("", total=given.count)

        def after(total: Tally) -> None:
            wrong = len(total.failed) + len(total.silent)
            shown.update(bar, completed=total.seeds, description=f"{wrong} failed")

        total, seconds = run(given.count, given.seed, given.jobs, after)
    report = _report(total, seconds, given.seed)
    sys.stdout.write((json.dumps(report) if given.json else _say(report)) + "\n")
    return 1 if total.failed or total.silent else 0


if __name__ == "__main__":
    sys.exit(main())
