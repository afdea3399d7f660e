"""What a bot says is its own only if a guarded model or tool, or a registered template, said it first."""

from dataclasses import dataclass

from firewall.core.subject import Outbound, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, RecordViolation, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounting:
    """Judges text on its way out that nothing in this turn produced.

    Attributes:
        strict: True denies such text; False lets it pass on record, to be scanned by the layers behind.
    """

    strict: bool
    name: str = "accounting"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.OUTBOUND})

    async def judge(self, case: Case) -> Verdict:
        """Deny or record text without a source; white space and names that nobody is shown need none."""
        if not isinstance(case.subject, Outbound):
            return Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
        unaccounted = sum(
            1
            for each in case.subject.leaves
            if each.slot not in case.subject.names
            for span in each.spans
            if span.source is None and span.text.strip()
        )
        if not unaccounted:
            return Allow()
        if self.strict:
            return Deny(reason=ReasonCode.UNACCOUNTED_OUTBOUND, severity=Severity.MEDIUM)
        rule = ReasonCode.UNACCOUNTED_OUTBOUND.value
        return Allow(obligations=(RecordViolation(rule=rule, severity=Severity.LOW, count=unaccounted),))
