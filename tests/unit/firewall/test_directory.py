"""Whose a sender is follows from the sender; a place only says more about those who belong to it."""

from dataclasses import replace

import pytest

from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import TenantId, canonical
from firewall.directory import Directory
from tests.fakes.tenants import ACME, GLOBEX, group, sender

CONFIGURED = Directory(
    tenants={("slack", "T1"): ACME, ("slack", "T2"): GLOBEX},
    places={("slack", "T1", "C-lab"): GLOBEX, ("telegram", "bot", "-100"): ACME},
    roles={("slack", "T1", "ann"): frozenset({"lead"})},
)


def telegram(sender_id: str = "7", chat: str = "7") -> tuple[Sender, Conversation]:
    who = Sender(
        channel="telegram", app="bot", realm="bot", id=sender_id, kind=SenderKind.HUMAN, verified=True
    )
    kind = ConversationKind.DM if chat == sender_id else ConversationKind.GROUP
    return who, Conversation(channel="telegram", app="bot", realm="bot", id=chat, kind=kind)


def test_the_tenant_is_the_senders_not_the_rooms() -> None:
    guest = sender("gus", GLOBEX)
    assert CONFIGURED.principal(guest, group("general", ACME)).tenant == GLOBEX
    assert CONFIGURED.principal(sender(), group("general", GLOBEX)).tenant == ACME


def test_a_place_of_another_tenant_takes_those_of_its_own_realm_and_no_guest() -> None:
    lab = group("lab", ACME)
    assert CONFIGURED.principal(sender(), lab).tenant == GLOBEX
    visitor = replace(sender("eve"), realm="T9")
    assert CONFIGURED.principal(visitor, lab).tenant == canonical("slack", "T9")
    assert CONFIGURED.principal(replace(sender(), channel="discord"), lab).tenant == canonical(
        "discord", "T1"
    )


def test_unconfigured_workspaces_and_guilds_are_tenants_of_their_own() -> None:
    zero = Directory()
    assert zero.known is None
    ours, theirs = (zero.principal(sender("ann", each), group(tenant=each)) for each in (ACME, GLOBEX))
    assert ours.tenant != theirs.tenant
    assert ours.tenant == canonical("slack", "T1")


def test_where_a_realm_is_only_a_bot_the_conversation_is_the_tenant() -> None:
    zero = Directory()
    ann, bob, room = telegram("7", "7"), telegram("8", "8"), telegram("7", "-100")
    tenants = {zero.principal(*each).tenant for each in (ann, bob, room)}
    assert len(tenants) == 3
    assert zero.principal(*telegram("8", "-100")).tenant == zero.principal(*room).tenant


def test_a_direct_message_without_a_guild_is_nobody_elses() -> None:
    zero = Directory()
    who = replace(sender(), channel="discord", realm="dm")
    one, two = (
        Conversation(channel="discord", app="A", realm="dm", id=place, kind=ConversationKind.DM)
        for place in ("1", "2")
    )
    assert zero.principal(who, one).tenant != zero.principal(who, two).tenant


def test_a_configured_chat_is_its_tenant_and_all_others_are_unknown() -> None:
    assert CONFIGURED.principal(*telegram("7", "-100")).tenant == ACME
    assert CONFIGURED.principal(*telegram("7", "-200")).tenant not in (CONFIGURED.known or ())
    assert CONFIGURED.known == frozenset({ACME, GLOBEX})


def test_a_guest_is_whoever_only_the_place_makes_the_tenants() -> None:
    named = Directory(
        places={**CONFIGURED.places, ("telegram", "bot", "7"): ACME, ("telegram", "bot", "8"): GLOBEX}
    )
    assert not named.principal(*telegram("7", "-100")).guest, "their own chat is the tenant's"
    assert not named.principal(*telegram("7", "7")).guest
    assert named.principal(*telegram("8", "-100")).guest, "their own chat is another tenant's"
    assert named.principal(*telegram("9", "-100")).guest
    lab = group("lab", ACME)
    assert CONFIGURED.principal(sender(), lab).guest
    assert not CONFIGURED.principal(sender("gus", GLOBEX), lab).guest, "their realm is the tenant's"
    assert not CONFIGURED.principal(sender(), group()).guest
    assert not Directory().principal(*telegram("9", "-100")).guest


def test_an_unconfigured_tenant_can_never_be_named_like_a_configured_one() -> None:
    strange = replace(sender(), realm="ACME")
    assert CONFIGURED.principal(strange, group()).tenant not in (CONFIGURED.known or ())


def test_roles_belong_to_one_id_in_one_realm() -> None:
    assert CONFIGURED.principal(sender(), group()).roles == {"lead"}
    assert CONFIGURED.principal(sender("Ann"), group()).roles == frozenset()
    assert CONFIGURED.principal(sender("ann", GLOBEX), group()).roles == frozenset()


@pytest.mark.parametrize("kind", SenderKind)
def test_a_principal_is_of_its_senders_kind(kind: SenderKind) -> None:
    found = CONFIGURED.principal(sender(kind=kind), group())
    assert found.kind is kind
    assert found.id == sender(kind=kind).principal_id
    assert found.owns_private_data == (kind is SenderKind.HUMAN)


def test_a_room_is_closed_if_the_platform_says_so_or_if_it_is_the_tenant() -> None:
    zero = Directory()
    who, room = telegram("7", "-100")
    assert zero.closed(zero.principal(who, room).tenant, room)
    assert not zero.closed(TenantId("other"), room)
    assert not CONFIGURED.closed(ACME, group())
    assert CONFIGURED.closed(ACME, group(closed=True))


def test_a_closed_room_of_a_realm_that_tenants_share_is_closed_for_none_of_them() -> None:
    shared = Directory(places={("slack", "T1", "C-acme"): ACME, ("slack", "T1", "C-globex"): GLOBEX})
    for tenant, place in ((ACME, "C-acme"), (GLOBEX, "C-globex")):
        assert not shared.closed(tenant, replace(group(place, ACME, closed=True), realm="T1"))
    lab = group("lab", ACME, closed=True)
    assert CONFIGURED.principal(sender(), lab).tenant == GLOBEX
    assert not CONFIGURED.closed(GLOBEX, lab), "all of the realm may read there, and they are ACME's"


def test_a_realm_belongs_to_its_tenant_and_a_part_of_one_to_none_of_its_tenants() -> None:
    assert (CONFIGURED.owner("slack", "T1"), CONFIGURED.owner("slack", "T2")) == (ACME, GLOBEX)
    assert CONFIGURED.owner("slack", "T9") is None
    assert CONFIGURED.owner("discord", "T1") is None
    parted = Directory(places={("slack", "T1", "C-lab"): GLOBEX})
    assert parted.owner("slack", "T1") == canonical("slack", "T1")
    assert parted.owner("slack", "T2") is None
    assert Directory().owner("slack", "T9") == canonical("slack", "T9")
