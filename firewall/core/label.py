"""Labels: whose a piece of text is and who may read it.

Reading is decided here and nowhere else, by comparing labels, never by looking at the text.

A join takes the stricter side: `Members` is the widest set of readers a tenant has, and a list of principals
is stricter. A room is symbolic ("whoever the platform lets in, now or later"): it is
never expanded to a list of members, and a list of principals never admits a room, however long it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from firewall.core.identity import Conversation, ConversationKind, Principal
from firewall.core.ids import PrincipalId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Whoever the platform lets into one place, now or later."""

    channel: str
    app: str
    realm: str
    conversation: str
    thread: str | None

    @classmethod
    def of(cls, conversation: Conversation) -> "Room":
        """Give the readers of a place, which do not depend on how its kind is reported today."""
        channel, app, realm, place, thread = conversation.place
        return cls(channel=channel, app=app, realm=realm, conversation=place, thread=thread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Every person of the tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """These principals and nobody else; never empty."""

    ids: frozenset[PrincipalId]

    def __post_init__(self) -> None:
        if not self.ids:
            raise ValueError("a set of readers is never empty")


Readers: TypeAlias = Members | Room | Principals


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Text the operator registered (prompts, templates): readable by all, neutral in a join."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Text of one tenant, for these readers."""

    tenant: TenantId
    readers: Readers


Label: TypeAlias = Operator | Owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Everyone who will see what a turn says; fixed at ingress, never widened afterwards.

    Attributes:
        tenant: The tenant of the principal who spoke.
        principal: Who spoke.
        person: True if the principal is a person, who alone can own private data.
        room: Where it was said, or None in a direct message.
        private: True if only the principal sees the answer.
        members_only: True if the platform says that nobody outside the tenant can read in the room.
        guest: True if the principal speaks as the tenant's only because of a room that others may enter.
    """

    tenant: TenantId
    principal: PrincipalId
    person: bool
    room: Room | None
    private: bool
    members_only: bool
    guest: bool = False

    # The attack is a guest who asks for a private answer: nobody else reads along then, and being let into a
    # room makes nobody a member.
    @property
    def members(self) -> bool:
        """True if all of them are known to be the tenant's own people."""
        return self.person and not self.guest if self.private else self.members_only

    @property
    def writes(self) -> Owned | None:
        """The label of what such a turn writes, or None where nobody could own it."""
        if not self.private and self.room is not None:
            return Owned(tenant=self.tenant, readers=self.room)
        if self.private and self.person:
            return Owned(tenant=self.tenant, readers=Principals(ids=frozenset({self.principal})))
        return None


def audience_of(principal: Principal, conversation: Conversation, *, private: bool) -> Audience:
    """Fix who will see the answer: the room, or the principal alone if that was asked for or is a DM."""
    dm = conversation.kind is ConversationKind.DM
    return Audience(
        tenant=principal.tenant,
        principal=principal.id,
        person=principal.owns_private_data,
        room=None if dm else Room.of(conversation),
        private=dm or private,
        members_only=conversation.closed,
        guest=principal.guest and not dm and not conversation.closed,
    )


def admits(label: Label, audience: Audience) -> bool:
    """True if everybody in the audience may read text with this label."""
    match label:
        case Operator():
            return True
        case Owned(tenant=tenant, readers=readers):
            return tenant == audience.tenant and _readers_admit(readers, audience)
        case _:
            assert_never(label)


def _readers_admit(readers: Readers, audience: Audience) -> bool:
    match readers:
        case Members():
            return audience.members
        case Room():
            # A private answer inside a room may use what the room was told: its one reader is in there.
            return readers == audience.room
        case Principals(ids=ids):
            return audience.private and audience.person and audience.principal in ids
        case _:
            assert_never(readers)


def join(labels: Iterable[Label]) -> Label | None:
    """Give one label that admits no audience which any of these does not, or None where there is none.

    All labels are taken at once, so neither order nor grouping changes the answer. Operator text is neutral;
    no labels at all join to `Operator()`. Two tenants, two rooms or disjoint principals have no join, and
    neither has a room with anything else: it may hold people who are no members, and people leave rooms.
    """
    owned = {label for label in labels if isinstance(label, Owned)}
    if len(owned) < 2:
        return owned.pop() if owned else Operator()
    if len({label.tenant for label in owned}) > 1 or any(isinstance(each.readers, Room) for each in owned):
        return None
    lists = [each.readers.ids for each in owned if isinstance(each.readers, Principals)]
    common = lists[0].intersection(*lists[1:])
    tenant = owned.pop().tenant
    return Owned(tenant=tenant, readers=Principals(ids=common)) if common else None
