"""A bot that files what people send, on unmodified python-telegram-bot, as many gateways do.

It keeps a file in one folder, under the name that its sender chose, and shows whatever file a text mentions.
Taught to, it keeps files with the turn and shows what the turn gives it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from telegram import Update
from telegram.ext import ContextTypes, TypeHandler

import partywall as pw
from partywall.guarding import Guarded, guard
from partywall.wall import Wall
from tests.fakes.telegram.accounts import Bot
from tests.fakes.telegram.applications import builder, polling
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram

Context = ContextTypes.DEFAULT_TYPE


class How(StrEnum):
    """How far the wall was put around the bot, and whether it knows of the wall."""

    BARE = "bare"
    GUARDED = "guarded"
    TAUGHT = "taught"


@dataclass(slots=True, kw_only=True, eq=False)
class Filing:
    """The bot of ACME and the bot of GLOBEX, which are one program with one folder.

    Attributes:
        says: What it answers to everything; the sender's own words where this is empty.
        failures: What was raised in it, in order.
        paths: Where a turn keeps what it was given, by the name that its sender chose.
    """

    telegram: FakeTelegram
    acme: Bot
    globex: Bot
    folder: Path
    how: How
    says: str = ""
    method: str = "document"
    spoiled: bool = False
    failures: list[Exception] = field(default_factory=list[Exception])
    paths: dict[str, str] = field(default_factory=dict[str, str])
    guards: list[Guarded] = field(default_factory=list[Guarded])
    handled: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    @property
    def refused(self) -> list[str]:
        """What was raised in it, by name."""
        return [type(one).__name__ for one in self.failures]

    async def handle(self, update: Update, context: Context) -> None:
        try:
            await self._handle(update)
        except Exception as error:  # noqa: BLE001  what a test looks at
            self.failures.append(error)
        finally:
            self.handled.release()

    async def done(self, number: int = 1) -> None:
        """Wait until it has handled so many updates, and the wall has said what it says."""
        async with asyncio.timeout(10):
            for _ in range(number):
                await self.handled.acquire()
        for guarded in self.guards:
            await guarded.drain(60)

    def shown(self, chat: Chat) -> list[bytes]:
        """Give the files that the bot showed in a chat."""
        return [file.content for one in self.telegram.heard(chat) for file in one.files]

    async def _handle(self, update: Update) -> None:
        post = update.effective_message
        assert post is not None
        if post.document is not None:
            content = bytes(await (await post.document.get_file()).download_as_bytearray())
            await self._keeps(str(post.document.file_name), content)
            return
        for word in (self.says or str(post.text)).split():
            found = await self._finds(word.removeprefix("MEDIA:").removeprefix("file://"))
            if found is not None:
                shown = found[:-1] + b"!" if self.spoiled else found
                await getattr(post, f"reply_{self.method}")(shown, filename="picture.png")

    async def _keeps(self, name: str, content: bytes) -> None:
        if self.how is How.TAUGHT:
            self.paths[name] = (await pw.turn().keep(1, _pieces(content))).path
        else:
            (self.folder / name).write_bytes(content)

    async def _finds(self, word: str) -> bytes | None:
        if self.how is How.TAUGHT:
            kept = self.paths.get(word)
            return None if kept is None else await pw.turn().attach(kept)
        path = self.folder / word
        return path.read_bytes() if path.is_file() else None


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content[:5]
    yield content[5:]


@asynccontextmanager
async def filing(wall: Wall, folder: Path, how: How, **more: Any) -> AsyncGenerator[Filing]:
    """Run both bots, with as much of a wall as is said."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(FakeTelegram())
        await stack.enter_async_context(wall)
        acme, globex = telegram.bot(555, "acme_bot"), telegram.bot(556, "globex_bot")
        made = Filing(telegram=telegram, acme=acme, globex=globex, folder=folder, how=how, **more)
        for bot in (acme, globex):
            app = builder(telegram, bot).build()
            app.add_handler(TypeHandler(Update, made.handle))
            if how is not How.BARE:
                made.guards.append(guard(app, wall, unguarded_model=True))
            await stack.enter_async_context(polling(app))
        yield made
        for guarded in made.guards:
            await guarded.drain(60)
