"""Only what this turn may read stays in a model call.

A bot that keeps one list for everybody presents it here. Each stretch of its text arrives with the part that
accounts for it, or with none. Whatever has no part this audience may read goes: whole messages are dropped,
with the rest of their exchange, and counted; in the messages that stay, unaccounted stretches are cut.
"""

from collections import defaultdict
from dataclasses import dataclass

from firewall.core.label import Audience, Operator, admits
from firewall.core.subject import Leaf, ModelCall, Span, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, ResetHistory, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReset:
    """Drops what other people said, and what nobody accounts for."""

    name: str = "history_reset"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.MODEL_CALL})

    async def judge(self, case: Case) -> Verdict:
        """Ask for a reset of everything in a model call that the turn may not read.

        Text in the operator's name that no registered template accounts for is refused rather than dropped:
        a bot that lost its instructions without notice would be worse than one that stopped.
        """
        call, audience = case.subject, case.turn.audience
        if not isinstance(call, ModelCall):
            return Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
        if any(not _registered(call, group) for group in call.system):
            return Deny(reason=ReasonCode.UNACCOUNTED_CONTEXT, severity=Severity.MEDIUM)
        dropped = _with_exchanges(call, _unreadable(call, audience))
        if any(group < 0 for group in dropped):
            # A negative group is the request itself (schemas, stop words): it cannot be dropped.
            return Deny(reason=ReasonCode.UNACCOUNTED_CONTEXT, severity=Severity.MEDIUM)
        if not call.ours:
            # Nothing in it was ever said in this session: the call was made in somebody else's turn.
            return Deny(reason=ReasonCode.TURN_MISMATCH)
        cut = any(span.source is None for each in call.leaves for span in each.spans)
        if not dropped and not cut:
            return Allow()
        foreign = sum(1 for group in dropped if not _own(call, group))
        return Allow(obligations=(ResetHistory(groups=frozenset(dropped), foreign=foreign),))


def _readable(span: Span, audience: Audience) -> bool:
    return span.source is not None and admits(span.source.label, audience)


def _unreadable(call: ModelCall, audience: Audience) -> set[int]:
    """Messages without any readable text, or with text of another label: cutting is for unaccounted text."""
    by_group: dict[int, list[Leaf]] = defaultdict(list)
    for each in call.leaves:
        by_group[each.group].append(each)
    dropped = set[int]()
    for group, leaves in by_group.items():
        spans = [span for each in leaves for span in each.spans if span.text]
        refused = any(span.source is not None and not _readable(span, audience) for span in spans)
        # Arguments and ids cannot be cut without changing what they mean, so they stand or fall whole.
        broken = any(
            each.fixed and any(not _readable(span, audience) for span in each.spans) for each in leaves
        )
        if refused or broken or (spans and not any(_readable(span, audience) for span in spans)):
            dropped.add(group)
    return dropped


def _with_exchanges(call: ModelCall, dropped: set[int]) -> set[int]:
    """Drop the rest of every exchange that lost a message, until none is left in halves."""
    grown = True
    while grown:
        size = len(dropped)
        for exchange in call.exchanges:
            if exchange & dropped:
                dropped |= exchange
        grown = len(dropped) > size
    return dropped


def _registered(call: ModelCall, group: int) -> bool:
    spans = [span for each in call.leaves if each.group == group for span in each.spans if span.text.strip()]
    return not spans or any(
        span.source is not None and isinstance(span.source.label, Operator) for span in spans
    )


def _own(call: ModelCall, group: int) -> bool:
    return any(span.source is not None for each in call.leaves if each.group == group for span in each.spans)
