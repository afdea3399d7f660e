"""`kill -9` of a bot on Slack, deliveries twice and out of order: none is lost, none answered twice.

The child is a whole bot by `partywall.Bot` on slack_bolt and slack_sdk, unmodified, which talks to a Slack of
ours. What may have been answered when it died is listed, and only that may have no answer.
`PARTYWALL_DELIVERIES` says how many deliveries are made (200 without it), 30 in 100 of them twice.
"""

import asyncio
import logging
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firewall.core.ids import TenantId
from partywall.wall import Wall
from partywall.wall import open as wall_of
from tests.fakes.bot_crasher import settings
from tests.fakes.services import ROOT
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.records import Delivery, Records
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person
from vault.inbox import Accepted

DELIVERIES = int(os.environ.get("PARTYWALL_DELIVERIES", "200"))
PEOPLE = 12
DEATHS = 2
_LOG = logging.getLogger(__name__)


class Held:
    """Keeps deliveries back, so that a test can make them in an order of its own."""

    async def carry(self, delivery: Delivery, records: Records, tasks: asyncio.TaskGroup) -> None:
        """Do nothing yet."""


async def said(slack: FakeSlack, count: int) -> list[Delivery]:
    """Let people of two companies, with ids that are equal in both, write so many messages."""
    slack.transport = Held()
    people = [
        (at, at.joins(Person(id=f"U0{number:07d}", name=f"p{number}", team=at.id)))
        for at in (slack.acme, slack.globex)
        for number in range(PEOPLE)
    ]
    made = list[Delivery]()
    for number in range(count):
        at, who = people[number % len(people)]
        made.append(await at.says(who, at.dm(who), f"{at.domain} {number}"))
    return made


@asynccontextmanager
async def child(folder: Path, slack: FakeSlack) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Give a bot that listens; at the end it is told to stop, unless it is dead."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.fakes.bot_crasher",
        str(folder),
        slack.api,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        slack.transport = SignedHttp(url=f"http://127.0.0.1:{port}/slack/events")
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until_killed(
    slack: FakeSlack, process: asyncio.subprocess.Process, waiting: list[Delivery], acks: int
) -> None:
    """Deliver, and kill the bot once so many deliveries were acknowledged."""
    before = sum(bool(one.acks) for one in slack.records.deliveries)
    making = asyncio.create_task(delivered(slack, waiting))
    await slack.records.until(
        lambda: sum(bool(one.acks) for one in slack.records.deliveries) - before >= acks, timeout_s=60
    )
    process.kill()
    await process.wait()
    await making


async def delivered(slack: FakeSlack, waiting: list[Delivery]) -> None:
    for at in range(0, len(waiting), 20):
        batch = waiting[at : at + 20]
        for one in batch:
            await slack.redelivers(one)
        await asyncio.gather(*(answered(slack, one) for one in batch))


async def answered(slack: FakeSlack, one: Delivery) -> None:
    await slack.records.until(lambda: len(one.acks) + one.lost >= one.attempt, timeout_s=60)


async def unknown(wall: Wall) -> list[str]:
    """Give the words of the messages that are listed as maybe answered."""
    inbox = (await wall.runtime()).vault.inbox
    return [
        (await inbox.take(Accepted(n=one.n, tenant=TenantId(one.tenant), lane=""))).message.text
        for one in await inbox.unknown()
    ]


@pytest.mark.timeout(600)
async def test_no_delivery_is_lost_or_answered_twice_whatever_is_killed(tmp_path: Path) -> None:
    drawn = random.Random(DELIVERIES)
    async with FakeSlack() as slack:
        made = await said(slack, DELIVERIES)
        waiting = [*made, *drawn.sample(made, k=len(made) * 3 // 10)]
        drawn.shuffle(waiting)
        for _ in range(DEATHS):
            async with child(tmp_path, slack) as process:
                await until_killed(slack, process, waiting, acks=len(made) // (DEATHS + 2))
            waiting = [one for one in waiting if not one.acks or drawn.random() < 0.3]
        async with child(tmp_path, slack):
            await delivered(slack, waiting)
        assert all(any(ack.status == 200 for ack in one.acks) for one in made)
        shown = Counter(
            (one.team, one.text) for one in slack.records.sent if one.method == "chat.postMessage"
        )
    async with wall_of(settings(tmp_path)) as wall:
        maybe = await unknown(wall)
    wanted = {(one.team, f"re: {one.payload['event']['text']}") for one in made}
    assert set(shown) <= wanted, "nothing else is said, and nothing in another company"
    assert max(shown.values()) == 1, "nothing is answered twice"
    silent = {text.removeprefix("re: ") for team, text in wanted if (team, text) not in shown}
    assert silent <= set(maybe), "what has no answer is listed"
    again = sum(one.attempt - 1 for one in made)
    _LOG.info("%s deliveries, %s again, %s answered, %s listed", len(made), again, len(shown), len(maybe))
    assert again > len(made) // 5
