"""The nine laws of the stack, against layers that raise, lie, burn, stall and ask for the impossible."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import StoreUnavailable
from firewall.core.ports import Layer
from firewall.core.receipt import Receipt, RecordKind
from firewall.core.subject import ArgumentKind, Json, ModelReply, Subject, SubjectKind, ToolCall
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
    Verdict,
)
from firewall.receipts import Scribe, size_of
from firewall.stack import Passed, Refused, Stack
from tests.fakes.clock import FrozenClock
from tests.fakes.ids import CountedIds
from tests.fakes.stores import MemoryRecords
from tests.fakes.tenants import GLOBEX, every_kind, line, spec, tool_call, turn

Behaviour = Callable[[Case], object]
EVERY = frozenset(SubjectKind)
LIMIT_S = 0.25


@dataclass
class Judge:
    """A layer that does as it is told, and remembers what it was shown."""

    name: str
    behaviour: Behaviour
    watches: frozenset[SubjectKind] = EVERY
    seen: list[Subject] = field(default_factory=list[Subject])

    async def judge(self, case: Case) -> Verdict:
        self.seen.append(case.subject)
        return cast("Verdict", self.behaviour(case))


def allow(case: Case) -> Verdict:
    return Allow()


@dataclass
class World:
    stack: Stack
    records: MemoryRecords
    clock: FrozenClock
    judges: list[Judge]

    def judge(self, subject: Subject) -> Passed | Refused:
        return asyncio.run(self.stack.judge(turn(), subject))


def world(*behaviours: Behaviour, clock: FrozenClock | None = None, last: Behaviour = allow) -> World:
    time = clock or FrozenClock()
    records = MemoryRecords(clock=time)
    judges = [Judge(f"layer{n}", each) for n, each in enumerate(behaviours)]
    return staged([Judge("tenant_boundary", allow), *judges, Judge("redaction", last)], records, time)


def staged(judges: list[Judge], records: MemoryRecords, clock: FrozenClock) -> World:
    layers = cast("list[Layer]", judges)
    scribe = Scribe(store=records, ids=CountedIds())
    return World(Stack(layers, scribe=scribe, clock=clock, layer_cpu_s=LIMIT_S), records, clock, judges)


def a_call(path: str = "/etc/passwd") -> ToolCall:
    return tool_call(spec(path=ArgumentKind.READ_PATH), {"path": path})


# Behaviours by what must come of them.


def raising(case: Case) -> Verdict:
    raise RuntimeError("CANARY")


def recursing(case: Case) -> Verdict:
    return recursing(case)


def denying(case: Case) -> Verdict:
    return Deny(reason=ReasonCode.TOOL_NOT_GRANTED)


def out_of_range(case: Case) -> Verdict:
    return Allow(obligations=(Redact(rule="r", leaf=99, start=0, stop=1, marker="[X]"),))


def backwards(case: Case) -> Verdict:
    return Allow(obligations=(Redact(rule="r", leaf=0, start=3, stop=1, marker="[X]"),))


def before_the_start(case: Case) -> Verdict:
    return Allow(obligations=(Redact(rule="r", leaf=-1, start=0, stop=1, marker="[X]"),))


def approval(case: Case) -> Verdict:
    return Allow(obligations=(SeekApproval(rule="r"),))


def half_a_reset(case: Case) -> Verdict:
    return Allow(obligations=(ResetHistory(groups=frozenset({99}), foreign=1), SeekApproval(rule="r")))


def no_such_argument(case: Case) -> Verdict:
    return Allow(obligations=(RewritePath(argument="missing", path="x"),))


def garbage(value: object) -> Behaviour:
    return lambda case: value


def malformed(**fields: Any) -> Behaviour:
    """A verdict that no type checker would have let pass."""
    return lambda case: Allow(**fields)


class Agreeable:
    """Equal to everything, as a stand-in of a mocking library is."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # it could not be in one bucket with all it equals


