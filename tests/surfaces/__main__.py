"""Plays every place in every disguise: `python -m tests.surfaces [PART …] [--seed S] [--json]`.

The parts are `models`, `telegram`, `slack` and `discord`; without a name all are played. Exits 1 if something
is wrong that `tests/surfaces/gaps.py` does not know.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.surfaces.round import PLATFORMS, Result, Sample, models_and_tools, platform


async def _played(part: str, sample: Sample) -> list[Result]:
    with TemporaryDirectory(prefix="partywall-") as folder:
        played = models_and_tools if part == "models" else None
        results = played(Path(folder), sample) if played else platform(part, Path(folder), sample)
        return [one async for one in results]


def _table(results: list[Result]) -> Table:
    table = Table("place", "cells", "known gaps", "wrong")
    for place in dict.fromkeys(one.place for one in results):
        cells = [one for one in results if one.place == place]
        known = sum(bool(one.wrong) and one.expected for one in cells)
        said = Counter(said for one in cells if not one.expected for said in one.wrong)
        table.add_row(place, str(len(cells)), str(known), ", ".join(f"{n} × {w}" for w, n in said.items()))
    return table


def main(
    *,
    parts: Annotated[list[str] | None, typer.Argument(help="Which parts.")] = None,
    seed: Annotated[int | None, typer.Option(help="A sample drawn by this, instead of all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line for each wrong cell.")] = False,
) -> None:
    """Play, and say what came of it."""
    results: list[Result] = []
    for part in parts or ["models", *PLATFORMS]:
        results += asyncio.run(_played(part, Sample(seed)))
    bad = [one for one in results if not one.expected]
    if as_json:
        for one in bad:
            typer.echo(json.dumps({"cell": one.name, "wrong": list(one.wrong)}))
    else:
        Console().print(_table(results))
    typer.echo(f"{len(results)} cells, {len(bad)} wrong", err=True)
    raise typer.Exit(1 if bad else 0)


if __name__ == "__main__":
    typer.run(main)
