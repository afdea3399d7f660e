"""The stack: asks the layers in order, carries out what they ask for, and writes it down.

It is the only place where a verdict becomes a fact, so failing closed is written once:
a layer that raises denies, one that uses more than its share of processor time denies, an answer that is not
a verdict denies, an obligation that cannot be met denies, and a record that cannot be written stops the turn.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from firewall.core.ids import canonical
from firewall.core.message import Part
from firewall.core.ports import Clock, Layer
from firewall.core.receipt import Record
from firewall.core.session import Turn
from firewall.core.subject import Subject, SubjectKind, ToolCall
from firewall.core.verdict import (
    Allow,
    Case,
    Deny,
    Finding,
    ReasonCode,
    RecordViolation,
    Redact,
    Severity,
)
from firewall.marks import Marks
from firewall.obligations import Undischargeable, discharge
from firewall.receipts import Scribe, content_of, denial, shadow, size_of, unmet


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The subject may go on, exactly as it stands here."""

    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing goes on; the refusal is on record under the turn's ref."""

    reason: ReasonCode


Ruling: TypeAlias = Passed | Refused
# What is done to a subject that passed, with what is told of it: it may only hide, never add.
Last: TypeAlias = Callable[[Subject], tuple[Subject, Sequence[Record]]]
# Bytes of text from which on one layer takes milliseconds: after each of them everybody else goes on.
_LONG = 20_000
_REASONS = frozenset[object](ReasonCode)


class _Overtime(Exception):
    pass


class _Metered:
    """Awaits a judge and counts only the processor time of its own steps.

    Measured around the whole await, a layer would be charged for every other task the loop ran meanwhile, and
    a busy neighbour could make this tenant's turns fail.
    """

    def __init__(self, judging: Coroutine[Any, Any, object], clock: Clock, limit_s: float) -> None:
        self._judging = judging
        self._clock = clock
        self._limit_s = limit_s

    def __await__(self) -> Generator[Any, Any, object]:
        steps = self._judging.__await__()
        spent, answer, thrown = 0.0, None, None
        while True:
            began = self._clock.cpu_s()
            try:
                wanted = steps.send(answer) if thrown is None else steps.throw(thrown)
            except StopIteration as stop:
                if spent + self._clock.cpu_s() - began > self._limit_s:
                    raise _Overtime from None
                return stop.value
            spent += self._clock.cpu_s() - began
            if spent > self._limit_s:
                steps.close()
                raise _Overtime
            thrown = None
            try:
                answer = yield wanted
            except BaseException as error:  # noqa: BLE001  handed to the judge, which owns it
                thrown = error


class Stack:
    """Judges every subject by every layer that watches its kind, in one fixed order.

    Args:
        layers: In order of judgement. `tenant_boundary` is first and `redaction` last.
        scribe: Where judgements are written down.
        clock: For the layers' processor time.
        layer_cpu_s: Longest processor time of one layer on one subject, in seconds.

    Raises:
        ValueError: Two layers of one name, or the first and last are not where they belong.
    """

    def __init__(self, layers: Sequence[Layer], *, scribe: Scribe, clock: Clock, layer_cpu_s: float) -> None:
        names = [layer.name for layer in layers]
        if len(set(names)) != len(names):
            raise ValueError("two layers of one name: records could not tell them apart")
        if not names or names[0] != "tenant_boundary" or names[-1] != "redaction":
            raise ValueError("tenant_boundary must be first and redaction last")
        self._scribe = scribe
        self._clock = clock
        self._layer_cpu_s = layer_cpu_s
        self._writing = set[asyncio.Task[None]]()
        self._plan: Mapping[SubjectKind, tuple[Layer, ...]] = {
            kind: tuple(layer for layer in layers if kind in layer.watches) for kind in SubjectKind
        }

    async def judge(
        self, turn: Turn, subject: Subject, read: tuple[Part, ...] = (), *, last: Last | None = None
    ) -> Ruling:
        """Say whether the subject may go on, and as what; the answer is on record when this returns.

        Args:
            turn: Whose turn it is.
            subject: What wants to pass.
            read: Parts the turn has read so far, oldest first.
            last: Done to what passed, before it is on record: what is recorded is what goes on.

        Raises:
            StoreUnavailable: The judgement could not be recorded. Nothing may go on.
        """
        records: list[Record] = []
        try:
            judged, deny = await self._fold(turn, subject, read, records)
            if deny is None and last is not None:
                judged, deny = self._hidden(turn, judged, last, records)
        except BaseException:
            # A cancellation: nothing goes on, but what was judged until now stays written.
            self._scribe.keep(turn, subject, tuple(records))
            raise
        writing = self._scribe.write(turn, judged, tuple(records), deny, scanned=size_of(subject))
        await self._written(writing, reports=bool(records))
        return Passed(subject=judged) if deny is None else Refused(reason=deny.reason)

    async def _written(self, writing: Coroutine[Any, Any, None], *, reports: bool) -> None:
        """Write a judgement; with something to report, not even a cancellation stops it halfway.

        Whoever can cancel their own turn, by editing their message, could erase their denials otherwise.
        """
        if not reports:
            await writing
            return
        task = asyncio.create_task(writing)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.shield(task)

    async def _fold(
        self, turn: Turn, subject: Subject, read: tuple[Part, ...], records: list[Record]
    ) -> tuple[Subject, Deny | None]:
        plan = self._plan.get(subject.kind, ())
        marks = Marks(ids=self._scribe.ids, tenant=turn.principal.tenant)
        if not plan:
            unknown = Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
            records.append(denial(unknown, "stack", _whole(subject, marks)))
            return subject, unknown
        position, long = 0, size_of(subject) > _LONG
        while position < len(plan):
            layer = plan[position]
            if long:
                await asyncio.sleep(0)
            before = subject
            verdict = await self._ask(layer, Case(turn=turn, subject=subject, read=read))
            subject, deny = _apply(layer, verdict, subject, records, marks)
            if deny is not None:
                records.append(denial(deny, layer.name, _whole(subject, marks)))
                return subject, deny
            # What is judged is what runs: after a rewrite every layer looks again at the new arguments.
            position = 0 if _rewritten(before, subject) else position + 1
        return subject, None

    def _hidden(
        self, turn: Turn, subject: Subject, last: Last, records: list[Record]
    ) -> tuple[Subject, Deny | None]:
        try:
            hidden, told = last(subject)
        except Exception:  # noqa: BLE001  what could not be hidden must not be seen
            failed = Deny(reason=ReasonCode.LAYER_FAILED, rule="placeholders", severity=Severity.CRITICAL)
            marks = Marks(ids=self._scribe.ids, tenant=turn.principal.tenant)
            records.append(denial(failed, "stack", _whole(subject, marks)))
            return subject, failed
        records += told
        return hidden, None

    async def _ask(self, layer: Layer, case: Case) -> object:
        try:
            return await _Metered(layer.judge(case), self._clock, self._layer_cpu_s)
        except Exception:  # noqa: BLE001  any failure of a judge is a refusal
            # The error may carry content, so its name and text go nowhere.
            return Deny(reason=ReasonCode.LAYER_FAILED, rule=layer.name, severity=Severity.CRITICAL)


