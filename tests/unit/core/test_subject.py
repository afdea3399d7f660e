"""Subjects, parts and verdicts: values that do not change, and that give nothing away when they are shown."""

import dataclasses
import inspect
from types import ModuleType
from typing import Any

import pytest

from firewall.core import identity, label, message, receipt, session, subject, verdict
from firewall.core.ids import MessageId
from firewall.core.message import Message, Quote, operator_part
from firewall.core.ports import Entry, Match
from firewall.core.subject import ArgumentKind, Leaf, Span, SubjectKind, leaf, with_leaves
from firewall.core.verdict import Allow, RewritePath
from firewall.stack import Passed
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    alone,
    case,
    dm,
    every_kind,
    mixed,
    part,
    sender,
    spec,
    tool_call,
    turn,
)

CANARY = "CANARY-7f3a"
MODULES: list[ModuleType] = [identity, label, message, receipt, session, subject, verdict]


def values() -> list[type]:
    return [
        each
        for module in MODULES
        for _, each in inspect.getmembers(module, inspect.isclass)
        if dataclasses.is_dataclass(each) and each.__module__ == module.__name__
    ]


@pytest.mark.parametrize("kind", values(), ids=lambda each: each.__name__)
def test_every_value_is_frozen_and_takes_no_positions(kind: type) -> None:
    # What dataclass() itself notes about the class it made.
    parameters: Any = vars(kind)["__dataclass_params__"]
    assert parameters.frozen
    assert hasattr(kind, "__slots__")
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_there_are_six_kinds_and_each_subject_knows_its_own() -> None:
    assert {each.kind for each in every_kind()} == set(SubjectKind)
    assert len(every_kind()) == len(SubjectKind) == 6


SHOWN: dict[str, object] = {
    "part": part(CANARY),
    "span": Span(text=CANARY, source=part(CANARY)),
    "unaccounted-span": Span(text=CANARY, source=None),
    "leaf": leaf("text", CANARY, None),
    "quote": Quote(text=CANARY),
    "message": Message(
        id=MessageId("1"),
        delivery="1",
        sender=sender(),
        conversation=dm(),
        text=CANARY,
        quotes=(Quote(text=CANARY),),
    ),
    "match": Match(start=0, stop=9, kind="ID", rule="r", key=CANARY),
    "entry": Entry(name="x", value=CANARY, label=alone()),
    "case": case(every_kind(CANARY)[0], read=(part(CANARY),)),
    "path": RewritePath(argument="path", path=CANARY),
    "allow": Allow(obligations=(RewritePath(argument="path", path=CANARY),)),
    "call": tool_call(spec(x=ArgumentKind.TEXT), {"x": CANARY}),
    "passed": Passed(subject=tool_call(spec(x=ArgumentKind.TEXT), {"x": {"y": [CANARY]}})),
    **{each.kind.value: each for each in every_kind(CANARY)},
}


@pytest.mark.parametrize("name", SHOWN)
def test_no_repr_shows_content(name: str) -> None:
    assert CANARY not in repr(SHOWN[name])
    assert CANARY not in str(SHOWN[name])


def test_a_repr_still_tells_what_it_is() -> None:
    assert repr(part("abc")) == "Part(id='p', 3 code points, sender)"
    assert repr(Span(text="abc", source=None)) == "Span(3 code points, unaccounted)"
    assert repr(Span(text="abc", source=part("abc"))) == "Span(3 code points, accounted)"
    assert repr(Quote(text="abc")) == "Quote(3 code points)"
    assert repr(Match(start=1, stop=2, kind="ID", rule="r")) == "Match(r, [1, 2))"


def test_a_leaf_is_the_text_of_its_stretches() -> None:
    assert mixed(("a", None), ("b", part("b"))).text == "ab"
    assert Leaf(slot="x", spans=()).text == ""


@pytest.mark.parametrize("of", every_kind(), ids=lambda each: each.kind.value)
def test_other_text_leaves_everything_else_as_it_is(of: subject.Subject) -> None:
    changed = with_leaves(of, ())
    assert changed.leaves == ()
    assert with_leaves(changed, of.leaves) == of


@pytest.mark.parametrize("kind", ArgumentKind)
def test_a_kind_of_argument_is_filled_in_or_judged(kind: ArgumentKind) -> None:
    assert kind.bound == kind.name.startswith("BOUND_")
    assert not (kind.bound and kind.is_path)
    assert kind.is_path or not kind.writes


def test_the_tenant_of_a_case_is_its_turns() -> None:
    assert case(every_kind()[0], turn()).tenant == ACME
    assert case(every_kind()[0], turn(tenant=GLOBEX)).tenant == GLOBEX


def test_a_turn_writes_what_its_audience_may_read() -> None:
    assert turn().writes == alone()
    assert turn(tenant=GLOBEX).writes == alone(tenant=GLOBEX)


def test_operator_text_has_no_owner() -> None:
    assert operator_part("x").label == label.Operator()
