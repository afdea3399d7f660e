"""Unmodified python-telegram-bot applications, run against the fake server.

By webhook, the updater's own server needs tornado, which is an extra that we do not install; a small endpoint
in front of the application's queue checks the secret token as that server does.
"""

import hmac
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from telegram import Update
from telegram.ext import Application, ApplicationBuilder

from tests.fakes.telegram.accounts import SECRET_HEADER, Bot
from tests.fakes.telegram.server import FakeTelegram

AnyApplication = Application[Any, Any, Any, Any, Any, Any]


def builder(telegram: FakeTelegram, bot: Bot) -> ApplicationBuilder[Any, Any, Any, Any, Any, Any]:
    """Give the builder that a developer begins with, pointed at the fake."""
    made = Application.builder().token(bot.token)
    return made.base_url(telegram.base_url).base_file_url(telegram.base_file_url)


@asynccontextmanager
async def polling(app: AnyApplication, *, allowed: Sequence[str] | None = None) -> AsyncGenerator[None]:
    """Run an application by long polls."""
    assert app.updater is not None
    async with app:
        await app.start()
        await app.updater.start_polling(allowed_updates=allowed)
        try:
            yield
        finally:
            await app.updater.stop()
            await app.stop()


@asynccontextmanager
async def webhook(
    app: AnyApplication, *, secret: str, allowed: Sequence[str] | None = None
) -> AsyncGenerator[None]:
    """Run an application behind an endpoint that lets in only what carries the secret token."""

    async def take(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get(SECRET_HEADER, ""), secret):
            return web.Response(status=403)
        await app.update_queue.put(Update.de_json(await request.json(), app.bot))
        return web.Response()

    server = web.Application()
    server.router.add_post("/", take)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        async with app:
            await app.start()
            await app.bot.set_webhook(
                f"http://127.0.0.1:{port}/", secret_token=secret, allowed_updates=allowed
            )
            try:
                yield
            finally:
                await app.bot.delete_webhook()
                await app.stop()
    finally:
        await runner.cleanup()
