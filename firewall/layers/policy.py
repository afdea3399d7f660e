"""Policy: what operators forbid, or allow on a condition, by rules of their own.

The rules are asked after every structural layer, so they see what those left, and can only take away from it:
nothing that a layer before refuses comes here, and nothing that a rule says makes a later layer look away.
The attack is a rule that is meant to forbid and does not: its condition fails, its facts are missing, another
rule permits. Each of these is a refusal, and a permit is never more than one voice that agrees.
"""

from dataclasses import dataclass

from firewall.core.ports import Clock
from firewall.core.subject import SubjectKind
from firewall.core.verdict import (
    Allow,
    Case,
    Deny,
    Finding,
    Obligation,
    ReasonCode,
    Redact,
    SeekApproval,
    Severity,
    Verdict,
)
from firewall.detect.marker import OTHER, marker
from firewall.policy.facts import HostOf, Unclear, questions
from firewall.policy.policies import Policies, agreed
from firewall.policy.rule import Duty
from firewall.policy.scope import SHADOW_FAILED, Opinion


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Denies what a rule forbids or no rule of a closed scope permits, and adds what rules demand.

    Attributes:
        policies: By scope.
        clock: For rules that speak of the time of day.
        host: Gives the host of a URL as the client that calls it reads it.
    """

    policies: Policies
    clock: Clock
    host: HostOf
    name: str = "policy"
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, case: Case) -> Verdict:
        """Ask every scope of the turn; all must agree, and whatever cannot be asked or answered denies."""
        scopes = self.policies.of(case.turn)
        if not scopes:
            return Allow()
        try:
            asked = questions(case, self.clock.now_ms(), self.host)
        except Unclear:
            if any(scope.acts for scope in scopes):
                return Deny(reason=ReasonCode.POLICY_FAILED, rule="policy:unclear")
            return Allow(findings=_watched(frozenset({SHADOW_FAILED})))
        return _verdict(agreed(scopes, asked), case)


def _verdict(opinion: Opinion, case: Case) -> Verdict:
    findings = _watched(opinion.shadows)
    if opinion.denied is None:
        wanted = sorted(opinion.duties)
        obligations = [each for duty, rule in wanted for each in _obligations(duty, rule, case)]
        return Allow(findings=findings, obligations=tuple(obligations))
    return Deny(
        reason=ReasonCode.POLICY_FAILED if opinion.failed else ReasonCode.POLICY_DENIED,
        rule=opinion.denied,
        severity=opinion.severity,
        findings=findings,
    )


def _watched(rules: frozenset[str]) -> tuple[Finding, ...]:
    return tuple(Finding(rule=each, leaf=0, start=0, stop=0, shadow=True) for each in sorted(rules))


def _obligations(duty: Duty, rule: str, case: Case) -> list[Obligation]:
    if duty is Duty.APPROVE:
        return [SeekApproval(rule=rule)]
    return [
        Redact(
            rule=rule,
            leaf=index,
            start=0,
            stop=len(each.text),
            marker=marker(OTHER),
            severity=Severity.LOW,
        )
        for index, each in enumerate(case.subject.leaves)
        if each.text
    ]
