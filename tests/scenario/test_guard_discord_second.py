"""A second person, or tenant, who tries to get at the first through what a guarded Discord bot keeps."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import discord
import pytest

import partywall as pw
from firewall.core.errors import Denied, NoTurn, TurnClosed
from partywall.guarding import guard
from partywall.testing import EchoModel, memory_wall
from partywall.wall import Wall
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.plays import PLAYS, Stage
from tests.fakes.discord.server import Discord, served


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


def everything(platform: Discord, *, since: int = 0) -> str:
    sent = [one for one in platform.sent if one.order >= since]
    return str([(one.payload, [file.data for file in one.files]) for one in sent])


async def test_a_token_that_was_kept_answers_in_no_other_turn_and_in_none_that_has_ended(
    wall: Wall, platform: Discord
) -> None:
    world, office = platform.world, Office(EchoModel())
    kept: list[discord.Interaction[Any]] = []
    refused: list[type[Exception]] = []

    async def keep(interaction: discord.Interaction[Any]) -> None:
        kept.append(interaction)

    async def answer(_: discord.Message, text: str) -> None:
        for attempt in (
            lambda: kept[0].followup.send(SECRET),
            lambda: kept[0].followup.send(SECRET, ephemeral=True),
            lambda: kept[0].edit_original_response(content=SECRET),
            kept[0].delete_original_response,
        ):
            try:
                await attempt()
            except Denied as error:
                refused.append(type(error))

    office.add_listener(keep, "on_interaction")
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await PLAYS["slash-command"](
                Stage(platform=platform, office=office), world.kitchen, world.ada, "hello"
            )
            await handle.drain(60)
            with pytest.raises(NoTurn):
                await kept[0].followup.send(SECRET)
            office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
            for place, who in (
                (world.lab, world.cy),
                (world.dm(world.ada), world.ada),
                (world.lab, world.ada),
            ):
                place.says(who, "go")
                await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert len(refused) == 12
    assert SECRET not in everything(platform)


async def test_in_the_turn_of_another_in_the_same_room_a_token_shows_what_the_room_may_read(
    wall: Wall, platform: Discord
) -> None:
    world, office = platform.world, Office(EchoModel())
    kept: list[discord.Interaction[Any]] = []

    async def keep(interaction: discord.Interaction[Any]) -> None:
        kept.append(interaction)

    office.add_listener(keep, "on_interaction")
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.dm(world.ben).says(world.ben, SECRET)
            await office.finished.get()
            await PLAYS["slash-command"](
                Stage(platform=platform, office=office), world.kitchen, world.ada, "hello"
            )
            before = len(platform.sent)

            async def answer(_: discord.Message, text: str) -> None:
                await kept[0].followup.send(SECRET, ephemeral=True)

            office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
            world.kitchen.says(world.ben, "go")
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert SECRET not in everything(platform, since=before)


async def test_a_worker_that_the_first_started_neither_reads_nor_speaks_for_the_second(
    wall: Wall, platform: Discord
) -> None:
    model = EchoModel()
    world, office = platform.world, Office(wall.guard_model(model.__call__))
    work: asyncio.Queue[tuple[discord.Message, str]] = asyncio.Queue()
    errors: asyncio.Queue[type[Exception]] = asyncio.Queue()
    workers: list[asyncio.Task[None]] = []

    async def loop() -> None:
        while True:
            message, text = await work.get()
            try:
                await message.channel.send(await office.think(text))
            except (Denied, NoTurn, TurnClosed) as error:
                errors.put_nowait(type(error))
            finally:
                office.finished.put_nowait(None)

    async def answer(message: discord.Message, text: str) -> None:
        if not workers:
            workers.append(asyncio.create_task(loop()))
        work.put_nowait((message, text))

    office.answer = answer  # type: ignore[method-assign]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            world.kitchen.says(world.ada, SECRET)
            for _ in range(2):
                await office.finished.get()
            before = len(platform.sent)
            world.lab.says(world.cy, "what do you know?")
            for _ in range(2):
                await office.finished.get()
        for each in workers:
            each.cancel()
        await handle.drain(60)
        handle.uninstall()
    assert SECRET not in everything(platform, since=before)
    assert errors.qsize() == 1


@pytest.mark.parametrize("way", ["history", "cache", "fetch"])
async def test_what_a_handler_reads_elsewhere_is_not_shown_here(
    wall: Wall, platform: Discord, way: str
) -> None:
    model = EchoModel()
    world, office = platform.world, Office(wall.guard_model(model.__call__))
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            said = world.kitchen.says(world.ada, SECRET)
            await office.finished.get()
            before, asked = len(platform.sent), len(model.requests)

            async def answer(message: discord.Message, text: str) -> None:
                there = cast("discord.TextChannel", office.get_channel(int(world.kitchen.id)))
                found = {
                    "history": lambda: _all(there.history(limit=5)),
                    "cache": lambda: _now([one.content for one in office.cached_messages]),
                    "fetch": lambda: _one(there, int(said["id"])),
                }
                read = " ".join(await found[way]())
                assert SECRET in read
                await message.channel.send(await office.think(f"{text} {read}"))
                await message.channel.send(read)

            office.heard.clear()
            office.answer = answer  # type: ignore[method-assign]  # the bot's own, for this test
            world.lab.says(world.cy, "what do they say?")
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert SECRET not in everything(platform, since=before)
    assert SECRET not in str(model.requests[asked:])


async def _all(found: Any) -> list[str]:
    return [one.content async for one in found]


async def _now(found: list[str]) -> list[str]:
    return found


async def _one(there: discord.TextChannel, id: int) -> list[str]:
    return [(await there.fetch_message(id)).content]


async def test_a_poll_is_its_senders_words_and_is_searched_for_like_any(
    wall: Wall, platform: Discord
) -> None:
    world, office = platform.world, Office(EchoModel())
    heard: list[str] = []

    async def answer(message: discord.Message, _: str) -> None:
        if message.poll is not None:
            heard.append(message.poll.question)
        else:
            await message.channel.send(f"they ask: {heard[0]}")

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            poll = {
                "question": {"text": SECRET},
                "answers": [{"answer_id": 1, "poll_media": {"text": "yes"}}],
                "expiry": "2030-01-01T00:00:00+00:00",
                "allow_multiselect": False,
                "layout_type": 1,
            }
            world.dm(world.ada).post(world.ada.shown(), "vote", poll=poll)
            await office.finished.get()
            world.lab.says(world.cy, "what do they ask?")
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert heard == [SECRET]
    assert SECRET not in everything(platform)


async def test_a_thread_belongs_to_the_tenant_of_its_channel(tmp_path: Path) -> None:
    """A client of an agency opens a thread in their channel: that makes nobody a member of the agency."""
    async with served() as platform:
        world, office = platform.world, Office(EchoModel())
        tenants: list[str] = []

        async def answer(message: discord.Message, _: str) -> None:
            tenants.append(pw.turn().opened.turn.principal.tenant)
            await message.channel.send("hello")
            there = cast("discord.TextChannel", office.get_channel(int(world.kitchen.id)))
            if message.channel != there:
                await there.send("and here")

        office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
        guild = {"channel": "discord", "realm": world.acme.id}
        client = {**guild, "conversation": world.kitchen.id}
        named = [{"id": "agency", "realms": [guild]}, {"id": "client", "realms": [client]}]
        async with memory_wall(tmp_path, tenant=named) as wall:
            handle = guard(office, wall, unguarded_model=True)
            async with platform.online(office):
                await office.wait_until_ready()
                world.kitchen.says(world.ada, "in the channel")
                world.news.says(world.ada, "elsewhere")
                on = next(iter(world.kitchen.messages.values()))
                for thread in (world.kitchen.thread("talk"), world.kitchen.thread("on it", on=on)):
                    thread.says(world.ada, "in a thread")
                for _ in range(4):
                    await office.finished.get()
                await handle.drain(60)
            handle.uninstall()
    assert sorted(tenants) == ["agency", "client", "client", "client"]
    # The thread's parent is another place, and so is the channel seen from elsewhere.
    assert [type(error) for error in office.errors] == [Denied] * 3
    assert platform.sent.contents.count("and here") == 0


async def test_what_is_taken_back_in_an_archived_thread_is_purged(wall: Wall, platform: Discord) -> None:
    model = EchoModel()
    world, office = platform.world, Office(wall.guard_model(model.__call__))
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            await office.wait_until_ready()
            thread = world.kitchen.thread("talk")
            said = thread.says(world.ada, SECRET)
            await office.finished.get()
            await handle.drain(60)
            archived = {
                **thread.shown(),
                "thread_metadata": {**thread.shown()["thread_metadata"], "archived": True},
            }
            world.emit("THREAD_UPDATE", archived)
            thread.deletes(said)
            thread.says(world.ada, "what did I say?")
            await office.finished.get()
            await handle.drain(60)
        handle.uninstall()
    assert "what did I say?" in str(model.requests[-1])
    assert SECRET not in str(model.requests[-1])


async def test_a_message_of_a_channel_that_nobody_knows_reaches_no_handler(
    wall: Wall, platform: Discord
) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            said = world.kitchen.says(world.ada, "hello")
            await office.finished.get()
            lost = {**said, "id": world.ids.new(), "channel_id": "77", "guild_id": world.acme.id}
            world.emit("MESSAGE_CREATE", {**lost, "content": SECRET})
            world.emit("MESSAGE_DELETE", {"id": said["id"], "channel_id": "77", "guild_id": world.acme.id})
            world.lab.says(world.cy, "end")
            await office.finished.get()
            await handle.drain(60)
        handle.uninstall()
    assert [one["content"] for one in office.heard] == ["hello", "end"]
    assert office.errors == []


@pytest.mark.parametrize("place", ["thread", "thread-of-a-message"])
async def test_an_interaction_in_a_thread_is_answered_there_and_not_beside_it(
    wall: Wall, platform: Discord, place: str
) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await office.wait_until_ready()
            on = world.kitchen.post(world.relay.shown(), "root") if place != "thread" else None
            thread = world.kitchen.thread("talk", on=on)
            stage = Stage(platform=platform, office=office)
            for play in ("slash-command", "deferred-command", "button", "form", "reaction"):
                await PLAYS[play](stage, thread, world.ada, "hello")
            before = len(platform.sent)

            async def think(_: str) -> str:
                await cast("discord.TextChannel", office.get_channel(int(world.kitchen.id))).send(SECRET)
                return "unreached"

            office.think = think  # type: ignore[method-assign,assignment]  # the bot's own, for this test
            assert office.errors == []
            await PLAYS["slash-command"](stage, thread, world.ada, "hello")
        await handle.drain(60)
        handle.uninstall()
    assert [type(error) for error in office.errors] == [Denied]
    assert SECRET not in everything(platform, since=before)


async def test_words_in_the_name_of_a_button_are_words(wall: Wall, platform: Discord) -> None:
    """Clients do not show it, and whoever asks Discord for the message reads it."""
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.dm(world.ada).says(world.ada, SECRET)
            await office.finished.get()
            before = len(platform.sent)

            async def answer(message: discord.Message, text: str) -> None:
                for name in ("plain:7", f"retry {SECRET}"):
                    view = discord.ui.View()
                    view.add_item(discord.ui.Button(label="Again", custom_id=name))
                    await message.channel.send("Press.", view=view)

            office.answer = answer  # type: ignore[method-assign]  # the bot's own, for this test
            world.lab.says(world.cy, "go")
            await office.finished.get()
        await handle.drain(60)
        handle.uninstall()
    assert [type(error) for error in office.errors] == [Denied]
    assert platform.sent.contents.count("Press.") == 1
    assert SECRET not in everything(platform, since=before)
