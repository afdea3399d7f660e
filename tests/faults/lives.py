"""Lives of a process that plays turns until it is killed: seen from outside, and from inside.

Every line it says is written before it goes on, and a pipe keeps what a dead process wrote. So what it meant
to do is known before it is tried, and what is known as kept was answered for by the wall. Receivers belong to
whoever listens, and outlive it.
"""

import asyncio
import json
import logging
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from tests.fakes.killing import killed
from tests.faults.stores import Store
from tests.faults.turns import Told
from tests.faults.world import Luck, World

LINES: Final = 600
_MOST_SPINS: Final = 20_000


async def lived(world: World, told: Told, *, count: int, seed: int, lines: int) -> int:
    """Let one process after the other play until so many turns were begun, and count them.

    Each is killed while it opens the database, plays, or tells operators, at a moment that is drawn in lines
    it said, at most so many, and turns of a loop; never in time.
    """
    assert world.store.lasts, "memory dies with its process"
    chance, lives = random.Random(f"{seed} kills"), 0
    plan = world.folder / "plan.json"
    while told.turns < count:
        world.go_on(told.turns)
        plan.write_text(json.dumps(_planned(world, seed)))
        after, spins = chance.randint(1, lines), int(_MOST_SPINS ** chance.random())
        async with _Listener(world.store, told) as listener:
            await killed(__name__, plan, lives, after, spins, listener.heard)
        lives += 1
    world.go_on(told.turns)
    return lives


class _Listener:
    """Takes note of what a process says, and takes the server away from it when it should lose it.

    The server, as the receivers, must not die with the process.
    """

    def __init__(self, store: Store, told: Told) -> None:
        self._cut = store.cut
        self._told = told
        self._one = asyncio.Lock()
        self._cuts = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._cuts.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Wait until the server is there again."""
        await self._cuts.__aexit__(*error)

    def heard(self, line: str) -> None:
        words = line.split()
        if words == ["trouble", "cut"] and self._cut is not None:
            self._cuts.create_task(self._taken_away(self._cut))
        if words != ["born"]:
            self._told.tell(*words)

    async def _taken_away(self, cut: Callable[[], object]) -> None:
        async with self._one:
            await asyncio.to_thread(cut)


def _planned(world: World, seed: int) -> dict[str, object]:
    return {
        "section": dict(world.store.section),
        "folder": str(world.folder),
        "url": world.url,
        "number": world.number,
        "seed": seed,
    }


def _say(*words: str) -> None:
    os.write(sys.stdout.fileno(), f"{' '.join(words)}\n".encode())


async def _live(plan: Path, life: int) -> None:
    given = json.loads(plan.read_text())  # noqa: ASYNC240 - nothing else runs yet
    store, folder = Store(section=given["section"]), Path(given["folder"])
    world = World(store=store, folder=folder, url=given["url"], number=given["number"])
    luck = Luck.of(f"{given['seed']} {life}")
    _say("born")
    while True:
        async with world.opened() as (wall, vault):
            await world.rounds(wall, vault, luck, _say)


if __name__ == "__main__":
    logging.getLogger("partywall").setLevel(logging.CRITICAL)
    asyncio.run(_live(Path(sys.argv[1]), int(sys.argv[2])))
