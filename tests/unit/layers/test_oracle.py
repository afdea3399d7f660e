"""The budget of the excerpt index: what costs its reader something, what does not, and who is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from firewall.core.budget import Allowance
from firewall.core.errors import StoreUnavailable
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.message import operator_part
from firewall.core.session import Turn
from firewall.core.subject import ModelReply, Subject, SubjectKind, leaf
from firewall.core.verdict import Allow, Deny, ReasonCode, Severity, Verdict
from firewall.detect.keys import Keys
from firewall.layers.oracle import Budgeted, Oracle
from firewall.layers.redaction import Redaction
from tests.fakes.clock import at_once
from tests.fakes.ids import CountedIds
from tests.fakes.stores import KnownTexts, WordDetector
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    all_members,
    case,
    every_kind,
    line,
    mixed,
    outbound,
    person,
    tool_call,
    turn,
)

ONE, TWO = "globexquarterlynumbers", "globexmergerpapers"
TYPED = "globexcard"
ALLOWANCE = Allowance(findings=1, window_ms=1_000, hold_ms=1_000)


@dataclass
class Purse:
    """Implements `BudgetStore`: pays always, never, or fails."""

    paying: bool = True
    failing: bool = False
    holding: tuple[tuple[TenantId, PrincipalId], ...] = ()
    asked: list[tuple[TenantId, list[str]]] = field(default_factory=list[tuple[TenantId, list[str]]])

    async def held(self, tenant: TenantId, principal: PrincipalId) -> bool:
        return (tenant, principal) in self.holding

    async def spend(self, turn: Turn, marks: Sequence[str], allowance: Allowance) -> bool:
        assert allowance is ALLOWANCE
        if self.failing:
            raise StoreUnavailable("the database did not answer")
        self.asked.append((turn.principal.tenant, list(marks)))
        return self.paying


def redaction(*, shadow: bool = False) -> Redaction:
    known = KnownTexts([(each, all_members(GLOBEX)) for each in (ONE, TWO, TYPED)])
    detector = WordDetector(words=(TYPED,))
    return Redaction(excerpts=known, detector=detector, keys=Keys(detector), shadow=shadow)


def judged(subject: Subject, purse: Purse, *, of: Turn | None = None, shadow: bool = False) -> Verdict:
    layer = Budgeted(redaction=redaction(shadow=shadow), budgets=purse, allowance=ALLOWANCE, ids=CountedIds())
    return at_once(layer.judge(case(subject, of)))


@pytest.mark.parametrize("subject", every_kind("hello"), ids=lambda each: each.kind.value)
def test_whoever_is_held_is_refused_everything_and_nobody_else_is(subject: Subject) -> None:
    ann = person("ann", ACME)
    layer = Oracle(budgets=Purse(holding=((ACME, ann.id),)))
    assert layer.watches == frozenset(SubjectKind)
    verdict = at_once(layer.judge(case(subject, turn("ann", ACME))))
    assert verdict == Deny(reason=ReasonCode.ORACLE_SUSPECTED, rule="held", severity=Severity.LOW)
    for other in (turn("bob", ACME), turn("ann", GLOBEX)):
        assert at_once(layer.judge(case(subject, other))) == Allow()


def test_the_same_principal_in_another_tenant_is_another() -> None:
    layer = Oracle(budgets=Purse(holding=((GLOBEX, person("ann", ACME).id),)))
    assert at_once(layer.judge(case(outbound(line("hello")), turn("ann", ACME)))) == Allow()


def test_a_finding_is_paid_for_before_it_shows() -> None:
    purse = Purse()
    verdict = judged(ModelReply(leaves=(line(f"so: {ONE}"),)), purse)
    assert isinstance(verdict, Allow)
    assert len(verdict.obligations) == 1
    [(tenant, marks)] = purse.asked
    assert (tenant, len(marks)) == (ACME, 1)
    assert ONE not in marks[0]


def test_what_cannot_be_paid_for_is_refused_whole_and_pages() -> None:
    verdict = judged(ModelReply(leaves=(line(f"so: {ONE} {TWO}"),)), Purse(paying=False))
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.severity) == (ReasonCode.ORACLE_SUSPECTED, Severity.CRITICAL)
    assert verdict.obligations == ()


def test_a_refusal_because_of_a_finding_is_paid_for_too() -> None:
    purse = Purse()
    assert isinstance(judged(tool_call(None, {"text": ONE}), purse), Deny)
    assert [len(marks) for _, marks in purse.asked] == [1]


def test_different_texts_have_different_marks_and_one_text_has_one_in_any_spelling() -> None:
    purse = Purse()
    for text in (ONE, ONE, TWO):
        judged(ModelReply(leaves=(line(text),)), purse)
    judged(ModelReply(leaves=(line(f"{ONE} and {ONE} and {TWO}"),)), purse)
    first, again, other, all_of_them = [marks for _, marks in purse.asked]
    assert first == again != other
    assert all_of_them == sorted(first + other)


def test_nothing_found_costs_nothing_and_asks_nobody() -> None:
    purse = Purse(failing=True)
    assert judged(ModelReply(leaves=(line("good morning"),)), purse) == Allow()


def test_an_operators_own_text_costs_its_readers_nothing() -> None:
    """Else whoever repeats a bot's set phrases could have everybody held to whom it says them."""
    purse = Purse(failing=True)
    verdict = judged(outbound(mixed((ONE, operator_part(ONE)))), purse)
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.FOREIGN_EXCERPT
    paid = Purse()
    judged(outbound(mixed((ONE[:9], operator_part(ONE[:9])), (ONE[9:], None))), paid)
    assert len(paid.asked) == 1, "a hole that was filled in is not the operator's"


