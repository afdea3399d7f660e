"""Receipts, as laws: a chain that was touched does not verify, and holds no content."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import ChainBroken
from firewall.core.ids import Ref, SessionId, TenantId, TurnId
from firewall.core.receipt import (
    GENESIS,
    Judgement,
    Mode,
    Receipt,
    Record,
    RecordKind,
    body_of,
    linked,
    verify,
)
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from tests.fakes.tenants import ACME, GLOBEX


def chain(count: int, tenant: TenantId = ACME) -> list[Receipt]:
    receipts: list[Receipt] = []
    for seq in range(1, count + 1):
        previous = receipts[-1].hash if receipts else GENESIS
        receipts.append(linked(tenant, seq, 1_000 + seq, json.dumps({"n": seq}), previous))
    return receipts


LONG = chain(6)
Tampering = Callable[[list[Receipt], int], list[Receipt]]


def without(found: list[Receipt], at: int) -> list[Receipt]:
    return found[:at] + found[at + 1 :]


def doubled(found: list[Receipt], at: int) -> list[Receipt]:
    return [*found[: at + 1], *found[at:]]


def swapped(found: list[Receipt], at: int) -> list[Receipt]:
    other = (at + 1) % len(found)
    after = list(found)
    after[at], after[other] = after[other], after[at]
    return after


def forged(found: list[Receipt], at: int) -> list[Receipt]:
    """Rewritten with a right hash of its own, as somebody would who knows the format."""
    old = found[at]
    new = linked(old.tenant, old.seq, old.at_ms, '{"n":0}', old.previous)
    return [*found[:at], new, *found[at + 1 :]]


def transplanted(found: list[Receipt], at: int) -> list[Receipt]:
    other = chain(len(found), GLOBEX)
    return [*found[:at], other[at], *found[at + 1 :]]


@given(st.integers(0, 20))
def test_a_chain_as_it_was_written_verifies(count: int) -> None:
    found = chain(count)
    assert verify(found, tenant=ACME) == count
    assert verify(found, tenant=ACME, head=found[-1] if found else None) == count


@given(st.sampled_from([without, swapped, forged, transplanted, doubled]), st.integers(0, 5))
def test_a_chain_that_was_touched_does_not(tampering: Tampering, at: int) -> None:
    with pytest.raises(ChainBroken):
        verify(tampering(LONG, at), tenant=ACME, head=LONG[-1])


@given(st.integers(0, 5), st.sampled_from([each.name for each in fields(Receipt)]))
def test_no_field_of_a_receipt_can_be_changed(at: int, name: str) -> None:
    changed: dict[str, Any] = {
        "tenant": GLOBEX, "seq": 99, "at_ms": 7, "body": "{}", "previous": "1" * 64, "hash": "0" * 64,
    }  # fmt: skip
    after = [*LONG[:at], replace(LONG[at], **{name: changed[name]}), *LONG[at + 1 :]]
    with pytest.raises(ChainBroken):
        verify(after, tenant=ACME)


def test_a_chain_of_two_tenants_is_broken_even_where_every_link_fits() -> None:
    first = linked(ACME, 1, 1, "{}", GENESIS)
    with pytest.raises(ChainBroken):
        verify([first, linked(GLOBEX, 2, 2, "{}", first.hash)], tenant=ACME)


@given(st.integers(0, 5))
def test_a_chain_that_lost_its_end_is_shown_by_its_head(left: int) -> None:
    assert verify(LONG[:left], tenant=ACME) == left
    with pytest.raises(ChainBroken, match="head"):
        verify(LONG[:left], tenant=ACME, head=LONG[-1])


def test_a_chain_of_another_tenant_is_not_this_tenants() -> None:
    with pytest.raises(ChainBroken):
        verify(chain(3, GLOBEX), tenant=ACME)
    with pytest.raises(ChainBroken):
        verify([], tenant=ACME, head=LONG[-1])
    with pytest.raises(ChainBroken):
        verify(LONG, tenant=ACME, head=chain(6, GLOBEX)[-1])


def test_a_clock_that_steps_back_inside_a_chain_breaks_it() -> None:
    first = linked(ACME, 1, 2_000, "{}", GENESIS)
    with pytest.raises(ChainBroken):
        verify([first, linked(ACME, 2, 1_000, "{}", first.hash)], tenant=ACME)


records = st.builds(
    Record,
    kind=st.sampled_from(RecordKind),
    layer=st.text(max_size=5),
    rule=st.text(max_size=5),
    severity=st.sampled_from(Severity),
    violation=st.booleans(),
    count=st.integers(0, 100),
    slot=st.text(max_size=5),
    preview=st.text(max_size=5),
    touched=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
judgements = st.builds(
    Judgement,
    tenant=st.sampled_from([ACME, GLOBEX]),
    session=st.text(max_size=5).map(SessionId),
    turn=st.text(max_size=5).map(TurnId),
    ref=st.text(max_size=5).map(Ref),
    subject=st.sampled_from(SubjectKind),
    allowed=st.booleans(),
    reason=st.none() | st.sampled_from(ReasonCode),
    records=st.lists(records, max_size=2).map(tuple),
    bytes_scanned=st.integers(0, 10**9),
    digest=st.text(max_size=5),
    conversation=st.text(max_size=5),
    policy=st.none() | st.text(max_size=5),
    mode=st.none() | st.sampled_from(Mode),
    bytes_sent=st.none() | st.integers(0, 10**9),
    trace=st.none() | st.text(max_size=5),
)


@given(judgements, judgements)
def test_two_judgements_share_a_body_only_if_they_are_one(one: Judgement, two: Judgement) -> None:
    assert (body_of(one) == body_of(two)) == (one == two)


@given(judgements)
def test_a_body_is_canonical(judgement: Judgement) -> None:
    body = body_of(judgement)
    assert body.isascii()
    assert json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) == body


@given(judgements)
def test_a_body_names_only_what_there_is(judgement: Judgement) -> None:
    body = json.loads(body_of(judgement))
    for name in ("policy", "mode", "bytes_sent", "trace"):
        assert (name in body) == (getattr(judgement, name) is not None)
