"""The layer of policies: it denies, obliges or records; what it cannot ask is denied."""

from dataclasses import dataclass, replace

import pytest

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.core.subject import ArgumentKind, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Redact, SeekApproval, Severity
from firewall.layers.policy import Policy
from firewall.policy.policies import Policies
from firewall.policy.rule import rules
from firewall.policy.scope import Level, Scope
from firewall.receipts import Scribe
from firewall.stack import Passed, Refused, Stack
from tests.fakes.clock import FrozenClock, at_once
from tests.fakes.ids import CountedIds
from tests.fakes.stores import MemoryRecords
from tests.fakes.tenants import ACME, GLOBEX, case, every_kind, mixed, result, spec, tool_call, turn

tenants = pytest.mark.parametrize("tenant", [ACME, GLOBEX])
FORBID = '@id("no") @severity("low") forbid(principal, action, resource);'


def layer(text: str, *, everybody: bool = False, watching: bool = False) -> Policy:
    """ACME's rules, or everybody's."""
    level = Level.DEPLOYMENT if everybody else Level.TENANT
    scope = Scope(level=level, rules=rules(text, "f"), watching=watching)
    policies = Policies(deployment=scope) if everybody else Policies(tenants={ACME: scope})
    return Policy(policies=policies, clock=FrozenClock(), host=lambda _: None)


def judge(of: Policy, judged: Case) -> Allow | Deny:
    return at_once(of.judge(judged))


@pytest.mark.parametrize("kind", list(SubjectKind))
def test_every_kind_of_subject_is_judged_for_the_tenant_whose_rule_it_is(kind: SubjectKind) -> None:
    subject = next(each for each in every_kind() if each.kind is kind)
    denied = judge(layer(FORBID), case(subject, turn()))
    assert denied == Deny(reason=ReasonCode.POLICY_DENIED, rule="tenant.no", severity=Severity.LOW)
    assert judge(layer(FORBID), case(subject, turn(tenant=GLOBEX))) == Allow()
    assert (
        judge(Policy(policies=Policies(), clock=FrozenClock(), host=lambda _: None), case(subject)) == Allow()
    )
    assert kind in layer(FORBID).watches


@tenants
def test_what_cannot_be_asked_is_denied_where_a_rule_acts_and_recorded_where_all_are_watched(
    tenant: TenantId,
) -> None:
    unclear = case(tool_call(spec(url=ArgumentKind.URL), {"url": "https://a"}), turn(tenant=tenant))
    denied = judge(layer(FORBID, everybody=True), unclear)
    assert denied == Deny(reason=ReasonCode.POLICY_FAILED, rule="policy:unclear")
    watched = judge(layer(FORBID, everybody=True, watching=True), unclear)
    assert watched == Allow(findings=(Finding(rule="shadow_failed", leaf=0, start=0, stop=0, shadow=True),))


@tenants
def test_a_rule_that_fails_denies(tenant: TenantId) -> None:
    text = (
        '@id("sum") forbid(principal, action == Action::"tool_call", resource) when '
        '{ context.numbers.hasTag("n") && context.numbers.getTag("n") * 2 > 10 };'
    )
    most = case(tool_call(spec(n=ArgumentKind.TEXT), {"n": 2**63 - 1}), turn(tenant=tenant))
    denied = judge(layer(text, everybody=True), most)
    assert denied == Deny(reason=ReasonCode.POLICY_FAILED, rule="deployment:failed")


def test_a_watched_rule_is_a_finding_that_changes_nothing() -> None:
    found = Finding(rule="tenant.no", leaf=0, start=0, stop=0, shadow=True)
    watched = layer(FORBID.replace("@severity", '@mode("shadow") @severity'))
    assert judge(watched, case(result())) == Allow(findings=(found,))
    assert judge(watched, case(result(), turn(tenant=GLOBEX))) == Allow()


def test_an_approval_is_asked_for_and_a_redaction_takes_each_text_whole() -> None:
    approve = layer('@id("ask") @obligation("approve") permit(principal, action, resource);')
    assert judge(approve, case(result())) == Allow(obligations=(SeekApproval(rule="tenant.ask"),))
    redact = layer(
        '@id("cut") @obligation("redact") permit(principal, action == Action::"tool_result", resource);'
    )
    two = replace(result(), leaves=(mixed(("ab", None), ("c", None)), mixed(), mixed(("d", None))))
    cut = [
        Redact(
            rule="tenant.cut", leaf=leaf, start=0, stop=stop, marker="[REDACTED:OTHER]", severity=Severity.LOW
        )
        for leaf, stop in ((0, 3), (2, 1))
    ]
    assert judge(redact, case(two)) == Allow(obligations=tuple(cut))
    assert judge(redact, case(two, turn(tenant=GLOBEX))) == Allow()


class Slow(FrozenClock):
    """A clock at which a look costs a second of processor time."""

    def now_ms(self) -> int:
        self.burn_s(1.0)
        return super().now_ms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    name: str
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, case: Case) -> Allow:
        return Allow()


@tenants
async def test_rules_that_take_too_long_deny_whoever_has_rules(tenant: TenantId) -> None:
    clock, records = Slow(), MemoryRecords()
    ruled = replace(layer(FORBID.replace("@severity", '@mode("shadow") @severity')), clock=clock)
    stack = Stack(
        [Passing(name="tenant_boundary"), ruled, Passing(name="redaction")],
        scribe=Scribe(store=records, ids=CountedIds()),
        clock=clock,
        layer_cpu_s=0.5,
    )
    ruling = await stack.judge(turn(tenant=tenant), result())
    if tenant == ACME:
        assert ruling == Refused(reason=ReasonCode.LAYER_FAILED)
    else:
        assert isinstance(ruling, Passed)


def test_l82_a_rule_speaks_of_ids_and_a_name_in_it_is_refused_at_load() -> None:
    for name in ("name", "display_name", "email", "nick"):
        with pytest.raises(ConfigError, match=f"`{name}`"):
            layer(f'@id("x") forbid(principal, action, resource) when {{ principal.{name} == "Ann" }};')
    ann = layer('@id("x") forbid(principal, action, resource) when { principal.id == "ann" };')
    assert isinstance(judge(ann, case(result(), turn("ann"))), Deny)
    assert judge(ann, case(result(), turn("Ann"))) == Allow()
    assert judge(ann, case(result(), turn("ann", GLOBEX))) == Allow()
