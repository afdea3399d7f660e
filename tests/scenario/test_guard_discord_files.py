"""A bot that passes files on: bare it shows one person's to another, guarded it does not."""

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from firewall.core.errors import Denied, MisuseError
from firewall.core.verdict import ReasonCode
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.clerk import Clerk
from tests.fakes.discord.office import Office
from tests.fakes.discord.people import User
from tests.fakes.discord.sent import Sent, Upload
from tests.fakes.discord.server import Discord, served
from tests.fakes.services import ROOT
from vault.ledger import Filter

PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
OTHER = PICTURE + b"\xff"
WAYS = ["send", "edit", "thread", "direct"]
SECOND = [pytest.param("ben", id="in-the-same-room"), pytest.param("cy", id="of-another-tenant")]


@pytest.fixture
async def platform() -> AsyncIterator[Discord]:
    async with served() as platform:
        yield platform


@dataclass(kw_only=True)
class Desk:
    """The platform, the bot and its guard."""

    platform: Discord
    clerk: Clerk
    handle: Guarded | None = None

    def place(self, name: str) -> tuple[Channel, User]:
        world = self.platform.world
        return {
            "ada": (world.kitchen, world.ada),
            "ben": (world.kitchen, world.ben),
            "cy": (world.lab, world.cy),
        }[name]

    async def says(self, name: str, *files: bytes) -> list[bytes]:
        """Let somebody speak, and give the files that were sent since."""
        before = len(self.platform.sent)
        channel, who = self.place(name)
        channel.hands(who, "see", *(Upload(name="p.png", data=one) for one in files))
        return await self.shown(before)

    async def asks(self, name: str, file: bytes | None = None) -> list[bytes]:
        """Let somebody use the command."""
        before = len(self.platform.sent)
        channel, who = self.place(name)
        given = {} if file is None else {"file": Upload(name="p.png", data=file)}
        channel.slash("show", given, who)
        return await self.shown(before)

    async def shown(self, since: int) -> list[bytes]:
        await self.clerk.finished.get()
        if self.handle is not None:
            await self.handle.drain(60)
        return [file.data for one in self.platform.sent if one.order >= since for file in one.files]


@asynccontextmanager
async def desk(wall: Wall, platform: Discord, *, guarded: bool, alone: bool = False) -> AsyncGenerator[Desk]:
    model = EchoModel()
    async with wall:
        clerk = Clerk(wall.guard_model(model.__call__) if guarded and not alone else model)
        handle = guard(clerk, wall, unguarded_model=alone) if guarded else None
        async with platform.online(clerk):
            yield Desk(platform=platform, clerk=clerk, handle=handle)
        if handle is not None:
            handle.uninstall()


async def refused(wall: Wall) -> int:
    """Give how much was refused, on record, because nobody has read it."""
    records = (await wall.runtime()).vault.records
    await records.settle()
    reasons = [one.reason async for one in records.export(Filter())]
    return reasons.count(ReasonCode.UNKNOWN_SUBJECT)


@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("way", WAYS)
async def test_a_bare_bot_sends_one_persons_file_to_another(
    wall: Wall, platform: Discord, way: str, second: str
) -> None:
    async with desk(wall, platform, guarded=False) as on:
        on.clerk.way = way
        await on.says("ada", PICTURE)
        assert await on.says(second) == [PICTURE]
        assert await on.asks(second) == [PICTURE, PICTURE]
    assert on.clerk.errors == []


@pytest.mark.parametrize("alone", [False, True], ids=["guard-and-guard-model", "guard-alone"])
@pytest.mark.parametrize("second", SECOND)
@pytest.mark.parametrize("way", WAYS)
async def test_guarded_it_sends_no_file_that_the_turn_did_not_take_from_its_own(
    wall: Wall, platform: Discord, way: str, second: str, alone: bool
) -> None:
    async with desk(wall, platform, guarded=True, alone=alone) as on:
        on.clerk.way = way
        assert await on.says("ada", PICTURE) == []
        assert await on.says(second) == []
        assert await on.asks(second) == []
        assert [type(error) for error in on.clerk.errors] == [Denied] * 3
        assert await refused(wall) == 3


@pytest.mark.parametrize("second", ["ben", "cy"])
@pytest.mark.parametrize("way", WAYS)
async def test_what_a_turn_kept_and_took_again_it_may_show_to_the_last_byte(
    wall: Wall, platform: Discord, way: str, second: str
) -> None:
    async with desk(wall, platform, guarded=True) as on:
        on.clerk.way, on.clerk.own = way, True
        assert await on.says("ada", PICTURE) == [PICTURE]
        assert await on.says(second, OTHER) == [OTHER]
        assert await on.asks(second, OTHER) == [OTHER, OTHER]
        assert await on.says(second) == [], "no file came, so there is none to keep"
        on.clerk.changed = b"\0"
        assert await on.says(second, OTHER) == []
        assert await on.asks(second, OTHER) == []
    assert [type(error) for error in on.clerk.errors] == [MisuseError, Denied, Denied]
    direct = {one.channel for one in platform.sent if one.files and way == "direct" and not one.interaction}
    assert direct <= {platform.world.dm(on.place(name)[1]).id for name in ("ada", second)}


async def test_what_one_person_took_from_their_own_is_not_anothers_to_show(
    wall: Wall, platform: Discord
) -> None:
    async with desk(wall, platform, guarded=True) as on:
        on.clerk.own = True
        assert await on.says("ada", PICTURE) == [PICTURE]
        on.clerk.own = False
        for second in ("ben", "cy"):
            # The very bytes that the wall let Ada be shown, by a bot that kept them.
            assert await on.says(second) == []
        assert [type(error) for error in on.clerk.errors] == [Denied, Denied]


def _shows(channel: str, one: Sent) -> bool:
    return one.channel == channel and bool(one.files)


async def test_the_pages_bot_sends_each_person_their_own_files_again(wall: Wall, platform: Discord) -> None:
    page = (ROOT / "docs" / "channels" / "discord.md").read_text(encoding="utf-8")
    (code,) = [each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "turn.keep" in each]
    found: dict[str, Any] = {}
    exec(compile(code, "docs/channels/discord.md", "exec"), found)  # noqa: S102  our own documentation
    world, model = platform.world, EchoModel()
    async with wall:
        office = Office(wall.guard_model(model.__call__))
        office.on_message = found["on_message"]  # type: ignore[method-assign]  # the page's own
        handle = guard(office, wall)
        async with platform.online(office):
            for channel, who, content in ((world.kitchen, world.ada, PICTURE), (world.lab, world.cy, OTHER)):
                channel.hands(who, "", Upload(name="p.png", data=content), Upload(name="q.png", data=OTHER))
            for channel in (world.kitchen, world.lab):
                await platform.sent.until(partial(_shows, channel.id))
            await handle.drain(60)
        handle.uninstall()
    shown = [(one.channel, file.data) for one in platform.sent for file in one.files]
    ada, cy = world.kitchen.id, world.lab.id
    assert sorted(shown) == sorted([(ada, PICTURE), (ada, OTHER), (cy, OTHER), (cy, OTHER)])
