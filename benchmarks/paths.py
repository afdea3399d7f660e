"""What a safe open costs beside the usual guard: realpath, commonpath, open.

All sides open the same files in turn, by the same relative names, and close them again; one of ours also
reads the path from text, which refuses much that the usual guard does not know. The usual guard is no equal
either way: between its check and its open a directory can be swapped for a link.
"""

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from sandbox.compartment import Compartments
from sandbox.jail import Jail
from sandbox.paths import parse
from sandbox.quota import Quota

FILES = 64
# How many directories lie above a file: a project's file seldom has fewer.
DEPTH = 4
_QUOTA = Quota(max_bytes=1 << 20, max_entries=1_000, max_file_bytes=1 << 16)


def usual(root: str, name: str) -> BinaryIO:
    """Open the way most agent frameworks do."""
    wanted = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath([root, wanted]) != root:
        raise PermissionError(name)
    return open(wanted, "rb")


def measured(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    """Time both sides in turn and give microseconds for each file that was opened and closed."""
    with tempfile.TemporaryDirectory(prefix="partywall-bench-") as folder:
        base = Path(folder) / "base"
        with closing(Compartments(base, key=bytes(32), quota=_QUOTA)) as made, made.of(b"ACME") as owner:
            names = _files(owner.own)
            (found,) = base.glob("by-sender/*/files")
            return _timed(owner.own, os.path.realpath(found), names, rounds, beat)


def _files(jail: Jail) -> list[str]:
    folder = "/".join(f"folder{number}" for number in range(DEPTH))
    jail.writer.mkdirs(parse(folder))
    names = [f"{folder}/file{number}.txt" for number in range(FILES)]
    for name in names:
        jail.writer.create(parse(name), [b"x"])
    return names


def _timed(
    jail: Jail, root: str, names: list[str], rounds: int, beat: Callable[[], None]
) -> dict[str, list[float]]:
    parsed = {name: parse(name) for name in names}
    sides: dict[str, Callable[[str], BinaryIO]] = {
        "safe": lambda name: jail.open(parsed[name]),
        "safe_from_text": lambda name: jail.open(parse(name)),
        "usual": lambda name: usual(root, name),
    }
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name in names:
            for side, opened in sides.items():
                start = time.perf_counter()
                file = opened(name)
                file.close()
                spent[side].append((time.perf_counter() - start) * 1e6)
        beat()
    return spent
