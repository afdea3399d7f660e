"""Random turns of two tenants, and what each was told that was written down."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

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

# A word of `Told.tell`, and what it is about.
Tell: TypeAlias = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One thing the wall did, as its turn knows it."""

    tenant: TenantId
    ref: str
    rule: str


@dataclass(slots=True, kw_only=True)
class Told:
    """What turns were told, over all lives of their process.

    Attributes:
        written: What the wall answered for: it must be kept, once.
        unsure: What was begun and the wall did not answer for: it may be kept, once.
        turns: How many were played.
        unopened: How many of them the database did not let open.
        troubles: How many rounds had one.
    """

    written: set[Happened] = field(default_factory=set[Happened])
    unsure: set[Happened] = field(default_factory=set[Happened])
    turns: int = 0
    unopened: int = 0
    troubles: int = 0

    def tell(self, word: str, *said: str) -> None:
        """Take note of one thing: what is meant before it is tried, and that it is kept once that is sure."""
        match word, said:
            case "turn", ():
                self.turns += 1
            case "unopened", ():
                self.unopened += 1
            case "trouble", (_,):
                self.troubles += 1
            case "meant", (tenant, ref, rule):
                self.unsure.add(Happened(tenant=TenantId(tenant), ref=ref, rule=rule))
            case "kept", (tenant, ref, rule):
                happened = Happened(tenant=TenantId(tenant), ref=ref, rule=rule)
                self.unsure.remove(happened)
                self.written.add(happened)
            case _:
                raise AssertionError(f"nobody says {word} with {len(said)} words")


async def one(wall: Wall, chance: random.Random, lane: int, number: int, tell: Tell) -> None:
    """Play one turn of a lane's person."""
    tell("turn")
    rules = chance.sample(list(ACTS), chance.choice((0, 1, 1, 2, 3)))
    tenant = (ACME, GLOBEX)[lane % 2]
    try:
        async with wall.turn(_message(tenant, lane, number)) as turn:
            for rule in rules:
                tell("meant", tenant, turn.ref, rule)
                try:
                    await ACTS[rule](wall, turn)
                except pw.Denied:
                    pass
                except UnavailableError:
                    return
                tell("kept", tenant, turn.ref, rule)
    except UnavailableError:
        tell("unopened")


def _message(tenant: TenantId, lane: int, number: int) -> Message:
    """Write as one of a tenant's people; each begins another chat now and then, so that none grows long."""
    place = f"D-{lane}-{number // LANES // _RENEWED}"
    said = acmes if tenant == ACME else globexs
    return said(sender=f"p{lane}", conversation=place, id=str(number))