def _rewritten(before: Subject, after: Subject) -> bool:
    return (
        isinstance(after, ToolCall) and isinstance(before, ToolCall) and after.arguments != before.arguments
    )


def _whole(subject: Subject, marks: Marks) -> tuple[str, ...]:
    """Mark a subject as one value, so that the same one refused again is seen as the same."""
    return marks.of((canonical(*content_of(subject)),))


def _apply(
    layer: Layer, verdict: object, subject: Subject, records: list[Record], marks: Marks
) -> tuple[Subject, Deny | None]:
    """Turn a verdict into what follows from it; one that is not well-formed is a refusal."""
    failed = Deny(reason=ReasonCode.LAYER_FAILED, rule=layer.name, severity=Severity.CRITICAL)
    try:
        if not isinstance(verdict, (Allow, Deny)):
            return subject, failed
        if type(verdict) is Allow and verdict.findings == () == verdict.obligations:
            return subject, None
        # Whatever can be read only once is read once, here.
        verdict = replace(verdict, findings=tuple(verdict.findings), obligations=tuple(verdict.obligations))
        if not _well_formed(verdict, subject):
            return subject, failed
        shadows = [
            shadow(finding, layer.name, *_found(finding, subject, marks))
            for finding in verdict.findings
            if finding.shadow
        ]
        if isinstance(verdict, Deny):
            notices = tuple(each for each in verdict.obligations if isinstance(each, RecordViolation))
            records += (*shadows, *discharge(subject, notices, layer=layer.name, touched=marks.of)[1])
            return subject, verdict
        shadows += _unanswered(layer, verdict, subject, marks)
        after, done = discharge(subject, verdict.obligations, layer=layer.name, touched=marks.of)
    except Undischargeable as unmet:
        return subject, Deny(reason=unmet.reason, rule=layer.name)
    except Exception:  # noqa: BLE001  a malformed finding or obligation is a refusal
        return subject, failed
    if _rewritten(subject, after) and isinstance(after, ToolCall):
        after = replace(after, rewritten=True)
    records += (*shadows, *done)
    return after, None


def _found(finding: Finding, subject: Subject, marks: Marks) -> tuple[str, tuple[str, ...]]:
    """Give the slot of a finding and the mark of its words."""
    if not subject.leaves:
        return "", ()
    leaf = subject.leaves[finding.leaf]
    return leaf.slot, marks.of((leaf.text[finding.start : finding.stop],))


def _unanswered(layer: Layer, verdict: Allow, subject: Subject, marks: Marks) -> list[Record]:
    """Give a record for each foreign finding that no redaction answers."""
    cut = {(each.leaf, each.start, each.stop) for each in verdict.obligations if isinstance(each, Redact)}
    return [
        unmet(each, layer.name, *_found(each, subject, marks))
        for each in verdict.findings
        if each.foreign and not each.shadow and (each.leaf, each.start, each.stop) not in cut
    ]


def _well_formed(verdict: Allow | Deny, subject: Subject) -> bool:
    """True if a verdict says what it seems to say: a reason, and findings that lie in the subject."""
    reason = verdict.reason if isinstance(verdict, Deny) else ReasonCode.LAYER_FAILED
    last = max(len(subject.leaves), 1)
    return reason in _REASONS and all(0 <= each.leaf < last for each in verdict.findings)
