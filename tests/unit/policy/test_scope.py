"""Scopes: what forbids, permits, obligations and watched rules of one level say, and what several say."""

from dataclasses import replace

import pytest

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.core.subject import ArgumentKind
from firewall.core.verdict import Severity
from firewall.policy.cedar import Question, Set
from firewall.policy.facts import questions
from firewall.policy.policies import Policies, agreed
from firewall.policy.rule import Duty, rules
from firewall.policy.scope import SILENT, Level, Opinion, Scope
from tests.fakes.tenants import ACME, GLOBEX, case, dm, group, spec, tool_call, turn

CALL = 'action == Action::"tool_call"'
OF_ACME = 'context.tenant == "ACME"'
OVERFLOWS = 'context.numbers.hasTag("n") && context.numbers.getTag("n") + 9223372036854775807 > 0'
tenants = pytest.mark.parametrize("tenant", [ACME, GLOBEX])


def scope(*policies: str, level: Level = Level.TENANT, watching: bool = False) -> Scope:
    text = "\n".join(f'@id("r{number}") {each}' for number, each in enumerate(policies))
    return Scope(level=level, rules=rules(text, "f.cedar"), watching=watching)


def forbid(when: str = "true", head: str = "action", notes: str = "") -> str:
    return f"{notes} forbid(principal, {head}, resource) when {{ {when} }};"


def permit(when: str = "true", head: str = "action", notes: str = "") -> str:
    return f"{notes} permit(principal, {head}, resource) when {{ {when} }};"


def asked(tenant: TenantId = ACME, number: int = 1) -> Question:
    call = tool_call(spec(n=ArgumentKind.TEXT), {"n": number})
    (one,) = questions(case(call, turn(tenant=tenant)), 0, lambda _: None)
    return one


def test_a_forbid_denies_the_tenant_that_it_names_and_no_other() -> None:
    ruled = scope(forbid(OF_ACME, notes='@severity("low")'))
    assert ruled.opinion(asked()) == Opinion(denied="tenant.r0", severity=Severity.LOW)
    assert ruled.opinion(asked(GLOBEX)) == SILENT


def test_the_gravest_of_several_forbids_names_the_denial_and_then_the_first() -> None:
    low, high = '@severity("low")', '@severity("critical")'
    for _ in range(20):
        ruled = scope(forbid(notes=low), forbid(notes=high), forbid(notes=high), forbid(notes=low))
        assert ruled.opinion(asked()).denied == "tenant.r1"


@tenants
def test_a_scope_that_permits_something_denies_the_rest(tenant: TenantId) -> None:
    listed = scope(permit(OF_ACME, CALL))
    denied = listed.opinion(asked(tenant)).denied
    assert denied == (None if tenant == ACME else "tenant:unpermitted")
    inbound = questions(case(tool_call(spec(), {}), turn(tenant=tenant)), 0, lambda _: None)[0]
    elsewhere = replace(inbound, action="outbound")
    assert listed.opinion(elsewhere).denied == "tenant:unpermitted"


@tenants
def test_a_forbid_wins_over_every_permit(tenant: TenantId) -> None:
    both = scope(permit(), permit(), forbid(OF_ACME))
    assert both.opinion(asked(tenant)).denied == ("tenant.r2" if tenant == ACME else None)


@tenants
def test_a_permit_below_grants_nothing_that_is_refused_above(tenant: TenantId) -> None:
    above, below = scope(forbid(OF_ACME), level=Level.DEPLOYMENT), scope(permit(), level=Level.TASK)
    for order in ([above, below], [below, above]):
        denied = agreed(order, [asked(tenant)]).denied
        assert denied == ("deployment.r0" if tenant == ACME else None)


@tenants
def test_a_rule_that_cannot_be_evaluated_denies_though_cedar_would_allow(tenant: TenantId) -> None:
    ruled = scope(permit(), forbid(OVERFLOWS, CALL))
    opinion = ruled.opinion(asked(tenant))
    assert (opinion.denied, opinion.failed) == ("tenant:failed", True)
    assert ruled.opinion(asked(tenant, number=-1)).denied == "tenant.r1"
    duty = scope(permit(OVERFLOWS, CALL, notes='@obligation("approve")'))
    assert duty.opinion(asked(tenant)).failed


