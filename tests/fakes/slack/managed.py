"""A bot of managed mode beside a fake Slack: two workspaces, with somebody of the same id in each."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

import partywall as pw
from adapters.slack.channel import SlackChannel
from partywall.bot import Bot
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.slack.delivery import SECRET as SIGNING_SECRET
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.records import Delivery, Sent
from tests.fakes.slack.server import APP_TOKEN, FakeSlack
from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.town import Town, settle
from tests.fakes.slack.workspace import Workspace

Way = Literal["socket", "http"]
Agent = Callable[[TurnHandle], Awaitable[str | None]]


class Stage:
    """A Slack with two workspaces, and somebody with the same ids in each."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.town: Town = settle(slack.acme, slack.globex)
        self.acme, self.globex = slack.acme, slack.globex
        self.ada: Person = self.town.ada
        self.other: Person = self.globex.people["U0ADA0001"]
        self.kitchen: Place = self.town.kitchen
        self.theirs: Place = self.globex.places["C0KITCHEN"]

    @property
    def dms(self) -> tuple[Place, Place]:
        """The direct messages of both Adas with the bot; they have one id."""
        return self.acme.dm(self.ada), self.globex.dm(self.other)

    def channel(self, way: Way = "socket", **more: Any) -> SlackChannel:
        by: dict[str, Any] = {"signing_secret": SIGNING_SECRET, "port": 0}
        if way == "socket":
            by = {"app_token": APP_TOKEN}
        given: dict[str, Any] = {"tokens": {one.id: one.token for one in (self.acme, self.globex)}}
        given |= {"base_url": self.slack.api}
        return SlackChannel(**{**given, **by, **more})

    def listen(self, channel: SlackChannel, way: Way) -> None:
        if way == "http":
            self.slack.transport = SignedHttp(url=f"http://127.0.0.1:{channel.port}/slack/events")

    async def taken(self, *deliveries: Delivery) -> None:
        for one in deliveries:
            ack = await self.slack.records.ack(one)
            assert ack.status == 200
            assert ack.payload in (None, ""), "an acknowledgement says nothing"

    def sent(self, *methods: str) -> list[Sent]:
        return [one for one in self.slack.records.sent if not methods or one.method in methods]


def settings(path: Path, **more: object) -> dict[str, object]:
    return {
        "profile": "light",
        "model": "echo/bot",
        "tenant": [
            {"id": name, "realms": [{"channel": "slack", "realm": realm}]}
            for name, realm in (("acme", "T0ACME001"), ("globex", "T0GLOBEX1"))
        ],
        "store": {"path": str(path / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
        **more,
    }


@asynccontextmanager
async def served(wall: Wall, agent: Agent, channel: SlackChannel) -> AsyncGenerator[Bot]:
    async with Bot(wall, agent, [channel]).serving() as bot:
        yield bot


@asynccontextmanager
async def serving(
    stage: Stage, path: Path, agent: Agent, *, way: Way = "socket", **more: object
) -> AsyncGenerator[SlackChannel]:
    """Serve until the block ends, and then until all that was taken on is answered."""
    channel = stage.channel(way)
    async with pw.open(settings(path, **more)) as wall, served(wall, agent, channel):
        stage.listen(channel, way)
        yield channel


def files(at: Workspace, place: Place) -> list[bytes]:
    """What lies in the files that the bot shows in a place."""
    ours = [one for one in place.messages.values() if one.get("bot_id") == "B0WALL001"]
    return [at.files[file["id"]][1] for one in ours for file in one.get("files", ())]


def shown(place: Place) -> list[str]:
    """What the bot's messages in a place say now."""
    return [one["text"] for one in place.messages.values() if one.get("bot_id") == "B0WALL001"]


@asynccontextmanager
async def elsewhere(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncGenerator[str]:
    """Something that stands in Slack's place."""
    site = web.Application()
    site.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(site, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