REFUSING: dict[str, Behaviour] = {
    "raises": raising,
    "recurses": recursing,
    "denies": denying,
    "redacts-out-of-range": out_of_range,
    "redacts-backwards": backwards,
    "redacts-before-the-start": before_the_start,
    "seeks-approval": approval,
    "resets-and-seeks": half_a_reset,
    "rewrites-no-argument": no_such_argument,
    "gives-none": garbage(None),
    "gives-true": garbage(True),
    "gives-text": garbage("allow"),
    "gives-what-equals-everything": garbage(Agreeable()),
    "gives-the-class": garbage(Allow),
    "gives-something-alike": garbage(SimpleNamespace(findings=(), obligations=())),
}
MALFORMED: dict[str, Behaviour] = {
    "findings-none": malformed(findings=None),
    "findings-of-text": malformed(findings=("x",)),
    "shadow-out-of-range": malformed(findings=(Finding(rule="r", leaf=9, start=0, stop=1, shadow=True),)),
    "shadow-far-before": malformed(findings=(Finding(rule="r", leaf=-9, start=0, stop=1, shadow=True),)),
    "shadow-just-before": malformed(findings=(Finding(rule="r", leaf=-1, start=0, stop=1, shadow=True),)),
    "shadow-without-place": malformed(
        findings=(Finding(rule="r", leaf=cast("int", "0"), start=0, stop=1, shadow=True),)
    ),
    "obligations-none": malformed(obligations=None),
    "obligations-unknown": malformed(obligations=("redact everything",)),
    "obligation-without-place": malformed(
        obligations=(Redact(rule="r", leaf=0, start=cast("int", None), stop=1, marker="x"),)
    ),
    "deny-without-reason": lambda case: Deny(reason=cast("ReasonCode", None)),
    "deny-with-words": lambda case: Deny(reason=cast("ReasonCode", "because")),
}
HARMLESS: dict[str, Behaviour] = {
    "allows": allow,
    "finds": lambda case: Allow(findings=(Finding(rule="r", leaf=0, start=0, stop=1),)),
    "notices": lambda case: Allow(obligations=(RecordViolation(rule="r", severity=Severity.LOW),)),
    "watches-in-shadow": lambda case: Allow(
        findings=(Finding(rule="r", leaf=0, start=0, stop=2, foreign=True, shadow=True),)
    ),
}
behaviours = st.sampled_from([*REFUSING.values(), *MALFORMED.values(), *HARMLESS.values()])
harmless = st.lists(st.sampled_from(list(HARMLESS.values())), max_size=3)
subjects = st.sampled_from(every_kind())


# Law 1: default deny.


@given(subjects)
def test_a_kind_that_no_layer_watches_is_refused(subject: Subject) -> None:
    blind = [
        Judge("tenant_boundary", allow, EVERY - {subject.kind}),
        Judge("redaction", allow, EVERY - {subject.kind}),
    ]
    home = staged(blind, MemoryRecords(), FrozenClock())
    assert home.judge(subject) == Refused(reason=ReasonCode.UNKNOWN_SUBJECT)
    (judgement,) = home.records.committed
    assert [record.layer for record in judgement.records] == ["stack"]
    assert blind[0].seen == []


# Law 2: deny is final.


@given(st.lists(behaviours, max_size=4), subjects)
def test_nothing_passes_that_one_layer_refused(layers: list[Behaviour], subject: Subject) -> None:
    refusing = {*REFUSING.values(), *MALFORMED.values()}
    ruling = world(*layers).judge(subject)
    assert isinstance(ruling, Refused) == any(each in refusing for each in layers)


@given(st.lists(behaviours, max_size=3), behaviours, st.integers(0, 3), subjects)
def test_a_layer_more_never_loosens(
    layers: list[Behaviour], another: Behaviour, place: int, subject: Subject
) -> None:
    if isinstance(world(*layers).judge(subject), Refused):
        more = [*layers[:place], another, *layers[place:]]
        assert isinstance(world(*more).judge(subject), Refused)


