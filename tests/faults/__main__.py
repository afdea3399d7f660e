"""Plays random turns while things fail: `python -m tests.faults --count N --seed S [--store KIND] [--kill]`.

Prints one line a run, and in the end one JSON line with the sums; exits 1 if a record, a receipt or an alert
is missing, doubled, or not as it must be.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path

from tests.faults.lives import LINES
from tests.faults.run import played, report
from tests.faults.stores import KINDS, stored


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what was asked for, say what came of it, and give the exit code."""
    given = _given(arguments)
    sizes = [min(given.batch, given.count - begun) for begun in range(0, given.count, given.batch)]
    sums, began, passed = Counter[str](), time.monotonic(), 0.0
    with _muted():
        for number, count in enumerate(sizes):
            run = _ran(given.store, count=count, seed=given.seed + number, kill=given.kill)
            sums.update(run)
            passed = round(time.monotonic() - began, 1)
            sys.stderr.write(f"run {number + 1} of {len(sizes)}, {passed} s: {json.dumps(run)}\n")
    del sums["seed"]
    named = {"store": given.store, "kill": given.kill, "first_seed": given.seed, "runs": len(sizes)}
    sys.stdout.write(json.dumps({**named, **sums, "seconds": passed}) + "\n")
    return 1 if sums["faults"] else 0


@contextlib.contextmanager
def _muted() -> Generator[None]:
    """Keep the wall from telling of every refusal and every failure, of which there are many."""
    log = logging.getLogger("partywall")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="how many turns")
    parser.add_argument("--seed", type=int, default=0, help="what the first run is drawn from")
    parser.add_argument("--batch", type=int, default=2_000, help="turns a run; each has a store and a seed")
    parser.add_argument("--store", choices=KINDS, default="file")
    parser.add_argument("--kill", action="store_true", help="play in a process that is killed at random")
    given = parser.parse_args(arguments)
    if given.kill and given.store == "memory":
        parser.error("memory dies with its process; --kill needs another --store")
    if given.count < 1 or given.batch < 1:
        parser.error("--count and --batch are 1 or more")
    return given


def _ran(kind: str, *, count: int, seed: int, kill: bool) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as name, stored(kind, Path(name)) as store:
        lines = LINES if kill else None
        run = asyncio.run(played(store, Path(name), count=count, seed=seed, lines=lines))
    for what, found in run.tally.named.items():
        sys.stderr.write("".join(f"  {what}: {each}\n" for each in found))
    return report(run, seed=seed)


if __name__ == "__main__":
    # No receiver speaks TLS here, and reading the system's certificates is a fifth of a run on a file.
    os.environ.setdefault("SSL_CERT_FILE", os.devnull)
    sys.exit(main())
