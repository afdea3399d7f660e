"""A round of cells at one wall, and what came of each."""

import random
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from partywall.testing import memory_wall
from partywall.wall import Wall
from tests.surfaces import discord, slack, telegram
from tests.surfaces.disguises import DISGUISES
from tests.surfaces.edges import Edge, Town, wrong
from tests.surfaces.gaps import GAPS, gap_of
from tests.surfaces.play import MODELS, Cell, Player
from tests.surfaces.tools import Toolbox, places
from tests.surfaces.town import PEOPLE, SETTINGS, Person, town


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell, and what is wrong with it."""

    place: str
    disguise: str
    owner: str
    wrong: Sequence[str]

    @property
    def name(self) -> str:
        """What the cell is called."""
        return f"{self.place} / {self.disguise} / {self.owner}"

    @property
    def expected(self) -> bool:
        """False if something is wrong that is not known to be."""
        return not self.wrong or gap_of(self.place, self.disguise) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The places of one platform."""

    names: Sequence[str]
    edge: Callable[[str], Edge]
    run: Callable[[Wall], AbstractAsyncContextManager[Town]]


PLATFORMS: Final[Mapping[str, Platform]] = {
    "telegram": Platform(names=list(telegram.PLACES), edge=telegram.edge, run=telegram.telegram),
    "slack": Platform(names=list(slack.PLACES), edge=slack.edge, run=slack.slack),
    "discord": Platform(names=list(discord.PLACES), edge=discord.edge, run=discord.discord),
}

# What HTTP and the platforms take as a file's name.
_NAME: Final = re.compile(r"[\w .=+-]*", re.ASCII)
# After so many nobody has used up what `oracle.findings` may be at most.
_CELLS: Final = 500
# A place, a disguise and an owner.
Spot = tuple[str, str, Person]


class Sample:
    """Draws cells by a seed; every place once, and the witness of every gap.

    Args:
        seed: What is drawn by, or None for every cell.
        more: How many cells besides, of each kind.
    """

    def __init__(self, seed: int | None, more: int = 40) -> None:
        self._rng = None if seed is None else random.Random(seed)
        self._more = more

    def of(self, names: Sequence[str], most: int | None = None) -> list[Spot]:
        """Give the cells to play at these places, at most so many places if that is said."""
        every = [(name, disguise, who) for name in names for disguise in DISGUISES for who in PEOPLE]
        if self._rng is None:
            return sorted(every, key=_gapped)
        drawn = list(names) if most is None else self._rng.sample(names, most)
        found = [(name, "identity", self._rng.choice(PEOPLE)) for name in drawn]
        found += self._rng.sample(every, self._more if most is None else most)
        found += [(*one, PEOPLE[0]) for one in (gap.witness for gap in GAPS) if one and one[0] in names]
        # What slips through a gap becomes its reader's own, which is then cut for others: so it comes last.
        return sorted(dict.fromkeys(found), key=_gapped)


def _gapped(spot: Spot) -> bool:
    return gap_of(*spot[:2]) is not None


def _takes(spot: Spot) -> bool:
    place, disguise, owner = spot
    return not place.endswith("file's name") or bool(_NAME.fullmatch(DISGUISES[disguise](owner.value)))


async def models_and_tools(folder: Path, sample: Sample) -> AsyncIterator[Result]:
    """Play what a model answers and what tools are told and tell, in towns of so many cells each."""
    names = [one.name for one in MODELS] + [one.name for one in places(Toolbox(memory_wall(folder)))]
    spots = list(filter(_takes, sample.of(names)))
    for number, start in enumerate(range(0, len(spots), _CELLS)):
        async for result in _in_town(folder / str(number), spots[start : start + _CELLS]):
            yield result


async def _in_town(folder: Path, spots: Sequence[Spot]) -> AsyncIterator[Result]:
    async with town(folder) as (wall, noted):
        known = {one.name: one for one in (*MODELS, *places(Toolbox(wall)))}
        player = Player(wall, noted)
        for name, disguise, owner in spots:
            found = await player.wrong(Cell(place=known[name], disguise=disguise, owner=owner))
            yield Result(place=name, disguise=disguise, owner=owner.name, wrong=found)


async def platform(name: str, folder: Path, sample: Sample, most: int = 5) -> AsyncIterator[Result]:
    """Play what leaves a bot for one platform."""
    made = PLATFORMS[name]
    edges: dict[str, Any] = {edge.name: edge for edge in map(made.edge, made.names)}
    wall = memory_wall(folder, **SETTINGS)
    async with made.run(wall) as on:
        for place, disguise, owner in filter(_takes, sample.of(list(edges), most)):
            found = await wrong(wall, on, edges[place], disguise, owner)
            yield Result(place=place, disguise=disguise, owner=owner.name, wrong=found)
