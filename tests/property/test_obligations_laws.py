"""Obligations, as laws: done exactly, on record, or not at all."""

import random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.label import Operator
from firewall.core.message import Origin, Part
from firewall.core.receipt import Record, RecordKind
from firewall.core.subject import ArgumentKind, Leaf, ModelCall, ModelReply, Subject, ToolCall
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
from firewall.obligations import Undischargeable, discharge
from tests.fakes.tenants import every_kind, line, mixed, part, spec, tool_call

TEXTS = st.text(alphabet="abé😀\u0301 ", min_size=1, max_size=12)
OWN = part("own")


def done(subject: Subject, *obligations: Obligation) -> tuple[Subject, tuple[Record, ...]]:
    return discharge(subject, obligations, layer="test")


def cut(start: int, stop: int, *, leaf: int = 0, rule: str = "r", marker: str = "[M]") -> Redact:
    return Redact(rule=rule, leaf=leaf, start=start, stop=stop, marker=marker)


@st.composite
def spans_in(draw: st.DrawFn, text: str) -> list[tuple[int, int]]:
    starts = st.integers(0, len(text) - 1)
    one = starts.flatmap(lambda start: st.tuples(st.just(start), st.integers(start + 1, len(text))))
    return draw(st.lists(one, min_size=1, max_size=5))


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), spans_in(text))))
def test_exactly_the_characters_of_the_spans_are_gone(given_: tuple[str, list[tuple[int, int]]]) -> None:
    text, wanted = given_
    after, _ = done(ModelReply(leaves=(line(text),)), *(cut(*each, marker="#") for each in wanted))
    covered = [any(start <= n < stop for start, stop in wanted) for n in range(len(text))]
    kept = "".join(ch for ch, gone in zip(text, covered, strict=True) if not gone)
    assert after.leaves[0].text.replace("#", "") == kept
    # Overlapping spans are one hole; spans that only touch are two.
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(wanted):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    assert after.leaves[0].text.count("#") == len(merged)


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), spans_in(text))), st.randoms())
def test_the_order_of_redactions_does_not_matter(
    given_: tuple[str, list[tuple[int, int]]], shuffler: random.Random
) -> None:
    text, spans = given_
    wanted = [cut(*each, rule=f"r{n % 2}") for n, each in enumerate(spans)]
    shuffled = list(wanted)
    shuffler.shuffle(shuffled)
    subject = ModelReply(leaves=(line(text),))
    assert done(subject, *wanted) == done(subject, *shuffled)


def test_the_longest_of_overlapping_spans_names_the_marker() -> None:
    subject = ModelReply(leaves=(line("0123456789"),))
    wanted = (cut(0, 3, marker="[SHORT]"), cut(2, 9, marker="[LONG]"))
    assert done(subject, *wanted)[0].leaves[0].text == "[LONG]9"
    assert done(subject, cut(0, 2), cut(2, 4))[0].leaves[0].text == "[M][M]456789"


def test_offsets_are_code_points_and_every_stretch_keeps_its_source() -> None:
    other = part("é😀", id="q")
    subject = ModelReply(leaves=(mixed(("ab", OWN), ("é😀", other), ("cd", None)),))
    after, _ = done(subject, cut(1, 3), cut(5, 6))
    spans = [(span.text, span.source) for span in after.leaves[0].spans]
    assert [text for text, _ in spans] == ["a", "[M]", "😀", "c", "[M]"]
    assert [source for _, source in spans if source in (OWN, other, None)] == [OWN, other, None]
    for text, source in spans:
        if text == "[M]":
            assert source is not None
            assert isinstance(source.label, Operator)


def test_leaves_that_nobody_asked_about_stay_as_they_are() -> None:
    subject = ModelReply(leaves=(line("one"), line("two"), line("three")))
    after, _ = done(subject, cut(0, 3, leaf=1))
    assert [each.text for each in after.leaves] == ["one", "[M]", "three"]
    assert after.leaves[0] is subject.leaves[0]


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(cut(0, 1, leaf=1), id="no-such-leaf"),
        pytest.param(cut(0, 1, leaf=-1), id="a-leaf-from-the-end"),
        pytest.param(cut(-1, 1), id="before-the-start"),
        pytest.param(cut(0, 6), id="behind-the-end"),
        pytest.param(cut(2, 2), id="empty"),
        pytest.param(cut(3, 2), id="backwards"),
    ],
)
def test_what_does_not_lie_in_the_text_denies(wanted: Redact) -> None:
    with pytest.raises(Undischargeable) as caught:
        done(ModelReply(leaves=(line("hello"),)), cut(0, 1), wanted)
    assert caught.value.reason is ReasonCode.OBLIGATION_FAILED


