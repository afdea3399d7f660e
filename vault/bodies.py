"""The bodies of receipts, read: whatever this program or an older one wrote, and nothing else."""

import msgspec

from firewall.core.errors import ChainBroken
from firewall.core.receipt import Mode, Receipt
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a receipt says. Older receipts lack `conversation`, `policy` and `mode`."""

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


_BODY = msgspec.json.Decoder(Body)


def read(receipt: Receipt) -> Body:
    """Read a receipt's body.

    Raises:
        ChainBroken: It is not one that a program of ours writes.
    """
    try:
        return _BODY.decode(receipt.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ChainBroken(f"the body of receipt {receipt.seq} cannot be read") from None
