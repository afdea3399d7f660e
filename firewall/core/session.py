"""A session: the history one key may see, and the turn that is open in it."""

from dataclasses import dataclass

from firewall.core.identity import Conversation, Principal, SenderKind
from firewall.core.ids import MessageId, PrincipalId, Ref, SessionId, TenantId, TurnId, canonical, derived
from firewall.core.label import Audience, Label
from firewall.core.message import Part

MAX_HISTORY_PARTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """What names one session: structured, injective, and the source of every derived key.

    A key that differs in any field is another session; equal ids in two realms are two sessions, and one
    person who talks to two bots has two.
    """

    tenant: TenantId
    channel: str
    app: str
    realm: str
    conversation: str
    thread: str | None
    principal: PrincipalId
    kind: SenderKind

    @classmethod
    def of(cls, principal: Principal, conversation: Conversation) -> "SessionKey":
        """Give the key under which this principal speaks in this place."""
        channel, app, realm, place, thread = conversation.place
        return cls(
            tenant=principal.tenant,
            channel=channel,
            app=app,
            realm=realm,
            conversation=place,
            thread=thread,
            principal=principal.id,
            kind=principal.kind,
        )

    @property
    def fields(self) -> tuple[str | None, ...]:
        """All fields in declaration order, for `canonical` and `derived`."""
        return (
            self.tenant,
            self.channel,
            self.app,
            self.realm,
            self.conversation,
            self.thread,
            self.principal,
            self.kind.value,
        )

    @property
    def canonical(self) -> str:
        """One text for this key that no other key shares."""
        return canonical(*self.fields)

    def derive(self, secret: bytes, purpose: str) -> str:
        """Give 64 hex digits for this key and purpose that reveal nothing about it."""
        return derived(secret, purpose, *self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session as last committed.

    Attributes:
        key: Its full key.
        id: Opaque id derived from the key; safe to hand to a checkpointer or a log.
        epoch: Fencing token of the lease it is held by; every write states it.
        history: Oldest first, at most 200 parts.
        turns: How many turns were opened in it; ids are drawn from this and the session's id.
    """

    key: SessionKey
    id: SessionId
    epoch: int
    history: tuple[Part, ...]
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message with its answer: who speaks, where the answer goes, and who will see it.

    Everything here is fixed at ingress. Nothing later in the turn can change it.

    Attributes:
        trace: Id of the trace that it is part of, for its receipts; None if nothing traces.
        job: The name of the job that it is a run of; None where somebody speaks.
    """

    id: TurnId
    ref: Ref
    session: SessionId
    key: SessionKey
    principal: Principal
    audience: Audience
    destination: Conversation
    message: MessageId
    trace: str | None = None
    job: str | None = None

    @property
    def writes(self) -> Label | None:
        """The label of everything this turn writes, or None where nobody could own it."""
        return self.audience.writes