@pytest.mark.parametrize("fixed", [0, 1])
def test_text_that_must_not_be_altered_denies(fixed: int) -> None:
    leaves = tuple(mixed(("text", None), fixed=n == fixed) for n in range(2))
    with pytest.raises(Undischargeable) as caught:
        done(ModelReply(leaves=leaves), cut(0, 1, leaf=0), cut(0, 1, leaf=1))
    assert caught.value.reason is ReasonCode.FIXED_TEXT


def test_there_is_one_record_for_each_rule_and_slot() -> None:
    subject = ModelReply(leaves=(line("abcdef", slot="one"), line("abcdef", slot="two")))
    foreign = Redact(rule="excerpt", leaf=1, start=0, stop=3, marker="[E]", foreign=True)
    _, records = done(subject, cut(0, 1), cut(2, 3), cut(4, 6, rule="s"), cut(0, 2, leaf=1), foreign)
    assert [(each.slot, each.rule, each.count, each.violation) for each in records] == [
        ("one", "r", 2, False),
        ("one", "s", 1, False),
        ("two", "excerpt", 1, True),
        ("two", "r", 1, False),
    ]
    assert [each.preview for each in records] == ["r, 1", "s, 2", "excerpt, 3", "r, 2"]
    assert [each.severity for each in records] == [Severity.LOW, Severity.LOW, Severity.HIGH, Severity.LOW]


@given(TEXTS.flatmap(lambda text: st.tuples(st.just(text), spans_in(text))))
def test_no_record_holds_a_character_of_what_it_is_about(given_: tuple[str, list[tuple[int, int]]]) -> None:
    text, spans = given_
    canary = "".join(chr(0xE000 + n) for n in range(len(text)))
    _, records = done(ModelReply(leaves=(line(canary),)), *(cut(*each) for each in spans))
    assert records
    assert not any(ch in repr(records) for ch in canary)


def test_a_violation_is_written_although_nothing_is_refused() -> None:
    subject = every_kind()[0]
    after, (record,) = done(subject, RecordViolation(rule="r", severity=Severity.LOW, count=3))
    assert after is subject
    assert (record.kind, record.rule, record.count, record.violation) == (RecordKind.NOTICE, "r", 3, True)


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_nobody_is_there_to_approve(subject: Subject) -> None:
    with pytest.raises(Undischargeable) as caught:
        done(subject, RecordViolation(rule="r", severity=Severity.LOW), SeekApproval(rule="r"))
    assert caught.value.reason is ReasonCode.APPROVAL_UNAVAILABLE


def test_nothing_asked_changes_nothing() -> None:
    for subject in every_kind():
        assert done(subject) == (subject, ())


# Paths.


CALL = tool_call(
    spec(path=ArgumentKind.READ_PATH, text=ArgumentKind.TEXT),
    {"path": "/etc/passwd", "text": "/etc/passwd", "nested": {"path": "/x"}, "count": 1},
)


def test_a_rewrite_changes_one_argument_and_its_leaf_and_nothing_else() -> None:
    after, (record,) = done(CALL, RewritePath(argument="path", path="etc/passwd"))
    assert isinstance(after, ToolCall)
    assert after.arguments == {**CALL.arguments, "path": "etc/passwd"}
    assert CALL.arguments["path"] == "/etc/passwd"
    changed = {each.slot: each.text for each in after.leaves}
    assert changed == {each.slot: each.text for each in CALL.leaves} | {"path": "etc/passwd"}
    assert all(each.fixed for each in after.leaves)
    assert (record.kind, record.slot, record.preview) == (RecordKind.REWRITE, "path", "path, 10")
    assert "etc" not in repr(record)


@pytest.mark.parametrize(
    ("subject", "argument", "reason"),
    [
        pytest.param(CALL, "missing", ReasonCode.OBLIGATION_FAILED, id="no-such-argument"),
        pytest.param(CALL, "count", ReasonCode.OBLIGATION_FAILED, id="a-number"),
        pytest.param(CALL, "nested", ReasonCode.OBLIGATION_FAILED, id="an-object"),
        pytest.param(ModelReply(leaves=()), "path", ReasonCode.OBLIGATION_FAILED, id="no-tool-call"),
    ],
)
def test_a_path_that_is_not_there_cannot_be_rewritten(
    subject: Subject, argument: str, reason: ReasonCode
) -> None:
    with pytest.raises(Undischargeable) as caught:
        done(subject, RewritePath(argument=argument, path="x"))
    assert caught.value.reason is reason


