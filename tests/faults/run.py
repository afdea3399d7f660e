"""One run: turns in rounds, each with its trouble; then everything is told, and counted."""

import random
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.receivers import Receiver, receiver
from tests.faults.lives import lived
from tests.faults.stores import Store
from tests.faults.tally import Tally, tallied
from tests.faults.turns import Told
from tests.faults.weather import answers
from tests.faults.world import Luck, World

# More than turns make; what is left is thrown away before the end, so that everything arrives.
_ANSWERS_A_TURN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was played, and what came of it.

    Attributes:
        kills: How often the process was killed that played.
    """

    store: Store
    told: Told
    far: Receiver
    kills: int
    tally: Tally


async def played(store: Store, folder: Path, *, count: int, seed: int, lines: int | None = None) -> Run:
    """Play at least so many turns of one seed on one store.

    Args:
        store: Nobody else's.
        folder: For compartments and plans.
        count: How many turns.
        seed: What everything is drawn from. What meets what is up to the loop and the machine.
        lines: Play in a process that is killed at random and started again: how much one says at most.
    """
    told = Told()
    with receiver(*answers(random.Random(seed), count * _ANSWERS_A_TURN)) as far:
        world = World(store=store, folder=folder, url=far.url)
        kills = await lived(world, told, count=count, seed=seed, lines=lines) if lines else 0
        tally = await _finished(world, told, far, count=count, seed=seed)
        return Run(store=store, told=told, far=far, kills=kills, tally=tally)


async def _finished(world: World, told: Told, far: Receiver, *, count: int, seed: int) -> Tally:
    """Play what is still to be played in this process, have all of it told, and count."""
    luck = Luck.of(str(seed))
    while True:
        async with world.opened() as (wall, vault):
            await world.rounds(wall, vault, luck, told.tell, until=count)
            if world.number >= count:
                far.script.clear()
                await world.drained(vault)
                return await tallied(vault, told, far)


def report(run: Run, *, seed: int) -> dict[str, int]:
    """Give what is said of a run; all but the seed can be summed."""
    return {
        "seed": seed,
        "turns": run.told.turns,
        "unopened": run.told.unopened,
        "troubles": run.told.troubles,
        "kills": run.kills,
        **run.tally.seen,
        "faults": sum(run.tally.wrong.values()),
        **run.tally.wrong,
    }
