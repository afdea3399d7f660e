"""Tries the laws of policies on many random sets: `python -m tests.policies --count N [--seed S] [--json]`.

Exits 1 if a law does not hold of one of them.
"""

import json
import time
from typing import Annotated

import typer

from tests.policies.laws import broken

_SHOWN = 5


def main(
    *,
    count: Annotated[int, typer.Option(help="How many sets.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Draw, try, and say what came of it."""
    began = time.monotonic()
    wrong = [(number, fault) for number in range(seed, seed + count) for fault in broken(number)]
    found = {
        "first_seed": seed,
        "sets": count,
        "wrong": len(wrong),
        "seconds": round(time.monotonic() - began, 1),
        "failed": wrong[:_SHOWN],
    }
    typer.echo(
        json.dumps(found) if as_json else "\n".join(f"{name:12} {each}" for name, each in found.items())
    )
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
