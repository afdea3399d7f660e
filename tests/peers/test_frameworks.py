"""The bots of examples/bots and of docs/models.md on frameworks that are not ours: LangGraph and pydantic-ai.

Before, they tell others what the first person said; after, they do not. Each runs as it stands, on unmodified
python-telegram-bot and sockets; the model is a provider on loopback that repeats every word it is sent.
"""

import re
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters.doors import State
from tests.fakes.example_bots import BOTH, PATIENCE_S, SECRET, at_home, bot, configured, put, run
from tests.fakes.telegram.accounts import User as TelegramUser
from tests.fakes.telegram.applications import builder, polling
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.stage import ADA, BEN, CAROL

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text(encoding="utf-8")


pytestmark = pytest.mark.usefixtures("frameworks")


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with at_home(tmp_path, monkeypatch):
        yield


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


@pytest.mark.parametrize("framework", ["langchain", "pydantic-ai"])
async def test_the_models_page_keeps_two_tenants_apart(framework: str) -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        exec(compile(block, "docs/models.md", "exec"), names)  # noqa: S102  the page's own code
    history: list[Any] = []

    async def by_langchain(text: str) -> str:
        history.append({"role": "user", "content": text})
        system = {"role": "system", "content": names["SYSTEM"]}
        return str((await names["model"].ainvoke([system, *history])).content)

    async def by_pydantic_ai(text: str) -> str:
        result = await names["agent"].run(text, message_history=history)
        history[:] = result.all_messages()
        return str(result.output)

    answers: list[str] = []
    async with names["wall"] as wall:
        for who, text in (("ann", f"Between us: {SECRET}."), ("bob", "What do you know?")):
            said = pw.message(text, channel="slack", realm=who, sender=framework, conversation="c")
            async with wall.turn(said):
                answers.append(await (by_langchain if framework == "langchain" else by_pydantic_ai)(text))
        await names["client"].close()
        names["waiting"].close()
    assert [SECRET in each for each in answers] == [True, False]
    assert "What do you know?" in answers[1]
    assert SECRET in str(history), "the bot's own list holds it"
