"""Which message opened which turn, and emptying such a turn when its message is taken back.

The parts of a turn stand one behind the other, from where the session ended when it was opened to where the
next turn begins. An emptied part keeps its place and its row, so that nothing behind it moves.
"""

from dataclasses import dataclass, replace

from firewall.core.ids import SessionId, TenantId, canonical
from firewall.core.message import Part
from firewall.core.session import MAX_HISTORY_PARTS
from vault.codec import part_bytes, part_from
from vault.job import Job
from vault.keys import Keyring

PARTS = "parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What opens a turn.

    Attributes:
        mark: Keyed digest of the message and its place.
        edited: It was said before in other words.
    """

    mark: str
    edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """A part that was emptied: its session, its position, and what stands there now."""

    session: SessionId
    position: int
    part: Part


def begun(keyring: Keyring, opening: Opening, session: SessionId, turn: int) -> Job[None]:
    """Note which message opens this turn; what the same message said before in this session is emptied."""
    if opening.edited:
        yield from emptied(keyring, opening.mark, only=session)
    rows = yield ("SELECT tail FROM sessions WHERE id = ?", (session,))
    tail: int = rows[0][0]
    yield (
        "INSERT INTO said (mark, session, turn, first) VALUES (?, ?, ?, ?)",
        (opening.mark, session, turn, tail + 1),
    )
    # Turns of which no part is kept any more; the one that reaches over the edge stays.
    yield (
        (
            "DELETE FROM said WHERE session = ? AND turn <"
            " (SELECT max(turn) FROM said WHERE session = ? AND first <= ?)"
        ),
        (session, session, max(0, tail - MAX_HISTORY_PARTS) + 1),
    )


def emptied(keyring: Keyring, mark: str, *, only: SessionId | None = None) -> Job[list[Emptied]]:
    """Empty every part of the turns that this message opened, in one session or in all of them.

    Raises:
        IntegrityError: A part was altered or moved; nothing was emptied.
    """
    turns = yield (
        (
            "SELECT said.session, said.turn, said.first, sessions.tenant,"
            " (SELECT min(next.first) FROM said AS next"
            "  WHERE next.session = said.session AND next.turn > said.turn)"
            " FROM said JOIN sessions ON sessions.id = said.session"
            " WHERE said.mark = ? AND (? IS NULL OR said.session = ?)"
        ),
        (mark, only, only),
    )
    done: list[Emptied] = []
    for session, turn, first, tenant, behind in turns:
        rows = yield (
            (
                "SELECT position, key, sealed FROM parts WHERE session = ? AND tenant = ? AND position >= ?"
                " AND position < ifnull(?, position + 1) ORDER BY position"
            ),
            (session, tenant, first, behind),
        )
        for position, key, sealed in rows:
            part = yield from _empty(keyring, TenantId(tenant), session, position, key, sealed)
            done.append(Emptied(session=SessionId(session), position=position, part=part))
        yield ("DELETE FROM said WHERE mark = ? AND session = ? AND turn = ?", (mark, session, turn))
    return done


def _empty(
    keyring: Keyring, tenant: TenantId, session: str, position: int, key: str, sealed: bytes
) -> Job[Part]:
    row = row_of_part(session, position)
    part = part_from((yield from keyring.open(key, sealed, table=PARTS, row=row, tenant=tenant)))
    left = replace(part, text="")
    opener = yield from keyring.by_id(tenant, key)
    again = keyring.seal(opener, part_bytes(left), table=PARTS, row=row, tenant=tenant)
    yield ("UPDATE parts SET sealed = ? WHERE session = ? AND position = ?", (again, session, position))
    return left


def row_of_part(session: str, position: int) -> str:
    """Give the name under which a part's row is sealed."""
    return canonical(session, str(position))
