"""Running a bot beside a fake Slack: `AsyncApp` or `App`, by Socket Mode or by HTTP, as people run them.

The libraries leave much untyped, so an app is `Any` here.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Literal
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from aiohttp import web
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient

from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.server import APP_TOKEN, FakeSlack

Way = Literal["async-socket", "async-http", "sync-socket", "sync-http"]


def running(slack: FakeSlack, app: Any, way: Way) -> AbstractAsyncContextManager[None]:
    """Run an app until the block ends, connected to this Slack."""
    ways = {
        "async-socket": _async_by_socket,
        "async-http": _async_by_http,
        "sync-socket": _sync_by_socket,
        "sync-http": _sync_by_http,
    }
    return ways[way](slack, app)


@asynccontextmanager
async def _async_by_socket(slack: FakeSlack, app: Any) -> AsyncGenerator[None]:
    handler: Any = AsyncSocketModeHandler(app, APP_TOKEN, web_client=AsyncWebClient(base_url=slack.api))
    await handler.connect_async()
    try:
        yield
    finally:
        await handler.close_async()


@asynccontextmanager
async def _async_by_http(slack: FakeSlack, app: Any) -> AsyncGenerator[None]:
    runner = web.AppRunner(app.web_app(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.transport = SignedHttp(url=f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _sync_by_socket(slack: FakeSlack, app: Any) -> AsyncGenerator[None]:
    handler: Any = SocketModeHandler(app, APP_TOKEN, web_client=WebClient(base_url=slack.api))
    await asyncio.to_thread(handler.connect)
    try:
        yield
    finally:
        await asyncio.to_thread(handler.close)


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@asynccontextmanager
async def _sync_by_http(slack: FakeSlack, app: Any) -> AsyncGenerator[None]:
    handler: Any = SlackRequestHandler(app)
    with make_server("127.0.0.1", 0, handler, server_class=_Threads, handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        slack.transport = SignedHttp(url=f"http://127.0.0.1:{server.server_port}/slack/events")
        try:
            yield
        finally:
            await asyncio.to_thread(server.shutdown)
            thread.join()
