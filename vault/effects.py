"""What was done to the world: an intent before, an outcome after, and the list of what nobody knows."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from firewall.core.errors import IntegrityError, MisuseError
from firewall.core.ids import Ref, SessionId, TenantId, TurnId, checked
from firewall.core.ports import Clock, IdSource
from firewall.core.session import Turn
from vault.database import Database
from vault.heart import Heart
from vault.job import Job, Row, Rows
from vault.records import Records
from vault.writer import Writer


class EffectState(StrEnum):
    """How far an effect has come; `unknown` is an intent whose process died before its outcome."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_OUTCOMES = frozenset({EffectState.DONE, EffectState.FAILED, EffectState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect: which turn it belongs to, what it is, and a digest of what was to be done."""

    id: str
    tenant: TenantId
    session: SessionId
    turn: TurnId
    ref: Ref
    kind: str
    digest: str
    state: EffectState
    at_ms: int


class Effects:
    """The effect store; implements `EffectStore`. Nothing in it is ever repeated by itself."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        records: Records,
        heart: Heart,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._writer = writer
        self._records = records
        self._heart = heart
        self._clock = clock
        self._ids = ids
        self._open: dict[str, TenantId] = {}

    async def intend(self, turn: Turn, kind: str, digest: str) -> str:
        """Commit that something is about to be done, after all that was judged before; give the intent's id.

        The id is drawn from the turn and the number of its effects, so that it tells nothing else.

        Raises:
            StoreUnavailable: It could not be committed; the effect must not happen.
        """
        checked(kind, what="effect kind")
        owed = self._records.owed(turn.principal.tenant)
        at_ms = self._clock.now_ms()
        job = partial(self._intended, turn, kind, digest, at_ms)
        effect = await self._writer.submit(turn.principal.tenant, lambda: _after(owed(), job()))
        self._open[effect] = turn.principal.tenant
        return effect

    def finish(self, effect: str, outcome: str) -> Awaitable[None]:
        """Hand in how it ended: `done`, `failed` or `cancelled`; the same outcome twice changes nothing.

        It comes before any later `intend` and any later turn of its tenant, whether somebody waits or not.

        Returns:
            What to await for its commit; raises `IntegrityError` if there is no such intent, or if it ended
            otherwise.

        Raises:
            MisuseError: There is no such outcome.
            StoreUnavailable: It was not handed in.
        """
        if outcome not in _OUTCOMES:
            raise MisuseError("an effect ends as done, failed or cancelled")
        end_ms = self._clock.now_ms()
        handed = self._writer.post(self._open.get(effect, ""), lambda: _finished(effect, outcome, end_ms))
        handed.add_done_callback(lambda done: self._ended(effect, done))
        return handed

    async def unresolved(self, tenant: TenantId | None = None) -> tuple[Effect, ...]:
        """Give the effects that may or may not have happened, oldest first; of all tenants if None."""
        if tenant is not None:
            checked(tenant, what="tenant")
        await self.recover()
        rows = await self._database.read(lambda: _unknown(tenant))
        return tuple(_effect(row) for row in rows)

    async def recover(self) -> int:
        """Mark the intents of dead processes as `unknown` and count them; living processes keep theirs."""
        holders = await self._database.read(_holders)
        dead = tuple([holder for holder in holders if not await self._heart.lives(holder)])
        return await self._writer.submit("", lambda: _orphaned(dead)) if dead else 0

    def _ended(self, effect: str, done: "asyncio.Future[None]") -> None:
        """Forget whose it was once that is committed: until then another try goes behind the first one."""
        if not done.cancelled() and done.exception() is None:
            self._open.pop(effect, None)

    def _intended(self, turn: Turn, kind: str, digest: str, at_ms: int) -> Job[str]:
        tenant = turn.principal.tenant
        rows = yield (
            "SELECT count(*) FROM effects WHERE tenant = ? AND turn = ?",
            (tenant, turn.id),
        )
        effect = self._ids.derived("effect", tenant, turn.session, turn.id, str(rows[0][0]))
        yield (
            (
                "INSERT INTO effects (id, tenant, session, turn, ref, kind, digest, holder, state, at_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'intent', ?)"
            ),
            (effect, tenant, turn.session, turn.id, turn.ref, kind, digest, self._heart.id, at_ms),
        )
        return effect


def _after(first: Job[None], then: Job[str]) -> Job[str]:
    yield from first
    return (yield from then)


def _finished(effect: str, outcome: str, end_ms: int) -> Job[None]:
    rows = yield ("SELECT state FROM effects WHERE id = ?", (effect,))
    if not rows:
        raise IntegrityError("an effect ended that was never intended")
    state: str = rows[0][0]
    if state == outcome:
        return
    if state in _OUTCOMES:
        raise IntegrityError(f"effect {effect} has already ended otherwise")
    yield ("UPDATE effects SET state = ?, end_ms = ? WHERE id = ?", (outcome, end_ms, effect))


def _holders() -> Job[list[str]]:
    rows = yield ("SELECT DISTINCT holder FROM effects WHERE state = 'intent'", ())
    return [row[0] for row in rows]


def _orphaned(holders: tuple[str, ...]) -> Job[int]:
    total = 0
    for holder in holders:
        rows = yield (
            "UPDATE effects SET state = 'unknown' WHERE state = 'intent' AND holder = ? RETURNING n",
            (holder,),
        )
        total += len(rows)
    return total


def _unknown(tenant: TenantId | None) -> Job[Rows]:
    rows = yield (
        (
            "SELECT id, tenant, session, turn, ref, kind, digest, state, at_ms FROM effects"
            " WHERE state = 'unknown' AND (? IS NULL OR tenant = ?) ORDER BY n"
        ),
        (tenant, tenant),
    )
    return rows


def _effect(row: Row) -> Effect:
    effect, tenant, session, turn, ref, kind, digest, state, at_ms = row
    return Effect(
        id=effect,
        tenant=TenantId(tenant),
        session=SessionId(session),
        turn=TurnId(turn),
        ref=Ref(ref),
        kind=kind,
        digest=digest,
        state=EffectState(state),
        at_ms=at_ms,
    )
