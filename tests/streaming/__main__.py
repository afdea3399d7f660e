"""Streams many replies: `python -m tests.streaming --count N [--seed S] [--json]`; N counts chunkings.

Exits 1 if the pieces of a stream are not the redacted whole, if a character left that could still belong to
a match, or if a stream that was broken off had released more.
"""

import json
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeRemainingColumn

from benchmarks.table import percentile
from tests.streaming.play import Stream, Tally, shipped

_SHOWN = 5


def report(tally: Tally, seconds: float, seed: int) -> dict[str, Any]:
    """Give the figures; the hold-back in code points."""
    held = tally.held or [0]
    return {
        "first_seed": seed,
        "texts": tally.texts,
        "matches": tally.matches,
        "chunkings": tally.chunkings,
        "cancelled": tally.cancelled,
        "wrong": len(tally.wrong),
        "held_back": {"p50": percentile(held, 50), "p99": percentile(held, 99), "most": max(held)},
        "seconds": round(seconds, 1),
        "failed": tally.wrong[:_SHOWN],
    }


def main(
    *,
    count: Annotated[int, typer.Option(help="How many chunkings.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Stream, and say what came of it."""
    tally, stream, began = Tally(), Stream(shipped()), time.monotonic()
    columns = (SpinnerColumn(), MofNCompleteColumn(), "chunkings", TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        bar = shown.add_task("", total=count)
        number = seed
        while tally.chunkings < count:
            stream.play(number, tally)
            number += 1
            shown.update(bar, completed=tally.chunkings)
    found = report(tally, time.monotonic() - began, seed)
    said = json.dumps(found) if as_json else "\n".join(f"{name:12} {value}" for name, value in found.items())
    typer.echo(said)
    raise typer.Exit(1 if tally.wrong else 0)


if __name__ == "__main__":
    typer.run(main)
