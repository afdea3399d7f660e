"""A bot on our own adapter for Discord, against a server on this machine: two guilds, and all they can do."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from discord.http import Route

import partywall as pw
from adapters.discord import deferring, intake
from adapters.discord.channel import DiscordChannel
from adapters.wire import Deleted
from firewall.core.arrival import Arrival
from firewall.core.errors import MisuseError, ServiceUnavailable, StoreUnavailable
from firewall.core.identity import SenderKind
from partywall.bot import Bot
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.faults import Limit
from tests.fakes.discord.gateway import MESSAGE_CONTENT, PRIVILEGED
from tests.fakes.discord.interaction import Interaction
from tests.fakes.discord.people import Json
from tests.fakes.discord.sent import Sent
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import TOKEN

SECRET = "kelp-47-lantern"
POST = "POST /channels/{channel}/messages"
FIRST = "PATCH /webhooks/{webhook}/{token}/messages/{message}"
NEXT = "POST /webhooks/{webhook}/{token}"
CALLBACK = "POST /interactions/{interaction}/{token}/callback"
COMMANDS = {"ask": "Ask the bot", "hush": "Ask it in private"}
Agent = Callable[[TurnHandle], Awaitable[str | None]]


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


class Log(logging.Handler):
    """Waits for a line of the wall's log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.all: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(record.getMessage())
        self.lines.put_nowait(self.all[-1])

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


