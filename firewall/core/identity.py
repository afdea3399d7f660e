"""Who wrote, who that is to us, and where it was said."""

from dataclasses import dataclass
from enum import StrEnum

from firewall.core.ids import PrincipalId, TenantId, canonical, checked


class SenderKind(StrEnum):
    """What sort of thing the platform says wrote a message."""

    HUMAN = "human"
    BOT = "bot"
    EXTERNAL = "external"
    ANONYMOUS = "anonymous"
    WEBHOOK = "webhook"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class ConversationKind(StrEnum):
    """How many people can be reached by speaking in a conversation."""

    DM = "dm"
    GROUP = "group"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What the platform says about who wrote: ids only, never names.

    A display name is chosen by its bearer, so it never takes part in a decision.

    Raises:
        BadIdentifier: A field is empty, a placeholder or malformed.
    """

    channel: str
    app: str
    realm: str
    id: str
    kind: SenderKind
    verified: bool

    def __post_init__(self) -> None:
        for name in ("channel", "app", "realm", "id"):
            checked(getattr(self, name), what=f"sender {name}")

    @property
    def principal_id(self) -> PrincipalId:
        """The injective id under which this sender is known to us, in any tenant."""
        return PrincipalId(canonical(self.channel, self.realm, self.id, self.kind.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who a sender is to us, inside exactly one tenant.

    Attributes:
        tenant: Whose they are where they speak.
        id: The sender's, in any tenant.
        kind: What sort of thing wrote.
        roles: What the operator calls them.
        guest: True if only the place they speak in is the tenant's: nobody said so of themselves.
    """

    tenant: TenantId
    id: PrincipalId
    kind: SenderKind
    roles: frozenset[str] = frozenset()
    guest: bool = False

    def __post_init__(self) -> None:
        checked(self.tenant, what="principal tenant")
        checked(self.id, what="principal id")

    @property
    def owns_private_data(self) -> bool:
        """True for people only: anything else may be worn by several people at once."""
        return self.kind is SenderKind.HUMAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Where people talk: a DM, a group or a thread, as the platform names it.

    Attributes:
        channel: `slack`, `telegram`, `discord`, or the name of a loop of your own.
        app: The bot through which it is seen; two bots never share a session.
        realm: The platform's own unit (Slack workspace, Discord guild, Telegram bot).
        id: The platform's id, compared byte by byte.
        thread: The thread's id, or None for the conversation itself. `""` is refused, not ignored.
        kind: How far a word spoken here carries.
        closed: True only where the platform says that nobody from outside the realm can read here.
            Unknown is False: what all members of a tenant may read is then not shown here.
    """

    channel: str
    app: str
    realm: str
    id: str
    thread: str | None = None
    kind: ConversationKind
    closed: bool = False

    def __post_init__(self) -> None:
        for name in ("channel", "app", "realm", "id"):
            checked(getattr(self, name), what=f"conversation {name}")
        if self.thread is not None:
            checked(self.thread, what="conversation thread")

    @property
    def place(self) -> tuple[str, str, str, str, str | None]:
        """What names this place: neither its kind nor its openness, which platforms report unsteadily."""
        return (self.channel, self.app, self.realm, self.id, self.thread)
