"""A process in which things happen and are told, until it is killed; it says what was written down."""

import asyncio
import os
import sys

from partywall.alerts.relay import relay_of
from partywall.alerts.settings import AlertRoute
from partywall.runtime import SystemClock
from tests.fakes.vaults import ACME, GLOBEX, MASTER, CountedIds, denial, judgement, opened_turn, turn
from vault.open import open_vault

URL, KEY = "ALERTS_URL", "ALERTS_KEY"


def routes() -> tuple[AlertRoute, ...]:
    """A route that hears of everybody, and one that hears of one tenant."""
    ours = {
        "kind": "webhook",
        "url": os.environ[URL],
        "keys_env": (KEY,),
        "private": True,
        "group_s": 0.001,
        "per_minute": 1_000,
    }
    named = {"name": "ops"}, {"name": "acmes", "tenants": ("ACME",), "url": f"{os.environ[URL]}/acmes"}
    return tuple(AlertRoute.model_validate({**ours, **each}) for each in named)


async def _main(path: str, life: int) -> None:
    clock = SystemClock()
    async with await open_vault(path, clock=clock, ids_factory=CountedIds, master_key=MASTER) as vault:
        relay = relay_of(routes(), (), vault.deliveries, clock, vault.ids, poll_s=0.005)
        assert relay is not None
        relay.start()
        number = 0
        while True:
            for tenant in (ACME, GLOBEX):
                rule = f"rule-{life}-{number // 3}"
                of = opened_turn(vault, turn(tenant, number=life * 1_000_000 + number))
                await vault.records.record(judgement(of, denial(rule)))
                sys.stdout.write(f"recorded {tenant} {rule}\n")
                sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
