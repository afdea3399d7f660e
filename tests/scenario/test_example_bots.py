"""The bots of examples/bots: before, they tell others what the first person said; after, they do not.

Each runs as it stands, on its unmodified library and sockets: the platform is a fake of ours, and the model a
provider on loopback that repeats every word it is sent and calls the tools it is told to call. Those of
LangGraph and pydantic-ai run in tests/peers/test_frameworks.py, since we do not depend on these.
"""

import asyncio
import difflib
import importlib
import json
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters.doors import State
from adapters.slack.channel import SlackChannel
from adapters.telegram.channel import TelegramChannel
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.people import User
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import TOKEN
from tests.fakes.example_bots import BOTH, BOTS, PATIENCE_S, SECRET, at_home, bot, configured, put, run
from tests.fakes.openai_server import Provider
from tests.fakes.slack.hosts import running
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.town import settle
from tests.fakes.slack.workspace import Workspace
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.stage import BEN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The provider that the environment names, and a working directory of the test's own."""
    with at_home(tmp_path, monkeypatch) as one:
        yield one


# Slack


class Slack:
    """A bot of two workspaces, and what it says to whom."""

    def __init__(self, slack: FakeSlack, made: Any, handle: pw.Guarded | None) -> None:
        self.slack, self.made, self.handle = slack, made, handle
        self.town = settle(slack.acme, slack.globex)
        # In GLOBEX there are a person and a room of the same ids as Ada and the kitchen in ACME.
        self.other = slack.globex.people["U0ADA0001"]
        self.asked = 0

    async def told(self, at: Workspace, who: Person, text: str, place: Place | None = None) -> str:
        """Let somebody mention the bot in a place, or write to it alone, and give all that it showed."""
        self.asked += 1
        before, marked = len(self.slack.records.sent), f"{text} (question {self.asked})"
        if place is None:
            await at.says(who, at.dm(who), marked)
        else:
            await at.mentions(who, place, marked)
        return await self.shown(f"(question {self.asked})", before)

    async def shown(self, words: str, before: int) -> str:
        """Wait for an answer that holds these words, and give all that was shown."""
        records = self.slack.records
        await records.until(lambda: any(one.holds(words) for one in records.sent), timeout_s=PATIENCE_S)
        await asyncio.gather(*getattr(self.made, "answering", ()))
        if self.handle is not None:
            await self.handle.drain(PATIENCE_S)
        # An event that a bot does not listen for is never acknowledged by Bolt, so not all are waited for.
        await records.until(lambda: not records.calls_open, timeout_s=PATIENCE_S)
        return "\n".join(one.text for one in records.sent[before:])


@asynccontextmanager
async def on_slack(
    name: str, monkeypatch: pytest.MonkeyPatch, *, guarded: bool, way: Any
) -> AsyncGenerator[Slack]:
    configured()
    async with FakeSlack() as slack:
        tokens = {at.id: at.token for at in (slack.acme, slack.globex)}
        monkeypatch.setenv("SLACK_BOT_TOKENS", json.dumps(tokens))
        made = bot(name, guarded=guarded)
        made.app.client.base_url = slack.api
        handle = pw.guard(made.app, made.wall) if guarded else None
        async with running(slack, made.app, way):
            yield Slack(slack, made, handle)
        if handle is not None:
            assert {row.state for row in handle.report()} == {State.COVERED}
            closing = asyncio.run_coroutine_threadsafe(made.wall.close(), made.wall.loop)
            await asyncio.wrap_future(closing)


