"""Files of a bot that exists, on Slack: it forwards everybody's, and with the wall the asker's own alone.

The bot, slack_bolt and slack_sdk are unmodified. Ada of ACME sends a picture; then a colleague of hers, or a
person of GLOBEX with Ada's own id, asks for it by its name.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import Denied, MisuseError
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.slack.filer import Filer, filer
from tests.fakes.slack.hosts import running
from tests.fakes.slack.managed import files
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.stage import corners, stage
from tests.fakes.slack.town import Town, settle
from tests.fakes.slack.workspace import Workspace

PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
READERS = ["colleague", "other-company", "herself-elsewhere"]


class Office:
    """Two workspaces with the bot in them."""

    def __init__(self, slack: FakeSlack, bot: Filer) -> None:
        self.slack = slack
        self.bot = bot
        self.town: Town = settle(slack.acme, slack.globex)
        self.mine = slack.acme.dm(self.town.ada)

    async def sends(self, name: str = "plan.png", content: bytes = PICTURE) -> None:
        """Let Ada send a file, alone."""
        await self.slack.acme.uploads(self.town.ada, self.mine, name, content, mimetype="image/png")
        await self.done()

    async def asks(self, reader: str, text: str = "plan.png please") -> list[bytes]:
        """Let somebody ask, and give what files stand where they did."""
        at, who, place = self._reader(reader)
        await at.says(who, place, text)
        await self.done()
        return files(at, place)

    async def done(self) -> None:
        await asyncio.wait_for(self.bot.handled.acquire(), 5)
        await self.slack.records.settled()

    def _reader(self, reader: str) -> tuple[Workspace, Person, Place]:
        acme, globex, town = self.slack.acme, self.slack.globex, self.town
        other = globex.people[town.ada.id]
        return {
            "colleague": (acme, town.ben, acme.dm(town.ben)),
            "other-company": (globex, other, globex.dm(other)),
            "herself-elsewhere": (acme, town.ada, town.kitchen),
            "herself": (acme, town.ada, self.mine),
        }[reader]


@asynccontextmanager
async def office(wall: Wall, folder: Path, *, guarded: bool, by_turn: bool = False) -> AsyncGenerator[Office]:
    async with FakeSlack() as slack, wall:
        bot = Filer(folder, by_turn=by_turn)
        app = filer(slack, bot)
        if guarded:
            guard(app, wall, unguarded_model=True)
        on = Office(slack, bot)
        async with running(slack, app, "async-socket"):
            yield on


@pytest.mark.parametrize("guarded", [False, True], ids=["bare", "guarded"])
@pytest.mark.parametrize("reader", READERS)
async def test_a_picture_that_a_bot_forwards_leaks_without_the_wall_and_is_denied_with_it(
    wall: Wall, tmp_path: Path, reader: str, guarded: bool
) -> None:
    async with office(wall, tmp_path / "bot", guarded=guarded) as on:
        await on.sends()
        assert await on.asks(reader) == ([] if guarded else [PICTURE])
        assert [type(one) for one in on.bot.failures] == ([Denied] if guarded else [])
        assert ("upload" in {one.method for one in on.slack.records.sent}) is not guarded


async def test_a_file_that_the_turn_kept_comes_back_to_its_sender_and_to_nobody_else(
    wall: Wall, tmp_path: Path
) -> None:
    async with office(wall, tmp_path / "bot", guarded=True, by_turn=True) as on:
        await on.sends()
        assert await on.asks("herself") == [PICTURE]
        for reader in READERS:
            assert await on.asks(reader) == []
        assert [type(one) for one in on.bot.failures] == [MisuseError] * len(READERS)


@pytest.mark.parametrize("altered", [b"\0", b" "], ids=["a-zero", "a-space"])
async def test_bytes_that_differ_by_one_are_denied(wall: Wall, tmp_path: Path, altered: bytes) -> None:
    async with office(wall, tmp_path / "bot", guarded=True, by_turn=True) as on:
        await on.sends()
        on.bot.altered = altered
        assert await on.asks("herself") == []
        assert [type(one) for one in on.bot.failures] == [Denied]
        on.bot.altered = b""
        assert await on.asks("herself") == [PICTURE]
        assert await on.asks("other-company") == []


@pytest.mark.parametrize("where", ["sender", "room", "colleague"])
async def test_a_file_asked_for_in_a_room_may_be_shown_to_its_asker_alone(wall: Wall, where: str) -> None:
    """In the bot's direct messages with them, which narrows; never in those with somebody else."""
    outcome: list[str] = []

    async def job(a: Any) -> None:
        await a.ack()
        channel = a.body["channel"]["id"]
        if where != "room":
            user = a.body["user"]["id"] if where == "sender" else "U0ADA0001"
            channel = (await a.client.conversations_open(users=user))["channel"]["id"]
        try:
            await a.client.files_upload_v2(channel=channel, filename="a.txt", content="for whoever asked")
            outcome.append("shown")
        except Denied:
            outcome.append("denied")

    async with stage(wall, "searched") as on:
        await on.plays(job)
        corner = corners(on.slack, on.town)["colleague"]
        shown = {
            one.id: files(corner.at, one) for one in (corner.dm, corner.room, on.slack.acme.dm(on.town.ada))
        }
    assert outcome == ["denied" if where == "colleague" else "shown"]
    assert [place for place, found in shown.items() if found] == {
        "sender": ["D0BEN0001"], "room": ["C0KITCHEN"], "colleague": []
    }[where]  # fmt: skip


async def test_a_bot_in_threads_forwards_no_picture_either(wall: Wall) -> None:
    def job(a: Any) -> None:
        a.ack()
        a.client.files_upload_v2(channel="C0KITCHEN", filename="a.png", content=PICTURE)

    async with stage(wall, "searched", "sync-http") as on:
        with pytest.raises(Denied) as refused:
            await on.plays_in_threads(job)
        assert refused.value.reason == "unknown_subject"
        assert files(on.slack.acme, on.town.kitchen) == files(
            on.slack.globex, on.slack.globex.places["C0KITCHEN"]
        )


async def test_a_guarded_turn_knows_the_name_the_command_and_the_files_of_its_message(wall: Wall) -> None:
    found: list[tuple[str, str, int]] = []

    async with stage(wall, "searched") as on:

        async def command(args: Any) -> None:
            turn = pw.turn()
            found.append((turn.name, turn.command, len(turn.attachments)))
            await args.ack()

        on.app.command("/who")(command)
        for at, who in ((on.slack.acme, on.town.ben), (on.slack.globex, on.slack.globex.people["U0EVE0001"])):
            await on.slack.records.ack(await at.commands(who, at.places["C0KITCHEN"], "/who", "?"))
        await on.quiet()
    assert found == [("ben", "who", 0), ("eve", "who", 0)]
