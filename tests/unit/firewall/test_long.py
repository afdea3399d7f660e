"""While one turn holds a very long text, everybody else's turns go on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest

from firewall.core.subject import ModelReply, SubjectKind, leaf
from firewall.core.verdict import Allow, Case, Verdict
from firewall.detect.detectors import All
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.keys import Keys
from firewall.detect.links.given import Given
from firewall.detect.links.hosts import HostList
from firewall.layers.links import Links
from firewall.layers.redaction import Redaction
from firewall.ledger import Ledger
from firewall.receipts import Scribe
from firewall.stack import Passed, Stack
from tests.fakes.clock import FrozenClock
from tests.fakes.ids import CountedIds
from tests.fakes.stores import House, MemoryRecords, WordDetector, house
from tests.fakes.tenants import ACME, GLOBEX, all_members, case, message, part, turn

T = TypeVar("T")
SECRET = "globex will buy the old harbour in the spring of next year"
WORDS = "".join(f"Sentence number {number} says nothing. See also\n" for number in range(20_000))
LONG = f"{WORDS}{SECRET}. And ORD-1001 as well\n"


@pytest.fixture
def home() -> House:
    return house()


async def meanwhile(doing: Awaitable[T], until: Callable[[], bool] = lambda: False) -> tuple[int, T]:
    """Give how often another task could go on before this was done."""
    task, count = asyncio.ensure_future(doing), 0
    while not task.done() and not until():
        count += 1
        await asyncio.sleep(0)
    return count, await task


def redaction() -> Redaction:
    index = Excerpts()
    index.learn(SECRET, all_members(GLOBEX))
    detector = All([WordDetector()])
    return Redaction(excerpts=Unmasking(index), detector=detector, keys=Keys(detector))


async def test_a_long_reply_is_looked_at_in_steps_and_cut_as_a_short_one_is() -> None:
    reply = ModelReply(leaves=(leaf("text", LONG, None),))
    count, verdict = await meanwhile(redaction().judge(case(reply, turn(tenant=ACME))))
    assert count > 2 * len(LONG) // 32_768
    assert isinstance(verdict, Allow)
    said = {LONG[each.start : each.stop] for each in verdict.findings}
    assert said == {SECRET, "ORD-1001"}
    _, theirs = await meanwhile(redaction().judge(case(reply, turn(tenant=GLOBEX))))
    assert [LONG[each.start : each.stop] for each in theirs.findings] == ["ORD-1001"]


async def test_what_a_turn_may_read_is_looked_at_in_steps() -> None:
    of = turn(tenant=ACME)
    own = part(LONG, all_members(ACME))
    reply = ModelReply(leaves=(leaf("text", "Here is ORD-1001", None),))
    count, verdict = await meanwhile(redaction().judge(case(reply, of, read=(own,))))
    assert count > len(LONG) // 32_768
    assert not verdict.findings


async def test_links_of_a_long_reply_are_looked_for_in_steps() -> None:
    layer = Links(hosts=HostList(names=("acme.example",)), given=Given(tools=True))
    text = f"{WORDS}See https://evil.example/?d=1 and https://acme.example/\n"
    count, verdict = await meanwhile(layer.judge(case(ModelReply(leaves=(leaf("text", text, None),)))))
    assert count > len(text) // 32_768
    assert isinstance(verdict, Allow)
    assert [text[each.start : each.stop] for each in verdict.findings] == ["https://evil.example/?d=1"]


@dataclass(frozen=True)
class Quick:
    name: str
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, _case: Case) -> Verdict:
        return Allow()


@pytest.mark.parametrize(("text", "least"), [(LONG, 10), ("short", 0)])
async def test_between_two_layers_others_go_on(text: str, least: int) -> None:
    names = ["tenant_boundary", *(f"layer_{number}" for number in range(8)), "redaction"]
    layers: list[Any] = [Quick(name) for name in names]
    stack = Stack(
        layers,
        scribe=Scribe(store=MemoryRecords(), ids=CountedIds(), policy="0" * 64),
        clock=FrozenClock(),
        layer_cpu_s=5,
    )
    count, ruling = await meanwhile(stack.judge(turn(), ModelReply(leaves=(leaf("text", text, None),))))
    assert isinstance(ruling, Passed)
    assert least <= count < least + 10


async def test_a_long_message_whose_turn_is_cancelled_is_learned_whole(home: House) -> None:
    index = Excerpts()
    guard = replace(home.guard, excerpts=index)
    of, other = turn(tenant=ACME), turn(tenant=GLOBEX).audience
    async with home.sessions.hold(of.key, wait_s=0) as held:
        ledger = Ledger(replace(of, session=held.id), held, CountedIds())
        texts = " ".join(f"word{number} and {number * 7919}" for number in range(8_000))
        task = asyncio.create_task(guard.inbound(ledger, message(texts)))
        while not index.find(texts[:4_000], other):
            assert not task.done()
            await asyncio.sleep(0)
        assert not index.find(texts[-500:], other)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert index.find(texts[-500:], other)
