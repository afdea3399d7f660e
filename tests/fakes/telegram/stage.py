"""Two bots of two tenants in one process, on unmodified python-telegram-bot, and people who write to them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.telegram.accounts import Bot, Business, User
from tests.fakes.telegram.applications import AnyApplication, builder, polling
from tests.fakes.telegram.habits import OneList
from tests.fakes.telegram.places import Chat, Message
from tests.fakes.telegram.server import FakeTelegram

ADA = User(id=7001, first_name="Ada", username="ada")
BEN = User(id=7002, first_name="Ben")
CAROL = User(id=7003, first_name="Carol")
SECRET = "the merger with Initech closes on 9 March at noon"


class Mode(StrEnum):
    """How far the wall was put around the bot."""

    BARE = "bare"
    GUARDED = "guarded"
    SEARCHED = "searched"


@dataclass(slots=True, kw_only=True, eq=False)
class Stage:
    """What stands when the curtain rises.

    Attributes:
        apps: The application of each bot, by its id.
        guards: The wall around each, by the bot's id; empty without one.
    """

    telegram: FakeTelegram
    acme: Bot
    globex: Bot
    habit: OneList
    model: EchoModel
    apps: dict[int, AnyApplication] = field(default_factory=dict[int, AnyApplication])
    guards: dict[int, Guarded] = field(default_factory=dict[int, Guarded])
    _dms: dict[tuple[int, int], Chat] = field(default_factory=dict[tuple[int, int], Chat])
    _rooms: int = 0

    def dm(self, bot: Bot, person: User) -> Chat:
        key = (bot.id, person.id)
        if key not in self._dms:
            self._dms[key] = self.telegram.dm(person, bot)
        return self._dms[key]

    def room(self, bot: Bot, person: User, **how: Any) -> Chat:
        self._rooms += 1
        kind = how.get("kind", "supergroup")
        number = -self._rooms if kind == "group" else -1_001_000_000_000 - self._rooms
        return self.telegram.room(number, "Room", bot, people={person: "member"}, **how)

    async def handled(self, updates: int = 1) -> None:
        """Wait until the bot's handlers have ended for so many updates."""
        async with asyncio.timeout(5):
            for _ in range(updates):
                await self.habit.handled.acquire()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One person before one bot."""

    stage: Stage
    bot: Bot
    who: User

    @property
    def dm(self) -> Chat:
        return self.stage.dm(self.bot, self.who)

    def room(self, **how: Any) -> Chat:
        return self.stage.room(self.bot, self.who, **how)

    def business(self) -> Business:
        owner = User(id=self.who.id + 100, first_name="Owner")
        return self.stage.telegram.business(f"business-{self.who.id}", owner, self.bot)


# Says a text in one of the ways that Telegram has, and gives where its answer will stand and how many updates
# that makes.
Way = Callable[[Seat, str], Awaitable[tuple[Chat, int]]]


@asynccontextmanager
async def staged(mode: Mode, wall: Wall, **how: Any) -> AsyncGenerator[Stage]:
    """Run one bot's habit behind two tokens, with as much of a wall as the mode says."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(FakeTelegram())
        await stack.enter_async_context(wall)
        model = EchoModel()
        complete = wall.guard_model(model.__call__) if mode is Mode.GUARDED else model.__call__
        acme, globex = telegram.bot(555, "acme_bot"), telegram.bot(556, "globex_bot")
        habit = OneList(complete)
        stage = Stage(telegram=telegram, acme=acme, globex=globex, habit=habit, model=model)
        for bot in (acme, globex):
            app = builder(telegram, bot).concurrent_updates(how.get("concurrent", False)).build()
            habit.joins(app)
            stage.apps[bot.id] = app
            if mode is not Mode.BARE:
                stage.guards[bot.id] = guard(app, wall, unguarded_model=mode is Mode.SEARCHED)
            await stack.enter_async_context(polling(app, allowed=_ALL))
            await telegram.until(lambda bot=bot: bot.allowed)  # type: ignore[misc]
        yield stage
        for guarded in stage.guards.values():
            await guarded.drain(60)


_ALL = (
    *("message", "edited_message", "channel_post", "edited_channel_post"),
    *("business_message", "edited_business_message", "deleted_business_messages", "callback_query"),
    *("message_reaction", "inline_query", "my_chat_member"),
)


async def in_a_dm(seat: Seat, text: str) -> tuple[Chat, int]:
    seat.dm.says(seat.who, text)
    return seat.dm, 1


