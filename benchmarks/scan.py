"""The whole of layer 3 beside stock Presidio, and how both grow with the text.

`python -m benchmarks.scan` measures 1 KB to 10 MB, keeps the figures in `benchmarks/results` and
draws them to `docs/images/scan-growth.png`. Ours looks for personal data, ids, secrets and the excerpts of
10,000 others, in all disguises; Presidio for personal data alone. Each text is new, and the sides
take turns.
"""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from matplotlib.figure import Figure

from benchmarks.layer import detection
from benchmarks.pii import stock
from benchmarks.table import Row, compared
from benchmarks.texts import Texts

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "docs" / "images" / "scan-growth.png"
ENTRIES: Final = 10_000
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
# Beyond it one text takes stock Presidio longer than all of ours together.
_LARGEST_STOCK: Final = 100_000
_PIECE: Final = 20_000

Beat = Callable[[], None]
Side = Callable[[str], object]


def run(rounds: int, beat: Beat) -> tuple[list[Row], Mapping[str, list[float]]]:
    """Measure the budgets of the whole layer, each on texts that nobody has seen."""
    ours, peer, drawn = detection(ENTRIES), stock(), Texts(23)
    rows: list[Row] = []
    raw: dict[str, list[float]] = {}
    for budget, name, draw, limit in (
        ("1", "2 KB clean", lambda: drawn.clean(2_000), 1 / 25),
        ("2", "2 KB with short numbers", lambda: drawn.ordinary(2_000), 1 / 5),
        ("3", "20 KB, 2 % PII sentences", lambda: drawn.personal(20_000), 1 / 3),
    ):
        mine, theirs = _spent((ours, peer), draw, rounds, beat)
        rows.append(
            compared(mine, theirs, budget=budget, what=f"whole layer 3, {name} / stock Presidio", limit=limit)
        )
        raw |= {f"{name}, layer 3": mine, f"{name}, stock": theirs}
    return rows, raw


def growth(sizes: Sequence[int], rounds: int) -> Mapping[str, Mapping[int, list[float]]]:
    """Give milliseconds of both sides for texts of each size; fewer rounds for larger ones."""
    ours, peer, drawn = detection(ENTRIES), stock(), Texts(29)
    found: dict[str, dict[int, list[float]]] = {"layer 3": {}, "stock Presidio": {}}
    for size in sizes:
        sides = (ours, peer) if size <= _LARGEST_STOCK else (ours,)
        most = max(3, min(rounds, _LARGEST_STOCK // size))
        times = _spent(sides, partial(_text, drawn, size), most, _rest)
        for name, spent in zip(found, times, strict=False):
            found[name][size] = spent
    return found


def picture(found: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Draw the medians of both sides."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes: Any = figure.subplots()
    for name, style in (("layer 3", "o-"), ("stock Presidio", "s--")):
        points = [(size, statistics.median(spent)) for size, spent in found[name].items()]
        axes.plot(*zip(*points, strict=True), style, label=name)
    axes.set(xscale="log", yscale="log", xlabel="characters", ylabel="processor time (ms)")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _text(drawn: Texts, size: int) -> str:
    pieces = (drawn.personal(min(size, _PIECE)) for _ in range(-(-size // _PIECE)))
    return "\n".join(pieces)[:size]


def _rest() -> None:
    """Between two rounds."""


def _spent(sides: Sequence[Side], draw: Callable[[], str], rounds: int, beat: Beat) -> list[list[float]]:
    spent: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        text = draw()
        for side, times in zip(sides, spent, strict=True):
            start = time.process_time()
            side(text)
            times.append((time.process_time() - start) * 1e3)
        beat()
    return spent


def main(
    *,
    rounds: Annotated[int, typer.Option(help="Texts of each size that are measured, at most.")] = 20,
    keep: Annotated[bool, typer.Option(help="Keep the figures and the picture.")] = True,
) -> None:
    """Measure how both sides grow."""
    started, load = datetime.now(UTC), os.getloadavg()
    found = growth(SIZES, rounds)
    result: dict[str, Any] = {
        "started": started.isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "python": platform.python_version(), "load": load},
        "milliseconds": found,
    }
    if keep:
        results = ROOT / "benchmarks" / "results" / f"scan-{started.date()}.json"
        results.write_text(json.dumps(result) + "\n", encoding="utf-8")
        with PICTURE.open("wb") as file:
            picture(found).savefig(file, dpi=90, metadata={"Software": None})  # pyright: ignore[reportUnknownMemberType]  its keywords are untyped
    for name, sizes in found.items():
        for size, spent in sizes.items():
            print(f"{name}: {size:,} characters in {statistics.median(spent):.3g} ms")


if __name__ == "__main__":
    typer.run(main)
