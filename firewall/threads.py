"""Threads for what blocks: each tenant has a bounded share of them, and waits for its own only."""

import asyncio
import contextvars
import json
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

T = TypeVar("T")
# Made one by one as they are needed. With the default share, sixteen tenants must hang altogether to fill it.
POOL = 64


@dataclass(slots=True)
class _Share:
    free: asyncio.Semaphore
    users: int = 0


class Threads:
    """Runs blocking functions; a tenant whose functions hang takes its own share and nobody else's.

    The attack is a tool that hangs on purpose, asked for again and again: a thread cannot be stopped, so each
    stays taken after its turn was told that it failed. It counts against its tenant until it really ends.

    Args:
        share: How many threads one tenant may have at a time.
    """

    def __init__(self, share: int) -> None:
        self._share = share
        self._shares: dict[str, _Share] = {}
        self._pool = ThreadPoolExecutor(max_workers=POOL, thread_name_prefix="partywall")

    @asynccontextmanager
    async def taken(self, tenant: str) -> AsyncGenerator[None]:
        """Take one of the tenant's threads for this block, waiting in the order of asking."""
        share = self._shares.setdefault(tenant, _Share(free=asyncio.Semaphore(self._share)))
        share.users += 1
        try:
            async with share.free:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[tenant]

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread that was taken, in the caller's context."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(context.run, function))

    async def whole(self, tenant: str, function: Callable[[], T]) -> T:
        """Run a short function whole or not at all, in a thread of the tenant's.

        A cancellation before it began stops it; later, it is passed on when the function has ended, so that
        nothing is still being done in the name of a turn that was told it failed.
        """
        async with self.taken(tenant):
            running = asyncio.ensure_future(self.run(function))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                while not running.done():
                    try:
                        await asyncio.wait({running})
                    except asyncio.CancelledError:  # the first one is passed on below
                        continue
                raise

    def close(self) -> None:
        """Take no more work; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def tenant_of(owner: str) -> str:
    """Give whose share a compartment's work is counted against: the first field of its canonical owner."""
    fields: list[object] = json.loads(owner)
    return str(fields[0])
