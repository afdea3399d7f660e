"""What a layer may answer: `Allow` or `Deny`, with what it found and what must happen."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from firewall.core.ids import TenantId
from firewall.core.message import Part
from firewall.core.session import Turn
from firewall.core.subject import Subject


class ReasonCode(StrEnum):
    """Why something was denied; explained one by one in `docs/reasons.md`."""

    UNKNOWN_TENANT = "unknown_tenant"
    UNKNOWN_PRINCIPAL = "unknown_principal"
    UNVERIFIED_SENDER = "unverified_sender"
    UNKNOWN_SUBJECT = "unknown_subject"
    FOREIGN_SUBJECT = "foreign_subject"
    NO_OWNER = "no_owner"
    OUTSIDE_AUDIENCE = "outside_audience"
    WRONG_DESTINATION = "wrong_destination"
    TOO_LARGE = "too_large"
    FILE_REFUSED = "file_refused"
    MALFORMED = "malformed"
    TURN_MISMATCH = "turn_mismatch"
    UNKNOWN_TOOL = "unknown_tool"
    TOOL_NOT_GRANTED = "tool_not_granted"
    DENIED_CLASS = "denied_class"
    BAD_ARGUMENTS = "bad_arguments"
    BOUND_ARGUMENT = "bound_argument"
    PATH_REFUSED = "path_refused"
    UNDECLARED_PATH = "undeclared_path"
    HOST_NOT_GRANTED = "host_not_granted"
    EXEC_UNAVAILABLE = "exec_unavailable"
    RESULT_REFUSED = "result_refused"
    FOREIGN_OWNER = "foreign_owner"
    UNACCOUNTED_CONTEXT = "unaccounted_context"
    UNACCOUNTED_OUTBOUND = "unaccounted_outbound"
    FOREIGN_EXCERPT = "foreign_excerpt"
    ORACLE_SUSPECTED = "oracle_suspected"
    INJECTION = "injection"
    LINK_REFUSED = "link_refused"
    PRIVATE_EGRESS = "private_egress"
    FIXED_TEXT = "fixed_text"
    LAYER_FAILED = "layer_failed"
    PLUGIN_DENIED = "plugin_denied"
    POLICY_DENIED = "policy_denied"
    POLICY_FAILED = "policy_failed"
    OBLIGATION_FAILED = "obligation_failed"
    REWRITE_LOOP = "rewrite_loop"
    APPROVAL_UNAVAILABLE = "approval_unavailable"


class Severity(StrEnum):
    """How urgently somebody should look."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule matched at a span; a fact, not a decision.

    Attributes:
        rule: Stable name of the rule (`excerpt`, `pii.EMAIL_ADDRESS`).
        leaf: Index of the leaf in the subject.
        start: First code point, in the leaf's text.
        stop: One past the last; `start < stop`.
        foreign: True if the text is known to belong to somebody who did not admit this audience.
        shadow: True if the rule is only being watched; nothing may follow from it.
    """

    rule: str
    leaf: int
    start: int
    stop: int
    foreign: bool = False
    shadow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """Replace a span by a marker that shows its kind.

    Attributes:
        rule: The rule that asked.
        leaf: Index of the leaf in the subject.
        start: First code point to replace.
        stop: One past the last.
        marker: What stands there instead; never any of the characters.
        foreign: As in `Finding`.
        severity: How urgently somebody should look; a foreign one is `HIGH` in any case.
    """

    rule: str
    leaf: int
    start: int
    stop: int
    marker: str
    foreign: bool = False
    severity: Severity = Severity.LOW


@dataclass(frozen=True, slots=True, kw_only=True)
class RewritePath:
    """Put another path in the place of an argument, beneath the sender's compartment."""

    argument: str
    path: str

    def __repr__(self) -> str:
        return f"RewritePath({self.argument!r}, {len(self.path)} code points)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetHistory:
    """Drop whole messages of a model call, and cut unaccounted text from those that stay.

    Attributes:
        groups: Messages to drop.
        foreign: How many of them nobody in this session accounts for.
    """

    groups: frozenset[int]
    foreign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeekApproval:
    """Ask a human first."""

    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordViolation:
    """Write a violation although nothing is refused."""

    rule: str
    severity: Severity
    count: int = 1


Obligation: TypeAlias = Redact | RewritePath | ResetHistory | SeekApproval | RecordViolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Nothing to object, provided the obligations are met."""

    findings: tuple[Finding, ...] = ()
    obligations: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """No. Final: nothing later can turn it into a yes."""

    reason: ReasonCode
    rule: str = ""
    severity: Severity = Severity.HIGH
    findings: tuple[Finding, ...] = ()
    obligations: tuple[Obligation, ...] = ()


Verdict: TypeAlias = Allow | Deny


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One turn and one subject, as a layer sees it.

    Attributes:
        turn: Whose turn, where the answer goes, who will see it.
        subject: What is judged, as the layers before left it.
        read: Parts this turn has read so far, oldest first; every one admits the whole audience.
    """

    turn: Turn
    subject: Subject
    read: tuple[Part, ...] = ()

    @property
    def tenant(self) -> TenantId:
        """The tenant whose turn this is; layers take it from here, never from the subject."""
        return self.turn.principal.tenant
