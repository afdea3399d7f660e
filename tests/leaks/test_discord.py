"""Published leaks that a bot on Discord can have, each by its number in our catalogue: played with the wall.

Where the unguarded bot has it too, the same play is shown to leak there first.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import discord
import pytest

import partywall as pw
from adapters.discord.inbound import parse
from firewall.core.errors import Denied
from firewall.core.message import Message
from firewall.core.session import SessionKey
from firewall.directory import Directory
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.office import SECRET, Office
from tests.fakes.discord.plays import PLAYS, Stage
from tests.fakes.discord.sent import Upload
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import World
from vault.ledger import Filter

# `bare`: no wall. `guarded`: open, guard and guard_model. `searched`: guard alone, declared so.
Mode = Literal["bare", "guarded", "searched"]
ASKED: Final = "What did I just say? Word for word, please."
BOTH = pytest.mark.parametrize("mode", ["bare", "guarded"])


@dataclass(slots=True, kw_only=True)
class Town:
    """Discord with the office's bot in it."""

    wall: Wall
    platform: Discord
    office: Office
    model: EchoModel
    handle: Guarded | None

    @property
    def world(self) -> World:
        return self.platform.world

    @property
    def play(self) -> Stage:
        return Stage(platform=self.platform, office=self.office)

    async def settled(self, handlers: int = 1) -> None:
        """Wait until so many handlers, and all deliveries, have ended."""
        async with asyncio.timeout(10):
            await self.play.settled(handlers)
        await self.drained()

    async def drained(self) -> None:
        if self.handle is not None:
            await self.handle.drain(60)

    async def quiet(self) -> None:
        """Wait until everything that has happened so far was delivered: events come in order."""
        self.office.say = "send"
        self.world.lab.says(self.world.cy, "end")
        await self.settled()

    def said(self, *, since: int = 0) -> str:
        """Give all that anybody was shown."""
        return json.dumps([one.payload for one in self.platform.sent if one.order >= since])

    async def tries(self, act: Callable[[discord.Message], Awaitable[object]]) -> list[Exception]:
        """Let a handler do something when Ada speaks in the kitchen, and give what it raised."""

        async def answer(message: discord.Message, _: str) -> None:
            await act(message)

        self.office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
        self.office.errors.clear()
        self.world.kitchen.says(self.world.ada, "go")
        await self.settled()
        return self.office.errors

    async def violations(self) -> int:
        records = (await self.wall.runtime()).vault.records
        await records.settle()
        return len(await records.violations(Filter(), limit=100))


@asynccontextmanager
async def town(wall: Wall, mode: Mode) -> AsyncGenerator[Town]:
    model = EchoModel()
    async with served() as platform, wall:
        office = Office(wall.guard_model(model.__call__) if mode == "guarded" else model)
        handle = None if mode == "bare" else guard(office, wall, unguarded_model=mode == "searched")
        async with platform.online(office):
            yield Town(wall=wall, platform=platform, office=office, model=model, handle=handle)
        if handle is not None:
            await handle.drain(60)
            handle.uninstall()


def sessions(on: Town) -> list[str]:
    """Note in which session each question is asked."""
    found: list[str] = []
    original = on.office.think

    async def think(text: str) -> str:
        found.append(pw.turn().session_id)
        return await original(text)

    on.office.think = think  # type: ignore[method-assign]  # the bot's own, watched
    return found


@BOTH
async def test_L01_slash_commands_in_one_channel_are_not_one_session(wall: Wall, mode: Mode) -> None:
    async with town(wall, mode) as on:
        found = sessions(on) if mode == "guarded" else []
        await PLAYS["slash-command"](on.play, on.world.kitchen, on.world.ada, SECRET)
        await on.drained()
        before = len(on.platform.sent)
        await PLAYS["slash-command"](on.play, on.world.kitchen, on.world.ben, ASKED)
        await on.drained()
        assert (SECRET in on.said(since=before)) is (mode == "bare")
        assert len(set(found)) == len(found) == (2 if mode == "guarded" else 0)


