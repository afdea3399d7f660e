"""The first layer: the speaker is known, the words are theirs, the answer goes where it was asked.

Everything here is a comparison of ids and labels fixed at ingress. No text is recognised.
"""

from dataclasses import dataclass
from typing import assert_never

from firewall.core.identity import SenderKind
from firewall.core.ids import TenantId
from firewall.core.label import admits, audience_of
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import (
    Form,
    Inbound,
    Leaf,
    ModelCall,
    ModelReply,
    Outbound,
    Subject,
    SubjectKind,
    ToolCall,
    ToolResult,
)
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, Severity, Verdict

MAX_TEXT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantBoundary:
    """Denies whatever is not this turn's own.

    Attributes:
        tenants: The tenants the operator named, or None where each realm is its own tenant.
        kinds: Kinds of sender that are served.
        max_text_bytes: Longest text of one subject; a longer one is refused, never cut or skipped.
    """

    tenants: frozenset[TenantId] | None
    kinds: frozenset[SenderKind] = frozenset({SenderKind.HUMAN})
    max_text_bytes: int = MAX_TEXT_BYTES
    name: str = "tenant_boundary"
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, case: Case) -> Verdict:
        """Deny an unknown tenant or principal, a foreign subject, label or destination, and bad text."""
        reason = self._unknown(case) or self._unfit(case.subject) or _foreign(case)
        if reason is None:
            return Allow()
        return Deny(reason=reason, severity=_SEVERITY.get(reason, Severity.HIGH))

    def _unknown(self, case: Case) -> ReasonCode | None:
        principal = case.turn.principal
        if isinstance(case.subject, Inbound) and not case.subject.sender.verified:
            return ReasonCode.UNVERIFIED_SENDER
        if self.tenants is not None and principal.tenant not in self.tenants:
            return ReasonCode.UNKNOWN_TENANT
        if principal.kind not in self.kinds:
            return ReasonCode.UNKNOWN_PRINCIPAL
        if not _agrees(case.turn):
            return ReasonCode.FOREIGN_SUBJECT
        return ReasonCode.NO_OWNER if case.turn.writes is None else None

    def _unfit(self, subject: Subject) -> ReasonCode | None:
        size = 0
        for each in subject.leaves:
            try:
                size += len(_weighed(subject, each).encode())
            except UnicodeEncodeError:
                # Lone surrogates are not text: two programs downstream would read them differently.
                return ReasonCode.MALFORMED
        return ReasonCode.TOO_LARGE if size > self.max_text_bytes else None


def _weighed(subject: Subject, each: Leaf) -> str:
    """Give the text that counts: in a model call, what is about to be dropped does not.

    It was written by others, who would otherwise stop this turn by writing too much, or something malformed.
    """
    if isinstance(subject, ModelCall):
        return "".join(span.text for span in each.spans if span.source is not None)
    return each.text


_SEVERITY = {
    ReasonCode.UNKNOWN_PRINCIPAL: Severity.LOW,
    ReasonCode.UNVERIFIED_SENDER: Severity.MEDIUM,
    ReasonCode.TOO_LARGE: Severity.LOW,
    ReasonCode.MALFORMED: Severity.LOW,
    ReasonCode.NO_OWNER: Severity.LOW,
}


def _foreign(case: Case) -> ReasonCode | None:
    subject = case.subject
    match subject:
        case Inbound():
            return _imposed(case, subject) or _labels(case)
        case ModelCall():
            # What a bot presents may hold anything: `history_reset` drops what is not for this turn.
            return None
        case ToolResult():
            return _result(case, subject) or _labels(case)
        case Outbound():
            return _elsewhere(case, subject) or _labels(case)
        case ModelReply() | ToolCall():
            return _labels(case)
        case _:
            assert_never(subject)


def _agrees(turn: Turn) -> bool:
    """True if session, audience and destination are all of this principal, in this place."""
    expected = SessionKey.of(turn.principal, turn.destination)
    audience = audience_of(turn.principal, turn.destination, private=turn.audience.private)
    return turn.key == expected and turn.audience == audience


def _imposed(case: Case, inbound: Inbound) -> ReasonCode | None:
    sender, principal = inbound.sender, case.turn.principal
    if sender.principal_id != principal.id or sender.kind is not principal.kind:
        return ReasonCode.FOREIGN_SUBJECT
    # A job that could name any conversation would post its creator's private data into somebody's DM.
    return ReasonCode.WRONG_DESTINATION if inbound.stranger else None


def _result(case: Case, result: ToolResult) -> ReasonCode | None:
    if not result.fits:
        return ReasonCode.RESULT_REFUSED
    if result.owners - {case.tenant}:
        return ReasonCode.FOREIGN_OWNER
    return None if admits(result.label, case.turn.audience) else ReasonCode.OUTSIDE_AUDIENCE


def _elsewhere(case: Case, outbound: Outbound) -> ReasonCode | None:
    if outbound.form is Form.UNKNOWN:
        return ReasonCode.UNKNOWN_SUBJECT
    turn = case.turn
    wider = turn.audience.private and turn.audience.room is not None and not outbound.private
    same = outbound.destination.place == turn.destination.place
    return None if same and not wider else ReasonCode.WRONG_DESTINATION


def _labels(case: Case) -> ReasonCode | None:
    for each in case.subject.leaves:
        for span in each.spans:
            if span.source is not None and not admits(span.source.label, case.turn.audience):
                return ReasonCode.OUTSIDE_AUDIENCE
    return None
