"""Only what this turn may read stays in a model call, and whole exchanges stay or go."""

import pytest

from firewall.core.message import Origin, operator_part
from firewall.core.session import Turn
from firewall.core.subject import Leaf, ModelCall, Subject
from firewall.core.verdict import Allow, Deny, ReasonCode, ResetHistory, Verdict
from firewall.layers.history_reset import HistoryReset
from tests.fakes.clock import at_once
from tests.fakes.tenants import (
    GLOBEX,
    all_members,
    alone,
    case,
    every_kind,
    group,
    in_room,
    line,
    mixed,
    part,
    turn,
)

OWN = part("mine")
THEIRS = part("theirs", alone("bob"))
SYSTEM = operator_part("You are helpful.")


def judged(*leaves: Leaf, of: Turn | None = None, **options: object) -> Verdict:
    return at_once(HistoryReset().judge(case(ModelCall(leaves=leaves, **options), of)))  # type: ignore[arg-type]


def dropped(verdict: Verdict) -> tuple[set[int], int]:
    assert isinstance(verdict, Allow)
    (reset,) = verdict.obligations
    assert isinstance(reset, ResetHistory)
    return set(reset.groups), reset.foreign


def mine(group: int) -> Leaf:
    return mixed(("mine", OWN), group=group)


def unknown(group: int, *, fixed: bool = False) -> Leaf:
    return mixed(("whose?", None), group=group, fixed=fixed)


def test_a_request_of_ones_own_words_passes() -> None:
    assert judged(mine(0), mine(1)) == Allow()
    assert judged() == Allow()


def test_messages_that_nobody_accounts_for_are_dropped_and_counted() -> None:
    assert dropped(judged(unknown(0), mine(1), unknown(2), mine(3))) == ({0, 2}, 2)


@pytest.mark.parametrize(
    "label", [alone("bob"), alone(tenant=GLOBEX), in_room(group()), all_members(GLOBEX)], ids=repr
)
def test_text_this_audience_may_not_read_takes_its_message_along(label: object) -> None:
    foreign = part("x", label)  # type: ignore[arg-type]  # any label
    assert dropped(judged(mixed(("mine", OWN), ("x", foreign), group=0), mine(1)))[0] == {0}


def test_in_a_room_ones_own_private_words_are_absent_and_no_violation() -> None:
    room = turn(place=group())
    said = part("said here", in_room(group()))
    verdict = judged(mine(0), line("said here", said, group=1), of=room)
    assert dropped(verdict) == ({0}, 0)


def test_unaccounted_stretches_of_a_message_that_stays_are_cut() -> None:
    assert dropped(judged(mixed(("ann: ", None), ("mine", OWN)))) == (set(), 0)


def test_the_other_tenant_presents_the_same_list_and_keeps_the_other_half() -> None:
    theirs = part("theirs", alone("ann", GLOBEX))
    leaves = (mine(0), line("theirs", theirs, group=1))
    assert dropped(judged(*leaves))[0] == {1}
    assert dropped(judged(*leaves, of=turn("ann", GLOBEX)))[0] == {0}


def test_whole_exchanges_go_together() -> None:
    leaves = (mine(0), mine(1), unknown(2), mine(3), mine(4), mine(5))
    pairs = (frozenset({1, 2}), frozenset({3, 4}))
    assert dropped(judged(*leaves, exchanges=pairs)) == ({1, 2}, 1)
    chained = (frozenset({1, 2}), frozenset({1, 3}), frozenset({3, 4}))
    assert dropped(judged(*leaves, exchanges=chained))[0] == {1, 2, 3, 4}


def test_what_cannot_be_cut_stands_or_falls_with_its_message() -> None:
    half = mixed(("mine", OWN), ("whose?", None), group=1, fixed=True)
    assert dropped(judged(mine(0), half))[0] == {1}
    assert dropped(judged(mine(0), mine(1), unknown(1, fixed=True)))[0] == {1}


@pytest.mark.parametrize("leaf", [unknown(-1), unknown(-1, fixed=True)], ids=["text", "fixed"])
def test_what_belongs_to_the_request_itself_cannot_be_dropped(leaf: Leaf) -> None:
    verdict = judged(leaf, mine(0))
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.UNACCOUNTED_CONTEXT


def test_system_text_that_nobody_registered_is_refused() -> None:
    system = frozenset({0})
    verdict = judged(unknown(0), mine(1), system=system)
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.UNACCOUNTED_CONTEXT
    assert isinstance(judged(mine(0), mine(1), system=system), Deny)
    assert judged(line(SYSTEM.text, SYSTEM), mine(1), system=system) == Allow()
    assert dropped(judged(mixed((SYSTEM.text, SYSTEM), ("whose?", None)), mine(1), system=system)) == (
        set(),
        0,
    )


def test_an_empty_system_message_says_nothing() -> None:
    verdict = judged(line(" "), mine(1), system=frozenset({0}))
    assert isinstance(verdict, Allow)


def test_a_call_made_in_somebody_elses_turn_is_refused() -> None:
    verdict = judged(unknown(0), unknown(1), ours=False)
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.TURN_MISMATCH


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_what_is_no_model_call_is_not_its_to_allow(subject: Subject) -> None:
    if isinstance(subject, ModelCall):
        return
    assert at_once(HistoryReset().judge(case(subject))) == Deny(reason=ReasonCode.UNKNOWN_SUBJECT)


def test_no_verdict_tells_what_was_dropped() -> None:
    assert "theirs" not in repr(judged(line(THEIRS.text, THEIRS), mine(1)))
    assert part("x", origin=Origin.MODEL).origin is Origin.MODEL
