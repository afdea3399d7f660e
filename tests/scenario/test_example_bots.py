"""The bots of examples/bots: before, they tell others what the first person said; after, they do not.

Each runs as it stands, on its unmodified library and sockets: the platform is a fake of ours, and the model a
provider on loopback that repeats every word it is sent and calls the tools it is told to call.
"""

import asyncio
import difflib
import importlib
import importlib.util
import json
import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters import litellm_model
from adapters.doors import State
from adapters.slack.channel import SlackChannel
from adapters.telegram.channel import TelegramChannel
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.people import User
from tests.fakes.discord.server import Discord, served
from tests.fakes.discord.world import TOKEN
from tests.fakes.openai_server import Answer, Provider, provider
from tests.fakes.slack.hosts import running
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.town import settle
from tests.fakes.slack.workspace import Workspace
from tests.fakes.telegram.accounts import User as TelegramUser
from tests.fakes.telegram.applications import builder, polling
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.stage import ADA, BEN, CAROL

ROOT = Path(__file__).resolve().parents[2]
BOTS = ROOT / "examples" / "bots"
SECRET = "the merger with Initech closes on the ninth of March at noon"
# The first call of a model and the opening of a wall take seconds where others work on the same machine.
PATIENCE_S = 60.0
BOTH = pytest.mark.parametrize("guarded", [False, True], ids=["before", "after"])


def talks(body: Mapping[str, Any]) -> Answer:
    """Call a tool where the last words are `run NAME ARGUMENTS`, else repeat all that others said."""
    said = body.get("messages") or body["input"]
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    last = str(messages[-1].get("content")) if messages[-1].get("role") == "user" else ""
    if called := re.search(r"run (\w+) (\{.*\})", last):
        return [(called[1], json.loads(called[2]))]
    # Its own answers would make each one longer than all before it, and a message has a longest length.
    told = [each.get("content") or each.get("output") for each in messages if each.get("role") != "assistant"]
    return "\n".join(str(each) for each in (body.get("instructions"), *told) if each)


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """The provider that the environment names, and a working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    # LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    litellm_model.quieten()
    with provider(talks) as one:
        monkeypatch.setenv("OPENAI_BASE_URL", one.options["base_url"])
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.setenv("MODEL", "openai/gpt-5")
        yield one


def bot(name: str, *, guarded: bool) -> Any:
    """Load an example as Python runs it, with nothing of an earlier test in it."""
    path = BOTS / f"{name}_{'after' if guarded else 'before'}.py"
    spec = importlib.util.spec_from_file_location(f"bot_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def put(name: str, text: str) -> None:
    """Write a file into the bot's working directory."""
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")


def configured(text: str = "") -> None:
    """Write the configuration that the bots read; without tenants, each workspace or guild is one."""
    put("partywall.toml", f'{text}\n[store]\npath = ":memory:"\n')


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


def run(tool: str, **arguments: str) -> str:
    return f"run {tool} {json.dumps(arguments)}"


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


# Telegram


SHOPS = """
[[tenant]]
id = "acme"
realms = [
    { channel = "telegram", realm = "555", conversation = "7001" },
    { channel = "telegram", realm = "555", conversation = "7002" },
    { channel = "telegram", realm = "555", conversation = "-5" },
]
[tenant.tools]
grants = ["run_sql"]

[[tenant]]
id = "globex"
realms = [{ channel = "telegram", realm = "555", conversation = "7003" }]
[tenant.tools]
grants = ["run_sql"]
"""