@given(harmless, harmless, subjects)
def test_nobody_is_asked_after_a_denial(before: list[Behaviour], after: list[Behaviour], of: Subject) -> None:
    home = world(*before, denying, *after)
    assert home.judge(of) == Refused(reason=ReasonCode.TOOL_NOT_GRANTED)
    asked = [bool(each.seen) for each in home.judges]
    assert asked == [True] * (len(before) + 2) + [False] * (len(after) + 1)


# Law 3: a layer that fails denies; cancellation passes and what was judged stays.


@pytest.mark.parametrize("name", [*REFUSING, *MALFORMED])
@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_a_malformed_verdict_is_a_recorded_refusal(name: str, subject: Subject) -> None:
    home = world({**REFUSING, **MALFORMED}[name])
    assert isinstance(home.judge(subject), Refused)
    (judgement,) = home.records.committed
    assert not judgement.allowed
    assert [each.kind for each in judgement.records] == [RecordKind.DENIAL]
    assert "CANARY" not in repr(judgement)


@given(harmless, st.sampled_from([*REFUSING.values(), *MALFORMED.values()]), subjects)
def test_a_failing_layer_is_named_in_the_record(before: list[Behaviour], bad: Behaviour, of: Subject) -> None:
    home = world(*before, bad)
    home.judge(of)
    record = home.records.committed[-1].records[-1]
    assert (record.kind, record.layer) == (RecordKind.DENIAL, f"layer{len(before)}")
    assert record.violation


def test_obligations_that_can_be_read_once_only_are_all_met() -> None:
    wanted = (Redact(rule="r", leaf=0, start=0, stop=1, marker="[X]"), SeekApproval(rule="r"))
    home = world(lambda case: Allow(obligations=cast("Any", iter(wanted))))
    assert isinstance(home.judge(every_kind()[2]), Refused)


def burning(clock: FrozenClock, seconds: float) -> Behaviour:
    def behaviour(case: Case) -> Verdict:
        clock.burn_s(seconds)
        return Allow()

    return behaviour


@given(st.floats(0, 1, allow_nan=False), subjects)
def test_a_layer_that_uses_more_than_its_time_denies(seconds: float, subject: Subject) -> None:
    clock = FrozenClock()
    ruling = world(burning(clock, seconds), clock=clock).judge(subject)
    # The clock adds up floating numbers, so what it shows decides, not what it was told.
    assert isinstance(ruling, Refused) == (clock.burnt_s > LIMIT_S)
    if isinstance(ruling, Refused):
        assert ruling.reason is ReasonCode.LAYER_FAILED


@given(subjects)
def test_each_layer_has_its_own_time(subject: Subject) -> None:
    clock = FrozenClock()
    each = burning(clock, LIMIT_S * 0.75)
    assert isinstance(world(each, each, each, clock=clock).judge(subject), Passed)


class Waiting:
    """A layer that waits between its steps, each of which costs a little."""

    name = "waiting"
    watches = EVERY

    def __init__(self, clock: FrozenClock, steps: int, cost_s: float) -> None:
        self.clock, self.steps, self.cost_s = clock, steps, cost_s
        self.waiting = asyncio.Event()
        self.go = asyncio.Event()
        self.cleaned = False

    async def judge(self, case: Case) -> Verdict:
        try:
            for _ in range(self.steps):
                self.clock.burn_s(self.cost_s)
                self.waiting.set()
                await self.go.wait()
                await asyncio.sleep(0)
        finally:
            self.cleaned = True
        return Allow()


def waiting_stack(
    layer: Waiting, clock: FrozenClock, before: Behaviour = allow
) -> tuple[Stack, MemoryRecords]:
    records = MemoryRecords(clock=clock)
    layers = [Judge("tenant_boundary", allow), Judge("before", before), layer, Judge("redaction", allow)]
    return (
        Stack(
            cast("Any", layers),
            scribe=Scribe(store=records, ids=CountedIds()),
            clock=clock,
            layer_cpu_s=LIMIT_S,
        ),
        records,
    )


async def test_a_layer_is_not_charged_for_what_others_do_while_it_waits() -> None:
    clock = FrozenClock()
    layer = Waiting(clock, 2, 0.0)
    stack, _ = waiting_stack(layer, clock)
    judging = asyncio.create_task(stack.judge(turn(), every_kind()[0]))
    await layer.waiting.wait()
    clock.burn_s(3600)
    layer.go.set()
    assert isinstance(await judging, Passed)


