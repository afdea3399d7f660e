"""A process that does turns on a database until it is killed, and says what was promised to it.

Every line it prints is an acknowledgement: the store has returned, so nothing of it may be lost any more.
"""

import asyncio
import sys

from firewall.core.ids import TenantId
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, key_of, opened, opened_turn, own, part, turn
from vault.open import Vault


def _said(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


async def _turn(vault: Vault, tenant: TenantId, life: int, number: int) -> None:
    name = f"{tenant}-{life}-{number}"
    of = opened_turn(vault, turn(tenant, number=life * 1_000_000 + number))
    async with vault.sessions.open_turn(key_of(tenant), wait_s=60) as held:
        vault.records.queue(judgement(of))
        receipt = await vault.records.record(judgement(of, denial(name), denial(f"{name}-again")))
        _said("recorded", tenant, receipt.seq, name)
        effect = await vault.effects.intend(of, "send", name)
        _said("intended", tenant, effect)
        await vault.sessions.append(held, [part(number, f"{name}-asked", own(tenant))])
        _said("appended", tenant, f"{name}-asked")
        await vault.effects.finish(effect, "done")
        _said("finished", tenant, effect)


async def _turns(vault: Vault, tenant: TenantId, life: int) -> None:
    number = 0
    while True:
        await _turn(vault, tenant, life, number)
        number += 1


async def _main(path: str, life: int) -> None:
    async with await opened(path) as vault:
        _said("open")
        await asyncio.gather(*(_turns(vault, tenant, life) for tenant in (ACME, GLOBEX)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
