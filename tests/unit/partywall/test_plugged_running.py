"""A plug-in that raises, lies, hangs or tries to loosen: the subject is refused, and nobody else waits."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, cast

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.core.ids import TenantId
from firewall.core.ports import Match
from firewall.core.subject import ModelReply, SubjectKind, leaf
from firewall.core.verdict import (
    Allow,
    Case,
    Deny,
    Finding,
    ReasonCode,
    RecordViolation,
    Redact,
    ResetHistory,
    RewritePath,
    SeekApproval,
    Severity,
)
from firewall.detect.detectors import All
from firewall.detect.keys import key_of
from firewall.detect.marker import marker
from firewall.receipts import Scribe
from firewall.stack import Passed, Refused, Stack
from partywall.alerts.outcome import Later
from partywall.alerts.post import Post
from partywall.plugged import alert, lane
from partywall.plugged.detector import PluggedDetector
from partywall.plugged.found import Plugin
from partywall.plugged.layer import Judge, PluggedLayer
from tests.fakes.clock import FrozenClock
from tests.fakes.ids import CountedIds
from tests.fakes.stores import MemoryRecords
from tests.fakes.tenants import ACME, GLOBEX, turn

PLUGIN = Plugin(
    kind="detectors",
    name="acme",
    distribution="acme-plug",
    version="1.0",
    point=EntryPoint("acme", "a:b", "partywall.detectors"),
)
ROOT = Path(__file__).parents[3]
WORDS = "carla wrote sesame-4417"
GOOD = Match(start=0, stop=5, kind="ID", rule="badge")
TENANTS = pytest.mark.parametrize("tenant", [ACME, GLOBEX])


@dataclass
class Finder:
    found: Callable[[str], Any]
    rules: Sequence[str] = ("badge", "other")

    def scan(self, text: str) -> Sequence[Match]:
        return cast("Sequence[Match]", self.found(text))


def detector(found: Callable[[str], Any], limit_s: float = 5.0, **more: Any) -> PluggedDetector:
    return PluggedDetector(PLUGIN, Finder(found), limit_s=limit_s, **more)


def raising(*_: object) -> Any:
    raise ValueError(WORDS)


def endless(*_: object) -> Any:
    while True:
        pass


class Odd(int):
    pass


def test_what_is_well_formed_is_found_under_the_walls_own_name_and_key() -> None:
    found = detector(lambda _: [replace(GOOD, key="same for all", score=1)])
    assert found.rules == ("plugin.acme.badge", "plugin.acme.other")
    (match,) = found.scan(WORDS)
    assert (match.rule, match.start, match.stop) == ("plugin.acme.badge", 0, 5)
    assert match.key == key_of("ID", "carla")
    assert detector(lambda _: [replace(GOOD, key="x")]).scan("\u2603\u2603\u2603\u2603!")[0].key != ""


LIES: Mapping[str, Callable[[str], Any]] = {
    "raises": raising,
    "nothing-at-all": lambda _: None,
    "no-match": lambda _: [(0, 5)],
    "before-the-text": lambda _: [replace(GOOD, start=-1)],
    "behind-the-text": lambda text: [replace(GOOD, stop=len(text) + 1)],
    "empty": lambda _: [replace(GOOD, start=5, stop=5)],
    "a-number-of-its-own": lambda _: [replace(GOOD, start=Odd(0))],
    "a-truth-value": lambda _: [replace(GOOD, start=True, stop=5)],
    "words-for-a-kind": lambda _: [replace(GOOD, kind="carla wrote")],
    "a-kind-that-only-the-wall-knows": lambda _: [replace(GOOD, kind="EXCERPT")],
    "a-rule-it-did-not-declare": lambda _: [replace(GOOD, rule="carla")],
    "no-score": lambda _: [replace(GOOD, score=float("nan"))],
    "too-sure": lambda _: [replace(GOOD, score=2.0)],
    "more-than-there-can-be": lambda text: [GOOD] * (2 * len(text) + 1),
    "exits": lambda _: exit(1),
    "raises-when-it-is-read": lambda _: (raising() for _ in "a"),
}


@pytest.mark.parametrize("found", [pytest.param(each, id=name) for name, each in LIES.items()])
def test_a_detector_that_lies_refuses_the_text_without_a_word_of_it(found: Callable[[str], Any]) -> None:
    with pytest.raises(ServiceUnavailable, match="acme-plug") as raised:
        All([detector(found)], unmask=False).scan(WORDS)
    assert "sesame" not in str(raised.value)
    assert "sesame" not in repr(raised.value.__context__)
    assert raised.value.__cause__ is None


def test_a_detector_that_never_comes_back_is_left_and_ended() -> None:
    slow = detector(endless, limit_s=0.05)
    with pytest.raises(ServiceUnavailable, match="longer than"):
        slow.scan(WORDS)
    (thread,) = cast(Any, slow)._lane._stuck
    thread.join(30)
    assert not thread.is_alive()


def test_calls_that_never_come_back_are_few_and_then_nothing_is_called() -> None:
    gate = threading.Lock()
    called: list[str] = []

    def waits(text: str) -> list[Match]:
        called.append(text)
        with gate:
            return []

    slow = detector(waits, limit_s=0.1)
    with gate:
        for _ in range(12):
            with pytest.raises(ServiceUnavailable):
                slow.scan(WORDS)
        assert len(called) == 8
    for thread in cast(Any, slow)._lane._stuck:
        thread.join()
    assert slow.scan(WORDS) == []


async def test_many_pieces_of_one_text_share_one_limit() -> None:
    spent = iter(range(1_000))
    late = detector(lambda _: [], limit_s=10.0, monotonic=lambda: float(next(spent)))
    with pytest.raises(ServiceUnavailable, match="over one text"):
        All([late], unmask=False).scan("one\n" * 50)
    # The next step of the loop begins anew.
    await asyncio.sleep(0)
    assert All([late], unmask=False).scan("one\n" * 3) == []


@pytest.mark.parametrize("said", ["yes", 1, None])
def test_only_a_plain_yes_excludes(said: object) -> None:
    class Glancing(Finder):
        def excludes(self, text: str) -> bool:
            return cast(bool, said)

    found = PluggedDetector(PLUGIN, Glancing(lambda _: [GOOD]), limit_s=5)
    assert All([found], unmask=False).scan("carla")


def test_a_glance_that_raises_refuses_the_text() -> None:
    class Glancing(Finder):
        def excludes(self, text: str) -> bool:
            return cast(bool, raising())

    with pytest.raises(ServiceUnavailable):
        All([PluggedDetector(PLUGIN, Glancing(lambda _: []), limit_s=5)], unmask=False).scan("carla")


# Layers


@dataclass
class Says:
    answer: Callable[[Case], Any]
    rules: Sequence[str] = ("badge",)
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, case: Case) -> Any:
        found = self.answer(case)
        return await found if asyncio.iscoroutine(found) else found


@dataclass
class Own:
    name: str
    answer: Callable[[], Any] = Allow
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)
    asked: list[Case] = field(default_factory=list[Case])

    async def judge(self, case: Case) -> Any:
        self.asked.append(case)
        return self.answer()


def plugged(answer: Callable[[Case], Any], limit_s: float = 5.0) -> PluggedLayer:
    own = cast(Judge, Says(answer))
    return PluggedLayer(
        name="plugin.acme",
        watches=own.watches,
        rules={"badge": "plugin.acme.badge"},
        own=own,
        lane=lane.Lane(str(PLUGIN)),
        limit_s=limit_s,
    )


def stack(layer: Any, records: MemoryRecords, first: Own | None = None, last: Own | None = None) -> Stack:
    ids = CountedIds()
    return Stack(
        [first or Own("tenant_boundary"), layer, last or Own("redaction")],
        scribe=Scribe(store=records, ids=ids, policy="0" * 64),
        clock=FrozenClock(),
        layer_cpu_s=5,
    )


REPLY = ModelReply(leaves=(leaf("text", WORDS, None),))
CUT = Redact(rule="badge", leaf=0, start=0, stop=5, marker=marker("ID"))
NO = Deny(reason=ReasonCode.PLUGIN_DENIED, rule="badge", severity=Severity.LOW)


async def judged(answer: Callable[[Case], Any], tenant: TenantId, **more: Any) -> tuple[Any, str]:
    records = MemoryRecords()
    ruling = await stack(plugged(answer, **more), records).judge(turn(tenant=tenant), REPLY)
    return ruling, repr((records.committed, records.queued))


@TENANTS
async def test_a_layer_may_deny_and_cut_by_its_own_rule(tenant: TenantId) -> None:
    ruling, told = await judged(lambda _: NO, tenant)
    assert ruling == Refused(reason=ReasonCode.PLUGIN_DENIED)
    assert "plugin.acme.badge" in told
    ruling, told = await judged(lambda _: Allow(obligations=(CUT,)), tenant)
    assert isinstance(ruling, Passed)
    assert ruling.subject.leaves[0].text == WORDS.replace("carla", marker("ID"))
    ruling, _ = await judged(lambda _: Allow(obligations=(SeekApproval(rule="badge"),)), tenant)
    assert isinstance(ruling, Refused)
    counted = RecordViolation(rule="badge", severity=Severity.LOW)
    shadow = Finding(rule="badge", leaf=0, start=0, stop=5, shadow=True)
    ruling, told = await judged(lambda _: Allow(findings=(shadow,), obligations=(counted,)), tenant)
    assert isinstance(ruling, Passed)
    assert told.count("plugin.acme.badge") >= 2


async def later(case: Case) -> Allow:
    async def lost() -> None:
        raise ValueError(WORDS)

    task = asyncio.create_task(lost())
    await asyncio.sleep(0)
    assert task.done()
    return Allow()


LOOSENING = {
    "a-path": Allow(obligations=(RewritePath(argument="path", path="/etc/passwd"),)),
    "a-history": Allow(obligations=(ResetHistory(groups=frozenset({0}), foreign=0),)),
    "words-for-a-marker": Allow(obligations=(replace(CUT, marker="carla says hello"),)),
    "words-beside-a-marker": Allow(obligations=(replace(CUT, marker=f"{marker('ID')} carla"),)),
    "no-marker": Allow(obligations=(replace(CUT, marker=""),)),
    "a-foreign-cut": Allow(obligations=(replace(CUT, foreign=True),)),
    "outside-of-the-text": Allow(obligations=(replace(CUT, stop=900),)),
    "another-leaf": Allow(obligations=(replace(CUT, leaf=1),)),
    "a-leaf-from-the-end": Allow(obligations=(replace(CUT, leaf=-1),)),
    "another-rule": Allow(obligations=(replace(CUT, rule="carla"),)),
    "nobody": Allow(obligations=cast(Any, ("badge",))),
    "millions": Allow(obligations=(RecordViolation(rule="badge", severity=Severity.LOW, count=10**7),)),
    "a-foreign-finding": Allow(findings=(Finding(rule="badge", leaf=0, start=0, stop=5, foreign=True),)),
    "a-reason-of-the-walls": replace(NO, reason=ReasonCode.FOREIGN_EXCERPT),
    "a-deny-with-a-cut": replace(NO, obligations=(CUT,)),
    "yes": True,
    "nothing": None,
}


@TENANTS
@pytest.mark.parametrize("verdict", [pytest.param(each, id=name) for name, each in LOOSENING.items()])
async def test_whatever_else_a_layer_says_denies(tenant: TenantId, verdict: object) -> None:
    ruling, told = await judged(lambda _: verdict, tenant)
    assert ruling == Refused(reason=ReasonCode.LAYER_FAILED)
    assert "carla" not in told


FAILING: Mapping[str, tuple[Callable[[Case], Any], float]] = {
    "raises": (raising, 5.0),
    "never-ends": (endless, 0.05),
    "waits-for-ever": (lambda _: asyncio.sleep(3_600), 0.05),
    "exits": (lambda _: exit(1), 5.0),
}


@TENANTS
@pytest.mark.parametrize(
    ("answer", "limit_s"), [pytest.param(*each, id=name) for name, each in FAILING.items()]
)
async def test_a_layer_that_fails_denies(
    tenant: TenantId, answer: Callable[[Case], Any], limit_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    ruling, told = await judged(answer, tenant, limit_s=limit_s)
    assert ruling == Refused(reason=ReasonCode.LAYER_FAILED)
    assert "sesame" not in told + caplog.text


async def test_while_a_layer_hangs_the_loop_goes_on() -> None:
    gate = threading.Event()
    slow = asyncio.create_task(judged(lambda _: gate.wait(), ACME))
    ruling, _ = await judged(lambda _: NO, GLOBEX)
    assert ruling == Refused(reason=ReasonCode.PLUGIN_DENIED)
    assert not slow.done()
    gate.set()
    ruling, _ = await slow
    assert isinstance(ruling, Refused)


async def test_a_task_that_a_layer_loses_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ruling, _ = await judged(later, ACME)
    assert isinstance(ruling, Passed)
    assert "sesame" not in caplog.text


@TENANTS
async def test_no_plug_in_undoes_what_another_layer_denies(tenant: TenantId) -> None:
    no = Own("tenant_boundary", lambda: Deny(reason=ReasonCode.UNKNOWN_TENANT))
    asked: list[Case] = []

    def yes(case: Case) -> Allow:
        asked.append(case)
        return Allow()

    ruling = await stack(plugged(yes), MemoryRecords(), first=no).judge(turn(tenant=tenant), REPLY)
    assert ruling == Refused(reason=ReasonCode.UNKNOWN_TENANT)
    assert not asked
    last = Own("redaction", lambda: Deny(reason=ReasonCode.FOREIGN_EXCERPT))
    ruling = await stack(plugged(yes), MemoryRecords(), last=last).judge(turn(tenant=tenant), REPLY)
    assert ruling == Refused(reason=ReasonCode.FOREIGN_EXCERPT)
    assert [case.tenant for case in asked] == [tenant]


async def test_a_cancelled_turn_leaves_a_layer_at_once() -> None:
    began = threading.Event()

    def waits(_: Case) -> Any:
        began.set()
        return asyncio.sleep(3_600)

    task = asyncio.create_task(plugged(waits, limit_s=60).judge(Case(turn=turn(), subject=REPLY)))
    while not began.is_set():
        await asyncio.to_thread(began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# Alerts


UNSENT: Mapping[str, Callable[[Any], Any]] = {
    "raises": raising,
    "no-posting": lambda _: b"{}",
    "no-bytes": lambda _: alert.Posting(body=cast(Any, "{}")),
    "too-long": lambda _: alert.Posting(body=b"x" * 1_000_001),
    "another-host": lambda _: alert.Posting(body=b"{}", headers={"Host": "10.0.0.1"}),
    "framing": lambda _: alert.Posting(body=b"{}", headers={"content-LENGTH": "0"}),
    "a-line-end": lambda _: alert.Posting(body=b"{}", headers={"X": "a\r\nHost: b"}),
    "a-name-of-two": lambda _: alert.Posting(body=b"{}", headers={"X: a\r\nY": "b"}),
    "too-many": lambda _: alert.Posting(body=b"{}", headers={f"X-{n}": "a" for n in range(21)}),
}


@pytest.mark.parametrize("posting", [pytest.param(each, id=name) for name, each in UNSENT.items()])
async def test_an_alert_that_cannot_be_sent_as_it_is_waits(posting: Callable[[Any], Any]) -> None:
    @dataclass
    class Kind:
        def posting(self, delivery: Any) -> Any:
            return posting(delivery)

    post = Post("https://hook.invalid/", private=False, timeout_s=5)
    sender = alert.PluggedSender(PLUGIN, Kind(), post, 5.0)
    assert await sender.send(cast(Any, None), 0) == Later(fault="fault in the plug-in")
    sender.close()


# An interpreter that has a thread to interrupt looks for it before every call, for ever if that thread never
# looks up itself: under a trace function, a debugger's or coverage's, CPython 3.11 gets no further then.
TRACED = """
import asyncio, sys, threading, time
from partywall.plugged.lane import Lane
from firewall.core.errors import ServiceUnavailable

