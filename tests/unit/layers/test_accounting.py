"""A text goes out as the bot's own only if this turn's model, its tools or the operator said it."""

import pytest

from firewall.core.message import Origin, operator_part
from firewall.core.subject import Outbound, Subject, SubjectKind
from firewall.core.verdict import Allow, Deny, ReasonCode, RecordViolation, Verdict
from firewall.layers.accounting import Accounting
from tests.fakes.clock import at_once
from tests.fakes.tenants import GLOBEX, alone, case, every_kind, line, mixed, outbound, part, turn

SAID = part("said", origin=Origin.MODEL)
STRICT, STANDARD = Accounting(strict=True), Accounting(strict=False)


def judged(layer: Accounting, subject: Subject) -> Verdict:
    return at_once(layer.judge(case(subject)))


@pytest.mark.parametrize("layer", [STRICT, STANDARD], ids=["strict", "standard"])
@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(outbound(), id="nothing"),
        pytest.param(outbound(line("")), id="empty"),
        pytest.param(outbound(line(" \n\t")), id="white-space"),
        pytest.param(outbound(line("said", SAID)), id="a-models-words"),
        pytest.param(outbound(line("Hello!", operator_part("Hello!"))), id="the-operators-words"),
        pytest.param(
            outbound(mixed(("said", SAID), ("\n", None), ("said", SAID))), id="joined-by-white-space"
        ),
    ],
)
def test_what_was_produced_in_this_turn_passes(layer: Accounting, subject: Outbound) -> None:
    assert judged(layer, subject) == Allow()


@pytest.mark.parametrize(
    ("subject", "count"),
    [
        pytest.param(outbound(line("from nowhere")), 1, id="from-nowhere"),
        pytest.param(outbound(mixed(("said", SAID), ("!", None))), 1, id="one-character"),
        pytest.param(outbound(line("said", SAID), line("x"), line("y")), 2, id="two-leaves"),
        pytest.param(outbound(mixed(("x", None), ("said", SAID), ("y", None))), 2, id="two-stretches"),
        pytest.param(outbound(line("\u200b")), 1, id="zero-width-is-text"),
    ],
)
def test_what_comes_from_nowhere_is_denied_or_on_record(subject: Outbound, count: int) -> None:
    strict, standard = judged(STRICT, subject), judged(STANDARD, subject)
    assert isinstance(strict, Deny)
    assert strict.reason is ReasonCode.UNACCOUNTED_OUTBOUND
    assert isinstance(standard, Allow)
    (record,) = standard.obligations
    assert isinstance(record, RecordViolation)
    assert (record.rule, record.count) == ("unaccounted_outbound", count)


def test_the_other_tenant_is_judged_by_the_same_measure() -> None:
    theirs = turn(tenant=GLOBEX)
    said = part("said", alone(tenant=GLOBEX), origin=Origin.MODEL)
    assert at_once(STRICT.judge(case(outbound(line("said", said)), theirs))) == Allow()
    assert isinstance(at_once(STRICT.judge(case(outbound(line("said")), theirs))), Deny)


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_what_does_not_go_out_is_not_its_to_allow(subject: Subject) -> None:
    assert STRICT.watches == {SubjectKind.OUTBOUND}
    if isinstance(subject, Outbound):
        return
    assert judged(STANDARD, subject) == Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
