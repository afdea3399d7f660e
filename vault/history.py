"""A session's rows: who holds it, its turns, and its parts, sealed under their principal's key.

Every write states holder and epoch in the statement itself, so that a process which was taken for dead and
wakes up again changes nothing.
"""

from dataclasses import dataclass
from typing import assert_never

from firewall.core.errors import IntegrityError, LeaseLost
from firewall.core.ids import SessionId, checked
from firewall.core.label import Label, Members, Operator, Owned, Principals, Readers, Room
from firewall.core.message import Part
from firewall.core.session import MAX_HISTORY_PARTS, SessionKey
from vault.codec import part_bytes, part_from
from vault.job import Job, Rows
from vault.keys import Keyring
from vault.said import PARTS, row_of_part
from vault.tenants import noted


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A session that is held: the holder's id and the epoch under which it writes."""

    session: SessionId
    key: SessionKey
    holder: str
    epoch: int
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """Another holder has the session."""

    holder: str


def taken(
    session: SessionId, key: SessionKey, holder: str, *, gone: str | None, at_ms: int, turns: int
) -> Job[Lease | HeldBy]:
    """Take the session if it is free, ours, or held by the holder that is `gone`, and count so many turns.

    Raises:
        IntegrityError: The row under this id was made for another key.
        BadIdentifier: A field of a new session's key can name nothing.
    """
    rows = yield ("SELECT owner, holder, epoch, turns FROM sessions WHERE id = ?", (session,))
    if not rows:
        rows = yield from _made(session, key)
    owner, present, epoch, counted = rows[0]
    if owner != key.canonical:
        raise IntegrityError(f"session {session} belongs to another key")
    if present not in (None, holder, gone):
        return HeldBy(holder=present)
    yield (
        "UPDATE sessions SET holder = ?, epoch = ?, turns = ? WHERE id = ?",
        (holder, epoch + 1, counted + turns, session),
    )
    yield from noted(key.tenant, key.principal, key.kind, at_ms)
    return Lease(session=session, key=key, holder=holder, epoch=epoch + 1, turns=counted + turns)


def released(session: SessionId, holder: str) -> Job[None]:
    """Let the session go if this holder has it."""
    yield ("UPDATE sessions SET holder = NULL WHERE id = ? AND holder = ?", (session, holder))


def appended(keyring: Keyring, lease: Lease, parts: tuple[Part, ...]) -> Job[None]:
    """Add parts at the young end and drop what is older than the last 200.

    Raises:
        LeaseLost: Another holder has the session.
        IntegrityError: A part belongs to somebody else.
    """
    for part in parts:
        if not _may_keep(lease.key, part.label):
            raise IntegrityError(f"a part of session {lease.session} carries somebody else's label")
    rows = yield (
        (
            "UPDATE sessions SET tail = tail + ? WHERE id = ? AND owner = ? AND holder = ? AND epoch = ?"
            " RETURNING tail"
        ),
        (len(parts), lease.session, lease.key.canonical, lease.holder, lease.epoch),
    )
    if not rows:
        raise LeaseLost(f"session {lease.session} is held elsewhere; nothing was written")
    tail: int = rows[0][0]
    key = yield from keyring.current(lease.key.tenant, lease.key.principal)
    first = tail - len(parts) + 1
    for position, part in enumerate(parts, first):
        if position <= tail - MAX_HISTORY_PARTS:
            continue
        row = row_of_part(lease.session, position)
        sealed = keyring.seal(key, part_bytes(part), table=PARTS, row=row, tenant=lease.key.tenant)
        yield (
            "INSERT INTO parts (session, position, tenant, part, key, sealed) VALUES (?, ?, ?, ?, ?, ?)",
            (lease.session, position, lease.key.tenant, part.id, key.id, sealed),
        )
    yield (
        "DELETE FROM parts WHERE session = ? AND position <= ?",
        (lease.session, tail - MAX_HISTORY_PARTS),
    )


def loaded(keyring: Keyring, lease: Lease, *, after: int) -> Job[dict[int, Part]]:
    """Read the parts behind position `after`, by position, at most 200.

    Raises:
        IntegrityError: One is missing, altered, moved or labelled for somebody else; none is ever skipped.
    """
    rows = yield ("SELECT tail FROM sessions WHERE id = ? AND tenant = ?", (lease.session, lease.key.tenant))
    tail: int = rows[0][0] if rows else 0
    expected = range(max(after, tail - MAX_HISTORY_PARTS) + 1, tail + 1)
    rows = yield (
        (
            "SELECT position, part, key, sealed FROM parts WHERE session = ? AND tenant = ? AND position >= ?"
            " ORDER BY position"
        ),
        (lease.session, lease.key.tenant, expected.start),
    )
    if [row[0] for row in rows] != list(expected):
        raise IntegrityError(f"session {lease.session} lacks parts of its history")
    parts: dict[int, Part] = {}
    for position, part_id, key, sealed in rows:
        row = row_of_part(lease.session, position)
        data = yield from keyring.open(key, sealed, table=PARTS, row=row, tenant=lease.key.tenant)
        part = part_from(data)
        if part.id != part_id or not _may_keep(lease.key, part.label):
            raise IntegrityError(f"a part of session {lease.session} contradicts its row")
        parts[position] = part
    return parts


def _made(session: SessionId, key: SessionKey) -> Job[Rows]:
    """Make a session; it begins to count above what erased sessions of the tenant had counted."""
    for field in key.fields:
        if field is not None:
            checked(field, what="session key field")
    rows = yield (
        (
            "INSERT INTO sessions (id, tenant, principal, owner, epoch, holder, turns, tail)"
            " SELECT ?, ?, ?, ?, ifnull(max(epoch), 0), NULL, ifnull(max(turns), 0), 0"
            " FROM floors WHERE tenant = ? RETURNING owner, holder, epoch, turns"
        ),
        (session, key.tenant, key.principal, key.canonical, key.tenant),
    )
    return rows


def _may_keep(key: SessionKey, label: Label) -> bool:
    """True if text with this label may stand in this session's history.

    The attack is a turn that is persisted in somebody else's session, from where it is answered to them
    later: a write is compared with the row's owner, not with what the caller says about itself.
    """
    match label:
        case Operator():
            return True
        case Owned(tenant=tenant, readers=readers):
            return tenant == key.tenant and _readers_fit(key, readers)
        case _:
            assert_never(label)


def _readers_fit(key: SessionKey, readers: Readers) -> bool:
    match readers:
        case Members():
            return True
        case Principals(ids=ids):
            return key.principal in ids
        case Room():
            place = (readers.channel, readers.app, readers.realm, readers.conversation, readers.thread)
            return place == (key.channel, key.app, key.realm, key.conversation, key.thread)
        case _:
            assert_never(readers)
