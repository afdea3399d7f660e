"""A process on a database that others share: it takes turns in everybody's sessions until it is killed.

Every line it prints is an acknowledgement: the store has returned, so nothing of it may be lost any more.
"""

import asyncio
import random
import sys

from firewall.core.ids import TenantId
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, key_of, opened, opened_turn, own, part, turn
from vault.open import Vault

AT_ONCE = 8


def _said(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def _turn(vault: Vault, tenant: TenantId, person: str, name: str, number: int) -> None:
    of = opened_turn(vault, turn(tenant, person, number=number))
    async with vault.sessions.open_turn(key_of(tenant, person), wait_s=120) as held:
        receipt = await vault.records.record(judgement(of, denial(name)))
        _said("recorded", tenant, receipt.seq, name)
        await vault.sessions.append(held, [part(1, f"{tenant}/{person}/{name}", own(tenant, person))])
        _said("appended", tenant, person, name)


async def _turns(vault: Vault, life: int, lane: int, sessions: int) -> None:
    chance = random.Random(life * 1_000 + lane)
    number = 0
    while True:
        number += 1
        person, tenant = f"u{chance.randrange(sessions)}", chance.choice((ACME, GLOBEX))
        numbered = (life * AT_ONCE + lane) * 1_000_000 + number
        await _turn(vault, tenant, person, f"{life}-{lane}-{number}", numbered)


async def _main(url: str, life: int, sessions: int) -> None:
    async with await opened(url) as vault:
        _said("open")
        await asyncio.gather(*(_turns(vault, life, lane, sessions) for lane in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
