"""Marks: equal for equal values of one tenant, different for all else, and for every kind of record."""

from collections.abc import Iterable

import pytest

from firewall.core.label import Room
from firewall.core.receipt import Record, RecordKind
from firewall.core.subject import ArgumentKind, ModelCall, Subject
from firewall.core.verdict import Obligation, RecordViolation, Redact, ResetHistory, RewritePath, Severity
from firewall.marks import MAX_MARKS, Marks, conversation_of
from firewall.obligations import discharge
from tests.fakes.ids import CountedIds
from tests.fakes.tenants import ACME, GLOBEX, line, outbound, part, spec, tool_call

IDS = CountedIds(bytes(32))
MARKS = Marks(ids=IDS, tenant=ACME)


def test_equal_values_have_equal_marks_in_one_tenant_only() -> None:
    assert MARKS.of(("a", "b", "a")) == MARKS.of(("a", "b"))
    assert not set(MARKS.of(("a", "b"))) & set(Marks(ids=IDS, tenant=GLOBEX).of(("a", "b")))
    assert not set(MARKS.of(("a",))) & set(Marks(ids=CountedIds(bytes([1] * 32)), tenant=ACME).of(("a",)))


def test_there_are_at_most_32_however_many_values() -> None:
    assert len(MARKS.of(str(n) for n in range(100_000))) == MAX_MARKS
    assert MARKS.of(()) == ()


def test_a_value_that_is_no_text_has_a_mark() -> None:
    assert MARKS.of(("\ud800",)) != MARKS.of(("\ud801",))


def test_a_place_has_one_name_in_a_tenant_and_tells_nothing() -> None:
    hall = Room(channel="slack", app="A1", realm="T1", conversation="C-HALL", thread=None)
    thread = Room(channel="slack", app="A1", realm="T1", conversation="C-HALL", thread="1")
    names = {conversation_of(IDS, tenant, room) for tenant in (ACME, GLOBEX) for room in (hall, thread)}
    assert len(names) == 4
    assert not any("HALL" in name for name in names)


CALL = ModelCall(leaves=(line("first", group=0), line("own", part("own"), group=1)), ours=True)
CASES: dict[str, tuple[Subject, Obligation, RecordKind, tuple[str, ...]]] = {
    "redaction": (
        outbound(line("call 555 or 556")),
        Redact(rule="r", leaf=0, start=5, stop=8, marker="[M]"),
        RecordKind.REDACTION,
        ("555",),
    ),
    "rewrite": (
        tool_call(spec(path=ArgumentKind.READ_PATH), {"path": "notes.txt"}),
        RewritePath(argument="path", path="/home/notes.txt"),
        RecordKind.REWRITE,
        ("notes.txt",),
    ),
    "reset": (CALL, ResetHistory(groups=frozenset({0}), foreign=1), RecordKind.RESET, ("first",)),
    "notice": (
        outbound(line("nobody's words")),
        RecordViolation(rule="r", severity=Severity.LOW),
        RecordKind.NOTICE,
        ("nobody's words",),
    ),
}


def plain(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


@pytest.mark.parametrize("case", CASES)
def test_each_record_marks_what_it_concerns(case: str) -> None:
    subject, obligation, kind, values = CASES[case]
    records: tuple[Record, ...] = discharge(subject, (obligation,), layer="x", touched=plain)[1]
    assert [(each.kind, each.touched) for each in records] == [(kind, values)]
