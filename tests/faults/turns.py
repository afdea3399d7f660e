"""Random turns of two tenants, and what each was told that was written down."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import partywall as pw
from firewall.core.errors import UnavailableError
from firewall.core.ids import TenantId
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.acts import Act, asks, replies, tool, user
from tests.fakes.eventful import ACME, GLOBEX, acmes, globexs

# By the rule that each must be kept under; one of a turn at most, so that each is kept once.
ACTS: Final[Mapping[str, Act]] = {
    "unknown_tool": tool("nobodys", {}),
    "denied_class:exec": tool("exec", {}),
    "bound:tenant": tool("orders", {"text": "x", "tenant": "GLOBEX"}),
    "bad_arguments": tool("read", {}),
    "path_refused": tool("read", {"path": "../../plan.txt"}),
    "host_not_granted": tool("weather", {"url": "https://a.example"}),
    "compartment": tool("list", {"path": "/"}),
    "unaccounted_outbound": replies("hello"),
    "foreign_history": asks(user("the code is 7391"), user("hi")),
}
LANES: Final = 4
_RENEWED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One thing the wall did, as its turn knows it."""

    tenant: TenantId
    ref: str
    rule: str


@dataclass(slots=True, kw_only=True)
class Told:
    """What turns were told.

    Attributes:
        written: What the wall answered for: it must be kept, once.
        unsure: What the wall could not answer for: it may be kept, once.
        turns: How many were played.
        unopened: How many of them the database did not let open.
    """

    written: set[Happened] = field(default_factory=set[Happened])
    unsure: set[Happened] = field(default_factory=set[Happened])
    turns: int = 0
    unopened: int = 0


async def one(wall: Wall, chance: random.Random, lane: int, told: Told) -> None:
    """Play one turn of a lane's person."""
    told.turns += 1
    rules = chance.sample(list(ACTS), chance.choice((0, 1, 1, 2, 3)))
    tenant = (ACME, GLOBEX)[lane % 2]
    try:
        async with wall.turn(_message(tenant, lane, told.turns)) as turn:
            for rule in rules:
                happened = Happened(tenant=tenant, ref=turn.ref, rule=rule)
                try:
                    await ACTS[rule](wall, turn)
                except pw.Denied:
                    pass
                except UnavailableError:
                    told.unsure.add(happened)
                    return
                told.written.add(happened)
    except UnavailableError:
        told.unopened += 1


def _message(tenant: TenantId, lane: int, number: int) -> Message:
    """Write as one of a tenant's people; each begins another chat now and then, so that none grows long."""
    place = f"D-{lane}-{number // LANES // _RENEWED}"
    said = acmes if tenant == ACME else globexs
    return said(sender=f"p{lane}", conversation=place, id=str(number))