def in_a_room(**how: Any) -> Way:
    async def way(seat: Seat, text: str) -> tuple[Chat, int]:
        room = seat.room(**how)
        room.says(seat.who, text)
        return room, 1

    return way


async def in_a_topic(seat: Seat, text: str) -> tuple[Chat, int]:
    room = seat.room()
    room.says(seat.who, text, topic=opened(room, seat.who))
    return room, 1


def by_command(name: str, *, room: bool = False) -> Way:
    async def way(seat: Seat, text: str) -> tuple[Chat, int]:
        chat = seat.room() if room else seat.dm
        chat.commands(seat.who, name, text, to=seat.bot if room else None)
        return chat, 1

    return way


def by_button(*, topic: bool = False) -> Way:
    async def way(seat: Seat, text: str) -> tuple[Chat, int]:
        chat = seat.room() if topic else seat.dm
        under = opened(chat, seat.who) if topic else None
        chat.says(seat.who, "/menu", topic=under)
        await seat.stage.handled()
        chat.presses(seat.who, _last(seat.stage, chat), text)
        return chat, 1

    return way


async def by_an_edit(seat: Seat, text: str) -> tuple[Chat, int]:
    said = seat.dm.says(seat.who, "Good morning.")
    seat.dm.edits(said, text)
    return seat.dm, 2


async def by_a_reaction(seat: Seat, text: str) -> tuple[Chat, int]:
    said = seat.dm.says(seat.who, text)
    seat.dm.reacts(seat.who, said, "👍")
    return seat.dm, 2


async def by_a_forward(seat: Seat, text: str) -> tuple[Chat, int]:
    elsewhere = seat.stage.room(seat.bot, CAROL)
    elsewhere.bots.clear()
    seat.dm.forwards(seat.who, elsewhere.says(CAROL, text))
    return seat.dm, 1


async def by_a_quote(seat: Seat, text: str) -> tuple[Chat, int]:
    said = seat.dm.says(seat.who, text)
    seat.dm.says(seat.who, "What do you say to this?", reply_to=said, quote=text[:8])
    return seat.dm, 2


async def by_an_inline_bot(seat: Seat, text: str) -> tuple[Chat, int]:
    seat.dm.says(seat.who, text, via=seat.stage.globex)
    return seat.dm, 1


async def by_a_file(seat: Seat, text: str) -> tuple[Chat, int]:
    seat.dm.uploads(seat.who, "notes.txt", text.encode(), caption=text)
    return seat.dm, 1


async def by_a_picture(seat: Seat, text: str) -> tuple[Chat, int]:
    seat.dm.uploads(seat.who, "board.png", b"\x89PNG", caption=text, kind="photo")
    return seat.dm, 1


async def as_a_customer(seat: Seat, text: str) -> tuple[Chat, int]:
    chat = seat.stage.telegram.customer(seat.business(), seat.who)
    chat.says(seat.who, text)
    return chat, 1


WAYS: dict[str, Way] = {
    "dm": in_a_dm,
    "group": in_a_room(kind="group"),
    "supergroup": in_a_room(),
    "public-group": in_a_room(username="everybody"),
    "topic": in_a_topic,
    "command": by_command("ask"),
    "command-in-a-group": by_command("ask", room=True),
    "button": by_button(),
    "button-in-a-topic": by_button(topic=True),
    "edit": by_an_edit,
    "reaction": by_a_reaction,
    "forward": by_a_forward,
    "quote": by_a_quote,
    "inline-bot": by_an_inline_bot,
    "file-in": by_a_file,
    "file-out": by_command("export"),
    "picture": by_a_picture,
    "stream-of-edits": by_command("stream"),
    "stream-of-drafts": by_command("draft"),
    "business-chat": as_a_customer,
}


def opened(room: Chat, by: User) -> Message:
    """Open a topic before the bot is there, so that it hears of it by what is said in it."""
    bots, room.bots = room.bots, []
    topic = room.opens_topic(by, "Plans")
    room.bots = bots
    return topic


def shown(stage: Stage, chat: Chat, to: User) -> str:
    """Give all that one person saw in a chat: texts, captions, files, alerts, buttons, drafts."""
    found: list[str] = []
    for one in stage.telegram.sent:
        mine = one.raw.get("callback_query_id", "").endswith(f"-{to.id}")
        if mine or one.chat == chat.id:
            found += [one.text, one.caption, str(one.markup), *one.raw.values()]
            found += [file.content.decode(errors="replace") for file in one.files]
    return "\n".join(found)


def _last(stage: Stage, chat: Chat) -> Message:
    return stage.telegram.heard(chat)[-1].message