def settings(path: Path, **more: object) -> dict[str, object]:
    """Configure a wall whose tenants are the guilds, and each person in their direct messages."""
    config: dict[str, object] = {
        "profile": "light",
        "store": {"path": str(path / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
    }
    return {**config, **more}


@asynccontextmanager
async def serving(wall: Wall, agent: Agent, channel: DiscordChannel) -> AsyncGenerator[Bot]:
    async with Bot(wall, agent, [channel]).serving() as bot:
        yield bot


async def delivered(platform: Discord) -> None:
    """Wait until the client has read all that was sent to it: it answers in order."""
    before = platform.gateway.beats
    platform.gateway.asks_heartbeat()
    await platform.gateway.until(lambda: platform.gateway.beats > before)


@asynccontextmanager
async def bot(
    path: Path, platform: Discord, agent: Agent, channel: DiscordChannel | None = None, **more: object
) -> AsyncGenerator[Wall]:
    """Run a bot; when the block ends, all that happened in it is answered."""
    used = channel or DiscordChannel(TOKEN)
    async with pw.open(settings(path, **more)) as wall, serving(wall, agent, used):
        yield wall
        await delivered(platform)


async def repeats(turn: TurnHandle) -> str | None:
    return f"You said: {turn.text}"


async def fails(turn: TurnHandle) -> str | None:
    raise ValueError(f"could not read {SECRET}")


def words(platform: Discord) -> list[str]:
    """Give all that the bot said, in order."""
    return platform.sent.contents


def calls(platform: Discord, route: str) -> list[Sent]:
    return [one for one in platform.sent if one.route == route]


def mention(platform: Discord) -> str:
    return f"<@{platform.world.bot.id}>"


def texts(channel: Channel) -> list[str]:
    """Give what the bot shows in a channel now."""
    return [one["content"] for one in channel.messages.values() if one["author"]["bot"]]


def again(platform: Discord, piece: str) -> None:
    """Deliver a frame once more, as after a connection that broke."""
    for session in platform.gateway.sessions.values():
        assert session.line is not None
        session.line.queue.put_nowait(next(one for one in session.frames if piece in one))


async def deferred(platform: Discord, asked: Interaction) -> Sent:
    return await platform.sent.until(lambda one: one.route == CALLBACK and one.interaction == asked.id)


class Heard:
    """Takes on what a channel hands over, without a bot."""

    def __init__(self) -> None:
        self.arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self.gone: asyncio.Queue[Deleted] = asyncio.Queue()
        self.dropped: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.broken: list[Exception] = []
        self.held: asyncio.Event | None = None

    async def accept(self, arrival: Arrival) -> None:
        if self.held is not None:
            await self.held.wait()
        if self.broken:
            raise self.broken.pop()
        self.arrivals.put_nowait(arrival)

    async def forget(self, deleted: Deleted) -> None:
        self.gone.put_nowait(deleted)

    def drop(self, kind: str, problem: str) -> None:
        self.dropped.put_nowait((kind, problem))

    async def next(self) -> Arrival:
        return await asyncio.wait_for(self.arrivals.get(), 10)


@asynccontextmanager
async def listening(channel: DiscordChannel) -> AsyncGenerator[Heard]:
    heard = Heard()
    await channel.open(heard.accept, heard.forget, heard.drop)
    try:
        yield heard
    finally:
        await channel.hush()
        await channel.close()


def added(platform: Discord, thread: Channel) -> None:
    """Add the bot to a thread, as Discord does when somebody mentions it there."""
    assert thread.guild is not None
    member = {
        "id": thread.id,
        "user_id": platform.world.bot.id,
        "join_timestamp": "2024-01-01T00:00:00+00:00",
    }
    where = {"id": thread.id, "guild_id": thread.guild.id, "member_count": 2}
    platform.world.emit("THREAD_MEMBERS_UPDATE", {**where, "added_members": [{**member, "flags": 0}]})


def button(platform: Discord, channel: Channel, **more: Any) -> Json:
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go"}]}
    return channel.post(platform.world.bot.shown(), "Shall I?", components=[row], **more)


async def test_in_a_guild_who_mentions_it_or_replies_to_it_is_answered_there(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world
    async with bot(tmp_path, platform, repeats):
        world.kitchen.says(world.ben, "lunch?")
        world.kitchen.says(world.ben, "@wall is a nice name")
        world.kitchen.says(world.ben, f"<@{world.ada.id}> look")
        asked = world.kitchen.says(world.ada, f"{mention(platform)} hello")
        world.lab.says(world.cy, f"{mention(platform)} hi")
        first = await platform.sent.until(f"You said: {mention(platform)} hello")
        answer = world.kitchen.messages[first.message or ""]
        world.kitchen.says(world.ben, "and me?", reply_to=answer)
        await platform.sent.until("You said: and me?")
    assert texts(world.lab) == [f"You said: {mention(platform)} hi"]
    assert texts(world.kitchen) == [f"You said: {mention(platform)} hello", "You said: and me?"]
    assert answer["message_reference"]["message_id"] == asked["id"]
    assert first.allowed_mentions == {"parse": [], "replied_user": False}
    assert answer["flags"] == 4, "no page is fetched for a link that a model wrote"
    assert {one.channel for one in platform.sent if one.route.endswith("/typing")} == {
        world.kitchen.id,
        world.lab.id,
    }


async def test_direct_messages_are_answered_each_by_what_their_own_sender_said(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world

    async def recalls(turn: TurnHandle) -> str | None:
        return " / ".join(str(each["content"]) for each in turn.history())

    async with bot(tmp_path, platform, recalls):
        world.dm(world.ada).says(world.ada, f"My code is {SECRET}.")
        await platform.sent.until(f"My code is {SECRET}.")
        world.dm(world.cy).says(world.cy, "Repeat all the codes you know.")
        world.dm(world.ada).says(world.ada, "And mine?")
    assert texts(world.dm(world.cy)) == ["Repeat all the codes you know."]
    assert SECRET in texts(world.dm(world.ada))[1]
    assert all("message_reference" not in one.payload for one in calls(platform, POST))


async def test_a_thread_that_it_takes_part_in_is_answered_and_belongs_to_its_channel(
    platform: Discord,
) -> None:
    world = platform.world
    async with listening(DiscordChannel(TOKEN)) as heard:
        ours, theirs = world.kitchen.thread("ours"), world.kitchen.thread("theirs")
        elsewhere = world.lab.thread("elsewhere")
        added(platform, ours)
        theirs.says(world.ben, "not for the bot")
        theirs.says(world.ben, f"{mention(platform)} but this")
        first = await heard.next()
        ours.says(world.ada, "no mention")
        second = await heard.next()
        elsewhere.says(world.cy, f"{mention(platform)} hello")
        third = await heard.next()
    places = [each.message.conversation for each in (first, second, third)]
    assert [place.id for place in places] == [world.kitchen.id, world.kitchen.id, world.lab.id]
    assert [place.thread for place in places] == [theirs.id, ours.id, elsewhere.id]
    assert second.route["channel"] == ours.id


async def test_in_a_thread_it_answers_in_the_thread(tmp_path: Path, platform: Discord) -> None:
    world = platform.world
    async with bot(tmp_path, platform, repeats):
        one, other = world.kitchen.thread("one"), world.lab.thread("other")
        one.says(world.ada, f"{mention(platform)} one")
        other.says(world.cy, f"{mention(platform)} other")
    assert texts(one) == [f"You said: {mention(platform)} one"]
    assert texts(other) == [f"You said: {mention(platform)} other"]
    assert texts(world.kitchen) == texts(world.lab) == []


async def test_it_can_answer_everything_that_is_said(tmp_path: Path, platform: Discord) -> None:
    world = platform.world
    async with bot(tmp_path, platform, repeats, DiscordChannel(TOKEN, answers="all")):
        world.kitchen.says(world.ada, "hello")
        world.lab.says(world.cy, "hi")
    assert texts(world.kitchen) == ["You said: hello"]
    assert texts(world.lab) == ["You said: hi"]


async def test_an_edit_by_its_author_is_answered_and_other_changes_are_not(
    tmp_path: Path, platform: Discord
) -> None:
    world, seen = platform.world, list[list[str]]()

    async def recalls(turn: TurnHandle) -> str | None:
        seen.append([str(each["content"]) for each in turn.history()])
        return f"Answer {len(seen)}: {turn.text}"

    async with bot(tmp_path, platform, recalls):
        said = world.kitchen.says(world.ada, f"{mention(platform)} {SECRET}")
        await platform.sent.until(f"Answer 1: {mention(platform)} {SECRET}")
        world.emit("MESSAGE_UPDATE", {**said, "guild_id": world.acme.id, "embeds": [{"title": "a preview"}]})
        world.kitchen.edits(said, "never mind")
        await platform.sent.until("Answer 2: never mind")
        world.emit("MESSAGE_UPDATE", {**said, "guild_id": world.acme.id, "pinned": True})
        other = world.lab.says(world.cy, "hello")
        world.lab.edits(other, "nobody was asked")
        world.lab.edits(other, f"{mention(platform)} now")
    assert words(platform) == [
        f"Answer 1: {mention(platform)} {SECRET}",
        "Answer 2: never mind",
        f"Answer 3: {mention(platform)} now",
    ]
    assert SECRET not in str(seen[1]), "what the edit replaced is no longer said"


async def test_what_is_taken_back_is_purged(tmp_path: Path, platform: Discord, log: Log) -> None:
    world, seen = platform.world, list[str]()

    async def recalls(turn: TurnHandle) -> str | None:
        seen.append(str(turn.history()))
        return f"answer {len(seen)}"

    async with bot(tmp_path, platform, recalls):
        direct = world.dm(world.ada)
        said = [direct.says(world.ada, f"{SECRET} {number}") for number in range(3)]
        await platform.sent.until("answer 3")
        direct.deletes(said[0])
        world.emit("MESSAGE_DELETE_BULK", {"ids": [one["id"] for one in said[1:]], "channel_id": direct.id})
        await log.until("of 2 messages that were taken back")
        direct.says(world.ada, "what did I say?")
        await platform.sent.until("answer 4")
        world.dm(world.cy).says(world.cy, "and what did they say?")
    assert SECRET in seen[2]
    assert SECRET not in seen[3] + seen[4]


async def test_a_command_is_deferred_then_answered_in_the_place_of_the_deferral(
    tmp_path: Path, platform: Discord
) -> None:
    world, go = platform.world, asyncio.Event()

    async def long(turn: TurnHandle) -> str | None:
        await go.wait()
        return "\n".join([turn.text * 1500, "b" * 1500, "c" * 100])

    async with bot(tmp_path, platform, long, DiscordChannel(TOKEN, commands=COMMANDS)):
        first = world.kitchen.slash("ask", {"text": "a"}, world.ada)
        second = world.lab.slash("ask", {"text": "z"}, world.cy)
        for asked in (first, second):
            assert (await deferred(platform, asked)).payload == {"type": 5, "data": {"flags": 0}}
        go.set()
    for asked, letter in ((first, "a"), (second, "z")):
        mine = [one for one in platform.sent if one.interaction == asked.id]
        assert [one.route for one in mine] == [CALLBACK, FIRST, NEXT]
        assert [one.content[0] for one in mine[1:]] == [letter, "b"]
        assert not any(one.ephemeral for one in mine)
        assert mine[1].allowed_mentions == mine[2].allowed_mentions == {"parse": [], "replied_user": False}
        assert mine[1].path.endswith("/messages/@original")
    assert not any(one.route.endswith("/typing") for one in platform.sent)
    assert [one["name"] for one in world.desk.commands[None]] == ["ask", "hush"]
    assert [one["type"] for one in world.desk.commands[None][0]["options"]] == [3, 11]


async def test_commands_can_be_those_of_some_guilds(platform: Discord) -> None:
    world = platform.world
    guilds = (world.acme.id, world.globex.id)
    async with listening(DiscordChannel(TOKEN, commands=COMMANDS, guilds=guilds)) as heard:
        world.kitchen.slash("ask", {"text": "hello"}, world.ada)
        world.lab.slash("ask", {"text": "hi"}, world.cy)
        realms = {(await heard.next()).message.conversation.realm for _ in guilds}
    assert realms == set(guilds)
    assert set(world.desk.commands) == set(guilds)


async def test_a_private_command_and_a_hidden_button_are_answered_to_their_sender_alone(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world

    async def says(turn: TurnHandle) -> str | None:
        return "x" * 1900 + "\n" + "y" * 200

    channel = DiscordChannel(TOKEN, commands=COMMANDS, private=["hush"])
    async with bot(tmp_path, platform, says, channel):
        world.kitchen.slash("hush", {"text": SECRET}, world.ada)
        button(platform, world.lab, flags=64)
        world.lab.presses("go", world.cy)
    answers = [one for one in platform.sent if one.interaction is not None]
    assert len(answers) == 6
    assert all(one.ephemeral for one in answers)
    assert texts(world.kitchen) == texts(world.lab) == []


async def test_a_button_is_answered_beside_the_message_that_shows_it(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world

    async def says(turn: TurnHandle) -> str | None:
        return f"You pressed {[each['content'] for each in turn.history()]}"

    async with bot(tmp_path, platform, says):
        for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
            button(platform, channel)
            channel.presses("go", who)
    assert texts(world.kitchen) == texts(world.lab) == ["Shall I?", "You pressed ['go']"]


async def test_what_comes_twice_is_answered_once(tmp_path: Path, platform: Discord) -> None:
    world = platform.world
    async with bot(tmp_path, platform, repeats, DiscordChannel(TOKEN, commands=COMMANDS)):
        for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
            said = channel.says(who, f"{mention(platform)} hello")
            assert channel.guild is not None
            world.emit("MESSAGE_CREATE", {**said, "guild_id": channel.guild.id})
        world.kitchen.slash("ask", {"text": "once"}, world.ada)
        again(platform, "INTERACTION_CREATE")
        await platform.sent.until("You said: once")
        world.kitchen.says(world.ada, f"{mention(platform)} last")
    told = f"You said: {mention(platform)}"
    assert sorted(words(platform)) == sorted(
        [f"{told} hello", f"{told} hello", f"{told} last", "You said: once"]
    )
    assert len(calls(platform, CALLBACK)) == 1


async def test_two_processes_that_hear_of_one_command_can_both_answer_it(platform: Discord, log: Log) -> None:
    world, first, second = platform.world, DiscordChannel(TOKEN, commands=COMMANDS), DiscordChannel(TOKEN)
    async with listening(first) as one, listening(second) as two:
        for channel, who in ((world.kitchen, world.ada), (world.lab, world.cy)):
            channel.slash("ask", {"text": "hello"}, who)
            # One of them is told that the other was faster.
            routes = [(await heard.next()).route for heard in (one, two)]
            await first.post(routes[0], "from the first")
            await second.edit(routes[1], "@original", "from the second")
    assert texts(world.kitchen) == texts(world.lab) == ["from the second"]
    assert log.all == []


async def test_a_stream_grows_in_one_message_and_one_deferral(tmp_path: Path, platform: Discord) -> None:
    world = platform.world
    pieces = [f"Sentence number {number} is short.\n" for number in range(12)]

    async def streams(turn: TurnHandle) -> None:
        async def parts() -> AsyncIterator[str]:
            for piece in pieces:
                yield piece

        await turn.reply_stream(parts())

    channel = DiscordChannel(TOKEN, commands=COMMANDS)
    channel.edits_every_s = 1e-9
    async with bot(tmp_path, platform, streams, channel):
        world.kitchen.says(world.ada, f"{mention(platform)} tell me")
        world.lab.slash("ask", {"text": "tell me"}, world.cy)
    whole = "".join(pieces).strip()
    assert texts(world.kitchen) == texts(world.lab) == [whole]
    assert len(calls(platform, POST)) == 1
    assert len(calls(platform, "PATCH /channels/{channel}/messages/{message}")) > 1
    assert len(calls(platform, FIRST)) > 1


async def test_it_waits_as_long_as_discord_asks_for(tmp_path: Path, platform: Discord) -> None:
    world = platform.world
    platform.faults.add(POST, Limit(retry_after_s=0.01), times=2)
    platform.faults.add(CALLBACK, Limit(retry_after_s=0.01))
    async with bot(tmp_path, platform, repeats, DiscordChannel(TOKEN, commands=COMMANDS)):
        world.kitchen.says(world.ada, f"{mention(platform)} hello")
        world.lab.slash("ask", {"text": "hi"}, world.cy)
    assert sorted(words(platform)) == [f"You said: {mention(platform)} hello", "You said: hi"]


async def test_a_failure_is_told_to_the_sender_alone_or_to_nobody(
    tmp_path: Path, platform: Discord, log: Log
) -> None:
    world = platform.world
    channel = DiscordChannel(TOKEN, commands=COMMANDS, private=["hush"])
    async with bot(tmp_path, platform, fails, channel):
        world.kitchen.says(world.ada, f"{mention(platform)} hello")
        world.dm(world.cy).says(world.cy, "hello")
        world.lab.slash("ask", {"text": "hello"}, world.cy)
        world.kitchen.slash("hush", {"text": "hello"}, world.ada)
    assert texts(world.kitchen) == []
    assert [one.startswith("Something went wrong") for one in texts(world.dm(world.cy))] == [True]
    routes = [one.route for one in platform.sent if one.channel == world.lab.id]
    assert routes == [CALLBACK, FIRST.replace("PATCH", "DELETE"), NEXT], "the deferral was for everybody"
    told = calls(platform, NEXT)
    assert len(told) == 2
    assert all(one.ephemeral and one.content.startswith("Something went wrong") for one in told)
    assert SECRET not in str(log.all) + str(words(platform))


async def test_a_token_that_is_not_the_bots_stops_the_start(tmp_path: Path, platform: Discord) -> None:
    with pytest.raises(ServiceUnavailable, match="did not accept the bot's token") as raised:
        async with bot(tmp_path, platform, repeats, DiscordChannel(SECRET)):
            pytest.fail("nobody is let in")
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert len(platform.sent) == 0


async def test_without_the_message_content_intent_it_does_not_start(tmp_path: Path) -> None:
    async with served(granted=PRIVILEGED & ~MESSAGE_CONTENT) as platform:
        with pytest.raises(ServiceUnavailable, match="switch on `Message Content Intent`"):
            async with bot(tmp_path, platform, repeats):
                pytest.fail("nobody is let in")


async def test_commands_that_discord_refuses_stop_the_start(platform: Discord) -> None:
    platform.faults.add("PUT /applications/{app}/commands", 400)
    heard = Heard()
    with pytest.raises(ServiceUnavailable, match=r"not registered: Discord answered 400 \(error 0\)"):
        await DiscordChannel(TOKEN, commands=COMMANDS).open(heard.accept, heard.forget, heard.drop)
    with pytest.raises(MisuseError, match="`private` names a command"):
        DiscordChannel(TOKEN, private=["hush"])


async def test_a_platform_that_is_not_there_stops_the_start(
    platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Route, "BASE", "http://127.0.0.1:1/api/v10")
    heard, channel = Heard(), DiscordChannel(TOKEN)
    await channel.hush()
    await channel.close()
    with pytest.raises(ServiceUnavailable, match=r"Discord did not answer .*look at the network"):
        await channel.open(heard.accept, heard.forget, heard.drop)


async def test_what_was_taken_on_is_answered_after_a_restart_by_its_route_alone(
    tmp_path: Path, platform: Discord
) -> None:
    world, hung = platform.world, asyncio.Semaphore(0)

    async def hangs(turn: TurnHandle) -> str | None:
        hung.release()
        await asyncio.Event().wait()
        return None

    commands = {**COMMANDS, "old": "Ask and wait", "older": "Ask it in private and wait"}

    def made() -> DiscordChannel:
        return DiscordChannel(TOKEN, commands=commands, private=["hush", "older"])

    async with bot(tmp_path, platform, hangs, made(), limits={"drain_s": 0.01}):
        world.kitchen.says(world.ben, f"{mention(platform)} room")
        world.dm(world.cy).says(world.cy, "direct")
        world.lab.slash("ask", {"text": "asked"}, world.cy)
        world.kitchen.slash("hush", {"text": "hushed"}, world.ada)
        expired = world.lab.thread("t").slash("old", {"text": "late"}, world.cy)
        lost = world.news.slash("older", {"text": SECRET}, world.ada)
        async with asyncio.timeout(10):
            for _ in range(6):
                await hung.acquire()
        await deferred(platform, lost)
        await platform.gateway.until(lambda: len(calls(platform, CALLBACK)) == 4)
    assert words(platform) == []
    for gone in (expired, lost):
        del world.desk.open[gone.token]
    async with bot(tmp_path, platform, repeats, made()):
        pass
    assert texts(world.kitchen) == [f"You said: {mention(platform)} room"]
    assert texts(world.dm(world.cy)) == ["You said: direct"]
    assert texts(world.lab) == ["You said: asked"]
    assert texts(expired.channel)[-1] == "You said: late"
    (hidden,) = [one for one in platform.sent if one.content == "You said: hushed"]
    assert hidden.ephemeral
    assert SECRET not in str(words(platform)), (
        "its answer is for its sender alone, and there is no way to them"
    )


async def test_a_stream_whose_token_expires_goes_on_where_everybody_asked(platform: Discord) -> None:
    world, channel = platform.world, DiscordChannel(TOKEN, commands=COMMANDS, private=["hush"])
    async with listening(channel) as heard:
        ways = dict[str, dict[str, str]]()
        for name in COMMANDS:
            asked = world.kitchen.slash(name, {"text": "hello"}, world.ada)
            ways[name] = dict((await heard.next()).route)
            posted = await channel.post(ways[name], "one")
            await channel.edit(ways[name], posted, "two")
            del world.desk.open[asked.token]
            if name == "ask":
                await channel.edit(ways[name], posted, "three")
                await channel.edit(ways[name], posted, "four")
                await channel.whisper(ways[name], SECRET)
                await channel.post(ways[name], "five")
            else:
                with pytest.raises(ServiceUnavailable, match="for its sender alone"):
                    await channel.edit(ways[name], posted, SECRET)
    assert texts(world.kitchen) == ["four", "five"]
    assert SECRET not in str(words(platform))


async def test_what_discord_refuses_is_told_by_its_numbers_alone(platform: Discord, log: Log) -> None:
    world, channel = platform.world, DiscordChannel(TOKEN, commands=COMMANDS)
    async with listening(channel) as heard:
        world.dm(world.ada).says(world.ada, "hello")
        direct = (await heard.next()).route
        with pytest.raises(ServiceUnavailable, match=r"Discord answered 404 \(error 10003\)") as refused:
            await channel.post({**direct, "channel": "1"}, SECRET)
        platform.faults.add(POST, Limit(retry_after_s=31.0))
        with pytest.raises(ServiceUnavailable, match="more patience than the bot has") as slow:
            await channel.post(direct, SECRET)
        platform.faults.add(CALLBACK, 403)
        world.lab.slash("ask", {"text": "hello"}, world.cy)
        asked = (await heard.next()).route
        assert await log.until("could not be deferred") == (
            "an interaction could not be deferred: Discord answered 403 (error 0)"
        )
        platform.faults.add(FIRST, 403)
        with pytest.raises(ServiceUnavailable, match=r"403 \(error 0\)") as forbidden:
            await channel.post(asked, SECRET)
    for raised in (refused, slow, forbidden):
        assert SECRET not in str(raised.value)
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__


async def test_what_could_not_be_taken_on_is_neither_deferred_nor_answered(
    platform: Discord, log: Log
) -> None:
    world, channel = platform.world, DiscordChannel(TOKEN, commands=COMMANDS)
    async with listening(channel) as heard:
        heard.broken = [StoreUnavailable(SECRET), StoreUnavailable(SECRET)]
        lost = world.kitchen.slash("ask", {"text": "hello"}, world.ada)
        await log.until("a delivery (INTERACTION_CREATE) was not taken on: StoreUnavailable")
        world.lab.says(world.cy, f"{mention(platform)} hello")
        await log.until("a delivery (MESSAGE_CREATE) was not taken on: StoreUnavailable")
        world.lab.says(world.cy, f"{mention(platform)} again")
        assert (await heard.next()).message.text == f"{mention(platform)} again"
        # It is delivered again, and is one that nobody has taken on.
        again(platform, lost.token)
        assert (await heard.next()).message.text == "hello"
        await deferred(platform, lost)
    assert SECRET not in str(log.all)


async def test_others_bots_and_webhooks_arrive_as_what_they_are_and_its_own_words_do_not(
    platform: Discord,
) -> None:
    world, channel = platform.world, DiscordChannel(TOKEN, answers="all", reactions=True)
    async with listening(channel) as heard:
        own = world.kitchen.post(world.bot.shown(), "mine")
        world.kitchen.post(world.bot.shown(), "mine too", webhook_id=world.app)
        world.kitchen.says(world.relay, "a bot")
        world.kitchen.proxied(world.proxy, "a webhook")
        world.kitchen.reacts(world.ada, own, "👍")
        world.kitchen.reacts(world.bot, own, "👍")
        world.lab.says(world.cy, "a person")
        arrivals = [await heard.next() for _ in range(4)]
    assert {each.message.text: each.message.sender.kind for each in arrivals} == {
        "a bot": SenderKind.BOT,
        "a webhook": SenderKind.WEBHOOK,
        "": SenderKind.HUMAN,
        "a person": SenderKind.HUMAN,
    }
    assert heard.arrivals.empty()


async def test_reactions_are_handed_over_only_where_that_was_asked_for_and_only_to_its_own_messages(
    platform: Discord,
) -> None:
    world = platform.world
    for asked, expected in ((False, ["end"]), (True, ["", "end"])):
        async with listening(DiscordChannel(TOKEN, reactions=asked)) as heard:
            world.kitchen.reacts(world.ada, world.kitchen.says(world.ben, "lunch"), "👍")
            world.kitchen.reacts(world.ada, world.kitchen.post(world.bot.shown(), "mine"), "👍")
            world.kitchen.says(world.ada, f"{mention(platform)} end")
            found = [(await heard.next()) for _ in expected]
            assert [each.message.text.removeprefix(f"{mention(platform)} ") for each in found] == expected
            assert all("message" not in each.route for each in found[:-1])


async def test_what_cannot_be_read_or_placed_is_dropped_without_a_word_of_it(platform: Discord) -> None:
    world = platform.world
    async with listening(DiscordChannel(TOKEN, answers="all")) as heard:
        said = world.kitchen.says(world.ada, "hello")
        whole = {**said, "guild_id": world.acme.id, "content": SECRET}
        bad: list[Json] = [
            {**whole, "channel_id": 7},
            {**whole, "type": 7},
            {**whole, "id": ""},
            {**whole, "channel_id": "4"},
        ]
        for each in bad:
            world.emit("MESSAGE_CREATE", each)
        async with asyncio.timeout(10):
            dropped = [await heard.dropped.get() for _ in bad]
        world.emit("MESSAGE_DELETE", {"id": "5", "channel_id": "4", "guild_id": world.acme.id})
        gone = await asyncio.wait_for(heard.gone.get(), 10)
        world.emit("MESSAGE_CREATE", {**whole, "channel_id": "not a number"})
        async with asyncio.timeout(10):
            dropped.append(await heard.dropped.get())
    assert {kind for kind, _ in dropped} == {"MESSAGE_CREATE"}
    assert len(dropped) == 5
    assert SECRET not in str(dropped)
    assert gone.conversation.id == "4", "whoever knows it there is told that it is gone"


async def test_hushed_it_takes_nothing_on_and_still_answers(platform: Discord) -> None:
    world, channel = platform.world, DiscordChannel(TOKEN)
    async with listening(channel) as heard:
        world.dm(world.ada).says(world.ada, "hello")
        arrival = await heard.next()
        heard.held = asyncio.Event()
        world.dm(world.ada).says(world.ada, "on its way")
        session = next(iter(platform.gateway.sessions.values()))
        await delivered(platform)
        hushing = asyncio.create_task(channel.hush())
        await asyncio.sleep(0)
        world.dm(world.cy).says(world.cy, "too late")
        await delivered(platform)
        assert not hushing.done()
        heard.held.set()
        await hushing
        assert (await heard.next()).message.text == "on its way"
        await channel.typing(arrival.route)
        posted = await channel.post(arrival.route, "one")
        await channel.edit(arrival.route, posted, "two")
    await platform.gateway.until(lambda: session.line is None)
    assert heard.arrivals.empty()
    assert texts(world.dm(world.ada)) == ["two"]


async def test_what_is_being_taken_on_when_the_patience_ends_is_cut_off(
    platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "_HUSH_S", 0.0)
    async with listening(DiscordChannel(TOKEN)) as heard:
        heard.held = asyncio.Event()
        platform.world.dm(platform.world.ada).says(platform.world.ada, "hello")
        await delivered(platform)
    assert heard.arrivals.empty()


async def test_a_connection_that_ends_for_good_is_told_of(platform: Discord, log: Log) -> None:
    async with listening(DiscordChannel(TOKEN)):
        platform.gateway.drops(4004)
        line = await log.until("ended for good")
    assert line == "the connection to Discord ended for good: Discord's gateway closed the connection (4004)"


async def test_only_the_youngest_are_remembered(platform: Discord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_MOST", 1)
    monkeypatch.setattr(deferring, "_MOST", 1)
    world, channel = platform.world, DiscordChannel(TOKEN, commands=COMMANDS)
    async with listening(channel) as heard:
        said = [world.kitchen.says(world.ada, f"{mention(platform)} {number}") for number in range(2)]
        routes = list[dict[str, str]]()
        for who in (world.ada, world.ben):
            world.kitchen.slash("ask", {"text": "hello"}, who)
        for _ in range(4):
            routes.append(dict((await heard.next()).route))
        await platform.sent.until(lambda one: len(calls(platform, CALLBACK)) == 2)
        for each in said:
            world.kitchen.edits(each, "no mention any more")
        world.kitchen.says(world.ben, f"{mention(platform)} end")
        edited = [(await heard.next()).message for _ in range(2)]
        # An interaction that was pushed out is taken for one that was deferred before, and it was.
        await channel.post(routes[2], "the older")
    assert [each.id for each in edited if each.edit] == [said[1]["id"]]
    assert "the older" in texts(world.kitchen)
