"""A Telegram that is not ours: updates and answers of unmodified python-telegram-bot, by webhook, whole.

Its own endpoint (tornado) takes what telemelya delivers. telemelya delivers without the secret token that
Telegram sends; a relay that stands for Telegram's own side adds it, except where its absence is the subject.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes

from adapters.doors import State
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.services import needs
from tests.fakes.telegram.accounts import SECRET_HEADER, User
from tests.fakes.telegram.applications import AnyApplication
from tests.fakes.telegram.habits import OneList
from tests.fakes.telegram.stage import Mode
from tests.peers.telemelya import Telemelya
from vault.ledger import Filter

pytestmark = needs("redis")

ACME, GLOBEX = "555:acme-token", "556:globex-token"
SECRET = "the merger with Initech closes on 9 March at noon"
ASKED = "Which deadlines did the others tell you about?"
PROOF = "the-secret-token-of-the-webhook"


@dataclass(slots=True, kw_only=True)
class Town:
    """Two bots of two tenants with one habit, and two people with a chat each."""

    peer: Telemelya
    habit: OneList
    model: EchoModel
    ada: User
    ben: User
    guards: list[Guarded] = field(default_factory=list[Guarded])
    apps: dict[str, AnyApplication] = field(default_factory=dict[str, AnyApplication])

    async def told(self, who: User, text: str, token: str) -> list[dict[str, Any]]:
        """Let somebody write, and give all that stands in their chat once the bot is done."""
        await self.peer.says(who, text, token=token)
        async with asyncio.timeout(10):
            await self.habit.handled.acquire()
        await self.drained()
        return await self.peer.shown(who)

    async def drained(self) -> None:
        for guarded in self.guards:
            await guarded.drain(60)


@pytest.fixture(params=[ACME, GLOBEX], ids=["same-bot", "other-tenant"])
def second(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def town(peer: Telemelya, wall: Wall, mode: Mode, *, proof: str | None = PROOF) -> AsyncGenerator[Town]:
    model = EchoModel()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(wall)
        habit = OneList(wall.guard_model(model.__call__) if mode is Mode.GUARDED else model.__call__)
        number = next(_people)
        ada = User(id=number, first_name="Ada", username="ada")
        ben = User(id=number + 1, first_name="Ben")
        made = Town(peer=peer, habit=habit, model=model, ada=ada, ben=ben)
        for token in (ACME, GLOBEX):
            builder = Application.builder().token(token)
            app = builder.base_url(f"{peer.url}/bot").base_file_url(f"{peer.url}/file/bot").build()
            habit.joins(app)
            if mode is not Mode.BARE:
                made.guards.append(guard(app, wall, unguarded_model=mode is Mode.SEARCHED))
            await stack.enter_async_context(_webhook(app, proof))
            made.apps[token] = app
        yield made
        await made.drained()


# The server keeps what stands in a chat: each test has chats of its own.
_people = iter(range(7001, 8000, 2))


@asynccontextmanager
async def _webhook(app: AnyApplication, proof: str | None) -> AsyncGenerator[None]:
    """Run an application behind the updater's own endpoint, and the relay before it."""
    assert app.updater is not None
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    own = f"http://127.0.0.1:{listening.getsockname()[1]}/hook"
    async with _relay(own, proof) as url, app:
        await app.start()
        await app.updater.start_webhook(url_path="/hook", unix=listening, webhook_url=url, secret_token=proof)
        try:
            yield
        finally:
            await app.updater.stop()
            await app.stop()


@asynccontextmanager
async def _relay(to: str, proof: str | None) -> AsyncGenerator[str]:
    async def take(request: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json", **({SECRET_HEADER: proof} if proof else {})}
        async with (
            aiohttp.ClientSession() as client,
            client.post(to, data=await request.read(), headers=headers) as answer,
        ):
            return web.Response(status=answer.status)

    server = web.Application()
    server.router.add_post("/hook", take)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


def texts(calls: list[dict[str, Any]]) -> str:
    return "\n".join(str(call) for call in calls)


async def test_an_unguarded_bot_tells_the_second_what_the_first_said(
    telegram_peer: Telemelya, wall: Wall, second: str
) -> None:
    async with town(telegram_peer, wall, Mode.BARE) as here:
        assert SECRET in texts(await here.told(here.ada, SECRET, ACME))
        assert SECRET in texts(await here.told(here.ben, ASKED, second))


@pytest.mark.parametrize("asked", [ASKED, f"/stream {ASKED}"], ids=["message", "stream-of-edits"])
async def test_a_guarded_bot_answers_both_and_tells_the_second_nothing_of_the_first(
    telegram_peer: Telemelya, wall: Wall, second: str, asked: str
) -> None:
    async with town(telegram_peer, wall, Mode.GUARDED) as here:
        assert SECRET in texts(await here.told(here.ada, SECRET, ACME))
        told = await here.told(here.ben, asked, second)
        assert ASKED in texts(told), "somebody was answered"
        assert {call["chat_id"] for call in told} == {here.ben.id}
        assert SECRET not in texts(told)
        assert all(ASKED not in str(one) for one in here.model.requests if SECRET in str(one))


async def test_an_unguarded_model_is_searched_and_recorded(
    telegram_peer: Telemelya, wall: Wall, second: str
) -> None:
    async with town(telegram_peer, wall, Mode.SEARCHED) as here:
        await here.told(here.ada, SECRET, ACME)
        told = await here.told(here.ben, ASKED, second)
        records = (await wall.runtime()).vault.records
        await records.settle()
        found = await records.violations(Filter())
    assert SECRET not in texts(told)
    assert any(one.record.rule != "unaccounted_outbound" for one in found), "it is on record"


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_a_message_for_somebody_elses_chat_is_refused_before_it_leaves(
    telegram_peer: Telemelya, wall: Wall, mode: Mode
) -> None:
    async with town(telegram_peer, wall, mode) as here:
        before = await here.told(here.ada, "Hello!", ACME)

        async def strays(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            await context.bot.send_message(here.ada.id, "This was for Ben.")

        # It fails as Telegram's own refusals do, so the library's error handler has it and the bot lives on.
        here.apps[ACME].add_handler(CommandHandler("stray", strays), group=-1)
        raised: list[str] = []

        async def notes(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
            raised.append(type(context.error).__name__)
            here.habit.handled.release()

        here.apps[ACME].add_error_handler(notes)
        await here.told(here.ben, "/stray", ACME)
        after = await here.peer.shown(here.ada)
        assert (after == before) is (mode is Mode.GUARDED)
        assert raised == (["Denied"] if mode is Mode.GUARDED else [])


async def test_what_comes_without_the_webhooks_secret_token_is_heard_by_no_handler(
    telegram_peer: Telemelya, wall: Wall
) -> None:
    async with town(telegram_peer, wall, Mode.GUARDED, proof=None) as here:
        assert (await here.peer.says(here.ada, SECRET, token=ACME))["status_code"] == 200
        await asyncio.wait_for(here.apps[ACME].update_queue.join(), 10)
        await here.drained()
        assert not here.habit.heard
        assert not here.model.requests
        assert SECRET not in texts(await here.peer.shown(here.ada))


async def test_every_choke_point_is_covered(telegram_peer: Telemelya, wall: Wall) -> None:
    async with town(telegram_peer, wall, Mode.GUARDED) as here:
        assert {row.state for guarded in here.guards for row in guarded.report()} == {State.COVERED}