def test_what_goes_for_its_type_anyway_costs_nothing() -> None:
    purse = Purse(failing=True)
    assert isinstance(judged(ModelReply(leaves=(line(f"card {TYPED}"),)), purse), Allow)


def test_what_is_only_watched_costs_nothing() -> None:
    purse = Purse(failing=True)
    assert isinstance(judged(ModelReply(leaves=(line(ONE),)), purse, shadow=True), Allow)


def test_where_nothing_can_be_paid_nothing_shows() -> None:
    with pytest.raises(StoreUnavailable):
        judged(ModelReply(leaves=(line(ONE),)), Purse(failing=True))


def test_it_stands_where_the_redaction_layer_stands() -> None:
    layer = Budgeted(redaction=redaction(), budgets=Purse(), allowance=ALLOWANCE, ids=CountedIds())
    assert (layer.name, layer.watches) == ("redaction", redaction().watches)


def test_each_leaf_is_marked_by_its_own_words() -> None:
    purse = Purse()
    judged(ModelReply(leaves=(leaf("a", "nothing", None), leaf("b", f"well {TWO}", None))), purse)
    judged(ModelReply(leaves=(leaf("a", TWO, None),)), purse)
    assert purse.asked[0] == purse.asked[1]


def test_guesses_side_by_side_are_paid_for_by_their_length() -> None:
    """What stands together is one finding, which would tell for the price of one that all of it is right."""
    for length, price in ((23, 1), (64, 1), (65, 2), (640, 10)):
        text = "".join(chr(ord("a") + number * 7 % 26) for number in range(length))
        known = KnownTexts([(text, all_members(GLOBEX))])
        detector, purse = WordDetector(), Purse()
        inner = Redaction(excerpts=known, detector=detector, keys=Keys(detector))
        layer = Budgeted(redaction=inner, budgets=purse, allowance=ALLOWANCE, ids=CountedIds())
        at_once(layer.judge(case(ModelReply(leaves=(line(f"{text[:10]}… {text}!"),)))))
        [(_, marks)] = purse.asked
        assert len(marks) == price, length
