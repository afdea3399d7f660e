"""What discord.py logs while a bot of ours or a guarded one runs: no token of an interaction is in it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
from discord.http import Route

import partywall as pw
from partywall.guarding import guard
from partywall.handle import TurnHandle
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.faults import Limit
from tests.fakes.discord.managed import serving
from tests.fakes.discord.office import Interaction, Office
from tests.fakes.discord.server import Discord, served
from tests.fakes.files import settings

LOGGERS = ("discord.http", "discord.webhook.async_", "discord.webhook.sync")
CALLBACK = "POST /interactions/{interaction}/{token}/callback"
FIRST = "PATCH /webhooks/{webhook}/{token}/messages/{message}"
READ = "GET /webhooks/{webhook}/{token}/messages/{message}"
LIMITED = "We are being rate limited"


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


@pytest.fixture(autouse=True)
def as_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with the library's loggers as they are: a guard of another test may still stand in them."""
    for name in LOGGERS:
        monkeypatch.setattr(logging.getLogger(name), "filters", list[logging.Filter]())


def filters() -> list[int]:
    return [len(logging.getLogger(name).filters) for name in LOGGERS]


async def repeats(turn: TurnHandle) -> str:
    return turn.text


async def test_a_bot_of_ours_that_is_rate_limited_logs_no_token(
    tmp_path: Path, platform: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    world, before = platform.world, filters()
    platform.faults.add(CALLBACK, Limit(retry_after_s=0.01), times=2)
    platform.faults.add(FIRST, Limit(retry_after_s=31.0))
    with caplog.at_level(logging.DEBUG, "discord.http"):
        async with (
            pw.open(settings(tmp_path)) as wall,
            serving(wall, platform, repeats, commands={"ask": "Ask the bot"}),
        ):
            assert filters() == [count + 1 for count in before]
            asked = [
                world.kitchen.slash("ask", {"text": "hello"}, world.ada),
                world.lab.slash("ask", {"text": "hello"}, world.cy),
            ]
    lines = [each.getMessage() for each in caplog.records if LIMITED in each.getMessage()]
    assert len(lines) == 3
    assert all("/interactions/" in line or "/webhooks/" in line for line in lines), "the rest is still told"
    assert not any(one.token in line for one in asked for line in lines)
    assert filters() == before


async def test_a_guarded_bot_that_is_rate_limited_logs_no_token_until_the_guard_is_gone(
    wall: Wall, platform: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    world, office, before = platform.world, Office(EchoModel()), filters()
    done = asyncio.Queue[None]()

    async def reads(interaction: Interaction) -> None:
        path = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        app, token = interaction.application_id, interaction.token
        try:
            await office.http.request(Route("GET", path, webhook_id=app, webhook_token=token))
        except discord.NotFound:
            pass
        finally:
            done.put_nowait(None)

    async def limited() -> str:
        """Let two people ask, each with a limit; give what the log says of it, and check the tokens."""
        caplog.clear()
        platform.faults.add(READ, Limit(retry_after_s=0.01), times=2)
        asked = [
            channel.slash("ask", {"question": "hello"}, who)
            for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy))
        ]
        for _ in asked:
            await office.finished.get()
            await done.get()
        found = caplog.text
        return "told" if any(one.token in found for one in asked) else "cut" if LIMITED in found else "silent"

    office.add_listener(reads, "on_interaction")
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            assert filters() == [count + 1 for count in before]
            assert await limited() == "cut"
            await handle.drain(60)
            handle.uninstall()
            assert filters() == before
            assert await limited() == "told", "as the library was before"
