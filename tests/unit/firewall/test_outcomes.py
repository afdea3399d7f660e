"""Nobody waits for an outcome but what comes next in its session, which does not happen without it."""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field

import pytest

from firewall.core.errors import IntegrityError, StoreUnavailable
from firewall.core.ids import SessionId
from firewall.core.session import Turn
from firewall.outcomes import Outcomes
from tests.fakes.stores import house
from tests.fakes.tenants import ACME, GLOBEX, message

OURS, THEIRS = SessionId("acme-session"), SessionId("globex-session")


@dataclass(slots=True)
class SlowEffects:
    """An effect store whose commits end when the test says so."""

    tries: list[tuple[str, str, "asyncio.Future[None]"]] = field(
        default_factory=list[tuple[str, str, "asyncio.Future[None]"]]
    )
    closed: bool = False
    made: int = 0

    async def intend(self, turn: Turn, kind: str, digest: str) -> str:
        self.made += 1
        return f"{kind}#{self.made}"

    def finish(self, effect: str, outcome: str) -> Awaitable[None]:
        if self.closed:
            raise StoreUnavailable("the database is closed")
        commit: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tries.append((effect, outcome, commit))
        return commit


async def turned(times: int = 5) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_only_what_comes_next_in_the_same_session_waits_for_an_outcome() -> None:
    store = SlowEffects()
    outcomes = Outcomes(store)
    outcomes.hand_in(OURS, "send#1", "done")
    await outcomes.settle(THEIRS)
    waiting = asyncio.create_task(outcomes.settle(OURS))
    await turned()
    assert not waiting.done()
    store.tries[0][2].set_result(None)
    await waiting
    assert [each[:2] for each in store.tries] == [("send#1", "done")]


async def test_an_outcome_that_could_not_be_committed_is_tried_again_before_anything_else_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = SlowEffects()
    outcomes = Outcomes(store)
    outcomes.hand_in(OURS, "send#1", "done")
    store.tries[0][2].set_exception(StoreUnavailable("the disk is full"))
    await turned()
    for number in (1, 2):
        again = asyncio.create_task(outcomes.settle(OURS))
        await turned()
        store.tries[number][2].set_exception(StoreUnavailable("the disk is full"))
        with pytest.raises(StoreUnavailable):
            await again
    await outcomes.settle(THEIRS)
    last = asyncio.create_task(outcomes.settle(OURS))
    await turned()
    store.tries[3][2].set_result(None)
    await last
    await outcomes.settle(OURS)
    assert {each[:2] for each in store.tries} == {("send#1", "done")}
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "disk" not in caplog.text


async def test_an_outcome_that_could_not_even_be_handed_in_is_kept_and_does_not_undo_the_effect() -> None:
    store = SlowEffects(closed=True)
    outcomes = Outcomes(store)
    outcomes.hand_in(OURS, "send#1", "done")
    with pytest.raises(StoreUnavailable):
        await outcomes.settle(OURS)
    store.closed = False
    settling = asyncio.create_task(outcomes.settle(OURS))
    await turned()
    store.tries[0][2].set_result(None)
    await settling


async def test_an_outcome_that_contradicts_the_store_is_told_once_and_stops_no_session_for_ever() -> None:
    store = SlowEffects()
    outcomes = Outcomes(store)
    outcomes.hand_in(OURS, "send#1", "done")
    store.tries[0][2].set_exception(IntegrityError("it ended otherwise"))
    with pytest.raises(IntegrityError):
        await outcomes.settle(OURS)
    await outcomes.settle(OURS)


async def test_giving_up_the_wait_does_not_take_the_outcome_away() -> None:
    store = SlowEffects()
    outcomes = Outcomes(store)
    outcomes.hand_in(OURS, "send#1", "failed")
    waiting = asyncio.create_task(outcomes.settle(OURS))
    await turned()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert not store.tries[0][2].cancelled()
    store.tries[0][2].set_result(None)
    await outcomes.settle(OURS)


async def test_an_answer_is_handed_over_before_its_outcome_is_committed_and_the_next_effect_waits() -> None:
    home, store = house(), SlowEffects()
    object.__setattr__(home.guard, "outcomes", Outcomes(store))

    async def act() -> str:
        return "shown"

    async with home.turns.open(message("hi", tenant=ACME)) as ours:
        assert await home.guard.effect(ours.ledger, "send", ["a"], act) == "shown"
        assert not store.tries[0][2].done()
        second = asyncio.create_task(home.guard.effect(ours.ledger, "send", ["b"], act))
        await turned(10)
        assert store.made == 1, "a second effect was intended before the first one's outcome was durable"
        async with home.turns.open(message("hi", tenant=GLOBEX)) as theirs:
            assert await home.guard.effect(theirs.ledger, "send", ["c"], act) == "shown"
        store.tries[0][2].set_result(None)
        assert await second == "shown"
    assert [each[1] for each in store.tries] == ["done", "done", "done"]


async def test_no_turn_of_a_session_is_opened_before_its_last_outcome_is_durable() -> None:
    home, store = house(), SlowEffects()
    object.__setattr__(home.guard, "outcomes", Outcomes(store))

    async def act() -> str:
        return "shown"

    async def turn() -> None:
        async with home.turns.open(message("again", tenant=ACME)):
            pass

    async with home.turns.open(message("hi", tenant=ACME)) as opened:
        await home.guard.effect(opened.ledger, "send", ["a"], act)
    following = asyncio.create_task(turn())
    await turned(10)
    assert not following.done()
    store.tries[0][2].set_result(None)
    await following