sys.settrace(lambda *_: None)
lane, gate = Lane("acme"), threading.Lock()
gate.acquire()

def spins():
    while True:
        pass

for call in (gate.acquire, spins, gate.acquire):
    try:
        lane.run(call, 0.3)
    except ServiceUnavailable:
        print("refused")
    try:
        asyncio.run(lane.wait(call, 0.3))
    except ServiceUnavailable:
        print("refused")
print(lane.run(lambda: "goes on", 5))
"""


def test_a_thread_that_waits_for_ever_stops_no_other_one() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACED], cwd=ROOT, capture_output=True, check=True, timeout=60, text=True
    )
    assert done.stdout.split("\n") == ["refused"] * 6 + ["goes on", ""]


async def test_a_cancelled_turn_ends_a_layer_that_never_does() -> None:
    began = threading.Event()

    def spins(_: Case) -> Any:
        began.set()
        endless()

    layer = plugged(spins, limit_s=60)
    task = asyncio.create_task(layer.judge(Case(turn=turn(), subject=REPLY)))
    while not began.is_set():
        await asyncio.to_thread(began.wait, 5)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (thread,) = cast(Any, layer.lane)._stuck
    thread.join(30)
    assert not thread.is_alive()


async def test_a_layer_that_waits_for_ever_gives_its_thread_back() -> None:
    layer = plugged(lambda _: asyncio.sleep(3_600), limit_s=0.05)
    with pytest.raises(ServiceUnavailable):
        await layer.judge(Case(turn=turn(), subject=REPLY))
    used = cast(Any, layer.lane)
    for thread in used._stuck:
        await asyncio.to_thread(thread.join, 30)
    assert not any(thread.is_alive() for thread in used._stuck)
