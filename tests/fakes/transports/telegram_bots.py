"""Bots on Telegram that answer everybody with their own words: guarded ones and managed ones."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from telegram import Update
from telegram.ext import ContextTypes, TypeHandler

from adapters.telegram.channel import TelegramChannel
from partywall.bot import Bot
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.telegram import accounts
from tests.fakes.telegram.applications import AnyApplication, builder, polling, webhook
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.transports.heard import Heard, asked, idle, repeats, said
from tests.fakes.transports.telegram import (
    BY_POLLS,
    BY_WEBHOOK,
    SECRET,
    Carrier,
    Polls,
    Posts,
    TelegramTransport,
    settled,
)

_KINDS = ("message", "edited_message")


def _bot(telegram: FakeTelegram, bot: accounts.Bot, wall: Wall, heard: Heard) -> AnyApplication:
    model = wall.guard_model(repeats, history=0)
    app: AnyApplication = builder(telegram, bot).build()

    async def handle(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message, chat = update.effective_message, update.effective_chat
        words = (message.text if message is not None else None) or ""
        heard.note(words)
        if message is not None and chat is not None:
            answer = said(await model(**asked(words)))
            await chat.send_message(answer, message_thread_id=message.message_thread_id)

    app.add_handler(TypeHandler(Update, handle))
    return app


@asynccontextmanager
async def _guarded(wall: Wall, *, polls: bool) -> AsyncGenerator[TelegramTransport]:
    heard = Heard()
    async with FakeTelegram() as telegram, wall:
        bot = settled(telegram)
        app = _bot(telegram, bot, wall, heard)
        handle = guard(app, wall)

        async def ended() -> None:
            async with asyncio.timeout(5):
                await app.update_queue.join()
            await handle.drain(60)

        running = polling(app, allowed=_KINDS) if polls else webhook(app, secret=SECRET, allowed=_KINDS)
        carrier: Carrier = (Polls if polls else Posts)(telegram=telegram, bot=bot)
        async with running:
            await telegram.until(lambda: bot.allowed)
            yield TelegramTransport(telegram, heard, carrier, ended, BY_POLLS if polls else BY_WEBHOOK)
            await handle.drain(60)


def guarded_by_polls(wall: Wall) -> AbstractAsyncContextManager[TelegramTransport]:
    return _guarded(wall, polls=True)


def guarded_by_webhook(wall: Wall) -> AbstractAsyncContextManager[TelegramTransport]:
    return _guarded(wall, polls=False)


@asynccontextmanager
async def _managed(wall: Wall, *, polls: bool) -> AsyncGenerator[TelegramTransport]:
    heard = Heard()
    async with FakeTelegram() as telegram, wall:
        bot = settled(telegram)
        channel = _channel(telegram, bot, polls=polls)
        async with Bot(wall, heard.answer, [channel]).serving() as served:
            await telegram.until(lambda: bot.allowed)
            carrier: Carrier = (Polls if polls else Posts)(telegram=telegram, bot=bot)
            without = BY_POLLS if polls else BY_WEBHOOK
            yield TelegramTransport(telegram, heard, carrier, lambda: idle(served), without)


def _channel(telegram: FakeTelegram, bot: accounts.Bot, *, polls: bool) -> TelegramChannel:
    if polls:
        return TelegramChannel(token=bot.token, base_url=telegram.base_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hook"
    return TelegramChannel(
        token=bot.token, base_url=telegram.base_url, webhook_url=url, secret_token=SECRET, port=port
    )


def managed_by_polls(wall: Wall) -> AbstractAsyncContextManager[TelegramTransport]:
    return _managed(wall, polls=True)


def managed_by_webhook(wall: Wall) -> AbstractAsyncContextManager[TelegramTransport]:
    return _managed(wall, polls=False)
