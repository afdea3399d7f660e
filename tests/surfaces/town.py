"""Two people of two tenants, each with a value of their own, behind one wall."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import partywall as pw
from firewall.core.ids import PrincipalId, Ref, TenantId
from firewall.core.label import Principals
from firewall.core.message import Message
from partywall.testing import memory_wall
from partywall.wall import Wall

# A short value, found whole, and a long one, found by its parts.
ACMES: Final = "kelp-47-lantern"
GLOBEXES: Final = "Initech merges on the ninth of March at noon"
# Nobody is held for how often they ask, and links may lead to the one host that is written here.
SETTINGS: Final[Mapping[str, Any]] = {"oracle": {"findings": 1_000}, "links": {"hosts": ["a.example"]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a value in the vault of their tenant, which nobody else may read."""

    realm: str
    name: str
    value: str

    def says(self, place: int, text: str = "Go on.") -> Message:
        """Say something in a conversation of one's own, which has this number."""
        where = f"{self.name}-{place}"
        return pw.message(
            text, channel="own", realm=self.realm, sender=self.name, conversation=where, kind="dm"
        )


ANN: Final = Person(realm="ACME", name="ann", value=ACMES)
BOB: Final = Person(realm="GLOBEX", name="bob", value=GLOBEXES)
PEOPLE: Final = (ANN, BOB)


class Noted(logging.Handler):
    """Keeps every line that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it as it would be written."""
        self.lines.append(record.getMessage())


@asynccontextmanager
async def town(folder: Path) -> AsyncGenerator[tuple[Wall, Noted]]:
    """Open a wall where both have their values, and note what is logged meanwhile."""
    noted, logger = Noted(), logging.getLogger("partywall")
    logger.addHandler(noted)
    try:
        tenants = [{"id": one.realm, "realms": [{"channel": "own", "realm": one.realm}]} for one in PEOPLE]
        async with memory_wall(folder, tenant=tenants, **SETTINGS) as wall:
            for one in PEOPLE:
                await _plant(wall, one)
            yield wall, noted
    finally:
        logger.removeHandler(noted)


async def _plant(wall: Wall, one: Person) -> None:
    async with wall.turn(one.says(0, "Hello.")) as turn:
        who = turn.opened.turn.principal
    entries = (await wall.runtime()).vault.entries
    readers = Principals(ids=frozenset({PrincipalId(who.id)}))
    await entries.add(TenantId(who.tenant), "value", one.value, readers)


async def recorded(wall: Wall, ref: str) -> list[str]:
    """Give what stands on record of a turn, one line for each."""
    records = (await wall.runtime()).vault.records
    await records.settle()
    return [repr(row) for row in await records.why(Ref(ref))]
