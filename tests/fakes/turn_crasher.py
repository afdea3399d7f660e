"""A bot behind a whole wall that does turns for two tenants until it is killed, and says what was promised.

Every line it prints is an acknowledgement: the wall has returned, so nothing of it may be lost any more.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import partywall
from firewall.core.ids import TenantId
from partywall.wall import Wall
from tests.fakes.models import Scripted
from tests.fakes.tenants import ACME, GLOBEX, REALMS, message


def settings(path: Path) -> dict[str, object]:
    """Give the wall's configuration; without detectors, which take seconds to load in each life."""
    realms = [
        {"id": tenant, "realms": [{"channel": "slack", "realm": realm}]} for tenant, realm in REALMS.items()
    ]
    return {
        "profile": "light",
        "store": {"path": str(path)},
        "files": {"path": str(path.parent / "files")},
        "tenant": realms,
    }


class Bot:
    """One list for everybody, as careless bots keep it: each turn presents the other tenant's words too."""

    def __init__(self, wall: Wall, life: int) -> None:
        self._wall = wall
        self._life = life
        self._everybodys: list[dict[str, Any]] = [
            {"role": "user", "content": f"{tenant}-{life}-begins"} for tenant in REALMS
        ]

    async def turns(self, tenant: TenantId) -> None:
        """Do turns for ever."""
        number = 0
        while True:
            await self._turn(tenant, f"{tenant}-{self._life}-{number}")
            number += 1

    async def _turn(self, tenant: TenantId, name: str) -> None:
        model = Scripted([f"{name}-answered"])
        ask = self._wall.guard_model(model.__call__)
        async with self._wall.turn(message(f"{name}-asked", tenant=tenant)) as turn:
            self._everybodys.append({"role": "user", "content": f"{name}-asked"})
            answer = await ask(model="scripted", messages=self._everybodys)
            _said("reset", tenant, turn.ref)
            for other in REALMS.keys() - {tenant}:
                if other in json.dumps(model.requests):
                    _said("mixed", tenant, turn.ref)
            try:
                await turn.call_tool("steal", {"what": f"{name}-wanted"})
            except partywall.Denied as denied:
                _said("denied", tenant, denied.ref)
            shown = await turn.reply(answer["choices"][0]["message"]["content"])
            _said("replied", tenant, shown)
        del self._everybodys[:-8]
        # Both tenants' first lines stay, so that each turn has something of the other's to drop.
        self._everybodys[:0] = [{"role": "user", "content": f"{each}-{name}-again"} for each in REALMS]


def _said(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def _main(path: Path, life: int) -> None:
    async with partywall.open(settings(path)) as wall:
        _said("open")
        bot = Bot(wall, life)
        await asyncio.gather(*(bot.turns(tenant) for tenant in (ACME, GLOBEX)))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
