"""What a guarded Discord bot is told: judged before the cache, in its own turn, and nothing else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, cast

import discord
import pytest
from discord.ext import commands, tasks

import partywall as pw
from adapters.discord import asked, gate
from adapters.discord.hooks import counts
from adapters.doors import State
from firewall.core.errors import MisuseError
from partywall.guarding import guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.plays import PLAYS, Stage
from tests.fakes.discord.server import Discord, served


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


class Log(logging.Handler):
    """Waits for a line of the wall's log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put_nowait(record.getMessage())

    async def until(self, piece: str) -> str:
        async with asyncio.timeout(10):
            while piece not in (line := await self.lines.get()):
                pass
        return line


@pytest.fixture
def log() -> Iterator[Log]:
    heard, ours = Log(), logging.getLogger("partywall")
    before = ours.level
    ours.addHandler(heard)
    ours.setLevel(logging.INFO)
    yield heard
    ours.removeHandler(heard)
    ours.setLevel(before)


async def test_one_turn_at_a_time_so_an_edit_never_changes_what_a_handler_reads(
    wall: Wall, platform: Discord
) -> None:
    world, office = platform.world, Office(EchoModel())
    go, read = asyncio.Event(), list[str]()

    async def answer(message: discord.Message, _: str) -> None:
        await go.wait()
        read.append(f"{message.content}: {pw.turn().text}")

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            said = world.kitchen.says(world.ada, "first")
            world.kitchen.edits(said, "second")
            world.lab.says(world.cy, "hello")
            go.set()
            for _ in range(3):
                await office.finished.get()
        handle.uninstall()
    assert sorted(read) == ["first: first", "hello: hello", "second: second"]
    assert read.index("first: first") < read.index("second: second")


