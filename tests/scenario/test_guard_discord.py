"""A Discord bot that was there before, in every way people talk to it: bare it leaks, guarded it does not."""

import importlib
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from adapters import litellm_model
from adapters.doors import State
from firewall.core.errors import NotGuarded
from firewall.core.ids import TenantId, canonical
from partywall.guarding import guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.people import User
from tests.fakes.discord.plays import PLAYS, Stage
from tests.fakes.discord.server import Discord, served
from tests.fakes.models import Echo
from vault.ledger import Filter

ASKED: Final = "what do you know?"
PLAYED: Final = [pytest.param(name, id=name) for name in PLAYS]
SECOND: Final = [pytest.param("ben", id="in-the-same-room"), pytest.param("cy", id="of-another-tenant")]


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


def person(platform: Discord, name: str) -> tuple[Channel, User]:
    world = platform.world
    return {
        "ada": (world.kitchen, world.ada),
        "ben": (world.kitchen, world.ben),
        "cy": (world.lab, world.cy),
    }[name]


def shown(platform: Discord, *, since: int) -> str:
    """Give everything that was sent, as it came: words, cards, forms and files."""
    sent = [one for one in platform.sent if one.order >= since]
    return "\n".join(
        [json.dumps(one.payload, ensure_ascii=False) for one in sent]
        + [file.data.decode() for one in sent for file in one.files]
    )


async def played(platform: Discord, office: Office, name: str, second: str) -> str:
    """Let the first person plant the secret and the second ask, and give what the second was shown."""
    stage = Stage(platform=platform, office=office)
    async with platform.online(office):
        await PLAYS[name](stage, *person(platform, "ada"), SECRET)
        assert SECRET in "".join(one["content"] for one in office.heard)
        before = len(platform.sent)
        await PLAYS[name](stage, *person(platform, second), ASKED)
    return shown(platform, since=before)


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("name", PLAYED)
async def test_a_bare_bot_tells_the_second_what_the_first_said(
    platform: Discord, name: str, second: str
) -> None:
    office = Office(EchoModel())
    assert SECRET in await played(platform, office, name, second)
    assert office.errors == []


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("name", PLAYED)
async def test_with_open_guard_and_guard_model_it_does_not(
    wall: Wall, platform: Discord, name: str, second: str
) -> None:
    model = EchoModel()
    office = Office(wall.guard_model(model.__call__))
    async with wall:
        handle = guard(office, wall)
        said = await played(platform, office, name, second)
        await handle.drain(60)
        assert {row.state for row in handle.report()} == {State.COVERED}
        handle.uninstall()
    assert SECRET not in said
    assert SECRET not in json.dumps(model.requests[-1])
    assert office.errors == []
    assert ASKED in said


def tenant(platform: Discord, name: str, second: str) -> TenantId:
    channel, user = person(platform, second)
    if name == "direct-message":
        return TenantId(canonical("discord", "dm", platform.world.dm(user).id))
    assert channel.guild is not None
    return TenantId(canonical("discord", channel.guild.id))


async def violations(wall: Wall, tenant: TenantId) -> int:
    runtime = wall.opened
    assert runtime is not None
    await runtime.vault.records.settle()
    return len([one async for one in runtime.vault.records.export(Filter(tenant=tenant))])


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("name", PLAYED)
async def test_with_guard_alone_it_is_searched_and_recorded(
    wall: Wall, platform: Discord, name: str, second: str
) -> None:
    office = Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        said = await played(platform, office, name, second)
        await handle.drain(60)
        assert await violations(wall, tenant(platform, name, second)) > 0
        assert handle.report()[-1].state is State.DETECTION_ONLY
        handle.uninstall()
    # Who is in the room may read what the room was told; everybody else does not get it.
    shared = second == "ben" and name not in ("direct-message", "thread")
    assert shared or SECRET not in said


async def test_without_a_guarded_model_and_without_saying_so_nothing_is_sent(
    wall: Wall, platform: Discord
) -> None:
    office = Office(EchoModel())
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            platform.world.kitchen.says(platform.world.ada, "hello")
            await office.finished.get()
        handle.uninstall()
    assert [type(error) for error in office.errors] == [NotGuarded]
    assert platform.sent.contents == []


async def test_nobody_is_pinged_by_what_a_bot_says(wall: Wall, platform: Discord) -> None:
    office = Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            for say in ("send", "reply", "file", "embed", "thread", "stream"):
                office.say = say
                platform.world.kitchen.says(platform.world.ada, f"@everyone <@{platform.world.ben.id}>")
                await office.finished.get()
            platform.world.kitchen.slash("ask", {"question": "@everyone"}, platform.world.ada)
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    said = [one.allowed_mentions for one in platform.sent if one.says]
    assert len(said) >= 7
    assert all(one == {"parse": [], "replied_user": False} for one in said)
    answers = [
        one
        for one in platform.world.kitchen.messages.values()
        if one["author"]["id"] == platform.world.bot.id
    ]
    assert not any(one["mention_everyone"] or one["mentions"] for one in answers)


async def test_the_example_keeps_two_people_apart_wherever_they_ask(wall: Wall, platform: Discord) -> None:
    # Loaded here: LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    example: Any = importlib.import_module("examples.discord_guarded")
    world, echo = platform.world, Echo()
    litellm_model.register("echo", echo)
    called = f"<@{world.bot.id}> "
    try:
        async with wall:
            bot, handle = example.build(wall, "echo/model")
            async with platform.online(bot):
                world.kitchen.says(world.ada, "nobody asked the bot")
                world.dm(world.ada).says(world.ada, SECRET)
                await platform.sent.until(lambda one: SECRET in one.content)
                planted = len(platform.sent)
                world.kitchen.says(world.ben, called + ASKED)
                await platform.sent.until(lambda one: one.says and one.channel == world.kitchen.id)
                world.lab.slash("ask", {"question": ASKED}, world.cy)
                await platform.sent.until(lambda one: one.says and one.channel == world.lab.id)
                await handle.drain(60)
            states = {row.state for row in handle.report()}
            handle.uninstall()
    finally:
        litellm_model.unregister("echo")
    assert states == {State.COVERED}
    assert len([one for one in bot.messages if one["role"] == "user"]) == 3
    assert SECRET in str(bot.messages)
    said = shown(platform, since=planted)
    assert said.count(ASKED) == 2
    assert SECRET not in said
    assert len(echo.requests) == 3
