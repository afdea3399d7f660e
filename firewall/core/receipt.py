"""What is written down about one judgement: records for operators, a chained receipt for auditors."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from firewall.core.errors import ChainBroken
from firewall.core.ids import Ref, SessionId, TenantId, TurnId
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity


class RecordKind(StrEnum):
    """What was done to a subject."""

    DENIAL = "denial"
    REDACTION = "redaction"
    REWRITE = "rewrite"
    RESET = "reset"
    NOTICE = "notice"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing the wall did, without content.

    Attributes:
        kind: What was done.
        layer: The layer that asked for it, or `stack`.
        rule: The rule or reason behind it.
        severity: How urgently somebody should look.
        violation: True for a denial, a foreign finding, or a reset that removed foreign parts.
        count: How many messages, spans or arguments it concerns.
        slot: Where in the subject, as program structure; empty for the whole of it.
        preview: Kind and length of what was touched (`EMAIL_ADDRESS, 17`), none of its characters.
        touched: Marks of the values it concerns, at most 32: equal for equal values of one tenant, and
            telling nothing else. Empty in older records.
    """

    kind: RecordKind
    layer: str
    rule: str
    severity: Severity
    violation: bool
    count: int = 1
    slot: str = ""
    preview: str = ""
    touched: tuple[str, ...] = ()


class Mode(StrEnum):
    """Whether the rules that can be watched only are acted on."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that is kept about one judgement; committed before anything follows from it.

    Attributes:
        conversation: Stands for the place, inside its tenant only, and tells nothing of it.
        bytes_scanned: How much was examined, in bytes of UTF-8.
        bytes_sent: How much of it may go on after what was cut or rewritten; 0 if nothing may.
        policy: Digest of what enforced; equal digests mean equal rules.
        trace: Id of the trace that the turn is part of, 32 hex digits; None if nothing traces.

    In older ones `policy`, `mode` and `bytes_sent` are None.
    """

    tenant: TenantId
    session: SessionId
    turn: TurnId
    ref: Ref
    subject: SubjectKind
    allowed: bool
    reason: ReasonCode | None
    records: tuple[Record, ...]
    bytes_scanned: int
    digest: str
    conversation: str = ""
    policy: str | None = None
    mode: Mode | None = None
    bytes_sent: int | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One link of a tenant's chain.

    Attributes:
        tenant: Whose chain.
        seq: 1 for the first, then without gaps.
        at_ms: Milliseconds since 1970, from the deployment's clock; never decreasing inside a chain.
        body: Canonical JSON of what was judged, without content.
        previous: Hash of the link before, 64 zeros for the first.
        hash: SHA-256 over the fields above.
    """

    tenant: TenantId
    seq: int
    at_ms: int
    body: str
    previous: str
    hash: str


GENESIS = "0" * 64
_JUDGEMENT = tuple(each.name for each in fields(Judgement))
# A body without them is an older one, whose bytes must stay what they were.
_OPTIONAL = frozenset({"policy", "mode", "bytes_sent", "trace"})
_RECORD = tuple(each.name for each in fields(Record))
_ENCODED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


def body_of(judgement: Judgement) -> str:
    """Give the canonical JSON of a judgement: sorted keys, no spaces, ASCII."""
    # Field by field: `asdict` copies deeply, which costs more than the rest of a judgement's record.
    body = {name: getattr(judgement, name) for name in _JUDGEMENT}
    for name in _OPTIONAL:
        if body[name] is None:
            del body[name]
    body["records"] = [{name: getattr(each, name) for name in _RECORD} for each in judgement.records]
    return _ENCODED(body)


def linked(tenant: TenantId, seq: int, at_ms: int, body: str, previous: str) -> Receipt:
    """Make the receipt that follows `previous`."""
    text = _ENCODED([tenant, seq, at_ms, body, previous])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Receipt(tenant=tenant, seq=seq, at_ms=at_ms, body=body, previous=previous, hash=digest)


def verify(chain: Iterable[Receipt], *, tenant: TenantId, head: Receipt | None = None) -> int:
    """Count the receipts of one tenant's chain, oldest first, or say where it is broken.

    Args:
        chain: The receipts.
        tenant: Whose chain it must be.
        head: Its last link as somebody else remembers it; without one, a chain that lost its end is only a
            shorter chain.

    Raises:
        ChainBroken: A receipt was changed, removed, added or moved, belongs to another tenant, goes back in
            time, or the chain does not end in its head.
    """
    previous, count, at_ms = GENESIS, 0, 0
    for receipt in chain:
        expected = linked(tenant, count + 1, receipt.at_ms, receipt.body, previous)
        if receipt != expected or receipt.at_ms < at_ms:
            raise ChainBroken(f"receipt {receipt.seq} does not follow receipt {count}")
        previous, count, at_ms = receipt.hash, count + 1, receipt.at_ms
    if head is not None and (head.tenant, head.seq, head.hash) != (tenant, count, previous):
        raise ChainBroken(f"the chain ends in receipt {count}, which is not its head")
    return count
