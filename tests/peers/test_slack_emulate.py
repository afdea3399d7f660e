"""A Slack that is not ours: what unmodified slack_bolt and slack_sdk send there, bare and behind the wall.

emulate plays no events, so deliveries are signed requests of our own; all that is shown goes to emulate.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from adapters.doors import State
from partywall.guarding import Guarded, guard
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.slack.otto import SYSTEM
from tests.fakes.telegram.stage import Mode
from tests.peers.slack import GENERAL, Emulate, Office, office, opened
from vault.ledger import Filter

SECRET = "the merger with Initech closes on 9 March at noon"
ASKED = "Which deadlines did the others tell you about?"


@asynccontextmanager
async def at_work(slack: Emulate, wall: Wall, mode: Mode) -> AsyncGenerator[tuple[Office, Guarded | None]]:
    """Give the bot at work, and its guard unless it is bare."""
    model = EchoModel()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(wall)
        asked = (
            wall.guard_model(model.__call__, trusted_system=[SYSTEM])
            if mode is Mode.GUARDED
            else model.__call__
        )
        here = await stack.enter_async_context(office(slack, asked))
        guarded = None
        if mode is not Mode.BARE:
            guarded = guard(here.app, wall, unguarded_model=mode is Mode.SEARCHED)
        await stack.enter_async_context(opened(here))
        yield here, guarded
        if guarded is not None:
            await guarded.drain(60)


async def told(here: Office, guarded: Guarded | None, who: str, place: str, text: str, style: str) -> None:
    """Let somebody write, and wait until the bot is done."""
    here.bot.style = style
    await here.hears(who, place, text, room="im" if place.startswith("D") else "channel")
    async with asyncio.timeout(10):
        await here.bot.handled.acquire()
    if guarded is not None:
        await guarded.drain(60)


@pytest.mark.parametrize("style", ["say", "update", "ephemeral", "blocks"])
@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED, Mode.SEARCHED])
async def test_what_the_first_said_reaches_the_second_only_without_the_wall(
    slack_peer: Emulate, wall: Wall, mode: Mode, style: str
) -> None:
    async with at_work(slack_peer, wall, mode) as (here, guarded):
        ada, ben = await slack_peer.person("ada"), await slack_peer.person("ben")
        await told(here, guarded, ada, await slack_peer.dm(ada), SECRET, "say")
        assert any(SECRET in text for _, text in here.left.spoken), "Ada hears her own words"
        before, place = len(here.left.calls), await slack_peer.room("kitchen")
        await told(here, guarded, ben, place, ASKED, style)
        shown = await slack_peer.page(place) + "\n".join(await slack_peer.kept(place))
        left = [text for _, text in here.left.calls[before:]]
        assert left, "something was sent"
        if style != "blocks":  # emulate keeps no blocks: there the answer's text stands in what left
            assert any(SECRET in text for text in left) is (mode is Mode.BARE)
        if mode is not Mode.BARE:
            assert SECRET not in shown
        if mode is Mode.GUARDED:
            assert here.bot.failures == []
        if mode is Mode.SEARCHED:
            records = (await wall.runtime()).vault.records
            await records.settle()
            found = await records.violations(Filter())
            assert any(one.record.rule != "unaccounted_outbound" for one in found), "it is on record"


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_a_message_for_another_room_is_refused_before_it_leaves(
    slack_peer: Emulate, wall: Wall, mode: Mode
) -> None:
    async with at_work(slack_peer, wall, mode) as (here, guarded):
        elsewhere = await slack_peer.room("elsewhere")

        async def strays(args: Any) -> None:
            try:
                await args.client.chat_postMessage(channel=elsewhere, text="This was for Ben.")
            finally:
                here.bot.handled.release()

        here.app.event("message")(strays)
        listeners: list[Any] = getattr(here.app, "_async_listeners")  # noqa: B009  the one way to be heard first
        listeners.insert(0, listeners.pop())
        before = await slack_peer.kept(elsewhere)
        ben = await slack_peer.person("ben")
        await told(here, guarded, ben, await slack_peer.dm(ben), "Hello!", "say")
        after = await slack_peer.kept(elsewhere)
        assert (after == before) is (mode is Mode.GUARDED)


@pytest.mark.parametrize("mode", [Mode.BARE, Mode.GUARDED])
async def test_an_answer_by_response_url_tells_the_second_nothing_of_the_first(
    slack_peer: Emulate, wall: Wall, mode: Mode
) -> None:
    async with at_work(slack_peer, wall, mode) as (here, guarded):
        ada, ben = await slack_peer.person("ada"), await slack_peer.person("ben")
        await told(here, guarded, ada, await slack_peer.dm(ada), SECRET, "say")
        before = len(await slack_peer.kept(GENERAL))
        await here.commanded(ben, GENERAL, ASKED)
        async with asyncio.timeout(10):
            await here.bot.handled.acquire()
        answers = (await slack_peer.kept(GENERAL))[before:]
        assert any(ASKED in text for text in answers), "Ben was answered"
        assert any(SECRET in text for text in answers) is (mode is Mode.BARE)


async def test_every_choke_point_is_covered(slack_peer: Emulate, wall: Wall) -> None:
    async with at_work(slack_peer, wall, Mode.GUARDED) as (_, guarded):
        assert guarded is not None
        assert {row.state for row in guarded.report()} == {State.COVERED}