async def test_a_layer_is_charged_for_all_its_steps_together() -> None:
    clock = FrozenClock()
    layer = Waiting(clock, 100, LIMIT_S / 10)
    layer.go.set()
    stack, _ = waiting_stack(layer, clock)
    assert await stack.judge(turn(), every_kind()[0]) == Refused(reason=ReasonCode.LAYER_FAILED)
    assert layer.cleaned


async def test_what_a_layer_waits_for_comes_back_to_it() -> None:
    class Asking:
        name = "asking"
        watches = EVERY

        async def judge(self, case: Case) -> Verdict:
            future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, "answer")
            assert await future == "answer"
            broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(broken.set_exception, LookupError("x"))
            with pytest.raises(LookupError):
                await broken
            return Deny(reason=ReasonCode.HOST_NOT_GRANTED)

    clock = FrozenClock()
    stack, _ = waiting_stack(cast("Any", Asking()), clock)
    assert await stack.judge(turn(), every_kind()[0]) == Refused(reason=ReasonCode.HOST_NOT_GRANTED)


async def cancelled(before: Behaviour) -> tuple[MemoryRecords, Waiting]:
    clock = FrozenClock()
    layer = Waiting(clock, 1, 0.0)
    stack, records = waiting_stack(layer, clock, before)
    judging = asyncio.create_task(stack.judge(turn(), every_kind()[2]))
    await layer.waiting.wait()
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    return records, layer


async def test_cancellation_passes_through_and_what_was_judged_stays_recorded() -> None:
    def redacting(case: Case) -> Verdict:
        return Allow(obligations=(Redact(rule="r", leaf=0, start=0, stop=2, marker="[X]"),))

    records, layer = await cancelled(redacting)
    assert layer.cleaned
    (judgement,) = records.all
    assert [each.kind for each in judgement.records] == [RecordKind.REDACTION]


async def test_what_was_cancelled_is_not_recorded_as_allowed() -> None:
    records, _ = await cancelled(HARMLESS["notices"])
    assert [each.allowed for each in records.all] == [False]


async def test_a_cancellation_before_anything_was_done_leaves_nothing() -> None:
    records, _ = await cancelled(allow)
    assert records.all == []


class SlowRecords(MemoryRecords):
    """A store that is waited for before it commits, as a database is."""

    async def record(self, judgement: Any) -> Receipt:
        await asyncio.sleep(0)
        return await MemoryRecords.record(self, judgement)


async def test_a_denial_stays_recorded_although_its_writing_is_cancelled() -> None:
    clock = FrozenClock()
    records = SlowRecords(clock=clock)
    stack = Stack(
        cast("Any", [Judge("tenant_boundary", denying), Judge("redaction", allow)]),
        scribe=Scribe(store=records, ids=CountedIds()),
        clock=clock,
        layer_cpu_s=LIMIT_S,
    )
    judging = asyncio.create_task(stack.judge(turn(), every_kind()[0]))
    await asyncio.sleep(0)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    for _ in range(3):
        await asyncio.sleep(0)
    assert [each.reason for each in records.all] == [ReasonCode.TOOL_NOT_GRANTED]


# Law 4: redactions apply before the next layer looks.


