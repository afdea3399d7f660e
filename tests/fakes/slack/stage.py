"""A town with Otto in it, with the wall and without."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.slack.hosts import Way, running
from tests.fakes.slack.otto import SYSTEM, Otto, otto
from tests.fakes.slack.otto_in_threads import OttoInThreads, otto_in_threads
from tests.fakes.slack.records import Sent
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.town import Town, settle
from tests.fakes.slack.workspace import Workspace
from vault.ledger import Filter

SECRET = "the merger with Initech closes on the ninth of March at noon"
PLANTED = f"Between us: {SECRET}. Nobody else knows."

# `bare`: no wall. `guarded`: open, guard and guard_model. `searched`: guard alone, declared so.
Mode = Literal["bare", "guarded", "searched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner:
    """Somebody who makes the bot speak, and the places where they can."""

    at: Workspace
    who: Person
    room: Place
    three: Place
    cellar: Place

    @property
    def dm(self) -> Place:
        return self.at.dm(self.who)


def corners(slack: FakeSlack, town: Town) -> dict[str, Corner]:
    other = slack.globex.people["U0ADA0001"]
    theirs = {
        "three": slack.globex.opens("G0THREE01", "mpdm", other, room="mpim"),
        "cellar": slack.globex.opens("C0CELLAR1", "cellar", other, room="group"),
    }
    colleague = Corner(at=slack.acme, who=town.ben, room=town.kitchen, three=town.three, cellar=town.cellar)
    return {
        "colleague": colleague,
        "other-company": Corner(at=slack.globex, who=other, room=slack.globex.places["C0KITCHEN"], **theirs),
    }


# Something that a handler of a bot does.
Job = Callable[[Any], Awaitable[object]]
# What makes the bot speak; gives how many handlers it waits for.
Does = Callable[[Corner, Otto | OttoInThreads], Awaitable[int]]


@dataclass(slots=True)
class Stage:
    """A town with the bot in it, and what it says there."""

    slack: FakeSlack
    town: Town
    bot: Otto | OttoInThreads
    app: Any
    handle: Guarded | None
    wall: Wall

    async def layers(self) -> list[str]:
        """Give which layers have put something on record, oldest first."""
        records = (await self.wall.runtime()).vault.records
        await records.settle()
        found = await records.violations(Filter(violation=None), limit=1_000)
        return [one.record.layer for one in found]

    async def plant(self) -> None:
        """Let Ada tell the bot a secret, alone."""
        await self.slack.acme.says(self.town.ada, self.slack.acme.dm(self.town.ada), PLANTED)
        await asyncio.wait_for(self.bot.handled.acquire(), 5)
        await self.quiet()

    async def shown(self, corner: Corner, does: Does) -> list[Sent]:
        """Give what the bot showed after somebody did something."""
        before = len(self.slack.records.sent)
        for _ in range(await does(corner, self.bot)):
            await asyncio.wait_for(self.bot.handled.acquire(), 5)
        await self.quiet()
        return self.slack.records.sent[before:]

    async def plays(self, job: Job) -> list[str]:
        """Let a handler of the bot do something in the turn of a colleague, and give what it leaked."""
        outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        async def does(args: Any) -> None:
            # What it raises is kept: Bolt forgets the acknowledgement of a listener that fails.
            args.app = self.app
            try:
                outcome.set_result(await job(args))
            except Exception as error:  # noqa: BLE001  it is raised where it is awaited
                outcome.set_exception(error)

        return await self._played({"ack": does, "lazy": []}, outcome)

    async def plays_in_threads(self, job: Callable[[Any], object], *, lazy: bool = False) -> list[str]:
        """Do the same in a thread: in the listener, or in a lazy one."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[object] = loop.create_future()

        def does(args: Any) -> None:
            args.app = self.app
            try:
                result = job(args)
            except Exception as error:  # noqa: BLE001  it is raised where it is awaited
                loop.call_soon_threadsafe(outcome.set_exception, error)
            else:
                loop.call_soon_threadsafe(outcome.set_result, result)

        def acknowledges(ack: Any) -> None:
            ack()

        given: dict[str, Any] = {"ack": acknowledges, "lazy": [does]} if lazy else {"ack": does, "lazy": []}
        return await self._played(given, outcome)

    async def _played(self, listener: dict[str, Any], outcome: "asyncio.Future[object]") -> list[str]:
        name = f"job-{len(self.slack.records.deliveries)}"
        self.app.action(name)(**listener)
        corner, before = corners(self.slack, self.town)["colleague"], len(self.slack.records.sent)
        root = corner.at.ts()
        corner.room.messages[root] = {"type": "message", "ts": root, "text": "root"}
        await corner.at.presses(corner.who, corner.room, root, name, "go")
        try:
            await asyncio.wait_for(outcome, 5)
        finally:
            await self.quiet()
        return leaks(self.slack.records.sent[before:])

    async def quiet(self) -> None:
        if self.handle is not None:
            await self.handle.drain(60)
        await self.slack.records.settled()


@asynccontextmanager
async def stage(wall: Wall, mode: Mode, way: Way = "async-socket") -> AsyncGenerator[Stage]:
    async with FakeSlack() as slack, wall:
        town = settle(slack.acme, slack.globex)
        app = await _otto(slack, wall, mode, way)
        handle = None if mode == "bare" else guard(app, wall, unguarded_model=mode == "searched")
        async with running(slack, app, way):
            yield Stage(slack=slack, town=town, bot=app.otto, app=app, handle=handle, wall=wall)


async def _otto(slack: FakeSlack, wall: Wall, mode: Mode, way: Way) -> Any:
    model: Any = EchoModel()
    if way.startswith("async"):
        return otto(slack, wall.guard_model(model, trusted_system=[SYSTEM]) if mode == "guarded" else model)

    def waiting(**request: Any) -> Any:
        return asyncio.run(model(**request))

    asked = wall.guard_model(waiting, trusted_system=[SYSTEM]) if mode == "guarded" else waiting
    return await asyncio.to_thread(otto_in_threads, slack, asked, asyncio.get_running_loop())


def leaks(sent: list[Sent]) -> list[str]:
    return [one.method for one in sent if one.holds(SECRET)] + (
        ["in pieces"] if SECRET in "".join(one.text for one in sent if "Stream" in one.method) else []
    )