@tenants
def test_an_obligation_is_added_where_it_matches_and_neither_permits_nor_forbids(tenant: TenantId) -> None:
    ruled = scope(permit(OF_ACME, notes='@obligation("approve")'))
    duties = ruled.opinion(asked(tenant)).duties
    assert duties == ({(Duty.APPROVE, "tenant.r0")} if tenant == ACME else frozenset())
    closed = scope(permit("false"), permit(notes='@obligation("approve")'))
    assert closed.opinion(asked(tenant)).denied == "tenant:unpermitted"
    several = agreed([ruled, scope(permit(notes='@obligation("approve")'), level=Level.TASK)], [asked()])
    assert several.duties == {(Duty.APPROVE, "tenant.r0"), (Duty.APPROVE, "task.r0")}


SHADOW = '@mode("shadow")'


@pytest.mark.parametrize(
    ("policies", "denied", "shadows"),
    [
        pytest.param([forbid(notes=SHADOW)], None, {"tenant.r0"}, id="would-forbid"),
        pytest.param([permit("false", notes=SHADOW)], None, {"tenant:unpermitted"}, id="would-close"),
        pytest.param(
            [permit("false", 'action == Action::"inbound"', notes=SHADOW)],
            None, {"tenant:unpermitted"}, id="would-close-another-action",
        ),
        pytest.param([permit(notes=SHADOW)], None, set[str](), id="would-agree"),
        pytest.param(
            [permit("false"), permit(notes=SHADOW)], "tenant:unpermitted", {"tenant.r1"}, id="would-open"
        ),
        pytest.param([forbid(), forbid(notes=SHADOW)], "tenant.r0", {"tenant.r1"}, id="would-forbid-as-well"),
        pytest.param([forbid(OVERFLOWS, CALL, notes=SHADOW)], None, {"shadow_failed"}, id="fails"),
        pytest.param(
            [permit(OVERFLOWS, CALL, notes=SHADOW + '@obligation("approve")')],
            None, {"shadow_failed"}, id="fails-to-oblige",
        ),
        pytest.param(
            [permit(notes=SHADOW + '@obligation("approve")')], None, {"tenant.r0"}, id="would-oblige"
        ),
    ],
)  # fmt: skip
@tenants
def test_a_watched_rule_changes_nothing_and_says_what_it_would(
    policies: list[str], denied: str | None, shadows: set[str], tenant: TenantId
) -> None:
    opinion = scope(*policies).opinion(asked(tenant))
    assert opinion.denied == denied
    assert set(opinion.shadows) == shadows
    assert not opinion.duties


@tenants
def test_in_observe_every_rule_is_only_watched(tenant: TenantId) -> None:
    ruled = scope(forbid(), watching=True)
    assert ruled.opinion(asked(tenant)) == Opinion(shadows=frozenset({"tenant.r0"}))
    assert not ruled.acts
    assert scope(forbid()).acts


def test_two_rules_of_a_scope_have_two_ids_even_in_two_files() -> None:
    text = f'@id("a") {forbid()}'
    both = (*rules(text, "one.cedar"), *rules(text, "two.cedar"))
    with pytest.raises(ConfigError, match=r"two\.cedar, line 1, column 1: .* in one\.cedar"):
        Scope(level=Level.TASK, rules=both)


def test_each_turn_is_judged_by_the_scopes_that_are_its_own() -> None:
    levels = {level: scope(forbid(), level=level) for level in Level}
    policies = Policies(
        deployment=levels[Level.DEPLOYMENT],
        tenants={ACME: levels[Level.TENANT]},
        conversations={("slack", "T1", "C-general"): levels[Level.CONVERSATION]},
        tasks={"digest": levels[Level.TASK]},
    )

    def of(tenant: TenantId, place: str, job: str | None) -> list[Level]:
        where = group(place, tenant, thread="T") if place != "dm" else dm("ann", tenant)
        return [each.level for each in policies.of(replace(turn(tenant=tenant, place=where), job=job))]

    assert of(ACME, "general", "digest") == list(Level)
    assert of(ACME, "dm", None) == [Level.DEPLOYMENT, Level.TENANT]
    assert of(GLOBEX, "general", "other") == [Level.DEPLOYMENT]
    assert of(GLOBEX, "dm", "digest") == [Level.DEPLOYMENT, Level.TASK]
    assert list(Policies().of(turn())) == []


def test_what_cannot_be_asked_is_not_answered() -> None:
    anything = Set("permit(principal, action, resource);")
    good = asked()
    assert anything.answer(replace(good, request={**good.request, "context": "{"})) is None
    assert anything.answer(replace(good, entities=None)) is None
