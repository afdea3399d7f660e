"""Many seeds and every control, over several processes.

Apart from the command line, because a process that is spawned cannot import what stands in `__main__`.
"""

import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.noninterference.mutants import MUTANTS
from tests.noninterference.play import of_seed

# One control for so many seeds; each run fires every control at least once.
_CONTROL_EACH = 50
_CHUNK = 25


@dataclass(slots=True)
class Tally:
    """What came of some seeds."""

    seeds: int = 0
    worlds: int = 0
    events: int = 0
    recorded: int = 0
    failed: list[str] = field(default_factory=list[str])
    fired: Counter[str] = field(default_factory=Counter[str])
    silent: list[str] = field(default_factory=list[str])

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        self.seeds += other.seeds
        self.worlds += other.worlds
        self.events += other.events
        self.recorded += other.recorded
        self.failed += other.failed
        self.fired.update(other.fired)
        self.silent += other.silent


def _work(job: tuple[str, int, int]) -> Tally:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return _worked(job)
    finally:
        logging.disable(before)


def _worked(job: tuple[str, int, int]) -> Tally:
    kind, start, stop = job
    tally = Tally()
    for seed in range(start, stop):
        (_played if kind == "seeds" else _controlled)(seed, tally)
    return tally


def _played(seed: int, tally: Tally) -> None:
    tally.seeds += 1
    tally.worlds += 2
    try:
        outcome = of_seed(seed)
    except Exception as error:  # noqa: BLE001  a seed that cannot be played is a failure like any other
        tally.failed.append(f"seed {seed}: {type(error).__name__}: {error}")
        return
    tally.events += outcome.events
    if not outcome.allowed:
        about = outcome.divergence or outcome.bugs or f"{outcome.leaked} values leaked"
        tally.failed.append(f"seed {seed}: {about}")
    elif outcome.divergence is not None:
        tally.recorded += 1


def _controlled(seed: int, tally: Tally) -> None:
    """Switch a guard off: its scenario must hold with the guard and fail without it."""
    mutant = MUTANTS[seed % len(MUTANTS)]
    tally.worlds += 4
    if not mutant.killed_by(seed).allowed:
        tally.failed.append(f"control {mutant.name}: its scenario fails with the guard on")
    if mutant.fires(seed):
        tally.fired[mutant.name] += 1
    else:
        tally.silent.append(mutant.name)


def run(
    count: int, seed: int, jobs: int, after: Callable[[Tally], None] = lambda _: None
) -> tuple[Tally, float]:
    """Play `count` seeds from `seed` on, and the controls; give what came of it and the seconds it took.

    `after` is called with what came of it so far, after each piece of the work.
    """
    work = [("seeds", at, min(at + _CHUNK, seed + count)) for at in range(seed, seed + count, _CHUNK)]
    controls = max(len(MUTANTS), count // _CONTROL_EACH)
    work += [("controls", at, at + 1) for at in range(seed, seed + controls)]
    total, began = Tally(), time.monotonic()
    if jobs == 1:
        for job in work:
            total.add(_work(job))
            after(total)
    else:
        # A process of its own for each: what one world leaves behind in a module cannot help another.
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            for tally in pool.imap_unordered(_work, work):
                total.add(tally)
                after(total)
    return total, time.monotonic() - began