@BOTH
async def test_the_slack_bot(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    put("notes/first.txt", "")
    rows = [("T0ACME001", "Mill Brothers", "ORD-48213"), ("T0GLOBEX1", "Miller and Sons", "ORD-90077")]
    put("customers.json", json.dumps([{"team": a, "name": b, "order": c} for a, b, c in rows]))
    async with on_slack("slack", monkeypatch, guarded=guarded, way="async-socket") as on:
        acme, globex, town = on.slack.acme, on.slack.globex, on.town
        await on.told(acme, town.ada, run("write_note", path="plans.txt", text=SECRET))
        await on.told(acme, town.ada, f"Between us: {SECRET}.", town.kitchen)
        hers = await on.told(acme, town.ada, run("read_note", path="plans.txt"))
        his = await on.told(acme, town.ben, "I like herons. What do you know?", town.kitchen)
        his += await on.told(acme, town.ben, run("read_note", path="plans.txt"))
        again = await on.told(acme, town.ben, "And what do I like?", town.kitchen)
        theirs = await on.told(globex, on.other, "We like owls. And you?", globex.places["C0KITCHEN"])
        theirs += await on.told(globex, on.other, run("read_note", path="plans.txt"))
        found = [
            await on.told(at, who, run("find_customer", name="mill"))
            for at, who in ((acme, town.ben), (globex, on.other))
        ]
    assert SECRET in hers
    assert [SECRET in his, SECRET in theirs] == [not guarded] * 2
    assert "herons" in again
    assert "owls" in theirs
    assert ["ORD-48213" in each for each in found] == [True, not guarded]
    assert ["ORD-90077" in each for each in found] == [not guarded, True]


@BOTH
async def test_the_slack_bot_in_threads(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_slack("slack_sync", monkeypatch, guarded=guarded, way="sync-socket") as on:
        acme, globex, town = on.slack.acme, on.slack.globex, on.town
        hers = await on.told(acme, town.ada, f"Between us: {SECRET}.", town.kitchen)
        his = await on.told(acme, town.ben, "I like herons. What do you know?", town.kitchen)
        theirs = await on.told(globex, on.other, "We like owls. And you?", globex.places["C0KITCHEN"])
        before = len(on.slack.records.sent)
        await acme.commands(town.ben, town.kitchen, "/catchup")
        caught_up = await on.shown(on.made.CATCH_UP, before)
    assert SECRET in hers
    assert [SECRET in each for each in (his, theirs, caught_up)] == [not guarded] * 3
    assert "herons" in his
    assert "owls" in theirs
    assert "herons" in caught_up


# Discord


class OnDiscord:
    """A bot in the guilds of ACME and GLOBEX, and what it says to whom."""

    def __init__(self, platform: Discord, handle: pw.Guarded | None) -> None:
        self.platform, self.world, self.handle = platform, platform.world, handle

    async def told(self, who: User, text: str, place: Channel | None = None) -> str:
        """Let somebody mention the bot in a channel, or write to it alone, and give all that it showed."""
        before = len(self.platform.sent)
        if place is None:
            self.world.dm(who).says(who, text)
        else:
            place.says(who, f"<@{self.world.bot.id}> {text}")
        return await self.shown(before)

    async def types(self, who: User, place: Channel, command: str, **options: str) -> str:
        before = len(self.platform.sent)
        place.slash(command, options, who)
        return await self.shown(before)

    async def shown(self, before: int) -> str:
        await self.platform.sent.until(lambda one: one.says, since=before, timeout_s=PATIENCE_S)
        if self.handle is not None:
            await self.handle.drain(PATIENCE_S)
        return "\n".join(one.content for one in list(self.platform.sent)[before:])


@BOTH
async def test_the_discord_bot(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    configured()
    made = bot("discord", guarded=guarded)
    handle = pw.guard(made.bot, made.wall) if guarded else None
    async with served() as platform:
        on, world = OnDiscord(platform, handle), platform.world
        async with platform.online(made.bot):
            await platform.sent.until(
                lambda one: one.route.startswith("PUT /applications/"), timeout_s=PATIENCE_S
            )
            for who, place, text in (
                (world.ada, world.kitchen, "The mill ships ORD-48213"),
                (world.cy, world.lab, "The mill ships ORD-90077"),
            ):
                await on.types(who, place, "teach", text=text)
            await on.types(world.ada, world.dm(world.ada), "remember", name="plans", fact=SECRET)
            for name, fact in (("bird", "we like owls"), ("tree", "we like oaks")):
                await on.types(world.cy, world.lab, "remember", name=name, fact=fact)
            hers = await on.told(world.ada, "What are our plans?")
            asked = run("search", query="the mill ships")
            his = await on.told(world.ben, "I like herons. What do you know?", world.kitchen)
            theirs = await on.told(world.cy, "And what do we like?", world.lab)
            found = [
                await on.told(world.ben, asked, world.kitchen),
                await on.told(world.cy, asked, world.lab),
            ]
        if handle is not None:
            assert {row.state for row in handle.report()} == {State.COVERED}
            await made.wall.close()
    assert SECRET in hers
    assert [SECRET in each for each in (his, theirs)] == [not guarded] * 2
    assert "herons" in his
    assert "bird: we like owls\ntree: we like oaks" in theirs
    assert ["ORD-48213" in each for each in found] == [True, not guarded]
    assert ["ORD-90077" in each for each in found] == [not guarded, True]


# All three at once


@pytest.mark.parametrize("named", ["SLACK_BOT_TOKEN", "TELEGRAM_TOKEN", "DISCORD_TOKEN"])
def test_a_channel_is_served_if_its_variables_are_set(named: str) -> None:
    example: Any = importlib.import_module("examples.three_channels")
    (found,) = example.channels({named: "555:xoxb", "SLACK_APP_TOKEN": "xapp"})
    assert found.name == named.split("_")[0].lower()


async def test_one_bot_on_three_platforms_tells_none_of_what_was_said_on_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example: Any = importlib.import_module("examples.three_channels")
    async with FakeSlack() as slack, FakeTelegram() as telegram, served() as discord:
        town, shop = settle(slack.acme, slack.globex), telegram.bot(555, "shop_bot")
        chat, world = telegram.dm(BEN, shop), discord.world
        # Discord's fake points the library at itself.
        monkeypatch.setattr(example, "SlackChannel", partial(SlackChannel, base_url=slack.api))
        monkeypatch.setattr(example, "TelegramChannel", partial(TelegramChannel, base_url=telegram.base_url))
        tokens = {"SLACK_BOT_TOKEN": slack.acme.token, "SLACK_APP_TOKEN": APP_TOKEN}
        tokens |= {"TELEGRAM_TOKEN": shop.token, "DISCORD_TOKEN": TOKEN, "MODEL": "openai/gpt-5"}
        made: pw.Bot = example.bot(tokens)
        async with made.serving():
            await slack.acme.says(town.ada, slack.acme.dm(town.ada), f"Between us: {SECRET}.")
            sent = slack.records.sent
            await slack.records.until(lambda: any(one.holds(SECRET) for one in sent), timeout_s=PATIENCE_S)
            chat.says(BEN, "I like herons. What do you know?")
            await telegram.until(lambda: telegram.heard(chat), within_s=PATIENCE_S)
            world.dm(world.cy).says(world.cy, "We like owls. And you?")
            theirs = await discord.sent.until(lambda one: "owls" in one.content, timeout_s=PATIENCE_S)
    his = telegram.heard(chat)[-1].text
    assert any(example.SYSTEM in one.text and one.holds(SECRET) for one in sent)
    assert ["herons" in his, SECRET in his, SECRET in theirs.content] == [True, False, False]


# The page


PAGE = (ROOT / "docs" / "channels" / "examples.md").read_text(encoding="utf-8")
NAMES = ["slack", "telegram", "discord", "slack_sync", "pydantic_ai"]


def lines(name: str) -> list[str]:
    return (BOTS / f"{name}.py").read_text(encoding="utf-8").splitlines()


def changed(name: str) -> int:
    """Count a line that was replaced, added or taken out as one, and empty ones not at all."""
    before, after = ([one for one in lines(f"{name}_{when}") if one] for when in ("before", "after"))
    steps = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in steps if tag != "equal")


def test_the_page_tells_how_many_lines_each_bot_has_and_how_many_changed() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(.*?\) \| (\d+) \| (\d+) \|", PAGE, re.MULTILINE)
    counted = [(name, str(len(lines(f"{name}_before"))), str(changed(name))) for name in NAMES]
    assert rows == counted


def test_every_example_bot_is_on_the_page_and_is_a_whole_bot_of_at_most_120_lines() -> None:
    files = sorted(path.stem for path in BOTS.glob("*.py"))
    assert files == sorted(f"{name}_{when}" for name in NAMES for when in ("before", "after"))
    assert [name for name in files if len(lines(name)) > 120] == []
    assert [name for name in files if "if __name__" not in "".join(lines(name))] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_wall_takes_no_handler_away(name: str) -> None:
    before, after = ("\n".join(lines(f"{name}_{when}")) for when in ("before", "after"))
    handlers = re.compile(r"^(?:async )?def \w+\((?:event|ack|message|interaction|update)\b.*$", re.MULTILINE)
    assert len(handlers.findall(before)) >= 1
    assert handlers.findall(before) == handlers.findall(after)