async def test_L02_a_message_of_another_does_not_stop_a_run_in_flight(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        go, original = asyncio.Event(), on.office.think

        async def slow(text: str) -> str:
            if SECRET in text:
                await go.wait()
            return await original(text)

        on.office.think = slow  # type: ignore[method-assign]  # the bot's own, slowed down
        on.world.kitchen.says(on.world.ada, SECRET)
        on.world.kitchen.says(on.world.ben, ASKED)
        await on.play.settled()
        assert len(on.platform.sent.contents) == 1
        assert SECRET not in on.said()
        go.set()
        await on.settled()
        assert SECRET in on.platform.sent.contents[1]


async def test_L03_and_L20_in_one_thread_each_sender_has_a_session(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        found, thread = sessions(on), on.world.kitchen.thread("talk")
        for who in (on.world.ada, on.world.ben, on.world.ada):
            thread.says(who, "in the thread")
            await on.settled()
        assert (found[0] == found[2], found[0] == found[1]) == (True, False)


@pytest.mark.parametrize("user", ["", " ", "null", None], ids=["empty", "blank", "placeholder", "missing"])
async def test_L04_a_message_without_a_sender_is_refused(wall: Wall, user: str | None) -> None:
    async with town(wall, "guarded") as on:
        said = on.world.kitchen.says(on.world.ada, "hello")
        await on.settled()
        forged = {**said, "id": on.world.ids.new(), "content": SECRET, "guild_id": on.world.acme.id}
        on.world.emit("MESSAGE_CREATE", {**forged, "author": {**said["author"], "id": user}})
        await on.quiet()
        assert SECRET not in str(on.office.heard)
        assert len(on.platform.sent.contents) == 2


def key(author: str, channel: str, guild: str | None, *, app: str = "1") -> SessionKey:
    """Give the session of a message, as the adapter reads it."""
    said = {"id": "1", "channel_id": channel, "guild_id": guild, "content": "hi", "author": {"id": author}}
    found = parse({"op": 0, "t": "MESSAGE_CREATE", "d": said}, app=app, verified=True)
    assert isinstance(found, Message)
    return SessionKey.of(Directory().principal(found.sender, found.conversation), found.conversation)


def test_L05_and_L13_ids_with_separators_or_another_case_are_not_joined() -> None:
    written = [("a:b", "c"), ("a", "b:c"), ("a:b:c", "d"), ("AB", "c"), ("ab", "c"), ("a\u017f", "c")]
    assert len({key(author, channel, "7") for author, channel in written}) == len(written)


def test_L08_one_person_who_talks_to_two_bots_has_two_sessions() -> None:
    for guild in ("7", None):
        assert key("2", "3", guild, app="1") != key("2", "3", guild, app="9")


@BOTH
async def test_L07_and_L21_one_person_in_two_guilds_has_two_histories(wall: Wall, mode: Mode) -> None:
    async with town(wall, mode) as on:
        found = sessions(on) if mode == "guarded" else []
        on.world.kitchen.says(on.world.ada, SECRET)
        await on.settled()
        before = len(on.platform.sent)
        on.world.lab.says(on.world.ada, ASKED)
        await on.settled()
        assert (SECRET in on.said(since=before)) is (mode == "bare")
        assert len(set(found)) == len(found)


@BOTH
async def test_L09_without_any_configuration_two_direct_messages_are_apart(wall: Wall, mode: Mode) -> None:
    async with town(wall, mode) as on:
        on.world.dm(on.world.ada).says(on.world.ada, SECRET)
        await on.settled()
        before = len(on.platform.sent)
        on.world.dm(on.world.ben).says(on.world.ben, ASKED)
        await on.settled()
        assert (SECRET in on.said(since=before)) is (mode == "bare")


@pytest.mark.parametrize("kind", ["member", "webhook", "guild"])
async def test_L15_a_direct_message_that_is_called_a_room_shares_nothing(wall: Wall, kind: str) -> None:
    async with town(wall, "guarded") as on:
        direct = on.world.dm(on.world.ada)
        said = direct.says(on.world.ada, SECRET)
        await on.settled()
        odd: dict[str, Any] = {
            "member": {"member": on.world.acme.member(on.world.ada.id)},
            "webhook": {"webhook_id": on.world.proxy.id},
            "guild": {"guild_id": on.world.acme.id, "member": on.world.acme.member(on.world.ada.id)},
        }
        before = len(on.platform.sent)
        on.world.emit(
            "MESSAGE_CREATE",
            {**said, "id": on.world.ids.new(), "content": ASKED, **odd[kind], "channel_type": 1},
        )
        if kind == "guild":
            await on.settled()
        await on.quiet()
        assert SECRET not in on.said(since=before)
        assert SECRET not in json.dumps(on.model.requests[1:])


async def test_L16_many_at_once_are_each_answered_where_they_asked(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        rooms = [on.world.channel(f"room-{number}", guild=on.world.acme) for number in range(12)]
        for room in rooms:
            on.world.emit("CHANNEL_CREATE", room.shown())
        for room in rooms:
            room.says(on.world.ada, f"I am in {room.name}.")
        await on.settled(len(rooms))
        for room in rooms:
            (answer,) = [one for one in on.platform.sent if one.says and one.channel == room.id]
            assert [other.name for other in rooms if f"{other.name}." in answer.content] == [room.name]


async def test_L18_a_button_that_names_a_session_is_not_believed(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        found = sessions(on)
        await PLAYS["slash-command"](on.play, on.world.kitchen, on.world.ada, SECRET)
        on.world.kitchen.slash("panel", {}, on.world.ada)
        await on.settled()
        before = len(on.platform.sent)
        on.world.kitchen.presses("pick", on.world.ben, values=[found[0]])
        await on.settled()
        assert found[1] != found[0]
        assert SECRET not in on.said(since=before)


@pytest.mark.parametrize("hidden", [False, True], ids=["said", "reposted"])
async def test_L22_and_L23_who_has_no_name_of_their_own_is_not_served(wall: Wall, hidden: bool) -> None:
    """The bot's own id as the sender, and a webhook that many people speak through."""
    async with town(wall, "guarded") as on:
        if hidden:
            on.world.kitchen.proxied(on.world.proxy, SECRET, name="ada")
        else:
            on.world.kitchen.says(on.world.bot, SECRET)
        await on.quiet()
        assert SECRET not in str(on.office.heard)
        assert SECRET not in on.said()


async def test_L25_what_is_left_of_a_broken_answer_goes_nowhere_else(wall: Wall) -> None:
    """The third piece of an answer fails; the bot then tries another channel."""
    async with town(wall, "searched") as on:

        async def act(message: discord.Message) -> None:
            for piece in ("one", "two"):
                await message.channel.send(piece)
            on.platform.faults.add("POST /channels/{channel}/messages", 501)
            try:
                await message.channel.send("three")
            except discord.HTTPException:
                await cast("discord.TextChannel", on.office.get_channel(int(on.world.lab.id))).send("three")

        assert [type(error) for error in await on.tries(act)] == [Denied]
        assert on.platform.sent.contents[:2] == ["one", "two"]
        assert "three" not in on.said()


@pytest.mark.parametrize("where", ["1", "0", "lab", "dm-of-ben", "news"])
async def test_L26_and_L27_an_answer_goes_nowhere_that_was_not_asked_from(wall: Wall, where: str) -> None:
    """The sender chooses where: by a word in the text, a mention, or an argument."""
    async with town(wall, "searched") as on:
        named = {"lab": on.world.lab.id, "news": on.world.news.id, "dm-of-ben": on.world.dm(on.world.ben).id}

        async def act(_: discord.Message) -> None:
            await on.office.get_partial_messageable(int(named.get(where, where))).send("the answer")

        assert [type(error) for error in await on.tries(act)] == [Denied]
        assert "the answer" not in on.said()
        assert await on.violations() == 1


async def test_L30_a_token_of_somebody_elses_interaction_answers_nobody_else(wall: Wall) -> None:
    async with town(wall, "searched") as on:
        kept: list[discord.Interaction[Any]] = []

        async def keep(interaction: discord.Interaction[Any]) -> None:
            kept.append(interaction)

        on.office.add_listener(keep, "on_interaction")
        await PLAYS["slash-command"](on.play, on.world.lab, on.world.cy, "hello")
        await on.drained()
        before = len(on.platform.sent)

        async def act(_: discord.Message) -> None:
            await kept[0].followup.send("for Cy's eyes", ephemeral=True)

        assert [type(error) for error in await on.tries(act)] == [Denied]
        assert "for Cy's eyes" not in on.said(since=before)


async def test_L32_a_stream_ends_where_it_began(wall: Wall) -> None:
    """The bot looks up where to write at each piece, and that has changed meanwhile."""
    async with town(wall, "searched") as on:
        await on.quiet()
        (theirs,) = [one.message for one in on.platform.sent if one.says]

        async def act(message: discord.Message) -> None:
            here = await message.channel.send("begun here")
            await here.edit(content="begun here, and going on")
            there = cast("discord.TextChannel", on.office.get_channel(int(on.world.lab.id)))
            await there.get_partial_message(int(theirs or 0)).edit(content="and ended there")

        assert [type(error) for error in await on.tries(act)] == [Denied]
        assert "ended there" not in str(on.world.lab.messages)


PICTURE: Final = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)


def uploading(on: Town, media: Path) -> None:
    """Have the bot do as many gateways do: what it says and what is a file on its disk is a file to show."""

    async def answer(message: discord.Message, text: str) -> None:
        said = await on.office.think(text)
        for word in said.replace('"', " ").replace("file://", " ").replace("MEDIA:", " ").split():
            if (media / word).is_file():
                await message.channel.send(file=discord.File(media / word, "picture.png"))

    on.office.answer = answer  # type: ignore[method-assign]  # the bot's own, for this test


@pytest.mark.parametrize("mode", ["bare", "guarded", "searched"])
@pytest.mark.parametrize(
    "mention", ["{path}", "MEDIA:{path}", "file://{path}", "../media/ada.png", "link.png"]
)
async def test_L75_a_path_that_an_answer_mentions_shows_nobody_anothers_file(
    wall: Wall, mode: Mode, mention: str, tmp_path: Path
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (media / "ada.png").write_bytes(PICTURE)
    (media / "link.png").symlink_to(media / "ada.png")
    async with town(wall, mode) as on:
        uploading(on, media)
        for channel, who in ((on.world.kitchen, on.world.ben), (on.world.lab, on.world.cy)):
            channel.says(who, f"Say {mention.format(path=media / 'ada.png')} please")
            await on.settled()
        shown = {(one.channel, file.data) for one in on.platform.sent for file in one.files}
        leaked = {(on.world.kitchen.id, PICTURE), (on.world.lab.id, PICTURE)}
        assert shown == (leaked if mode == "bare" else set())
        assert {type(error) for error in on.office.errors} == (set() if mode == "bare" else {Denied})


@BOTH
@pytest.mark.parametrize("name", ["ada.png", "../in/ada.png", "{media}/ada.png"])
async def test_L77_a_name_that_a_sender_chose_overwrites_nobodys_file(
    wall: Wall, mode: Mode, name: str, tmp_path: Path
) -> None:
    """Bare the bot puts files where their names say; guarded it keeps them with the turn."""
    media, kept = tmp_path / "media" / "in", list[str]()
    media.mkdir(parents=True)
    chosen = name.format(media=media)

    async def answer(message: discord.Message, _: str) -> None:
        (file,) = message.attachments
        content = await file.read()
        if mode == "bare":
            (media / file.filename).write_bytes(content)
            return

        async def pieces() -> AsyncGenerator[bytes]:
            yield content

        kept.append((await pw.turn().keep(1, pieces())).path)

    async with town(wall, mode) as on:
        on.office.answer = answer  # type: ignore[method-assign,assignment]  # the bot's own, for this test
        for channel, who, called, content in (
            (on.world.kitchen, on.world.ada, "ada.png", PICTURE),
            (on.world.lab, on.world.cy, chosen, PICTURE + b"cy"),
            (on.world.kitchen, on.world.ben, chosen, PICTURE + b"ben"),
        ):
            channel.hands(who, "", Upload(name=called, data=content))
            await on.settled()
        assert on.office.errors == []
    stored = sorted(each.read_bytes() for each in (tmp_path / "files").rglob("*") if each.is_file())
    if mode == "bare":
        assert (media / "ada.png").read_bytes() == PICTURE + b"ben"
    else:
        assert stored == sorted([PICTURE, PICTURE + b"ben", PICTURE + b"cy"])
        assert len(set(kept)) == 3
        assert not any("ada" in path.lower() for path in kept)


@BOTH
async def test_L83_who_takes_anothers_name_is_not_the_other(wall: Wall, mode: Mode) -> None:
    async with town(wall, mode) as on:
        found = sessions(on) if mode == "guarded" else []
        on.world.dm(on.world.ada).says(on.world.ada, SECRET)
        await on.settled()
        twin = on.world.user("ada")
        on.world.acme.join(twin)
        before = len(on.platform.sent)
        on.world.dm(twin).says(twin, ASKED)
        await on.settled()
        assert (SECRET in on.said(since=before)) is (mode == "bare")
        assert len(set(found)) == len(found)


@BOTH
@pytest.mark.parametrize("kind", ["reaction", "rename", "thread", "event"])
async def test_L84_every_kind_of_event_passes_the_same_gate(wall: Wall, mode: Mode, kind: str) -> None:
    """What nobody who is served did reaches no handler: a stranger's sign, and names given to things."""
    async with town(wall, mode) as on:
        seen: list[str] = []

        async def listener(*about: Any) -> None:
            seen.append(f"{about}")

        for name in ("raw_reaction_add", "guild_channel_update", "thread_create", "scheduled_event_create"):
            on.office.add_listener(listener, f"on_{name}")
        said = on.world.kitchen.says(on.world.ada, "hello")
        await on.settled()
        _strange(on.world, said)[kind]()
        await on.quiet()
        assert bool(seen) is (mode == "bare")


def _strange(world: World, said: Any) -> dict[str, Callable[[], object]]:
    """Give what somebody who is not served can do."""
    event = {
        "id": world.ids.new(),
        "guild_id": world.acme.id,
        "name": SECRET,
        "scheduled_start_time": "2030-01-01T00:00:00+00:00",
        "privacy_level": 2,
        "status": 1,
        "entity_type": 3,
        "entity_id": None,
        "channel_id": None,
        "entity_metadata": {"location": SECRET},
    }
    return {
        "reaction": lambda: world.kitchen.reacts(world.relay, said, "👍"),
        "rename": lambda: world.emit("CHANNEL_UPDATE", {**world.kitchen.shown(), "name": SECRET}),
        "thread": lambda: world.kitchen.thread(SECRET),
        "event": lambda: world.emit("GUILD_SCHEDULED_EVENT_CREATE", event),
    }


@BOTH
@pytest.mark.parametrize("way", ["bot", "webhook"])
async def test_L86_a_bot_that_relays_is_never_the_person_it_claims(wall: Wall, mode: Mode, way: str) -> None:
    async with town(wall, mode) as on:
        if way == "bot":
            on.world.kitchen.says(on.world.relay, f"<ada> {SECRET}")
        else:
            on.world.kitchen.proxied(on.world.proxy, SECRET, name="ada")
        if mode == "bare":
            await on.settled()
        await on.quiet()
        assert (SECRET in str(on.office.heard)) is (mode == "bare")


async def test_L90_an_edit_is_judged_as_its_authors_and_a_change_by_another_is_nobodys(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        found = sessions(on)
        said = on.world.kitchen.says(on.world.ada, "hello")
        await on.settled()
        said = on.world.kitchen.edits(said, "hello again")
        await on.settled()
        assert len(set(found)) == 1
        # A preview that somebody's page put there, or a pin: the time of the edit stays what it was.
        changed = {**said, "guild_id": on.world.acme.id, "pinned": True, "content": SECRET}
        on.world.emit("MESSAGE_UPDATE", changed)
        await on.quiet()
        assert len(found) == 3
        assert SECRET not in str(on.office.heard)


async def test_L90_what_was_taken_back_is_told_to_no_model_again(wall: Wall) -> None:
    async with town(wall, "guarded") as on:
        said = on.world.kitchen.says(on.world.ada, SECRET)
        await on.settled()
        on.world.kitchen.deletes(said)
        await on.quiet()
        on.world.kitchen.says(on.world.ada, ASKED)
        await on.settled()
        assert SECRET not in json.dumps(on.model.requests[-1])
