"""A guarded bot that is told the same thing again: handled once, unless it was not handled before."""

import asyncio

import discord
import pytest

from adapters.testing import Situation, Tamper
from adapters.testing.live import LiveStage
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.discord.server import served
from tests.fakes.transports.ways import WAYS

ASKING = [name for name, way in WAYS.items() if Tamper.LOOKUP not in way.without]


@pytest.mark.parametrize("name", ASKING)
async def test_what_was_dropped_for_want_of_an_answer_is_taken_when_it_comes_again(
    name: str, wall: Wall
) -> None:
    way = WAYS[name]
    async with way.opened(wall) as transport:
        stage = LiveStage(way.specimen, transport)
        crowd = [
            (place, stage.spoken(place, person))
            for place in stage.offered(Situation.DIRECT, Situation.PUBLIC)
            for person in (1, 2)
        ]
        transport.failing(lookups=True)
        for place, said in crowd:
            await stage.deliver(place, said)
        transport.failing(lookups=False)
        for place, said in crowd:
            await stage.deliver(place, said)
        for _, said in crowd:
            stage.expect_once(said)
        assert len({one.key for one in transport.reached()}) == len(crowd)


class Reacted(discord.Client):
    """Notes who put which sign."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents.default(), guild_ready_timeout=0)
        self.signs: asyncio.Queue[tuple[int, str]] = asyncio.Queue()

    async def on_raw_reaction_add(self, sign: discord.RawReactionActionEvent) -> None:
        self.signs.put_nowait((sign.user_id, sign.emoji.name))


async def test_a_reaction_that_was_taken_back_can_be_put_again(wall: Wall) -> None:
    async with served() as platform, wall:
        world, client = platform.world, Reacted()
        handle = guard(client, wall)
        async with platform.online(client):
            for place, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
                said = place.says(world.ada, "Lunch?")
                place.react(who, said, "👍")
                place.react(who, said, "👍", taken_back=True)
                place.react(who, said, "👍")
            await platform.gateway.read()
            await handle.drain(60)
        handle.uninstall()
    signs = [client.signs.get_nowait() for _ in range(client.signs.qsize())]
    assert sorted(signs) == sorted([(int(one.id), "👍") for one in (world.ada, world.cy)] * 2)
