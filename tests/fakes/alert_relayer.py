"""A process that does nothing but tell, on a database that others share; it says what it told."""

import asyncio
import os
import sys
from dataclasses import replace

from partywall.alerts.outcome import Outcome, Sender, Sent
from partywall.alerts.relay import Relay
from partywall.alerts.routes import routes_of
from partywall.runtime import SystemClock
from tests.fakes.alert_crasher import routes
from tests.fakes.vaults import MASTER, CountedIds
from vault.delivery import Delivery
from vault.open import open_vault


class Spoken:
    """A sender that says which messages were taken."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    @property
    def address(self) -> str:
        return self._sender.address

    @property
    def endpoint(self) -> tuple[str, int]:
        return self._sender.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        outcome = await self._sender.send(delivery, now_ms)
        if isinstance(outcome, Sent):
            _said("told", delivery.id)
        return outcome

    def close(self) -> None:
        self._sender.close()


def _said(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def _main(url: str) -> None:
    clock = SystemClock()
    async with await open_vault(url, clock=clock, ids_factory=CountedIds, master_key=MASTER) as vault:
        # What grows worse is told at once, so that an incident has several messages and no test waits for it.
        settings = [each.model_copy(update={"group_s": 3_600.0, "severity": "info"}) for each in routes()]
        made = routes_of(settings, (), vault.ids, os.environ)
        mine = [replace(route, sender=Spoken(route.sender)) for route in made]
        relay = Relay(vault.deliveries, mine, clock=clock, ids=vault.ids, poll_s=0.02)
        relay.start()
        _said("open")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
