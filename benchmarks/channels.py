"""What `guard` adds to a message: from the moment it is written to the moment the answer is on the platform.

For each library a bot that answers at once, bare and guarded, against the fake platform of the tests over
loopback sockets. Both are real applications of the unmodified library; they take turns in blocks of one run.
The guarded one asks a guarded model that answers at once, so all four checkpoints are passed; state is in a
database on disk at `FULL`, as deployments have it.
"""

import os
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import discord
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from telegram import Update
from telegram.ext import ContextTypes, MessageHandler, filters

import partywall
from partywall.wall import Wall
from tests.fakes.discord.server import served
from tests.fakes.slack.delivery import SECRET, SignedHttp
from tests.fakes.slack.hosts import running
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.town import settle
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.applications import builder, polling
from tests.fakes.telegram.server import FakeTelegram

Ask = Callable[[str], Awaitable[str]]
# Has a person say something to the bot and waits until the answer is there.
Say = Callable[[str], Awaitable[None]]
Side = Callable[[Wall | None, Ask], AbstractAsyncContextManager[Say]]

BLOCK = 25


class Said(Protocol):
    """What a fake platform keeps of an answer."""

    @property
    def text(self) -> str:
        """Its words."""
        ...


async def echo(text: str) -> str:
    """Answer at once, as the bare bot does."""
    return f"You said: {text}"


@asynccontextmanager
async def walled() -> AsyncGenerator[tuple[Wall, Ask]]:
    """Give a wall on disk, and the same answer from a guarded model."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("PARTYWALL_BENCH_DIR")) as folder:
        wall = partywall.open(
            {
                "store": {"path": str(Path(folder) / "partywall.db")},
                "files": {"path": str(Path(folder) / "files")},
            }
        )

        async def model(**request: Any) -> dict[str, Any]:
            said = await echo(request["messages"][-1]["content"])
            message = {"role": "assistant", "content": said}
            return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

        complete = wall.guard_model(model)

        async def ask(text: str) -> str:
            asked = [{"role": "user", "content": text}]
            answer: Any = await complete(model="m", messages=asked)
            return str(answer["choices"][0]["message"]["content"])

        async with wall:
            yield wall, ask


@asynccontextmanager
async def by_slack(wall: Wall | None, ask: Ask) -> AsyncGenerator[Say]:
    """An `AsyncApp` over signed HTTP."""
    async with FakeSlack() as slack:
        town = settle(slack.acme, slack.globex)
        client = AsyncWebClient(token=slack.acme.token, base_url=slack.api)
        app: Any = AsyncApp(client=client, signing_secret=SECRET)

        async def heard(event: dict[str, Any], say: Callable[[str], Awaitable[object]]) -> None:
            await say(await ask(event["text"]))

        app.event("message")(heard)
        if wall is not None:
            partywall.guard(app, wall)
        room = slack.acme.opens("D0ADABOT1", "ada", town.ada, room="im")

        async def say(text: str) -> None:
            await slack.acme.says(town.ada, room, text)
            await slack.records.until(lambda: _last(slack.records.sent, text), timeout_s=30)

        async with running(slack, app, "async-http"):
            assert isinstance(slack.transport, SignedHttp)
            yield say


@asynccontextmanager
async def by_telegram(wall: Wall | None, ask: Ask) -> AsyncGenerator[Say]:
    """An `Application` that polls."""
    async with FakeTelegram() as telegram:
        bot, ada = telegram.bot(91, "ottobot"), User(id=7001, first_name="Ada")
        chat = telegram.dm(ada, bot)
        app = builder(telegram, bot).build()

        async def heard(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
            message = update.effective_message
            assert message is not None
            await message.reply_text(await ask(message.text or ""))

        app.add_handler(MessageHandler(filters.TEXT, heard))
        if wall is not None:
            partywall.guard(app, wall)

        async def say(text: str) -> None:
            chat.says(ada, text)
            await telegram.until(lambda: _last(telegram.sent, text), within_s=30)

        async with polling(app):
            yield say


@asynccontextmanager
async def by_discord(wall: Wall | None, ask: Ask) -> AsyncGenerator[Say]:
    """A `Client` on the gateway."""
    async with served() as platform:
        intents = discord.Intents.default()
        intents.message_content = True
        client = discord.Client(intents=intents, guild_ready_timeout=0)

        async def on_message(message: discord.Message) -> None:
            if message.author != client.user:
                await message.channel.send(await ask(message.content))

        client.event(on_message)
        if wall is not None:
            partywall.guard(client, wall)
        ada = platform.world.ada
        chat = platform.world.dm(ada)

        async def say(text: str) -> None:
            chat.says(ada, text)
            await platform.sent.until(lambda one: one.content.endswith(text), timeout_s=30)

        async with platform.online(client):
            await client.wait_until_ready()
            yield say


SIDES: dict[str, Side] = {
    "slack-bolt": by_slack,
    "python-telegram-bot": by_telegram,
    "discord.py": by_discord,
}


def _last(sent: Sequence[Said], text: str) -> bool:
    return bool(sent) and sent[-1].text.endswith(text)


async def added(side: Side, rounds: int, beat: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Give the milliseconds of every message, of the guarded bot and of the bare one, block by block."""
    guarded: list[float] = []
    bare: list[float] = []
    number = 0
    async with walled() as (wall, ask):
        while len(bare) < rounds:
            for into, with_wall in ((bare, False), (guarded, True)):
                async with side(wall if with_wall else None, ask if with_wall else echo) as say:
                    await say(f"good morning number {number}")
                    for _ in range(min(BLOCK, rounds)):
                        number += 1
                        began = time.perf_counter()
                        await say(f"what is new, number {number}?")
                        into.append((time.perf_counter() - began) * 1000)
                        beat()
    return guarded, bare
