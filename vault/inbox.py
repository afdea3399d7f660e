"""The inbox: what a bot took on, kept until it is answered, and known again when it is delivered again."""

import asyncio
from dataclasses import dataclass
from functools import partial

from firewall.core.arrival import Arrival
from firewall.core.errors import IntegrityError, StoreUnavailable
from firewall.core.ids import Ref, TenantId, derived
from firewall.core.ports import Clock
from firewall.core.session import SessionKey, Turn
from vault.codec import arrival_bytes, arrival_from
from vault.database import Database
from vault.heart import Heart
from vault.job import Job, Row, Rows
from vault.keys import Keyring
from vault.writer import Writer

TABLE = "inbox"
# Platforms deliver again within a day (Telegram keeps updates for 24 hours, Slack tries for one).
KEPT_MS = 7 * 24 * 3600 * 1000
_PRUNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A delivery that is committed and not answered yet.

    Attributes:
        n: Its number; later ones are greater.
        lane: Opaque name of its session: one at a time.
        again: True if a process died while it answered; it showed nothing.
    """

    n: int
    tenant: TenantId
    lane: str
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A delivery that may have been answered, in part or whole; it is not answered again by itself."""

    n: int
    tenant: TenantId
    ref: Ref
    at_ms: int


class Inbox:
    """The deliveries of one deployment that were taken on.

    Each belongs to the process that took it on, until that process is dead.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        keyring: Keyring,
        heart: Heart,
        *,
        secret: bytes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._writer = writer
        self._keyring = keyring
        self._heart = heart
        self._secret = secret
        self._clock = clock

    async def accept(self, key: SessionKey, arrival: Arrival) -> Accepted | None:
        """Commit a delivery and give it, or None if it was taken on before.

        Raises:
            StoreUnavailable: It could not be committed; the platform must deliver it again.
        """
        at_ms = self._clock.now_ms()
        return await self._writer.submit(key.tenant, lambda: self._accepted(key, arrival, at_ms))

    async def take(self, accepted: Accepted) -> Arrival:
        """Give what was taken on.

        Raises:
            IntegrityError: It was altered or moved, or is answered already.
        """
        return await self._database.read(lambda: self._opened(accepted))

    def begin(self, accepted: Accepted, turn: Turn) -> "asyncio.Future[None]":
        """Note the turn that answers it; what is given ends once that is committed, or has its error.

        No effect of the turn may come before: a process that died behind one that is on no delivery's record
        would have it answered again.

        Raises:
            StoreUnavailable: Too much waits to be written.
        """
        return self._writer.post(accepted.tenant, lambda: _begun(accepted.n, turn.id, turn.ref))

    def end(self, accepted: Accepted) -> None:
        """Note that it is answered, without waiting; what was said is erased from the inbox.

        Raises:
            StoreUnavailable: Too much waits to be written.
        """
        end_ms = self._clock.now_ms()
        self._writer.leave(accepted.tenant, lambda: _ended(accepted.n, end_ms))

    async def recover(self) -> tuple[Accepted, ...]:
        """Take over what dead processes left, and give what is to be answered now, oldest first.

        What they had begun to show becomes `unknown`; living processes keep theirs.
        """
        holders = await self._database.read(_holders)
        left: list[Accepted] = []
        for holder in holders:
            if not await self._heart.lives(holder):
                end_ms = self._clock.now_ms()
                left += await self._writer.submit("", partial(self._inherited, holder, end_ms))
        return tuple(sorted(left, key=lambda one: one.n))

    async def unknown(self, tenant: TenantId | None = None) -> tuple[Unknown, ...]:
        """Give the deliveries that may have been answered, oldest first; of all tenants if None."""
        rows = await self._database.read(lambda: _unknown(tenant))
        return tuple(
            Unknown(n=n, tenant=TenantId(owner), ref=Ref(ref), at_ms=at_ms) for n, owner, ref, at_ms in rows
        )

    async def dismiss(self, n: int) -> bool:
        """Close a delivery that is listed as unknown, for somebody has looked; False if there is none."""
        end_ms = self._clock.now_ms()
        return await self._writer.submit("", lambda: _dismissed(n, end_ms))

    async def prune(self) -> int:
        """Forget what was answered more than a week ago, at most 500 at a time; give how many."""
        before_ms = self._clock.now_ms() - KEPT_MS
        return await self._writer.submit("", lambda: _pruned(before_ms))

    def _accepted(self, key: SessionKey, arrival: Arrival, at_ms: int) -> Job[Accepted | None]:
        marks = self._marks(arrival)
        for mark in marks:
            if (yield ("SELECT 1 FROM inbox_marks WHERE mark = ?", (mark,))):
                return None
        lane, row = key.derive(self._secret, "lane"), marks[0]
        sealer = yield from self._keyring.current(key.tenant, key.principal)
        sealed = self._keyring.seal(sealer, arrival_bytes(arrival), table=TABLE, row=row, tenant=key.tenant)
        rows = yield (
            (
                "INSERT INTO inbox (row, tenant, lane, holder, state, at_ms, key, sealed)"
                " VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?) RETURNING n"
            ),
            (row, key.tenant, lane, self._heart.id, at_ms, sealer.id, sealed),
        )
        n: int = rows[0][0]
        for mark in marks:
            yield ("INSERT INTO inbox_marks (mark, entry) VALUES (?, ?)", (mark, n))
        return Accepted(n=n, tenant=key.tenant, lane=lane)

    def _marks(self, arrival: Arrival) -> list[str]:
        place, sender = arrival.message.conversation, arrival.message.sender
        # What nobody vouches for is known apart: a forged id must not make a true delivery a second one.
        scope = (place.channel, place.app, place.realm, None if sender.verified else "unverified")
        marks = [derived(self._secret, "delivery", *scope, arrival.message.delivery)]
        if arrival.said is not None:
            marks.append(derived(self._secret, "said", *scope, arrival.said))
        return marks

    def _opened(self, accepted: Accepted) -> Job[Arrival]:
        rows = yield (
            "SELECT row, key, sealed FROM inbox WHERE n = ? AND tenant = ? AND sealed IS NOT NULL",
            (accepted.n, accepted.tenant),
        )
        if not rows:
            raise IntegrityError("a delivery is not in the inbox any more")
        row, key, sealed = rows[0]
        return arrival_from(
            (yield from self._keyring.open(key, sealed, table=TABLE, row=row, tenant=accepted.tenant))
        )

    def _inherited(self, holder: str, end_ms: int) -> Job[list[Accepted]]:
        rows = yield (
            (
                "SELECT n, tenant, lane, turn, EXISTS (SELECT 1 FROM effects"
                " WHERE effects.tenant = inbox.tenant AND effects.turn = inbox.turn)"
                " FROM inbox WHERE holder = ? AND state IN ('waiting', 'running') ORDER BY n"
            ),
            (holder,),
        )
        left: list[Accepted] = []
        for n, tenant, lane, turn, shown in rows:
            if shown:
                yield ("UPDATE inbox SET state = 'unknown', end_ms = ? WHERE n = ?", (end_ms, n))
                continue
            yield ("UPDATE inbox SET state = 'waiting', holder = ? WHERE n = ?", (self._heart.id, n))
            left.append(Accepted(n=n, tenant=TenantId(tenant), lane=lane, again=turn is not None))
        return left


async def committed(begun: "asyncio.Future[None]") -> bool:
    """Wait for what `begin` gave; False where it could not be committed, so that nothing was shown."""
    try:
        await asyncio.shield(begun)
    except StoreUnavailable:
        return False
    return True


def _begun(n: int, turn: str, ref: str) -> Job[None]:
    yield ("UPDATE inbox SET state = 'running', turn = ?, ref = ? WHERE n = ?", (turn, ref, n))


def _ended(n: int, end_ms: int) -> Job[None]:
    yield (
        "UPDATE inbox SET state = 'done', end_ms = ?, key = NULL, sealed = NULL WHERE n = ?",
        (end_ms, n),
    )


def _holders() -> Job[list[str]]:
    rows = yield ("SELECT DISTINCT holder FROM inbox WHERE state IN ('waiting', 'running')", ())
    return [row[0] for row in rows]


def _unknown(tenant: TenantId | None) -> Job[list[Row]]:
    rows: Rows = yield (
        (
            "SELECT n, tenant, ifnull(ref, ''), at_ms FROM inbox"
            " WHERE state = 'unknown' AND (? IS NULL OR tenant = ?) ORDER BY n"
        ),
        (tenant, tenant),
    )
    return rows


def _dismissed(n: int, end_ms: int) -> Job[bool]:
    rows = yield (
        (
            "UPDATE inbox SET state = 'done', end_ms = ?, key = NULL, sealed = NULL"
            " WHERE n = ? AND state = 'unknown' RETURNING n"
        ),
        (end_ms, n),
    )
    return bool(rows)


def _pruned(before_ms: int) -> Job[int]:
    rows = yield (
        (
            "DELETE FROM inbox WHERE n IN (SELECT n FROM inbox WHERE state = 'done' AND end_ms < ? LIMIT ?)"
            " RETURNING n"
        ),
        (before_ms, _PRUNED_AT_ONCE),
    )
    return len(rows)
