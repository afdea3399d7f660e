"""Two bots whose one handler does what a test tells it to, and notes how that ended."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from telegram import Update
from telegram.ext import ContextTypes, TypeHandler

from partywall.guarding import Guarded, guard
from partywall.wall import Wall
from tests.fakes.telegram.accounts import Bot, User
from tests.fakes.telegram.applications import AnyApplication, builder, polling
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.timers import timed

ADA = User(id=7001, first_name="Ada", username="ada")
BEN = User(id=7002, first_name="Ben")
Context = ContextTypes.DEFAULT_TYPE
Act = Callable[[Update, Context], Awaitable[object]]


@dataclass(slots=True, kw_only=True, eq=False)
class Acting:
    """The bot of ACME and the bot of GLOBEX; what `act` is set to is done for each update."""

    telegram: FakeTelegram
    acme: Bot
    globex: Bot
    wall: Wall
    act: Act
    outcomes: asyncio.Queue[object] = field(default_factory=asyncio.Queue[object])
    apps: dict[int, AnyApplication] = field(default_factory=dict[int, AnyApplication])
    guards: dict[int, Guarded] = field(default_factory=dict[int, Guarded])

    async def handle(self, update: Update, context: Context) -> None:
        try:
            outcome = await self.act(update, context)
        except Exception as error:  # noqa: BLE001  what a test looks at
            outcome = error
        self.outcomes.put_nowait(outcome)

    async def outcome(self) -> object:
        """Give what the next update came to: the handler's result, or what was raised."""
        return await asyncio.wait_for(self.outcomes.get(), 5)

    async def says(self, act: Act, chat: Chat, who: User = ADA, text: str = "Hello.", **how: Any) -> object:
        """Let somebody say something, do this for it, and give what it came to."""
        self.act = act
        chat.says(who, text, **how)
        return await self.outcome()


@asynccontextmanager
async def acting(
    wall: Wall,
    act: Act | None = None,
    *,
    unguarded_model: bool = True,
    run: Any = polling,
    jobs: bool = False,
    **how: Any,
) -> AsyncGenerator[Acting]:
    """Run both bots behind one wall.

    Args:
        wall: The wall.
        act: What they do for each update.
        unguarded_model: As `guard` takes it.
        run: Runs an application, or None to leave that to the test.
        jobs: True to give them a job queue.
        how: Settings of the builder by name, for both; a function makes one for each.
    """

    async def nothing(update: Update, context: Context) -> None:
        return None

    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(FakeTelegram())
        await stack.enter_async_context(wall)
        acme, globex = telegram.bot(555, "acme_bot"), telegram.bot(556, "globex_bot")
        made = Acting(telegram=telegram, acme=acme, globex=globex, wall=wall, act=act or nothing)
        for bot in (acme, globex):
            building = builder(telegram, bot)
            for name, value in how.items():
                building = getattr(building, name)(value() if callable(value) else value)
            app = building.build()
            if jobs:
                timed(app)
            app.add_handler(TypeHandler(Update, made.handle))
            made.apps[bot.id] = app
            made.guards[bot.id] = guard(app, wall, unguarded_model=unguarded_model)
            if run is not None:
                await stack.enter_async_context(run(app))
        yield made
        for guarded in made.guards.values():
            await guarded.drain(60)
