"""`python -m benchmarks.beside`: detection beside peers that live in environments of their own.

`make bench-peers` installs them in `.peers` and runs this. Each peer is a process that answers text by text
with the processor time that it took; ours takes its turn on the same text in between. A peer that is not on
the package index stands with the figure that was recorded for it, and says so.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.layer import detection, secret_rules, typed_detection
from benchmarks.table import Row, compared, drawn
from benchmarks.texts import Texts

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = Path(__file__).parent / "results"
WORKER: Final = Path(__file__).parent / "peers" / "worker.py"
NAMES: Final = ("presidio", "detect-secrets", "llm-guard")
# Recorded on a machine of this kind: processor milliseconds for 2 KB; for 4 KB and 105 KB, the most it reads
# being 200 KB. The last is not on the package index.
LLM_GUARD_MS: Final = 14.6
LUMEN_ARGUS_MS: Final = ((4_000, 1.1), (105_000, 44.0))
_EXCERPTS: Final = 10_000
_WIDTH: Final = 130

Ask = Callable[[str], float]


def python_of(name: str) -> Path:
    """Give the interpreter of a peer's environment, whether or not it is there."""
    return ROOT / ".peers" / f"bench-{name}" / "bin" / "python"


@contextmanager
def peer(name: str) -> Generator[Ask]:
    """Run a peer until the block ends, and give what scans one text there and says how long it took, in ms.

    Raises:
        typer.BadParameter: It is not installed, or did not answer.
    """
    if not python_of(name).exists():
        raise typer.BadParameter(f"{name} is not installed; `make bench-peers` installs it")
    environment = {"PATH": os.environ["PATH"], "HOME": str(ROOT / ".peers")}
    with subprocess.Popen(
        [python_of(name), WORKER, name],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        requests, answers = process.stdin, process.stdout

        def answer() -> Any:  # noqa: ANN401  a line of JSON
            line = answers.readline()
            if not line:
                raise typer.BadParameter(f"{name} ended; run {WORKER.name} by hand to see why")
            return json.loads(line)

        def ask(text: str) -> float:
            print(json.dumps(text), file=requests, flush=True)
            spent: float = answer()["ms"]
            return spent

        try:
            assert answer() == "ready"
            yield ask
        finally:
            requests.close()
            process.wait(timeout=30)


def timed(scan: Callable[[str], object]) -> Ask:
    """Give what runs a scan of ours and says how many milliseconds of processor time it took."""

    def ask(text: str) -> float:
        start = time.process_time()
        scan(text)
        return (time.process_time() - start) * 1e3

    return ask


def together(sides: Sequence[Ask], draw: Callable[[], str], rounds: int) -> list[list[float]]:
    """Give the milliseconds of each side, all on the same new text, in turns."""
    spent: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        text = draw()
        for side, times in zip(sides, spent, strict=True):
            times.append(side(text))
    return spent


def measured(rounds: int, beat: Callable[[str], None]) -> tuple[list[Row], dict[str, list[float]]]:
    """Measure every row whose peer is there; a recorded peer is one number."""
    texts = Texts(29)
    whole, secrets = timed(detection(_EXCERPTS)), timed(secret_rules())
    rows: list[Row] = []
    raw: dict[str, list[float]] = {}

    def row(budget: str, what: str, limit: float, ours: list[float], theirs: list[float] | float) -> None:
        rows.append(compared(ours, theirs, budget=budget, what=what, limit=limit))
        raw[what] = ours
        if isinstance(theirs, list):
            raw[f"{what}: peer"] = theirs

    with peer("presidio") as presidio:
        for budget, name, draw, limit in (
            ("1", "2 KB clean", lambda: texts.clean(2_000), 1 / 25),
            ("2", "2 KB with short numbers", lambda: texts.ordinary(2_000), 1 / 5),
            ("3", "20 KB, 2 % PII sentences", lambda: texts.personal(20_000), 1 / 3),
        ):
            beat(name)
            ours, theirs = together([whole, presidio], draw, rounds)
            row(budget, f"all detection, {name} / stock Presidio", limit, ours, theirs)
    beat("secrets")
    with peer("detect-secrets") as other:
        ours, theirs = together([secrets, other], lambda: texts.ordinary(2_000), rounds)
        row("5", "secrets, 2 KB / detect-secrets", 1 / 100, ours, theirs)
    if python_of("llm-guard").exists():
        with peer("llm-guard") as other:
            ours, theirs = together([secrets, other], lambda: texts.ordinary(2_000), rounds)
            row("5", "secrets, 2 KB / LLM Guard's Secrets", 1 / 100, ours, theirs)
    else:
        row("5", "secrets, 2 KB / LLM Guard's Secrets (recorded)", 1 / 100, ours, LLM_GUARD_MS)
    typed = timed(typed_detection())
    for size, recorded in LUMEN_ARGUS_MS:
        for name, written in (("words", texts.clean), ("with numbers", texts.ordinary)):
            beat(f"{size:,} characters")
            (ours,) = together([typed], partial(written, size), max(5, rounds // 4))
            what = f"kinds of value in any disguise, {size // 1000} KB {name} / lumen-argus (recorded)"
            row("15", what, 1 / 5, ours, recorded)
    return rows, raw


def main(
    *,
    rounds: Annotated[int, typer.Option(help="Texts of each kind.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure, and keep the single measurements in `benchmarks/results`."""
    started, load = datetime.now(UTC), os.getloadavg()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        rows, raw = measured(rounds, lambda name: progress.update(task, description=name))
    found = {
        "started": started.isoformat(timespec="seconds"),
        "machine": {
            "python": sys.version.split()[0], "cores": os.cpu_count(),
            "load_before": load, "load_after": os.getloadavg(),
            "peers": {name: _versions(name) for name in NAMES},
        },
        "rows": [row.plain() for row in rows],
        "raw": {name: [round(each, 4) for each in values] for name, values in raw.items()},
    }  # fmt: skip
    text = json.dumps(found)
    RESULTS.joinpath(f"{started.date()}-peers.json").write_text(text + "\n", encoding="utf-8")
    if as_json:
        print(text)
        return
    console = Console()
    console.width = console.width if console.is_terminal else _WIDTH
    console.print(drawn(rows, title=f"load {load[0]:.1f} to {os.getloadavg()[0]:.1f}"))


def _versions(name: str) -> str:
    """Give the pinned version of the peer itself, or say that it is not there."""
    pinned = WORKER.with_name(f"{name}.txt").read_text(encoding="utf-8").splitlines()
    own = "presidio_analyzer" if name == "presidio" else name
    if not python_of(name).exists():
        return "recorded"
    return next(line for line in pinned if line.replace("-", "_").startswith(own.replace("-", "_") + "=="))


if __name__ == "__main__":
    typer.run(main)