@given(st.text("abc", min_size=1, max_size=6), st.data())
def test_what_was_redacted_is_gone_for_every_later_layer(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    wanted = Redact(rule="r", leaf=0, start=start, stop=stop, marker="[X]")
    home = world(lambda case: Allow(obligations=(wanted,)), allow)
    ruling = home.judge(every_kind(text)[2])
    expected = f"{text[:start]}[X]{text[stop:]}"
    assert isinstance(ruling, Passed)
    assert [each.text for each in ruling.subject.leaves] == [expected]
    assert [judge.seen[0].leaves[0].text for judge in home.judges] == [text, text, expected, expected]


# Law 5 is in the behaviours above: an obligation that cannot be met refuses.


@given(st.sampled_from(["redacts-out-of-range", "redacts-backwards", "rewrites-no-argument"]), subjects)
def test_an_obligation_that_cannot_be_met_is_a_denial(name: str, subject: Subject) -> None:
    reason = cast("Refused", world(REFUSING[name]).judge(subject)).reason
    assert reason in {ReasonCode.OBLIGATION_FAILED, ReasonCode.FIXED_TEXT}


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_approval_cannot_be_sought_so_it_is_refused(subject: Subject) -> None:
    assert world(approval).judge(subject) == Refused(reason=ReasonCode.APPROVAL_UNAVAILABLE)


# Law 6: every denial, redaction, rewrite and reset is a durable record before anything follows.


@given(st.lists(behaviours, max_size=4), subjects)
def test_a_ruling_that_changes_anything_is_committed_before_it_is_known(
    layers: list[Behaviour], subject: Subject
) -> None:
    home = world(*layers)
    ruling = home.judge(subject)
    assert len(home.records.all) == 1
    judgement = home.records.all[0]
    assert judgement.allowed == isinstance(ruling, Passed)
    assert bool(judgement.records) == bool(home.records.committed)
    assert judgement.tenant == turn().principal.tenant
    denials = [each for each in judgement.records if each.kind is RecordKind.DENIAL]
    assert len(denials) == isinstance(ruling, Refused)
    assert judgement.bytes_scanned == size_of(subject)
    assert judgement.bytes_sent == (size_of(ruling.subject) if isinstance(ruling, Passed) else 0)


def test_what_is_cut_was_examined_and_is_not_sent() -> None:
    cut = Redact(rule="excerpt", leaf=0, start=0, stop=3, marker="[X]", foreign=True)
    home, subject = world(lambda case: Allow(obligations=(cut,))), ModelReply(leaves=(line("längst"),))
    home.judge(subject)
    judgement = home.records.committed[0]
    assert (judgement.bytes_scanned, judgement.bytes_sent) == (len("längst".encode()), len("[X]gst"))


@given(st.lists(st.sampled_from([*REFUSING.values(), HARMLESS["notices"]]), min_size=1, max_size=3), subjects)
def test_a_store_that_fails_refuses(layers: list[Behaviour], subject: Subject) -> None:
    home = world(*layers)
    home.records.failing = True
    with pytest.raises(StoreUnavailable):
        home.judge(subject)


def test_what_is_queued_becomes_durable_with_the_next_record() -> None:
    home = world(lambda case: allow(case) if case.subject.kind is SubjectKind.INBOUND else denying(case))
    home.judge(every_kind()[0])
    assert home.records.committed == []
    home.judge(every_kind()[1])
    assert [each.allowed for each in home.records.committed] == [True, False]


def test_a_foreign_finding_that_nothing_answers_is_a_violation() -> None:
    found = Finding(rule="excerpt", leaf=0, start=0, stop=3, foreign=True)
    cut = Redact(rule="excerpt", leaf=0, start=0, stop=3, marker="[X]", foreign=True)
    unanswered = world(lambda case: Allow(findings=(found,)))
    answered = world(lambda case: Allow(findings=(found,), obligations=(cut,)))
    for home, kind in ((unanswered, RecordKind.NOTICE), (answered, RecordKind.REDACTION)):
        assert isinstance(home.judge(every_kind()[2]), Passed)
        (record,) = home.records.committed[0].records
        assert (record.kind, record.violation, record.preview) == (kind, True, "excerpt, 3")


def test_a_violation_beside_a_denial_is_recorded_and_nothing_else_is_done() -> None:
    notice = RecordViolation(rule="r", severity=Severity.LOW)
    cut = Redact(rule="s", leaf=0, start=0, stop=1, marker="[X]")
    home = world(lambda case: Deny(reason=ReasonCode.NO_OWNER, obligations=(notice, cut)))
    home.judge(every_kind()[2])
    assert [each.rule for each in home.records.committed[0].records] == ["r", "no_owner"]


# Law 7: tenant_boundary is first, redaction last.


NAMES = ["tenant_boundary", "policy", "redaction"]


@pytest.mark.parametrize("names", [list(each) for n in range(4) for each in itertools.permutations(NAMES, n)])
def test_the_first_and_the_last_layer_are_fixed(names: list[str]) -> None:
    judges = [Judge(name, allow) for name in names]
    if names and names[0] == "tenant_boundary" and names[-1] == "redaction":
        staged(judges, MemoryRecords(), FrozenClock())
        return
    with pytest.raises(ValueError, match="first"):
        staged(judges, MemoryRecords(), FrozenClock())


def test_two_layers_of_one_name_are_refused() -> None:
    judges = [Judge(name, allow) for name in ("tenant_boundary", "a", "a", "redaction")]
    with pytest.raises(ValueError, match="two layers"):
        staged(judges, MemoryRecords(), FrozenClock())


@given(harmless, subjects)
def test_layers_are_asked_in_order_and_only_about_what_they_watch(
    layers: list[Behaviour], of: Subject
) -> None:
    home = world(*layers)
    order: list[str] = []

    def noted(judge: Judge, behaviour: Behaviour) -> Behaviour:
        def behave(case: Case) -> object:
            order.append(judge.name)
            return behaviour(case)

        return behave

    for judge in home.judges:
        judge.behaviour = noted(judge, judge.behaviour)
    home.judge(of)
    assert order == [judge.name for judge in home.judges]
    assert all(judge.seen == [of] for judge in home.judges)


# Law 8: a rule in shadow is recorded and changes not one byte.


shadows = st.builds(
    Finding,
    rule=st.sampled_from(["excerpt", "pii.EMAIL_ADDRESS"]),
    leaf=st.just(0),
    start=st.integers(0, 3),
    stop=st.integers(4, 9),
    foreign=st.booleans(),
    shadow=st.just(True),
)


@given(st.lists(shadows, min_size=1, max_size=4), subjects)
def test_shadow_findings_are_counted_and_change_nothing(found: Sequence[Finding], subject: Subject) -> None:
    home = world(lambda case: Allow(findings=tuple(found)))
    assert home.judge(subject) == Passed(subject=subject)
    (judgement,) = home.records.committed
    assert [each.rule for each in judgement.records] == [each.rule for each in found]
    for each in judgement.records:
        assert (each.kind, each.severity, each.violation) == (RecordKind.SHADOW, Severity.INFO, False)
        assert each.slot == subject.leaves[0].slot


def test_a_shadow_rule_that_fails_on_a_subject_without_text_is_recorded_too() -> None:
    failed = Finding(rule="shadow_failed", leaf=0, start=0, stop=0, shadow=True)
    home = world(lambda case: Allow(findings=(failed,)))
    empty = tool_call(spec(), {})
    assert home.judge(empty) == Passed(subject=empty)
    assert home.records.committed[0].records[0].rule == "shadow_failed"


def test_what_a_denying_layer_watched_in_shadow_is_recorded_as_well() -> None:
    seen = Finding(rule="r", leaf=0, start=0, stop=1, shadow=True)
    home = world(lambda case: Deny(reason=ReasonCode.DENIED_CLASS, findings=(seen,)))
    home.judge(every_kind()[0])
    kinds = [each.kind for each in home.records.committed[0].records]
    assert kinds == [RecordKind.SHADOW, RecordKind.DENIAL]


# Law 9: what is judged is what runs.


def rewriting(path: str) -> Behaviour:
    def behaviour(case: Case) -> Verdict:
        subject = case.subject
        if isinstance(subject, ToolCall) and subject.arguments.get("path") != path:
            return Allow(obligations=(RewritePath(argument="path", path=path),))
        return Allow()

    return behaviour


def test_after_a_rewrite_every_layer_judges_the_arguments_that_will_run() -> None:
    home = world(allow, rewriting("etc/passwd"), allow)
    ruling = home.judge(a_call())
    assert isinstance(ruling, Passed)
    assert isinstance(ruling.subject, ToolCall)
    assert ruling.subject.arguments == {"path": "etc/passwd"}
    assert [each.text for each in ruling.subject.leaves] == ["etc/passwd"]
    for judge in home.judges:
        last = judge.seen[-1]
        assert isinstance(last, ToolCall)
        assert last.arguments == {"path": "etc/passwd"}
    assert [len(judge.seen) for judge in home.judges] == [2, 2, 2, 1, 1]


def test_a_second_rewrite_denies() -> None:
    home = world(rewriting("a"), rewriting("b"))
    assert home.judge(a_call()) == Refused(reason=ReasonCode.REWRITE_LOOP)
    assert not home.records.committed[0].allowed


def test_a_layer_that_refuses_what_was_rewritten_is_heard() -> None:
    def no_etc(case: Case) -> Verdict:
        subject = case.subject
        inside = isinstance(subject, ToolCall) and subject.arguments["path"] == "etc/passwd"
        return denying(case) if inside else Allow()

    assert isinstance(world(no_etc, rewriting("etc/passwd")).judge(a_call()), Refused)


def test_a_rewrite_that_changes_nothing_is_not_judged_again() -> None:
    same = RewritePath(argument="path", path="/etc/passwd")
    home = world(lambda case: Allow(obligations=(same,)))
    assert isinstance(home.judge(a_call()), Passed)
    assert [len(judge.seen) for judge in home.judges] == [1, 1, 1]


def test_two_paths_are_rewritten_at_once_and_each_is_on_record() -> None:
    both = tool_call(spec(a=ArgumentKind.READ_PATH, b=ArgumentKind.WRITE_PATH), {"a": "/x", "b": "/y"})

    def place(case: Case) -> Verdict:
        subject = case.subject
        assert isinstance(subject, ToolCall)
        return Allow(
            obligations=tuple(
                RewritePath(argument=name, path=str(value).lstrip("/"))
                for name, value in subject.arguments.items()
                if str(value).startswith("/")
            )
        )

    home = world(place)
    ruling = home.judge(both)
    assert isinstance(ruling, Passed)
    assert isinstance(ruling.subject, ToolCall)
    assert ruling.subject.arguments == {"a": "x", "b": "y"}
    records = home.records.committed[0].records
    assert [(each.kind, each.slot) for each in records] == [
        (RecordKind.REWRITE, "a"),
        (RecordKind.REWRITE, "b"),
    ]
    assert not any(each.violation for each in records)


def test_nothing_of_a_call_is_altered_but_by_a_rewrite() -> None:
    cut = Redact(rule="r", leaf=0, start=0, stop=1, marker="[X]")
    assert world(lambda case: Allow(obligations=(cut,))).judge(a_call()) == Refused(
        reason=ReasonCode.FIXED_TEXT
    )


def test_a_layer_cannot_change_the_arguments_behind_the_others() -> None:
    def acting(case: Case) -> Verdict:
        subject = case.subject
        assert isinstance(subject, ToolCall)
        cast("dict[str, Json]", subject.arguments)["path"] = "../GLOBEX/secrets"
        return Allow()

    ruling = world(allow, acting).judge(a_call("notes"))
    if isinstance(ruling, Passed):
        assert isinstance(ruling.subject, ToolCall)
        assert ruling.subject.arguments == {"path": "notes"}


@given(st.integers(), st.integers())
def test_the_digest_on_record_tells_calls_with_other_arguments_apart(one: int, two: int) -> None:
    def digest(count: int) -> str:
        home = world()
        home.judge(tool_call(spec(count=ArgumentKind.UNDECLARED), {"count": count}))
        return home.records.all[0].digest

    assert (digest(one) == digest(two)) == (one == two)


def test_each_tenants_judgements_are_its_own_chain() -> None:
    home = world(denying)
    asyncio.run(home.stack.judge(turn(), every_kind()[0]))
    asyncio.run(home.stack.judge(turn(tenant=GLOBEX), every_kind()[0]))
    assert {tenant: len(chain) for tenant, chain in home.records.chains.items()} == {"ACME": 1, "GLOBEX": 1}