class OnTelegram:
    """A bot of two shops: Ada and Ben are customers of ACME's, Carol of GLOBEX's."""

    def __init__(self, telegram: FakeTelegram, handle: pw.Guarded | None) -> None:
        self.telegram, self.handle = telegram, handle
        shop = telegram.bot(555, "shop_bot")
        self.bot = shop
        self.dms = {who: telegram.dm(who, shop) for who in (ADA, BEN, CAROL)}
        self.room = telegram.room(-5, "ACME", shop, kind="group", people={ADA: "member", BEN: "member"})

    async def told(self, who: TelegramUser, text: str, place: Chat | None = None) -> str:
        """Let somebody write alone, or in a group, and give what was shown there."""
        chat = place or self.dms[who]
        before = len(self.telegram.heard(chat))
        chat.says(who, text)
        return await self.shown(chat, before)

    async def shown(self, chat: Chat, before: int) -> str:
        await self.telegram.until(lambda: len(self.telegram.heard(chat)) > before, within_s=PATIENCE_S)
        if self.handle is not None:
            await self.handle.drain(PATIENCE_S)
        return "\n".join(one.text for one in self.telegram.heard(chat)[before:])


@asynccontextmanager
async def on_telegram(made: Any, *, guarded: bool) -> AsyncGenerator[OnTelegram]:
    async with FakeTelegram() as telegram:
        on = OnTelegram(telegram, None)
        app = made.application(builder(telegram, on.bot))
        on.handle = pw.guard(app, made.wall) if guarded else None
        async with polling(app):
            yield on
        if on.handle is not None:
            assert {row.state for row in on.handle.report()} == {State.COVERED}
            await made.wall.close()


@BOTH
async def test_the_telegram_bot_with_langgraph(guarded: bool) -> None:
    for package in ("langgraph", "langchain_openai"):
        pytest.importorskip(package, reason=f"{package} is not installed; it is no dependency of ours")
    configured(SHOPS)
    put("files/first.txt", "")
    with closing(sqlite3.connect("orders.db")) as db, db:
        db.execute("create table orders (shop, number, item)")
        rows = [("acme", "ORD-48213", "anvil"), ("globex", "ORD-90077", "anvil")]
        db.executemany("insert into orders values (?, ?, ?)", rows)
    read, asked = run("read_file", path="plans.txt"), run("run_sql", query="select * from orders")
    async with on_telegram(bot("telegram", guarded=guarded), guarded=guarded) as on:
        on.dms[ADA].uploads(ADA, "plans.txt", SECRET.encode())
        await on.shown(on.dms[ADA], 0)
        hers = await on.told(ADA, read)
        await on.told(ADA, f"Between us: {SECRET}.", on.room)
        his = await on.told(BEN, "I like herons. What do you know?", on.room)
        files = [await on.told(who, read) for who in (BEN, CAROL)]
        again = [await on.told(BEN, "What do I like?", on.room), await on.told(CAROL, "We like owls.")]
        found = [await on.told(who, asked) for who in (BEN, CAROL)]
        forced = await on.told(CAROL, run("run_sql", query="select * from main.orders"))
    assert SECRET in hers
    assert [SECRET in each for each in (his, *files)] == [not guarded] * 3
    assert "herons" in again[0]
    assert "owls" in again[1]
    assert ["ORD-48213" in each for each in (*found, forced)] == [True, not guarded, not guarded]
    assert ["ORD-90077" in each for each in (*found, forced)] == [not guarded, True, True]


@BOTH
async def test_the_bot_with_pydantic_ai(guarded: bool) -> None:
    pytest.importorskip("pydantic_ai", reason="pydantic_ai is not installed; it is no dependency of ours")
    configured(SHOPS)
    made = bot("pydantic_ai", guarded=guarded)
    made.orders.update(
        {"48213": made.Order(shop="acme", state="packed"), "90077": made.Order(shop="globex", state="sent")}
    )
    asked = run("order_state", number="48213")
    async with on_telegram(made, guarded=guarded) as on:
        await on.told(ADA, run("note", number="48213", text="leave it at the mill"))
        await on.told(ADA, f"Between us: {SECRET}.", on.room)
        hers = await on.told(ADA, asked)
        his = await on.told(BEN, "I like herons. What do you know?", on.room)
        again = await on.told(BEN, "What do I like?", on.room)
        theirs = await on.told(CAROL, asked)
        own = await on.told(CAROL, run("order_state", number="90077"))
    assert "packed ['leave it at the mill']" in hers
    assert [SECRET in his, "leave it at the mill" in theirs] == [not guarded] * 2
    assert "herons" in again
    assert "sent []" in own


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