async def test_a_change_that_its_author_did_not_make_is_not_passed_on(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            said = world.kitchen.says(world.ada, "see https://example.org")
            await office.finished.get()
            preview = {**said, "guild_id": world.acme.id, "embeds": [{"title": SECRET, "type": "link"}]}
            world.emit("MESSAGE_UPDATE", preview)
            await log.until("not an edit by its author")
            kept = next(one for one in office.cached_messages if one.id == int(said["id"]))
            assert kept.embeds == []
        handle.uninstall()
    assert office.finished.empty()


async def test_the_bots_own_messages_are_cached_and_are_nobodys(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    heard: list[int] = []

    async def listener(message: discord.Message) -> None:
        heard.append(message.author.id)

    office.add_listener(listener, "on_message")
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        stage = Stage(platform=platform, office=office)
        async with platform.online(office):
            for name in ("channel", "subcommand", "slash-command", "reaction"):
                await PLAYS[name](stage, world.kitchen, world.ada, "hello")
            own = [one for one in office.cached_messages if one.author == office.user]
            world.kitchen.reacts(world.bot, next(reversed(world.kitchen.messages.values())), "👍")
        runtime = wall.opened
        assert runtime is not None
        await handle.drain(60)
        handle.uninstall()
    # The answer for one alone comes back without its guild, and is no direct message of anybody.
    assert any(one.guild is None and one.flags.ephemeral for one in own)
    assert len(own) >= 4
    assert set(heard) == {int(world.ada.id)}
    assert office.errors == []


async def test_what_is_taken_back_is_purged_and_no_handler_is_shown_it_again(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    shown: list[str] = []

    async def snipe(message: discord.Message) -> None:
        shown.append(message.content)

    office.add_listener(snipe, "on_message_delete")
    office.model = wall.guard_model(EchoModel().__call__)
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            said = world.kitchen.says(world.ada, SECRET)
            await office.finished.get()
            await handle.drain(60)
            world.kitchen.deletes(said)
            await log.until("taken back")
            assert int(said["id"]) not in [one.id for one in office.cached_messages]
            office.heard.clear()
            world.kitchen.says(world.ada, "what did I say?")
            answer = await platform.sent.until(lambda one: one.says and "what did I say?" in one.content)
            await handle.drain(60)
        handle.uninstall()
    assert SECRET not in answer.content
    assert shown == []


async def test_what_is_taken_back_before_its_turn_never_reaches_a_handler(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    go, read = asyncio.Event(), list[str]()

    async def answer(_: discord.Message, text: str) -> None:
        read.append(text)
        await go.wait()

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            world.kitchen.says(world.ada, "first")
            await platform.gateway.until(lambda: True)
            said = world.kitchen.says(world.ada, SECRET)
            world.kitchen.deletes(said)
            await log.until("taken back")
            go.set()
            await office.finished.get()
            await handle.drain(60)
        handle.uninstall()
    assert read == ["first"]


async def test_an_edit_that_is_taken_back_while_it_waits_never_reaches_a_handler(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    go, reading, read = asyncio.Event(), asyncio.Event(), list[str]()

    async def answer(_: discord.Message, text: str) -> None:
        read.append(text)
        reading.set()
        await go.wait()

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            said = world.kitchen.says(world.ada, "hello")
            world.kitchen.edits(said, SECRET)
            # The message has its turn, and the edit waits for it.
            await reading.wait()
            world.kitchen.deletes(said)
            await log.until("taken back")
            go.set()
            await office.finished.get()
            await handle.drain(60)
        handle.uninstall()
    assert read == ["hello"]


async def test_signs_and_votes_change_the_cache_and_start_no_handler(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    heard: list[str] = []

    async def listener(*_: object) -> None:
        heard.append("called")

    for event in ("on_raw_reaction_remove", "on_typing", "on_raw_typing", "on_audit_log_entry_create"):
        office.add_listener(listener, event)
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        stage = Stage(platform=platform, office=office)
        async with platform.online(office):
            await PLAYS["reaction"](stage, world.kitchen, world.ada, "hello")
            said = next(iter(world.kitchen.messages.values()))
            cached = next(one for one in office.cached_messages if one.id == int(said["id"]))
            assert [str(one.emoji) for one in cached.reactions] == ["👍"]
            world.kitchen.react(world.ada, said, "👍", taken_back=True)
            await log.until("MESSAGE_REACTION_REMOVE")
            assert cached.reactions == []
            world.emit(
                "TYPING_START", {"channel_id": world.kitchen.id, "user_id": world.ada.id, "timestamp": 1}
            )
            await log.until("TYPING_START")
        handle.uninstall()
    assert heard == []


def is_open(wall: Wall) -> bool:
    return wall.opened is not None


async def test_the_wall_is_open_before_the_first_interaction_comes(wall: Wall, platform: Discord) -> None:
    # It takes longer than the three seconds that an interaction has.
    office, own = Office(EchoModel()), list[bool]()
    handle = guard(office, wall, unguarded_model=True)
    before = office.setup_hook

    async def setup_hook() -> None:
        own.append(is_open(wall))
        await before()

    assert not is_open(wall)
    office.event(setup_hook)  # as bots do, after they were guarded
    async with AsyncExitStack() as stack:
        stack.push_async_callback(wall.close)
        await stack.enter_async_context(platform.online(office))
    assert own == [True]
    handle.uninstall()
    assert "_async_setup_hook" not in vars(office)


async def test_an_interaction_that_cannot_be_answered_in_time_is_dropped_with_a_reason(
    wall: Wall, platform: Discord, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "ANSWER_S", 0.02)
    world, office = platform.world, Office(EchoModel())
    go, started = asyncio.Event(), asyncio.Event()

    async def answer(*_: object) -> None:
        started.set()
        await go.wait()

    office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.kitchen.says(world.ada, "first")
            await started.wait()
            late = world.kitchen.slash("ask", {"question": SECRET}, world.ada)
            line = await log.until("INTERACTION_CREATE")
            # The others wait for nobody, however slow the machine.
            monkeypatch.setattr(gate, "ANSWER_S", 60.0)
            world.kitchen.slash("ask", {"question": "and me?"}, world.ben)
            await office.finished.get()
            go.set()
            await office.finished.get()
            await handle.drain(60)
            world.kitchen.slash("ask", {"question": "now?"}, world.ada)
            await office.finished.get()
        handle.uninstall()
    assert "did not end in time" in line
    assert not late.answered
    assert SECRET not in str(office.heard)
    assert office.errors == []


async def test_a_view_that_waits_keeps_no_turn_open(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.kitchen.slash("panel", {}, world.ada)
            await office.finished.get()
            async with asyncio.timeout(5):
                await handle.drain(60)
        handle.uninstall()


async def test_a_waiter_s_turn_ends_and_what_it_is_told_by_others_stays_theirs(
    wall: Wall, platform: Discord
) -> None:
    model = EchoModel()
    world, office = platform.world, Office(wall.guard_model(model.__call__))
    asking = asyncio.Event()

    async def answer(message: discord.Message, text: str) -> None:
        if message.author.name != "ada":
            return
        asking.set()
        found = await office.wait_for("message", check=lambda one: one.author.name == "cy")
        await message.channel.send(await office.think(f"{text} {found.content}"))

    office.answer = answer  # type: ignore[method-assign]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall)
        async with platform.online(office):
            world.kitchen.says(world.ada, "who knows?")
            await asking.wait()
            world.lab.says(world.cy, SECRET)
            for _ in range(2):
                await office.finished.get()
            await handle.drain(60)
        handle.uninstall()
    assert SECRET not in str(platform.sent.contents)
    assert SECRET not in str(model.requests)


async def test_a_resumed_connection_is_still_guarded(wall: Wall, platform: Discord) -> None:
    world, office = platform.world, Office(EchoModel())
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            world.kitchen.says(world.ada, SECRET)
            await office.finished.get()
            platform.gateway.drops()
            await platform.gateway.until_resumed()
            world.lab.says(world.cy, "and?")
            await office.finished.get()
            assert {row.state for row in handle.report()[:-1]} == {State.COVERED}
        handle.uninstall()
    (said,) = [one for one in platform.sent if one.says and one.channel == world.lab.id]
    assert SECRET not in said.content


async def test_a_store_that_does_not_answer_keeps_the_handlers_from_running(
    wall: Wall, platform: Discord, log: Log
) -> None:
    world, office = platform.world, Office(EchoModel())
    handle = guard(office, wall)
    async with platform.online(office):
        await wall.close()
        world.kitchen.says(world.ada, SECRET)
        line = await log.until("was not handled")
    handle.uninstall()
    assert line == "a delivery (MESSAGE_CREATE) was not handled: StoreUnavailable"
    assert office.heard == []


@pytest.mark.parametrize(
    ("name", "private"), [("channel", False), ("slash-command", True), ("deferred-command", True)]
)
async def test_a_refusal_is_told_to_who_asked_alone(
    wall: Wall, platform: Discord, name: str, private: bool
) -> None:
    world, office = platform.world, Office(EchoModel())

    async def think(_: str) -> str:
        channel = cast("discord.TextChannel", office.get_channel(int(world.lab.id)))
        await channel.send("elsewhere")
        return ""

    office.think = think  # type: ignore[method-assign,assignment]  # the bot's own, for this test
    async with wall:
        handle = guard(office, wall, unguarded_model=True)
        async with platform.online(office):
            await PLAYS[name](Stage(platform=platform, office=office), world.kitchen, world.ada, "hello")
            await handle.drain(60)
        handle.uninstall()
    (told,) = [one for one in platform.sent if "stopped by the operator" in one.content]
    assert told.ephemeral is private
    assert told.channel == (world.kitchen.id if private else world.dm(world.ada).id)
    assert world.lab.messages == {}


# The bot hands every play's words to the other tenant: after a few, its reader would be held.
@pytest.mark.wall(oracle={"findings": 1_000})
async def test_nothing_that_anybody_said_is_logged(
    wall: Wall, platform: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    world, office = platform.world, Office(EchoModel())
    stage = Stage(platform=platform, office=office)
    with caplog.at_level(logging.INFO):
        async with wall:
            handle = guard(office, wall, unguarded_model=True)
            async with platform.online(office):
                for name, play in PLAYS.items():
                    await play(stage, world.kitchen, world.ada, f"{SECRET} {name}")
                    await play(stage, world.lab, world.cy, "and?")
                    office.heard.clear()
                said = world.kitchen.says(world.relay, SECRET)
                world.kitchen.edits(said, SECRET)
                world.kitchen.thread(SECRET)
                await handle.drain(60)
            handle.uninstall()
    assert "partywall" in {record.name for record in caplog.records}
    assert "Initech" not in caplog.text
    assert "Initech" not in "".join(str(record.exc_info or "") for record in caplog.records)


def test_the_library_s_own_timers_do_not_count_and_its_handlers_do() -> None:
    async def own() -> None:
        return None

    # The library keeps them to itself.
    client: Any = discord.Client(intents=discord.Intents.none())
    view: Any = discord.ui.View.__new__(discord.ui.View)
    loop: Any = tasks.loop(seconds=1)(own)
    # By the end of its name, which begins with that of its class: `View`, and `BaseView` since 2.6.
    (timeout,) = (name for name in dir(view) if name.endswith("__timeout_task_impl"))
    library = {
        "handler": (client._run_event(own, "message"), True),
        "view": (view._scheduled_task(None, None), True),
        "timeout": (getattr(view, timeout)(), False),
        "loop": (loop._loop(), False),
        "own": (own(), True),
    }
    for started, wanted in library.values():
        assert counts(started) is wanted
        started.close()


def test_only_the_youngest_interactions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST", 2)
    desk, place = asked.Desk(), pw.message("", channel="discord", realm="1", sender="2", conversation="3")
    for number in ("1", "2", "3"):
        made = asked.Asked(
            number=number, token=f"t{number}", place=place.conversation, who=place.sender.principal_id
        )
        assert desk.add(made) is made
        assert "t" not in repr(made).removeprefix("Asked")
    assert [desk.find(f"t{number}") is not None for number in ("1", "2", "3")] == [False, True, True]


# The extension.


async def test_the_extension_guards_the_bot_that_loads_it(wall: Wall, platform: Discord) -> None:
    office = Office(EchoModel())
    office.wall = wall  # type: ignore[attr-defined]
    office.unguarded_model = True  # type: ignore[attr-defined]
    async with wall:
        await office.load_extension("partywall.discord")
        cog = cast("Any", office.get_cog("Partywall"))
        async with platform.online(office):
            world = platform.world
            world.kitchen.says(world.ada, SECRET)
            await office.finished.get()
            await office.unload_extension("partywall.discord")
            assert {row.state for row in cog.handle.report()[:-1]} == {State.COVERED}
            world.lab.says(world.cy, "and?")
            await office.finished.get()
            await cog.handle.drain(60)
        cog.handle.uninstall()
    assert len(platform.sent.contents) == 2
    assert SECRET not in platform.sent.contents[1]


async def test_the_extension_wants_a_wall() -> None:
    office = Office(EchoModel())
    with pytest.raises(commands.ExtensionFailed) as caught:
        await office.load_extension("partywall.discord")
    assert isinstance(caught.value.original, MisuseError)
    assert "bot.wall" in str(caught.value.original)
