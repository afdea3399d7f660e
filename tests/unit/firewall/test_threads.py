"""Threads: a tenant that hangs takes its own share, and nothing is begun for whoever has gone."""

import asyncio
import threading

import pytest

from firewall.core.ids import canonical
from firewall.threads import Threads, tenant_of
from tests.fakes.tenants import ACME, GLOBEX


class Gate:
    """A function that blocks until it is released, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.started = asyncio.Event()
        self._released = threading.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> str:
        self.begun += 1
        self._loop.call_soon_threadsafe(self.started.set)
        self._released.wait(30)
        self.ended += 1
        return "ended"

    def release(self) -> None:
        self._released.set()


async def turned() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_tenant_that_hangs_waits_for_itself_and_for_nobody_else() -> None:
    threads, gate = Threads(2), Gate()
    hung = [asyncio.create_task(threads.whole(ACME, gate)) for _ in range(3)]
    await gate.started.wait()
    assert await threads.whole(GLOBEX, lambda: "served") == "served"
    assert gate.begun <= 2
    gate.release()
    assert await asyncio.gather(*hung) == ["ended"] * 3
    threads.close()


async def test_what_was_cancelled_before_it_began_never_runs() -> None:
    threads, gate, late = Threads(1), Gate(), Gate()
    holding = asyncio.create_task(threads.whole(ACME, gate))
    await gate.started.wait()
    waiting = asyncio.create_task(threads.whole(ACME, late))
    await turned()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.release()
    await holding
    assert await threads.whole(ACME, lambda: "next") == "next"
    assert late.begun == 0
    threads.close()


async def test_what_was_begun_has_ended_when_a_cancellation_comes_through() -> None:
    threads, gate = Threads(1), Gate()
    running = asyncio.create_task(threads.whole(ACME, gate))
    await gate.started.wait()
    for _ in range(3):
        running.cancel()
        await turned()
    assert not running.done()
    gate.release()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert gate.ended == 1
    assert await threads.whole(GLOBEX, lambda: "served") == "served"
    threads.close()


async def test_an_error_in_a_thread_reaches_its_caller_and_frees_the_share() -> None:
    threads = Threads(1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await threads.whole(ACME, lambda: 1 // 0)
    threads.close()


def test_a_compartment_is_counted_against_the_tenant_that_owns_it() -> None:
    owners = [canonical(tenant, "p", "private") for tenant in (ACME, GLOBEX)]
    assert [tenant_of(owner) for owner in owners] == [ACME, GLOBEX]
