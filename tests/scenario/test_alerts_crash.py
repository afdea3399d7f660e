"""`kill -9` at random points between a violation and its alert: each is told, in order, under one id.

`PARTYWALL_KILLS` says how many times (10 without it).
"""

import json
import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from partywall.alerts.relay import relay_of
from partywall.runtime import SystemClock
from tests.fakes.alert_crasher import KEY, URL, routes
from tests.fakes.killing import killed
from tests.fakes.receivers import Behaviour, Heard, Says, receiver
from tests.fakes.vaults import ACME, GLOBEX, CountedIds, SteppedClock, opened
from vault.delivery import DeliveryState
from vault.ledger import Filter

KILLS = int(os.environ.get("PARTYWALL_KILLS", "10"))
MAX_LINES = 40
ANSWERS: tuple[Behaviour, ...] = (
    *(Says(), Says(), Says(), Says()),
    *(Says(status=500), Says(status=429), "reset", "garbage"),
)


def facts(heard: Heard) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(heard.body)["data"]
    return data


async def drained(path: Path) -> None:
    """Let a last process work, while days pass, until nothing waits."""
    clock = SteppedClock(at_ms=SystemClock().now_ms())
    async with await opened(path, clock) as vault:
        await vault.deliveries.recover()
        relay = relay_of(routes(), (), vault.deliveries, clock, CountedIds(b"s" * 32), poll_s=0.001)
        assert relay is not None
        relay.start()
        waiting = {DeliveryState.WAITING, DeliveryState.SENDING}
        while await vault.outbox.count() or any(
            each.state in waiting for each in await vault.deliveries.listed(limit=100_000)
        ):
            clock.at_ms += 60_000
        await relay.close()


async def test_every_violation_is_told_in_order_however_often_the_process_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    path = tmp_path / "partywall.db"
    recorded: list[tuple[str, str]] = []

    def heard(line: str) -> None:
        _, tenant, rule = line.split()
        recorded.append((tenant, rule))

    with receiver(*chance.choices(ANSWERS, k=200)) as far:
        monkeypatch.setenv(URL, far.url)
        monkeypatch.setenv(KEY, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        for life in range(KILLS):
            after, spins = chance.randint(1, MAX_LINES), chance.randint(0, 200)
            await killed("tests.fakes.alert_crasher", path, life, after, spins, heard)
        await drained(path)
    async with await opened(path) as vault:
        kept = Counter([(one.tenant, one.record.rule) async for one in vault.records.export(Filter())])
        made = await vault.deliveries.listed(limit=100_000)
    assert Counter(recorded) <= kept, "an acknowledged violation was lost"
    assert {each.state for each in made} == {DeliveryState.SENT}

    told: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    order: defaultdict[str, list[str]] = defaultdict(list)
    for each in far.taken:
        said, name = facts(each), each.headers["webhook-id"]
        bodies[name].add(each.body)
        order[said["incident"]].append(name)
        told[each.path][said["tenant"], said["incident"]] = said["violations"]
    assert all(len(each) == 1 for each in bodies.values()), "one id said two things"
    assert set(bodies) == {each.id for each in made}, "a message never arrived"
    for incident, names in order.items():
        wanted = [each.id for each in made if each.incident == incident]
        assert list(dict.fromkeys(names)) == wanted, "an incident was told out of order"
    assert {tenant for tenant, _ in told["/hook/acmes"]} == {ACME}
    for tenant, where in ((ACME, "/hook"), (GLOBEX, "/hook"), (ACME, "/hook/acmes")):
        counted = sum(count for (whose, _), count in told[where].items() if whose == tenant)
        assert counted == sum(count for (whose, _), count in kept.items() if whose == tenant)
