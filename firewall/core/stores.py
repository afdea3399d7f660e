"""Where sessions, records, effects, values and notes are kept: the ports that `vault` implements.

Every call names its owner: no store is ever made for one principal and then shared.
"""

from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from firewall.core.budget import Allowance
from firewall.core.entry import Entry
from firewall.core.identity import Conversation
from firewall.core.ids import MessageId, PrincipalId, TenantId
from firewall.core.label import Audience
from firewall.core.message import Part
from firewall.core.receipt import Judgement, Receipt
from firewall.core.session import Session, SessionKey, Turn


class SessionStore(Protocol):
    """Sessions, one holder at a time."""

    def hold(self, key: SessionKey, *, wait_s: float) -> AbstractAsyncContextManager[Session]:
        """Give the caller the only live view of one session.

        Raises:
            SessionBusy: The present holder kept it longer than `wait_s` seconds.
            StoreUnavailable: The database did not answer.
        """
        ...

    def open_turn(
        self, key: SessionKey, *, wait_s: float, message: MessageId | None = None, edited: bool = False
    ) -> AbstractAsyncContextManager[Session]:
        """Hold a session and count one more turn in it: one commit, durable before the session is given.

        Nothing can be on record of a turn that was not counted, so no later turn gets its id or its ref.

        Args:
            key: Whose session it is.
            wait_s: As for `hold`.
            message: What opens the turn; by it the turn is found again when the message is taken back.
            edited: The message was said before in other words, which are taken back now.

        Raises:
            SessionBusy, StoreUnavailable: As `hold`; no turn was counted.
        """
        ...

    async def append(self, held: Session, parts: Sequence[Part]) -> Session:
        """Add parts at the young end, durably and, once called, even if cancelled; keep at most 200.

        Raises:
            LeaseLost: Another holder has taken the session over; nothing was written.
        """
        ...

    async def forget(self, place: Conversation, messages: Sequence[MessageId]) -> int:
        """Empty every part of the turns that these messages opened, in all sessions of this place, durably.

        Gives how many parts that were. A turn that is running keeps what it has read.

        Raises:
            StoreUnavailable: The database did not answer; nothing was emptied.
        """
        ...


class RecordStore(Protocol):
    """Judgements, written down before anything follows from them."""

    async def record(self, judgement: Judgement) -> Receipt:
        """Commit a judgement with its records; it is durable when this returns.

        Cancelling the wait does not take it back: what was handed over is committed all the same.

        Raises:
            StoreUnavailable: It could not be committed; the caller must refuse.
        """
        ...

    def queue(self, judgement: Judgement) -> None:
        """Commit a judgement no later than any later `record` or `intend` of its tenant."""
        ...


class EffectStore(Protocol):
    """What was done to the world: an intent before, an outcome after."""

    async def intend(self, turn: Turn, kind: str, digest: str) -> str:
        """Commit that something is about to be done; give the id of the intent."""
        ...

    def finish(self, effect: str, outcome: str) -> Awaitable[None]:
        """Hand in how it ended, `done`, `failed` or `cancelled`; durable when what is given was awaited.

        Nobody has to wait: closing the store commits it. Of an effect whose process died before, nobody knows
        whether it happened.
        """
        ...


class VaultStore(Protocol):
    """Values that operators keep for a tenant, each with its readers."""

    async def lookup(self, audience: Audience, name: str) -> Entry | None:
        """Give the entry of this name that the whole audience may read.

        An entry that exists but is not for them is None, as if it did not exist.
        """
        ...

    async def names(self, audience: Audience) -> Sequence[str]:
        """Give the names the whole audience may read, sorted; at most 1,000."""
        ...


class NoteStore(Protocol):
    """What a bot was asked to remember, labelled by the turn that wrote it."""

    async def remember(self, turn: Turn, key: str, value: str) -> None:
        """Keep a note under the turn's own label; another label's note of that key is another note."""
        ...

    async def recall(self, turn: Turn) -> Mapping[str, str]:
        """Give every note that the turn's whole audience may read, by key, sorted."""
        ...


class BudgetStore(Protocol):
    """What each principal has learned from the excerpt index, and who is held because of it."""

    async def held(self, tenant: TenantId, principal: PrincipalId) -> bool:
        """True if everything is refused to this principal now.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        ...

    async def spend(self, turn: Turn, marks: Sequence[str], allowance: Allowance) -> bool:
        """Pay for foreign findings that are about to show, durably; equal marks are paid for once.

        False if this principal may see no more: none of them is paid for, and the principal is held.

        Raises:
            StoreUnavailable: It could not be committed; nothing may show.
        """
        ...
