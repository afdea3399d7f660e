"""Carrying out what a verdict asks for: pure, total, and refusing whatever it cannot do exactly."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import assert_never

from firewall.core.message import operator_part
from firewall.core.receipt import Record, RecordKind
from firewall.core.subject import Leaf, ModelCall, Span, Subject, ToolCall, leaf, with_leaves
from firewall.core.verdict import (
    Obligation,
    ReasonCode,
    RecordViolation,
    Redact,
    ResetHistory,
    RewritePath,
    SeekApproval,
    Severity,
)


class Undischargeable(Exception):
    """An obligation cannot be met, so the permission it belongs to does not stand."""

    def __init__(self, reason: ReasonCode) -> None:
        self.reason = reason
        super().__init__(reason.value)


Touched = Callable[[Iterable[str]], tuple[str, ...]]


def unmarked(_: Iterable[str]) -> tuple[str, ...]:
    """Mark nothing."""
    return ()


def discharge(
    subject: Subject, obligations: Sequence[Obligation], *, layer: str, touched: Touched = unmarked
) -> tuple[Subject, tuple[Record, ...]]:
    """Give the subject as the obligations leave it, and one record for each thing done.

    Args:
        subject: What is judged.
        obligations: What is asked for.
        layer: Who asks.
        touched: Gives the marks of values for the records, which never hold the values.

    Raises:
        Undischargeable: One of them does not fit this subject; nothing of the subject may be used then.
    """
    records: list[Record] = []
    redactions = [each for each in obligations if isinstance(each, Redact)]
    if redactions:
        subject, done = _redact(subject, redactions, layer, touched)
        records += done
    for obligation in obligations:
        match obligation:
            case Redact():
                pass
            case RewritePath():
                subject, record = _rewrite(subject, obligation, layer, touched)
                records.append(record)
            case ResetHistory():
                subject, done = _reset(subject, obligation, layer, touched)
                records += done
            case RecordViolation():
                records.append(_notice(obligation, layer, touched(each.text for each in subject.leaves)))
            case SeekApproval():
                raise Undischargeable(ReasonCode.APPROVAL_UNAVAILABLE)
            case _:
                assert_never(obligation)
    return subject, tuple(records)


def _notice(obligation: RecordViolation, layer: str, touched: tuple[str, ...]) -> Record:
    return Record(
        kind=RecordKind.NOTICE,
        layer=layer,
        rule=obligation.rule,
        severity=obligation.severity,
        violation=True,
        count=obligation.count,
        touched=touched,
    )


def _redact(
    subject: Subject, redactions: Sequence[Redact], layer: str, touched: Touched
) -> tuple[Subject, tuple[Record, ...]]:
    by_leaf: dict[int, list[Redact]] = defaultdict(list)
    for each in redactions:
        by_leaf[each.leaf].append(each)
    leaves = list(subject.leaves)
    records: list[Record] = []
    for index, wanted in sorted(by_leaf.items()):
        if not 0 <= index < len(leaves):
            raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
        if leaves[index].fixed:
            raise Undischargeable(ReasonCode.FIXED_TEXT)
        records += _redaction_records(leaves[index], wanted, layer, touched)
        leaves[index] = replace(leaves[index], spans=cut(leaves[index], _merged(leaves[index], wanted)))
    return with_leaves(subject, tuple(leaves)), tuple(records)


def _merged(where: Leaf, wanted: Iterable[Redact]) -> list[tuple[int, int, str]]:
    """Unite overlapping spans; the longest of a group names the marker."""
    size, groups = len(where.text), list[list[Redact]]()
    reach = -1
    for each in sorted(wanted, key=lambda one: (one.start, -one.stop)):
        if not 0 <= each.start < each.stop <= size:
            raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
        if each.start < reach:
            groups[-1].append(each)
        else:
            groups.append([each])
        reach = max(reach, each.stop)
    return [
        (
            group[0].start,
            max(one.stop for one in group),
            max(group, key=lambda one: one.stop - one.start).marker,
        )
        for group in groups
    ]


def cut(where: Leaf, holes: Sequence[tuple[int, int, str]]) -> tuple[Span, ...]:
    """Give the spans of a leaf with a marker in the place of each hole; holes in order, none overlapping."""
    spans: list[Span] = []
    position = 0
    for start, stop, marker in holes:
        spans += _between(where, position, start)
        spans.append(Span(text=marker, source=operator_part(marker)))
        position = stop
    return (*spans, *_between(where, position, len(where.text)))


def _between(where: Leaf, start: int, stop: int) -> list[Span]:
    found: list[Span] = []
    offset = 0
    for span in where.spans:
        low, high = max(start, offset), min(stop, offset + len(span.text))
        if low < high:
            found.append(Span(text=span.text[low - offset : high - offset], source=span.source))
        offset += len(span.text)
    return found


def _redaction_records(where: Leaf, wanted: Sequence[Redact], layer: str, touched: Touched) -> list[Record]:
    """One record per rule: a rule that matched five times in a text is one redaction with a count of five."""
    text = where.text
    by_rule: dict[str, list[Redact]] = defaultdict(list)
    for each in wanted:
        by_rule[each.rule].append(each)
    return [
        Record(
            kind=RecordKind.REDACTION,
            layer=layer,
            rule=rule,
            severity=Severity.HIGH if any(one.foreign for one in group) else group[0].severity,
            violation=any(one.foreign for one in group),
            count=len(group),
            slot=where.slot,
            preview=f"{rule}, {max(one.stop - one.start for one in group)}",
            touched=touched(text[one.start : one.stop] for one in group),
        )
        for rule, group in sorted(by_rule.items())
    ]


def _rewrite(subject: Subject, wanted: RewritePath, layer: str, touched: Touched) -> tuple[Subject, Record]:
    before = subject.arguments.get(wanted.argument) if isinstance(subject, ToolCall) else None
    if not isinstance(subject, ToolCall) or not isinstance(before, str):
        raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
    if subject.rewritten:
        raise Undischargeable(ReasonCode.REWRITE_LOOP)
    leaves = tuple(
        leaf(each.slot, wanted.path, None, group=each.group, fixed=True)
        if each.slot == wanted.argument
        else each
        for each in subject.leaves
    )
    record = Record(
        kind=RecordKind.REWRITE,
        layer=layer,
        rule="compartment",
        severity=Severity.LOW,
        violation=False,
        slot=wanted.argument,
        preview=f"path, {len(wanted.path)}",
        touched=touched((before,)),
    )
    arguments = {**subject.arguments, wanted.argument: wanted.path}
    return replace(subject, arguments=arguments, leaves=leaves), record


def _reset(
    subject: Subject, wanted: ResetHistory, layer: str, touched: Touched
) -> tuple[Subject, tuple[Record, ...]]:
    if not isinstance(subject, ModelCall):
        raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
    for exchange in subject.exchanges:
        # Half an exchange would hand the model a result without its question: a layer that asks for that
        # has miscounted, so nothing it said can be relied on.
        if exchange & wanted.groups and not exchange <= wanted.groups:
            raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
    if any(group < 0 for group in wanted.groups):
        raise Undischargeable(ReasonCode.OBLIGATION_FAILED)
    kept = tuple(_accounted(each) for each in subject.leaves if each.group not in wanted.groups)
    exchanges = tuple(each for each in subject.exchanges if not each & wanted.groups)
    after = replace(subject, leaves=kept, exchanges=exchanges, system=subject.system - wanted.groups)
    cut = {each.group for each in subject.leaves if any(span.source is None for span in each.spans)}
    records: list[Record] = []
    if wanted.groups:
        rule = "foreign_history" if wanted.foreign else "unreadable_history"
        gone = touched(each.text for each in subject.leaves if each.group in wanted.groups)
        foreign = wanted.foreign > 0
        records.append(_cleared(layer, rule, len(wanted.groups), Severity.MEDIUM, gone, foreign=foreign))
    if cut - wanted.groups:
        # Nobody accounts for what was cut, so it may have been anybody's.
        left = cut - wanted.groups
        gone = touched(
            span.text
            for each in subject.leaves
            if each.group in left
            for span in each.spans
            if span.source is None
        )
        records.append(_cleared(layer, "unaccounted_text", len(left), Severity.LOW, gone, foreign=True))
    return after, tuple(records)


def _cleared(
    layer: str, rule: str, count: int, severity: Severity, touched: tuple[str, ...], *, foreign: bool
) -> Record:
    return Record(
        kind=RecordKind.RESET,
        layer=layer,
        rule=rule,
        severity=severity,
        violation=foreign,
        count=count,
        touched=touched,
    )


def _accounted(each: Leaf) -> Leaf:
    if each.fixed and any(span.source is None for span in each.spans):
        raise Undischargeable(ReasonCode.FIXED_TEXT)
    return replace(each, spans=tuple(span for span in each.spans if span.source is not None))
