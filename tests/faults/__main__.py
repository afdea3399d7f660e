"""Plays random turns while things fail: `python -m tests.faults --count N --seed S [--store KIND]`.

Prints one JSON line; exits 1 if a record, a receipt or an alert is missing, doubled, or not as it must be.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from tests.fakes.postgres import fresh_schema
from tests.faults.run import played, report


@contextlib.contextmanager
def stored(kind: str, folder: Path) -> Generator[dict[str, str]]:
    """Give a store of a kind, which nobody else has."""
    if kind == "memory":
        yield {"path": ":memory:"}
    elif kind == "file":
        yield {"path": str(folder / "home" / "partywall.db")}
    else:
        key = folder / "master.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        with fresh_schema() as url:
            yield {"path": url, "master_key_file": str(key)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play what was asked for, say what came of it, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000, help="how many turns")
    parser.add_argument("--seed", type=int, default=0, help="what everything is drawn from")
    parser.add_argument("--store", choices=("memory", "file", "postgres"), default="file")
    given = parser.parse_args(arguments)
    # It is told of every refusal and every failure, of which there are many.
    logging.getLogger("partywall").setLevel(logging.CRITICAL)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, stored(given.store, Path(name)) as store:
        run, tally = asyncio.run(played(store, Path(name), count=given.count, seed=given.seed))
    said = report(run, tally, seed=given.seed, seconds=time.monotonic() - began)
    sys.stdout.write(json.dumps({"store": given.store, **said}) + "\n")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
