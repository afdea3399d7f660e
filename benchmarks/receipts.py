"""How fast a bundle is verified: receipts a second by the verifier, beside SHA-256 over the same lines.

The verifier reads each line, checks its spelling, recomputes its hash and commitment, and climbs its proof to
the root or to what an earlier proof has shown. Hashing the same bytes once is the least that any check could
do.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable

from benchmarks.group_commit import TENANTS, judged
from firewall.core.ids import TenantId
from partywall.runtime import KeyedIds, SystemClock
from vault.bundles import line
from vault.open import open_vault
from vault.sqlite import MEMORY
from vault.verify_bundle import faults

RECEIPTS = 2_000


async def _bundle() -> tuple[dict[str, bytes], str]:
    tenant = TenantId(TENANTS[0])
    async with await open_vault(MEMORY, clock=SystemClock(), ids_factory=KeyedIds) as vault:
        await asyncio.gather(*(vault.records.record(judged(n)) for n in range(len(TENANTS) * RECEIPTS)))
        signed = await vault.checkpoints.make()
        fields = [each async for each in vault.bundles.receipts(tenant, signed)]
        listed = b"".join(map(line, fields))
        head = vault.bundles.head(tenant, fields[-1], signed, hashlib.sha256(listed).hexdigest())
        files = {"receipts.jsonl": listed, "checkpoint.txt": signed.note.encode(), "head.txt": head.encode()}
        return files, vault.checkpoints.signer.key


def _rate(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return RECEIPTS / (time.perf_counter() - start)


def measured(rounds: int, beat: Callable[[], None]) -> dict[str, list[float]]:
    """Measure both sides in turn, in receipts a second."""
    files, key = asyncio.run(_bundle())
    lines = files["receipts.jsonl"].splitlines(keepends=True)
    assert len(lines) == RECEIPTS
    assert faults(files, key) == []
    rates: dict[str, list[float]] = {"verified": [], "hashed": []}
    for _ in range(rounds):
        rates["verified"].append(_rate(lambda: faults(files, key)))
        rates["hashed"].append(_rate(lambda: [hashlib.sha256(each).digest() for each in lines]))
        beat()
    return rates
