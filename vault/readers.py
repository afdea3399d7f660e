"""Readers as tokens, so that a query filters by them before it does anything else.

A token is one text per set of readers that an audience can belong to. A row is stored with the tokens of its
label; a query asks for the tokens of its audience, inside one tenant. What is found is checked again by
`admits`.
"""

from typing import assert_never

from firewall.core.ids import canonical
from firewall.core.label import Audience, Members, Principals, Readers, Room

MEMBERS = canonical("members")


def tokens(readers: Readers) -> tuple[str, ...]:
    """Give the tokens under which a row with these readers is found, sorted; never empty."""
    match readers:
        case Members():
            return (MEMBERS,)
        case Room():
            return (_room(readers),)
        case Principals(ids=ids):
            return tuple(sorted(canonical("principal", one) for one in ids))
        case _:
            assert_never(readers)


def name(readers: Readers) -> str:
    """Give one text for exactly these readers."""
    return canonical(*tokens(readers))


def audience_tokens(audience: Audience) -> tuple[str, str, str]:
    """Give what this audience may ask for: as the principal, as the room, as a member.

    Where it may not, the place holds the empty text, which is no row's token.
    """
    alone = audience.private and audience.person
    return (
        canonical("principal", audience.principal) if alone else "",
        _room(audience.room) if audience.room is not None else "",
        MEMBERS if audience.members else "",
    )


def _room(room: Room) -> str:
    return canonical("room", room.channel, room.app, room.realm, room.conversation, room.thread)
