"""Which tenant a sender belongs to: configured, or else the platform's own smallest unit.

The tenant comes from the sender, not from the room: a guest in somebody's channel stays their own tenant's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firewall.core.identity import Conversation, Principal, Sender
from firewall.core.ids import TenantId, canonical

# Where the realm of a sender is a unit of people who share an employer or a server. Elsewhere (a Telegram
# bot, a loop of one's own) the realm is only the bot, and strangers would share a tenant.
_TENANT_IS_REALM = frozenset({"slack", "discord"})
_DIRECT_REALM = "dm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Resolves senders to principals.

    Attributes:
        tenants: Tenant by `(channel, realm)`, as configured.
        places: Tenant by `(channel, realm, conversation)`, as configured; more specific, so it wins.
        roles: Roles by `(channel, realm, sender id)`.
    """

    tenants: Mapping[tuple[str, str], TenantId] = field(default_factory=dict[tuple[str, str], TenantId])
    places: Mapping[tuple[str, str, str], TenantId] = field(
        default_factory=dict[tuple[str, str, str], TenantId]
    )
    roles: Mapping[tuple[str, str, str], frozenset[str]] = field(
        default_factory=dict[tuple[str, str, str], frozenset[str]]
    )

    @property
    def known(self) -> frozenset[TenantId] | None:
        """The configured tenants, or None where every realm is its own."""
        names = frozenset([*self.tenants.values(), *self.places.values()])
        return names or None

    def principal(self, sender: Sender, conversation: Conversation) -> Principal:
        """Say who a sender is; an unconfigured one gets a tenant nobody configured, and is denied as such."""
        tenant = self._tenant(sender, conversation)
        return Principal(
            tenant=tenant,
            id=sender.principal_id,
            kind=sender.kind,
            roles=self.roles.get((sender.channel, sender.realm, sender.id), frozenset()),
            guest=self._is_guest(sender, conversation, tenant),
        )

    def closed(self, tenant: TenantId, conversation: Conversation) -> bool:
        """True if everybody who can read in a conversation belongs to the tenant.

        That the platform calls a place closed says that all of them are of its realm. Where tenants share a
        realm, each with places of its own, that makes them nobody's members.
        """
        realm = self.tenants.get((conversation.channel, conversation.realm))
        if realm is None and conversation.channel in _TENANT_IS_REALM:
            realm = TenantId(canonical(conversation.channel, conversation.realm))
        return (conversation.closed and tenant == realm) or tenant == _own(conversation)

    def owner(self, channel: str, realm: str) -> TenantId | None:
        """Give the tenant of a whole realm; None where tenants are configured and it is no part of any."""
        named = self.tenants.get((channel, realm))
        if named is not None:
            return named
        if self.known is None or any(place[:2] == (channel, realm) for place in self.places):
            return TenantId(canonical(channel, realm))
        return None

    def _is_guest(self, sender: Sender, conversation: Conversation, tenant: TenantId) -> bool:
        """True if a tenant is the place's, and neither the sender's realm nor their own chat is."""
        placed = self.places.get((conversation.channel, conversation.realm, conversation.id))
        named = self.tenants.get((sender.channel, sender.realm))
        # A person's chat with a bot has the person's own id on some platforms.
        alone = self.places.get((sender.channel, sender.realm, sender.id))
        return placed == tenant and tenant not in (named, alone)

    def _tenant(self, sender: Sender, conversation: Conversation) -> TenantId:
        placed = self.places.get((conversation.channel, conversation.realm, conversation.id))
        # A place names its tenant only for those whose realm is the place's: a guest stays a guest.
        if placed is not None and (sender.channel, sender.realm) == (
            conversation.channel,
            conversation.realm,
        ):
            return placed
        named = self.tenants.get((sender.channel, sender.realm))
        if named is not None:
            return named
        if sender.channel in _TENANT_IS_REALM and sender.realm != _DIRECT_REALM:
            return TenantId(canonical(sender.channel, sender.realm))
        return _own(conversation)


def _own(conversation: Conversation) -> TenantId:
    return TenantId(canonical(conversation.channel, conversation.realm, conversation.id))