# Resets.


def chat(*exchanges: frozenset[int], system: frozenset[int] = frozenset()) -> ModelCall:
    leaves = tuple(mixed((f"own{n}", OWN), (f"theirs{n}", None), group=n) for n in range(6))
    return ModelCall(leaves=leaves, exchanges=exchanges, system=system)


@given(st.sets(st.integers(0, 5)), st.sets(st.frozensets(st.integers(0, 5), min_size=2, max_size=3)))
def test_a_reset_never_leaves_half_an_exchange(groups: set[int], exchanges: set[frozenset[int]]) -> None:
    call = chat(*exchanges)
    wanted = ResetHistory(groups=frozenset(groups), foreign=0)
    if any(each & groups and not each <= groups for each in exchanges):
        with pytest.raises(Undischargeable) as caught:
            done(call, wanted)
        assert caught.value.reason is ReasonCode.OBLIGATION_FAILED
        return
    after, _ = done(call, wanted)
    assert isinstance(after, ModelCall)
    left = {each.group for each in after.leaves}
    assert left == set(range(6)) - groups
    assert all(each <= left or not each & left for each in exchanges)
    assert set(after.exchanges) == {each for each in exchanges if each <= left}


@given(st.sets(st.integers(0, 5), max_size=5))
def test_what_stays_after_a_reset_is_accounted_for(groups: set[int]) -> None:
    after, _ = done(chat(system=frozenset({0, 1})), ResetHistory(groups=frozenset(groups), foreign=0))
    assert isinstance(after, ModelCall)
    assert all(span.source is not None for each in after.leaves for span in each.spans)
    assert [each.text for each in after.leaves] == [f"own{n}" for n in range(6) if n not in groups]
    assert after.system == {0, 1} - groups


@pytest.mark.parametrize(("foreign", "violation"), [(0, False), (2, True)])
def test_a_reset_is_one_record_with_its_count(foreign: int, violation: bool) -> None:
    _, (dropped, cut) = done(chat(), ResetHistory(groups=frozenset({0, 1, 2}), foreign=foreign))
    assert (dropped.kind, dropped.count, dropped.violation) == (RecordKind.RESET, 3, violation)
    # What was cut out of the three messages that stay may have been anybody's.
    assert (cut.kind, cut.count, cut.violation) == (RecordKind.RESET, 3, True)
    whole = ModelCall(leaves=tuple(mixed(("own", OWN), group=n) for n in range(6)))
    assert len(done(whole, ResetHistory(groups=frozenset({0}), foreign=foreign))[1]) == 1


def test_text_cut_by_a_reset_is_on_record() -> None:
    _, records = done(chat(), ResetHistory(groups=frozenset(), foreign=0))
    assert [each.kind for each in records] == [RecordKind.RESET]
    assert "theirs" not in repr(records)


def test_a_reset_alters_no_text_that_must_not_be_altered() -> None:
    leaves = (mixed(("own", OWN), ("theirs", None), fixed=True), line("x", OWN, group=1))
    with pytest.raises(Undischargeable) as caught:
        done(ModelCall(leaves=leaves), ResetHistory(groups=frozenset(), foreign=0))
    assert caught.value.reason is ReasonCode.FIXED_TEXT


def test_what_belongs_to_the_request_itself_cannot_be_dropped() -> None:
    leaves: tuple[Leaf, ...] = (mixed(("stop", None), group=-1), line("x", OWN))
    with pytest.raises(Undischargeable):
        done(ModelCall(leaves=leaves), ResetHistory(groups=frozenset({-1}), foreign=0))


def test_only_a_model_call_has_a_history() -> None:
    for subject in every_kind():
        if isinstance(subject, ModelCall):
            continue
        with pytest.raises(Undischargeable):
            done(subject, ResetHistory(groups=frozenset(), foreign=0))


def test_an_obligation_nobody_knows_is_never_skipped() -> None:
    with pytest.raises(AssertionError):
        done(every_kind()[0], cast("Obligation", "burn"))


def test_a_part_of_the_wall_is_no_part_of_a_session() -> None:
    after, _ = done(ModelReply(leaves=(line("x", OWN),)), cut(0, 1))
    source: Part | None = after.leaves[0].spans[0].source
    assert source is not None
    assert source.origin is Origin.OPERATOR
