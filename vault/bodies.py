"""The bodies of receipts, read: whatever this program or an older one wrote, and nothing else."""

import json
from typing import Literal, TypeVar

import msgspec

from firewall.core.errors import ChainBroken
from firewall.core.ids import Ref, SessionId, TenantId
from firewall.core.receipt import Mode, Receipt, Record
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode

_T = TypeVar("_T")


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a receipt says. Older receipts lack `conversation`, `policy`, `mode` and `bytes_sent`."""

    tenant: str
    session: str
    turn: str
    ref: str
    subject: SubjectKind
    allowed: bool
    reason: ReasonCode | None
    records: tuple[dict[str, object], ...]
    bytes_scanned: int
    digest: str
    conversation: str = ""
    policy: str | None = None
    mode: Mode | None = None
    bytes_sent: int | None = None
    trace: str | None = None


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an operator did to what is kept: no turn, nothing judged, no content.

    Attributes:
        act: What was done.
        tenant: In whose chain it stands.
        counts: How many of each kind.
        principal: Keyed digest of the person whose data was erased, or who was released; None for a whole
            tenant.
        until: The last receipt whose records were pruned.
        until_ms: Its moment, milliseconds since 1970.
    """

    act: Literal["erase", "prune", "release"]
    tenant: TenantId
    counts: dict[str, int]
    principal: str | None = None
    until: int | None = None
    until_ms: int | None = None

    @property
    def ref(self) -> Ref:
        """None: nobody was refused."""
        return Ref("")

    @property
    def session(self) -> SessionId:
        """None: it was done in nobody's session."""
        return SessionId("")

    @property
    def records(self) -> tuple[Record, ...]:
        """None: the receipt says it all."""
        return ()

    @property
    def body(self) -> str:
        """Canonical JSON, as of a judgement: sorted keys, no spaces, ASCII."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        told = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_BODY = msgspec.json.Decoder(Body)
_ACT = msgspec.json.Decoder(Act)
# Keys are sorted, and no judgement has a key before this one.
_ACTS = '{"act":'


def read(receipt: Receipt) -> Body:
    """Read a receipt's body.

    Raises:
        ChainBroken: It is not one that a program of ours writes.
    """
    return _decoded(_BODY, receipt)


def told(receipt: Receipt) -> Body | Act:
    """Read a receipt's body, whether it is of a judgement or of what an operator did.

    Raises:
        ChainBroken: As `read`.
    """
    return _decoded(_ACT, receipt) if receipt.body.startswith(_ACTS) else read(receipt)


def _decoded(decoder: "msgspec.json.Decoder[_T]", receipt: Receipt) -> _T:
    try:
        return decoder.decode(receipt.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ChainBroken(f"the body of receipt {receipt.seq} cannot be read") from None
