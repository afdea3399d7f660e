"""What a plug-in may import: the protocols that it implements and the values that they are about.

These names are stable; everything else is private. See docs/plugins.md.
"""

from firewall.core.ports import Detector, Match
from firewall.core.subject import (
    ArgumentKind,
    Form,
    Inbound,
    Leaf,
    ModelCall,
    ModelReply,
    Outbound,
    Span,
    Subject,
    SubjectKind,
    ToolCall,
    ToolResult,
)
from firewall.core.verdict import (
    Allow,
    Case,
    Deny,
    Finding,
    ReasonCode,
    RecordViolation,
    Redact,
    SeekApproval,
    Severity,
    Verdict,
)
from firewall.detect.detectors import Glances
from firewall.detect.marker import marker
from partywall.plugged.alert import AlertKind, Posting
from partywall.plugged.layer import Judge
from vault.delivery import Delivery

__all__ = [
    "AlertKind",
    "Allow",
    "ArgumentKind",
    "Case",
    "Delivery",
    "Deny",
    "Detector",
    "Finding",
    "Form",
    "Glances",
    "Inbound",
    "Judge",
    "Leaf",
    "Match",
    "ModelCall",
    "ModelReply",
    "Outbound",
    "Posting",
    "ReasonCode",
    "RecordViolation",
    "Redact",
    "SeekApproval",
    "Severity",
    "Span",
    "Subject",
    "SubjectKind",
    "ToolCall",
    "ToolResult",
    "Verdict",
    "marker",
]
