"""Bots on Slack that answer everybody with their own words: around which the wall is, or which it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from slack_bolt import App
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.client import WebClient

from adapters.slack.channel import SlackChannel
from partywall.bot import Bot
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.slack import hosts
from tests.fakes.slack.delivery import SECRET, SignedHttp
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.workspace import Workspace
from tests.fakes.transports.heard import Heard, asked, idle, repeated, repeats, said
from tests.fakes.transports.slack import BY_HTTP, BY_SOCKET, Envelopes, Requests, SlackTransport, settled


def _bot(slack: FakeSlack, at: Workspace, wall: Wall, heard: Heard) -> Any:
    """Give an application of one workspace, with its token, as most are."""
    model = wall.guard_model(repeats, history=0)
    client = AsyncWebClient(token=at.token, base_url=slack.api)
    app: Any = AsyncApp(client=client, signing_secret=SECRET)

    async def message(event: Any, say: Any) -> None:
        words = event.get("text", "")
        heard.note(words)
        await say(text=said(await model(**asked(words))), thread_ts=event.get("thread_ts"))

    async def revoked() -> None:
        return None

    app.event("message")(message)
    # Bolt acknowledges nothing that no listener takes.
    app.event("tokens_revoked")(revoked)
    return app


def _bot_in_threads(slack: FakeSlack, at: Workspace, wall: Wall, heard: Heard) -> Any:
    """Give the same without asyncio; it asks auth.test as it is built, so build it in a thread."""
    model = wall.guard_model(repeated, history=0)
    app: Any = App(client=WebClient(token=at.token, base_url=slack.api), signing_secret=SECRET)

    def message(event: Any, say: Any) -> None:
        words = event.get("text", "")
        heard.note(words)
        say(text=said(model(**asked(words))), thread_ts=event.get("thread_ts"))

    def revoked() -> None:
        return None

    app.event("message")(message)
    app.event("tokens_revoked")(revoked)
    return app


@asynccontextmanager
async def _guarded(wall: Wall, way: hosts.Way) -> AsyncGenerator[SlackTransport]:
    heard = Heard()
    async with FakeSlack() as slack, wall:
        at = settled(slack)
        make = _bot if way.startswith("async") else _bot_in_threads
        app = await asyncio.to_thread(make, slack, at, wall, heard)
        handle = guard(app, wall)
        async with hosts.running(slack, app, way):
            by = slack.transport
            carrier = Requests(by=by) if isinstance(by, SignedHttp) else Envelopes(slack=slack)
            without = BY_HTTP if isinstance(by, SignedHttp) else BY_SOCKET
            yield SlackTransport(slack, heard, carrier, lambda: handle.drain(60), without)
            await handle.drain(60)


def guarded_by_socket(wall: Wall) -> AbstractAsyncContextManager[SlackTransport]:
    return _guarded(wall, "async-socket")


def guarded_by_http(wall: Wall) -> AbstractAsyncContextManager[SlackTransport]:
    return _guarded(wall, "async-http")


def guarded_in_threads_by_http(wall: Wall) -> AbstractAsyncContextManager[SlackTransport]:
    return _guarded(wall, "sync-http")


@asynccontextmanager
async def managed_by_socket(wall: Wall) -> AsyncGenerator[SlackTransport]:
    heard = Heard()
    async with FakeSlack() as slack, wall:
        at = settled(slack)
        channel = SlackChannel({at.id: at.token}, app_token=APP_TOKEN, base_url=slack.api)
        async with Bot(wall, heard.answer, [channel]).serving() as bot:
            yield SlackTransport(slack, heard, Envelopes(slack=slack), lambda: idle(bot), BY_SOCKET)


@asynccontextmanager
async def managed_by_http(wall: Wall) -> AsyncGenerator[SlackTransport]:
    heard = Heard()
    async with FakeSlack() as slack, wall:
        at = settled(slack)
        channel = SlackChannel({at.id: at.token}, signing_secret=SECRET, port=0, base_url=slack.api)
        async with Bot(wall, heard.answer, [channel]).serving() as bot:
            by = Requests(by=SignedHttp(url=f"http://127.0.0.1:{channel.port}/slack/events"))
            yield SlackTransport(slack, heard, by, lambda: idle(bot), BY_HTTP)
