"""Steps: between two of them the event loop goes on, and a cancellation takes no more of them."""

import asyncio

import pytest

from firewall.core.steps import Steps, at_once, paced


def counted(taken: list[int], number: int) -> Steps[int]:
    for each in range(number):
        taken.append(each)
        yield
    return sum(taken)


@pytest.mark.parametrize("number", [0, 1, 5])
async def test_both_ways_take_all_the_steps(number: int) -> None:
    taken: list[int] = []
    assert at_once(counted(taken, number)) == sum(range(number))
    assert taken == list(range(number))
    taken.clear()
    assert await paced(counted(taken, number)) == sum(range(number))
    assert taken == list(range(number))


async def test_between_two_steps_others_go_on() -> None:
    taken: list[int] = []
    seen: list[int] = []

    async def other() -> None:
        while True:
            seen.append(len(taken))
            await asyncio.sleep(0)

    watching = asyncio.create_task(other())
    await paced(counted(taken, 9))
    watching.cancel()
    assert set(range(1, 10)) <= set(seen)


async def test_a_cancellation_takes_no_more_steps_and_leaves_the_rest_to_take() -> None:
    taken: list[int] = []
    steps = counted(taken, 9)
    task = asyncio.create_task(paced(steps))
    for _ in range(4):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert 1 <= len(taken) < 9
    assert at_once(steps) == sum(range(9))


async def test_what_a_step_raises_is_raised() -> None:
    def broken() -> Steps[None]:
        yield
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await paced(broken())
    with pytest.raises(ValueError, match="broken"):
        at_once(broken())
