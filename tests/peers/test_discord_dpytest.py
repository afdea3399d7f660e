"""A Discord that is not ours, in this process: an unmodified bot of discord.ext.commands, bare and guarded.

There are no sockets here, and none of this shows that the guard holds on Discord's protocol: that is for
tests/scenario/test_guard_discord.py and its like. dpytest as it is goes round the guard at both ends
(`tests.peers.discord` says how). One test shows what is left then: no turn, so the model answers nobody. In
all others with a guard the bot is `wired`: what it is told and what it says go by the library's own way.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from discord.ext import commands

from adapters.doors import State
from firewall.core.errors import NoTurn, UnsupportedApp
from partywall.guarding import guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.telegram.stage import Mode
from tests.peers.discord import GUILDS, Said, Town, dpytest, town, wired
from vault.ledger import Filter

ACME, GLOBEX = GUILDS
SECRET = "the merger with Initech closes on 9 March at noon"
ASKED = "Which deadlines did the others tell you about?"
pytestmark = pytest.mark.usefixtures("clients")
SECOND = pytest.mark.parametrize("second", [ACME, GLOBEX], ids=["same-guild", "other-tenant"])


@pytest.fixture
async def peer() -> AsyncIterator[Any]:
    module = dpytest()
    yield module
    await module.empty_queue()


@asynccontextmanager
async def opened(peer: Any, wall: Wall, model: EchoModel, mode: Mode) -> AsyncGenerator[Town]:
    """Give the bot behind the wall, by the library's own way."""
    async with wall:
        asked = wall.guard_model(model.__call__) if mode is Mode.GUARDED else model.__call__
        here = wired(await town(peer, asked))
        if mode is not Mode.BARE:
            here.guarded = guard(here.bot, wall, unguarded_model=mode is Mode.SEARCHED)
        yield here


def texts(said: list[Said]) -> str:
    return "\n".join(one.text for one in said)


async def violations(wall: Wall) -> list[str]:
    records = (await wall.runtime()).vault.records
    await records.settle()
    return [str(one.record.rule) for one in await records.violations(Filter())]


@SECOND
async def test_an_unguarded_bot_tells_the_second_what_the_first_said(peer: Any, second: str) -> None:
    here = await town(peer, EchoModel().__call__)
    assert SECRET in texts(await here.told(ACME, "Ada", f"!ask {SECRET}"))
    assert SECRET in texts(await here.told(second, "Ben", f"!ask {ASKED}"))


@SECOND
async def test_the_way_through_the_library_alone_keeps_nothing_back(
    peer: Any, wall: Wall, second: str
) -> None:
    async with opened(peer, wall, EchoModel(), Mode.BARE) as here:
        assert SECRET in texts(await here.told(ACME, "Ada", f"!ask {SECRET}"))
        assert SECRET in texts(await here.told(second, "Ben", f"!ask {ASKED}"))


@SECOND
async def test_where_dpytest_goes_round_the_guard_the_model_answers_nobody(
    peer: Any, wall: Wall, second: str
) -> None:
    model = EchoModel()
    async with wall:
        here = await town(peer, wall.guard_model(model.__call__))
        here.guarded = guard(here.bot, wall)
        for where, who, text in ((ACME, "Ada", SECRET), (second, "Ben", ASKED)):
            with pytest.raises(commands.CommandInvokeError) as failed:
                await here.told(where, who, f"!ask {text}")
            assert isinstance(failed.value.original, NoTurn)
        assert here.shown() == []
        with pytest.raises(UnsupportedApp, match="_discord_parsers"):
            here.guarded.report()
    assert model.requests == []


async def test_every_choke_point_is_covered(peer: Any, wall: Wall) -> None:
    async with opened(peer, wall, EchoModel(), Mode.GUARDED) as here:
        assert here.guarded is not None
        assert {row.state for row in here.guarded.report()} == {State.COVERED}


@SECOND
async def test_a_guarded_bot_answers_both_and_tells_the_second_nothing_of_the_first(
    peer: Any, wall: Wall, second: str
) -> None:
    model = EchoModel()
    async with opened(peer, wall, model, Mode.GUARDED) as here:
        assert SECRET in texts(await here.told(ACME, "Ada", f"!ask {SECRET}"))
        told = await here.told(second, "Ben", f"!ask {ASKED}")
        assert here.failed() == []
    assert any(SECRET in one["content"] for one in here.bot.heard), "the bot's own list holds it"
    assert {(one.guild, one.room) for one in told} == {(second, "kitchen")}
    assert ASKED in texts(told), "Ben was answered"
    assert SECRET not in texts(told)
    assert SECRET not in json.dumps(model.requests[-1])


@SECOND
async def test_an_unguarded_model_is_searched_and_recorded(peer: Any, wall: Wall, second: str) -> None:
    async with opened(peer, wall, EchoModel(), Mode.SEARCHED) as here:
        await here.told(ACME, "Ada", f"!ask {SECRET}", "hall")
        told = await here.told(second, "Ben", f"!ask {ASKED}")
        found = await violations(wall)
    assert SECRET not in texts(told)
    assert any(rule != "unaccounted_outbound" for rule in found), "it is on record"


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_a_message_for_another_guild_is_refused_before_it_leaves_and_is_recorded(
    peer: Any, wall: Wall, mode: Mode
) -> None:
    async with opened(peer, wall, EchoModel(), mode) as here:
        assert await here.told(GLOBEX, "Ben", f"!ask {ASKED}")
        strayed = await here.told(ACME, "Ada", f"!stray {SECRET}")
        failed, recorded = here.failed(), await violations(wall)
        assert await here.told(GLOBEX, "Ben", f"!ask {ASKED}"), "the bot lives on"
    if mode is Mode.BARE:
        assert strayed == [Said(guild=GLOBEX, room="kitchen", text=SECRET)]
    assert (strayed == [], failed == ["Denied"], recorded != []) == (mode is Mode.GUARDED,) * 3
