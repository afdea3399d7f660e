"""Sessions, one holder at a time: first in line in this process, then by a lease that all processes see."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from firewall.core.errors import LeaseLost, SessionBusy, StoreUnavailable
from firewall.core.identity import Conversation
from firewall.core.ids import MessageId, SessionId
from firewall.core.message import Part
from firewall.core.ports import Clock, IdSource
from firewall.core.session import MAX_HISTORY_PARTS, Session, SessionKey
from vault.database import Database
from vault.heart import Heart
from vault.history import HeldBy, Lease, appended, loaded, released, taken
from vault.job import Job
from vault.keys import Keyring
from vault.lexicon import Lexicon, Marks, marked
from vault.said import Opening, begun, emptied
from vault.writer import Writer

_POLL_S = 0.02
_MAX_POLL_S = 0.25


@dataclass(slots=True)
class _Line:
    """Those of this process who want one session, in the order they came."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(slots=True)
class _Held:
    """A session held here. Nobody else can write it, so what was read once need not be opened again."""

    lease: Lease
    parts: dict[int, Part] = field(default_factory=dict[int, Part])


class Sessions:
    """The session store; implements `SessionStore`."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        keyring: Keyring,
        heart: Heart,
        lexicon: Lexicon,
        *,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._writer = writer
        self._keyring = keyring
        self._heart = heart
        self._lexicon = lexicon
        self._clock = clock
        self._ids = ids
        self._lines: dict[SessionId, _Line] = {}
        self._held: dict[SessionId, _Held] = {}

    def hold(self, key: SessionKey, *, wait_s: float) -> AbstractAsyncContextManager[Session]:
        """Give the caller the only live view of one session.

        Within this process waiters are served in the order they came; between processes who asks first
        after a release.

        Args:
            key: Full session key; a key that differs in any field is another session.
            wait_s: Longest wait for the present holders, in seconds.

        Raises:
            SessionBusy: The present holder kept it longer than `wait_s` seconds.
            StoreUnavailable: The database did not answer.
            IntegrityError: Stored parts are damaged or not this key's.
        """
        return self._holding(key, wait_s, turns=0)

    def open_turn(
        self, key: SessionKey, *, wait_s: float, message: MessageId | None = None, edited: bool = False
    ) -> AbstractAsyncContextManager[Session]:
        """Hold a session and count one more turn in it, in the commit that takes it.

        Args:
            key: As for `hold`.
            wait_s: As for `hold`.
            message: What opens the turn, for `forget`.
            edited: What this message said before in this session is emptied in the same commit.

        Raises:
            SessionBusy, StoreUnavailable, IntegrityError: As `hold`; only where stored parts are damaged was
                a turn counted.
        """
        opening = None
        if message is not None:
            opening = Opening(
                mark=self._mark(key.channel, key.app, key.realm, key.conversation, message), edited=edited
            )
        return self._holding(key, wait_s, turns=1, opening=opening)

    async def forget(self, place: Conversation, messages: Sequence[MessageId]) -> int:
        """Empty every part of the turns that these messages opened, in all sessions of this place, durably.

        Raises:
            StoreUnavailable: The database did not answer; nothing was emptied.
            IntegrityError: A part was altered or moved; what follows it was not emptied.
        """
        count = 0
        for message in messages:
            mark = self._mark(place.channel, place.app, place.realm, place.id, message)
            done = await self._writer.submit("", partial(emptied, self._keyring, mark))
            for each in done:
                held = self._held.get(each.session)
                if held is not None and each.position in held.parts:
                    held.parts[each.position] = each.part
            count += len(done)
        return count

    def _mark(self, *fields: str) -> str:
        """Stand for a message of a place; without the thread, which a deletion does not always name."""
        return self._ids.derived("said", *fields)

    async def append(self, held: Session, parts: Sequence[Part]) -> Session:
        """Add parts at the young end, durably; keep at most 200.

        Raises:
            LeaseLost: Another holder has taken the session over; nothing was written.
            IntegrityError: A part carries a label that does not belong into this session.
        """
        own, added = self._own(held), tuple(parts)
        await self._writer.submit(own.lease.key.tenant, lambda: appended(self._keyring, own.lease, added))
        return await self._view(own)

    @asynccontextmanager
    async def _holding(
        self, key: SessionKey, wait_s: float, *, turns: int, opening: Opening | None = None
    ) -> AsyncGenerator[Session, None]:
        session = SessionId(self._ids.derived("session", *key.fields))
        deadline = asyncio.get_running_loop().time() + wait_s
        async with self._first_in_line(session, deadline):
            try:
                held = _Held(lease=await self._leased(session, key, deadline, turns, opening))
                self._held[session] = held
                yield await self._view(held)
            finally:
                self._held.pop(session, None)
                self._let_go(session, key)

    def _own(self, held: Session) -> _Held:
        own = self._held.get(held.id)
        if own is None or own.lease.epoch != held.epoch or own.lease.key != held.key:
            raise LeaseLost(f"session {held.id} is no longer held here; nothing was written")
        return own

    async def _view(self, own: _Held) -> Session:
        after = max(own.parts, default=0)
        lease = own.lease
        own.parts.update(await self._database.read(lambda: loaded(self._keyring, lease, after=after)))
        positions = sorted(own.parts)
        for old in positions[:-MAX_HISTORY_PARTS]:
            own.parts.pop(old, None)
        return Session(
            key=lease.key,
            id=lease.session,
            epoch=lease.epoch,
            history=tuple(
                own.parts[position] for position in positions[-MAX_HISTORY_PARTS:] if own.parts[position].text
            ),
            turns=lease.turns,
        )

    @asynccontextmanager
    async def _first_in_line(self, session: SessionId, deadline: float) -> AsyncGenerator[None, None]:
        line = self._lines.setdefault(session, _Line())
        line.users += 1
        try:
            try:
                async with asyncio.timeout_at(deadline):
                    await line.lock.acquire()
            except TimeoutError as error:
                raise SessionBusy(f"session {session} is held by another turn") from error
            try:
                yield
            finally:
                line.lock.release()
        finally:
            line.users -= 1
            if not line.users:
                del self._lines[session]

    async def _leased(
        self, session: SessionId, key: SessionKey, deadline: float, turns: int, opening: Opening | None
    ) -> Lease:
        gone: str | None = None
        pause_s = _POLL_S
        self._heart.holding += 1
        while True:
            answer, marks = await self._writer.submit(
                key.tenant, self._taking(session, key, gone, turns, opening)
            )
            self._lexicon.note(marks)
            if isinstance(answer, Lease):
                return answer
            gone = answer.holder if await self._heart.gone(answer.holder) else None
            if gone is not None:
                continue
            if asyncio.get_running_loop().time() + pause_s > deadline:
                raise SessionBusy(f"session {session} is held by another process")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_POLL_S)

    def _taking(
        self, session: SessionId, key: SessionKey, gone: str | None, turns: int, opening: Opening | None
    ) -> "_Taking":
        return _Taking(
            keyring=self._keyring,
            opening=opening,
            session=session,
            key=key,
            holder=self._heart.id,
            gone=gone,
            at_ms=self._clock.now_ms(),
            turns=turns,
        )

    def _let_go(self, session: SessionId, key: SessionKey) -> None:
        """Give the lease back, also one whose taking was cancelled before its commit was seen.

        Jobs of a tenant run in the order they were handed in, so this comes after any such taking and before
        the next one here; nobody waits for it. Where it fails, this process can take the session again, and
        others see by its heart when they may.
        """
        self._heart.holding -= 1
        try:
            self._writer.leave(key.tenant, lambda: released(session, self._heart.id))
        except StoreUnavailable:
            pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    keyring: Keyring
    opening: Opening | None
    session: SessionId
    key: SessionKey
    holder: str
    gone: str | None
    at_ms: int
    turns: int

    def __call__(self) -> Job[tuple[Lease | HeldBy, Marks]]:
        answer = yield from taken(
            self.session, self.key, self.holder, gone=self.gone, at_ms=self.at_ms, turns=self.turns
        )
        if isinstance(answer, Lease) and self.opening is not None:
            yield from begun(self.keyring, self.opening, self.session, answer.turns)
        return answer, (yield from marked())
