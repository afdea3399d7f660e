"""Turns: opened by a message, bound to what runs inside them, closed at the latest after a while.

A turn is found by the context variable `_current`, which is only a hint: what a call may read is decided by
the turn's own records, so a call that runs in the wrong context finds its words on no record there.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum

from firewall.core.errors import NoTurn, TurnClosed
from firewall.core.identity import Conversation, Principal, SenderKind
from firewall.core.ids import PrincipalId, Ref, TurnId, canonical
from firewall.core.label import audience_of
from firewall.core.message import Message, Origin
from firewall.core.ports import Clock, IdSource, SessionStore, Tracing
from firewall.core.session import Session, SessionKey, Turn
from firewall.directory import Directory
from firewall.guard import Guard
from firewall.learning import Learner
from firewall.ledger import Ledger

# What the id of a message that nobody spoke begins with; the job's name follows.
JOB = "job:"


class State(StrEnum):
    """Where a turn is in its life."""

    OPEN = "open"
    CLOSED = "closed"


class OpenTurn:
    """A turn that is running; after it is closed nothing can be read or sent in its name."""

    def __init__(self, ledger: Ledger, message: Message, *, clock: Clock, ends_at_s: float) -> None:
        self.ledger = ledger
        self.message = message
        self.state = State.OPEN
        # What the public face hands to a bot for this turn; kept here so that both end together.
        self.handle: object = None
        # How many guarded calls of this turn are under way.
        self.under_way = 0
        self._clock = clock
        self._ends_at_s = ends_at_s

    @contextmanager
    def working(self) -> Generator[Ledger]:
        """Count a guarded call as under way: a turn in which one is, is not idle.

        Raises:
            TurnClosed: As `alive` does.
        """
        ledger = self.alive()
        self.under_way += 1
        try:
            yield ledger
        finally:
            self.under_way -= 1

    @property
    def turn(self) -> Turn:
        """What was fixed at ingress."""
        return self.ledger.turn

    @property
    def over(self) -> bool:
        """True if it has lasted as long as a turn may."""
        return self._clock.monotonic_s() > self._ends_at_s

    def alive(self) -> Ledger:
        """Give the turn's ledger.

        Raises:
            TurnClosed: The turn has ended or has run longer than `turn_timeout_s`.
        """
        if self.state is State.CLOSED:
            raise TurnClosed("this turn has ended; open a new one for what is still to do")
        if self.over:
            self.state = State.CLOSED
            raise TurnClosed("this turn ran longer than turn_timeout_s; raise it or do less in one turn")
        return self.ledger


_current: ContextVar[OpenTurn | None] = ContextVar("partywall_turn", default=None)


def current() -> OpenTurn:
    """Give the turn that is open here.

    Raises:
        NoTurn: No turn is open in this context.
        TurnClosed: The turn that this context still carries has ended.
    """
    found = _current.get()
    if found is None:
        raise NoTurn(
            "no turn is open here: call this inside a guarded handler or `async with wall.turn(message)`, "
            "or pass turn= to a worker"
        )
    found.alive()
    return found


def leave() -> None:
    """Have no turn in this context, whatever it carried: what follows is nobody's yet."""
    _current.set(None)


@asynccontextmanager
async def bound(opened: OpenTurn) -> AsyncGenerator[OpenTurn]:
    """Make a turn the current one inside this block, and put back what was there before."""
    token = _current.set(opened)
    try:
        yield opened
    finally:
        _current.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """Opens turns, one at a time per session.

    Attributes:
        directory: Says who a sender is.
        sessions: Where sessions are held.
        guard: Judges the message that opens a turn.
        learner: Knows what is kept, before the message is judged.
        ids: Draws the turn's ids from its session alone.
        clock: For the turn's end.
        tracing: Follows turns for the operator.
        wait_s: Longest wait for another turn of the same session, in seconds.
        turn_timeout_s: Longest life of a turn, in seconds.
    """

    directory: Directory
    sessions: SessionStore
    guard: Guard
    learner: Learner
    ids: IdSource
    clock: Clock
    tracing: Tracing
    wait_s: float
    turn_timeout_s: float

    @asynccontextmanager
    async def open(self, message: Message, *, job: bool = False) -> AsyncGenerator[OpenTurn]:
        """Open a turn for a message and bind it to this block.

        Args:
            message: What arrived. For a job: its creator, its destination, its name as the id, and no words.
            job: True if nobody spoke now; then the creator must have spoken at the destination before.

        Raises:
            Denied: The message is not acceptable; this is on record.
            SessionBusy: An earlier turn of this session has not ended in time.
            StoreUnavailable: The database did not answer; nothing was judged.
        """
        principal = self._speaker(message)
        async with self.sessions.open_turn(
            SessionKey.of(principal, message.conversation),
            wait_s=self.wait_s,
            message=None if job else message.id,
            edited=bool(message.edit),
        ) as session:
            await self.guard.outcomes.settle(session.id)
            await self.learner.catch_up()
            place = replace(
                message.conversation, closed=self.directory.closed(principal.tenant, message.conversation)
            )
            turn = self._turn(session, principal, place, message)
            with self.tracing.span(turn) as trace:
                name = message.id.removeprefix(JOB) if job else None
                opened = OpenTurn(
                    Ledger(replace(turn, trace=trace, job=name), session, self.ids),
                    message,
                    clock=self.clock,
                    ends_at_s=self.clock.monotonic_s() + self.turn_timeout_s,
                )
                stranger = job and not _has_spoken(session)
                try:
                    await self.guard.inbound(opened.ledger, message, stranger=stranger)
                    async with bound(opened):
                        yield opened
                finally:
                    opened.state = State.CLOSED

    def key(self, message: Message) -> SessionKey:
        """Give the session that a message's turn is opened in."""
        return SessionKey.of(self._speaker(message), message.conversation)

    def _speaker(self, message: Message) -> Principal:
        """Say who speaks; a sender nobody verified gets a session apart.

        In the name's own session a forged message would keep its owner waiting and count as a turn of theirs.
        """
        principal = self.directory.principal(message.sender, message.conversation)
        if message.sender.verified:
            return principal
        forged = PrincipalId(canonical("unverified", principal.id))
        return replace(principal, id=forged, kind=SenderKind.UNKNOWN)

    def _turn(self, session: Session, principal: Principal, place: Conversation, message: Message) -> Turn:
        number = str(session.turns)
        return Turn(
            id=TurnId(self.ids.derived("turn", session.id, number)[:24]),
            ref=Ref(self.ids.derived("ref", session.id, number)[:16]),
            session=session.id,
            key=session.key,
            principal=principal,
            audience=audience_of(principal, place, private=message.private),
            destination=place,
            message=message.id,
        )


def _has_spoken(session: Session) -> bool:
    """True if a message of this session was ever admitted; a refused one leaves no part, only a count."""
    return any(part.origin is Origin.SENDER for part in session.history)
