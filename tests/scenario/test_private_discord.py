"""Answers for one person alone, asked for in a room of a guild: nobody else there sees a thing of them."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import partywall as pw
from adapters.discord import directs
from adapters.discord.directs import CLOSED
from firewall.core.errors import ServiceUnavailable
from partywall.bot import AgentFunction
from partywall.handle import TurnHandle
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.managed import called, serving, shown, texts
from tests.fakes.discord.people import User
from tests.fakes.discord.sent import Upload
from tests.fakes.discord.server import Discord, served
from tests.fakes.files import settings, stored

SECRET = "kelp-47-lantern"
OPEN = "POST /users/@me/channels"


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


async def repeats(turn: TurnHandle) -> str:
    return "\n".join(str(each["content"]) for each in turn.history())


async def echoes(turn: TurnHandle) -> str:
    return turn.text


async def streams(turn: TurnHandle) -> None:
    async def pieces() -> AsyncIterator[str]:
        for piece in ("You ", "said ", turn.text, "." * 2000):
            yield piece

    await turn.reply_stream(pieces())


async def fails(turn: TurnHandle) -> str:
    raise ValueError(turn.text)


def asks(platform: Discord, text: str = SECRET) -> str:
    return f"{called(platform)} /private {text}"


def touched(platform: Discord, channel: Channel) -> list[str]:
    """Give every call that reached a channel, by its route."""
    return [one.route for one in platform.sent if channel.id in (one.channel, one.thread)]


@pytest.mark.parametrize("way", [repeats, streams])
async def test_what_is_asked_privately_in_a_room_is_answered_to_its_sender_alone(
    tmp_path: Path, platform: Discord, way: AgentFunction
) -> None:
    world = platform.world
    thread = world.kitchen.thread("talk")
    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, way):
        world.kitchen.says(world.ada, asks(platform))
        world.lab.says(world.cy, asks(platform, "what did they say?"))
        thread.says(world.ben, asks(platform, "and me?"))
    assert SECRET in texts(world.dm(world.ada))[0]
    for room in (world.kitchen, world.lab, thread):
        assert touched(platform, room) == [], "not even the sign that the bot is writing"
    assert "what did they say?" in texts(world.dm(world.cy))[0]
    assert "and me?" in texts(world.dm(world.ben))[0]
    for other in (world.ben, world.cy):
        assert SECRET not in str(world.dm(other).messages)
    assert all("message_reference" not in one.payload for one in platform.sent if one.says)


async def test_a_later_turn_that_the_room_sees_does_not_get_what_was_said_privately(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world
    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, repeats):
        world.kitchen.says(world.ada, asks(platform))
        await platform.sent.until(lambda one: SECRET in one.content)
        world.kitchen.says(world.ada, f"{called(platform)} what did I say?")
        world.kitchen.says(world.ben, f"{called(platform)} what did she say?")
        world.lab.says(world.ada, f"{called(platform)} what did I say?")
        world.dm(world.ada).says(world.ada, "what did I say in the kitchen?")
        world.kitchen.says(world.ada, asks(platform, "what did I say?"))
        await platform.sent.until(lambda one: one.content.endswith("/private what did I say?"))
    rooms = str([world.kitchen.messages, world.lab.messages]).replace(asks(platform), "")
    assert SECRET not in rooms
    assert SECRET in texts(world.dm(world.ada))[-1], "privately she is told her own"


async def test_a_file_is_shown_to_its_sender_alone_and_lies_apart(tmp_path: Path, platform: Discord) -> None:
    world, content = platform.world, b"for Ada's eyes"

    async def shows(turn: TurnHandle) -> None:
        listed = await turn.call_tool("list", {"path": "attachments"})
        for path in [f"attachments/{each}" for each in _names(listed)]:
            await turn.reply("", files=[path])
        if not turn.sent:
            await turn.reply("nothing")

    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, shows):
        world.kitchen.hands(world.ada, asks(platform, "keep"), Upload(name="a.txt", data=content))
        await platform.sent.until(lambda one: bool(one.files))
        world.kitchen.says(world.ada, f"{called(platform)} show")
        world.lab.says(world.cy, asks(platform, "show"))
    assert [data for _, data in shown(platform, world.dm(world.ada))] == [content]
    assert shown(platform, world.kitchen) == shown(platform, world.dm(world.cy)) == []
    assert texts(world.kitchen) == ["nothing"]
    assert stored(tmp_path) == [content]


def _names(listed: str) -> list[str]:
    return [piece for piece in listed.replace('"', " ").replace("/", " ").split() if piece.endswith(".txt")]


@pytest.mark.parametrize("way", [repeats, streams, fails])
async def test_who_takes_no_direct_messages_is_told_so_once_and_the_answer_is_shown_nowhere(
    tmp_path: Path, platform: Discord, way: AgentFunction
) -> None:
    world = platform.world
    world.unreachable |= {world.ada.id, world.cy.id}
    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, way):
        asked = world.kitchen.says(world.ada, asks(platform))
        world.lab.says(world.cy, asks(platform, "and mine?"))
        world.kitchen.says(world.ben, asks(platform, "and mine?"))
    assert texts(world.kitchen) == texts(world.lab) == [CLOSED]
    (told,) = [one for one in platform.sent if one.content and one.channel == world.kitchen.id]
    assert told.payload["message_reference"]["message_id"] == asked["id"]
    assert told.allowed_mentions == {"parse": [], "replied_user": False}
    assert world.dm(world.ada).messages == world.dm(world.cy).messages == {}
    assert len(texts(world.dm(world.ben))) == (2 if way is streams else 1)
    assert SECRET not in str(platform.sent.contents)


async def test_a_failure_of_a_private_turn_is_told_privately(
    tmp_path: Path, platform: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    world = platform.world
    with caplog.at_level(logging.INFO):
        async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, fails):
            world.kitchen.says(world.ada, asks(platform))
            world.lab.says(world.cy, asks(platform))
    assert touched(platform, world.kitchen) == touched(platform, world.lab) == []
    for who in (world.ada, world.cy):
        assert [one.startswith("Something went wrong") for one in texts(world.dm(who))] == [True]
    assert SECRET not in caplog.text


async def test_the_words_are_the_operators_and_a_command_may_begin_with_them_too(
    tmp_path: Path, platform: Discord
) -> None:
    world = platform.world
    how = {"privately": ["psst"], "commands": {"ask": "Ask the bot"}}
    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, repeats, **how):
        world.kitchen.says(world.ada, f"{called(platform)} Psst, {SECRET}")
        world.lab.says(world.cy, asks(platform, "is no word of theirs"))
        hidden = world.kitchen.slash("ask", {"text": f"psst {SECRET}"}, world.ben)
    assert touched(platform, world.lab) != []
    assert texts(world.kitchen) == []
    assert SECRET in texts(world.dm(world.ada))[0]
    answers = [one for one in platform.sent if one.interaction == hidden.id]
    assert len(answers) == 2
    assert all(one.ephemeral for one in answers)


async def test_a_chat_is_opened_once_for_each_person_and_only_the_youngest_are_remembered(
    tmp_path: Path, platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = platform.world

    async def plays(*people: str) -> int:
        before = len(platform.sent)
        async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, echoes):
            for number, name in enumerate(people):
                world.kitchen.says(getattr(world, name), asks(platform, f"question {number}"))
                await platform.sent.until(asks(platform, f"question {number}"), since=before)
        return len([one for one in platform.sent if one.order >= before and one.route == OPEN])

    assert await plays("ada", "ben", "ada") == 2
    monkeypatch.setattr(directs, "_MOST", 1)
    assert await plays("ada", "ben", "ada") == 3


async def test_the_room_is_told_once_for_each_question_and_of_nothing_else_that_goes_wrong(
    tmp_path: Path, platform: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = platform.world
    world.unreachable |= {world.ada.id, world.cy.id}
    async with pw.open(settings(tmp_path)) as wall, serving(wall, platform, repeats) as channel:
        room = world.kitchen.says(world.relay, "lunch?")

        async def refused(who: User, question: str, *, error: str = "50007") -> None:
            where = {"guild": world.acme.id, "channel": world.kitchen.id, "message": question}
            with pytest.raises(ServiceUnavailable, match=error):
                await channel.post({**where, "private": "1", "to": who.id}, SECRET)

        for _ in range(3):
            await refused(world.ada, room["id"])
        assert texts(world.kitchen)[1:] == [CLOSED]
        platform.faults.add(OPEN, 403)
        await refused(world.ben, "1", error="403")
        assert texts(world.kitchen)[1:] == [CLOSED]
        monkeypatch.setattr(directs, "_MOST", 1)
        for question in ("2", room["id"]):
            await refused(world.cy, question)
        assert texts(world.kitchen)[1:] == [CLOSED, CLOSED, CLOSED]
    assert SECRET not in str(platform.sent.contents)
