"""From a thread to the wall's loop and back."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from firewall.core.errors import MisuseError, ServiceUnavailable
from partywall import crossing as crossing_module
from partywall.crossing import Caller, Crossing

REMEDY = "call it in a thread"


@pytest.fixture
async def crossing() -> Crossing:
    made = Crossing()
    made.loop = asyncio.get_running_loop()
    return made


async def from_a_thread(act: Callable[[], Any]) -> Any:
    return await asyncio.to_thread(act)


async def test_the_work_runs_on_the_loop_and_its_errands_in_the_thread_that_waits(crossing: Crossing) -> None:
    async def work(caller: Caller) -> tuple[int, int]:
        return threading.get_ident(), await caller.run(threading.get_ident)

    def act() -> tuple[tuple[int, int], int]:
        caller = crossing.caller("it", REMEDY)
        return caller.wait(lambda: work(caller)), threading.get_ident()

    (worked, errand), waited = await from_a_thread(act)
    assert worked == threading.get_ident()
    assert errand == waited != worked


async def test_many_threads_wait_without_a_second_thread_for_each(crossing: Crossing) -> None:
    # More callers than the executor has threads: a wait that needed one more would never end.
    async def work(caller: Caller, number: int) -> int:
        return await caller.run(lambda: number)

    def act(number: int) -> int:
        caller = crossing.caller("it", REMEDY)
        return caller.wait(lambda: work(caller, number))

    given = await asyncio.gather(*(asyncio.to_thread(act, number) for number in range(100)))
    assert given == list(range(100))


@pytest.mark.parametrize("where", ["work", "errand"])
async def test_an_error_reaches_the_thread_as_it_was_raised(crossing: Crossing, where: str) -> None:
    def fail() -> None:
        raise KeyError(where)

    async def work(caller: Caller) -> None:
        if where == "work":
            fail()
        await caller.run(fail)

    def act() -> None:
        caller = crossing.caller("it", REMEDY)
        caller.wait(lambda: work(caller))

    with pytest.raises(KeyError, match=where):
        await from_a_thread(act)


async def test_calling_it_on_a_loop_is_a_misuse_and_names_the_remedy(crossing: Crossing) -> None:
    with pytest.raises(MisuseError, match=REMEDY):
        crossing.caller("it", REMEDY)
    caller = await from_a_thread(lambda: crossing.caller("it", REMEDY))
    with pytest.raises(MisuseError, match=REMEDY):
        caller.wait(asyncio.Event().wait)


def test_calling_it_before_the_wall_is_open_is_a_misuse() -> None:
    with pytest.raises(MisuseError, match="before the wall was open"):
        Crossing().caller("it", REMEDY)


def test_a_loop_that_has_ended_is_told_and_not_waited_for() -> None:
    crossing, loop = Crossing(), asyncio.new_event_loop()
    crossing.loop = loop
    caller = crossing.caller("it", REMEDY)
    with pytest.raises(ServiceUnavailable):
        caller.wait(asyncio.Event().wait)
    loop.close()
    crossing_after = crossing.caller("it", REMEDY)
    with pytest.raises(ServiceUnavailable):
        crossing_after.wait(asyncio.Event().wait)


@pytest.mark.parametrize("how", ["cancelled", "stopped"])
def test_a_loop_that_ends_while_a_thread_waits_lets_it_go(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing_module, "_LOOK_S", 0.01)
    loop, crossing = asyncio.new_event_loop(), Crossing()
    crossing.loop = loop
    runner = threading.Thread(target=loop.run_forever)
    runner.start()
    caller, begun = crossing.caller("it", REMEDY), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    def end() -> None:
        begun.wait()
        if how == "cancelled":
            loop.call_soon_threadsafe(lambda: [each.cancel() for each in asyncio.all_tasks(loop)])
        else:
            loop.call_soon_threadsafe(loop.stop)

    ender = threading.Thread(target=end)
    ender.start()
    try:
        with pytest.raises(ServiceUnavailable):
            caller.wait(work)
    finally:
        ender.join()
        if how == "cancelled":
            loop.call_soon_threadsafe(loop.stop)
        runner.join()
        loop.run_until_complete(_end_all())
        loop.close()


async def test_a_wait_that_is_broken_off_takes_its_work_with_it(crossing: Crossing) -> None:
    ended = asyncio.Event()

    async def work(caller: Caller) -> None:
        try:
            await caller.run(interrupt)
        finally:
            ended.set()

    def interrupt() -> None:
        raise KeyboardInterrupt

    def act() -> str:
        caller = crossing.caller("it", REMEDY)
        try:
            caller.wait(lambda: work(caller))
        except KeyboardInterrupt:
            return "interrupted"
        return "went on"

    assert await from_a_thread(act) == "interrupted"
    await asyncio.wait_for(ended.wait(), 10)


async def test_an_errand_that_nobody_waits_for_any_more_ends_without_a_word(crossing: Crossing) -> None:
    begun, given = threading.Event(), threading.Event()
    tasks: list[asyncio.Task[Any]] = []

    def errand() -> None:
        begun.set()
        given.wait(10)

    async def work(caller: Caller) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        await caller.run(errand)

    def act() -> None:
        caller = crossing.caller("it", REMEDY)
        caller.wait(lambda: work(caller))

    waiting = asyncio.create_task(asyncio.to_thread(act))
    await asyncio.to_thread(begun.wait, 10)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    given.set()
    with pytest.raises(ServiceUnavailable):
        await waiting


async def test_a_loop_that_closes_in_between_is_told(
    crossing: Crossing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", closed)
    caller = await from_a_thread(lambda: crossing.caller("it", REMEDY))
    with pytest.raises(ServiceUnavailable):
        await from_a_thread(lambda: caller.wait(asyncio.Event().wait))


async def _end_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
