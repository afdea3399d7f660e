"""A turn is opened by one admitted message, answers for itself alone, and ends."""

import asyncio
from dataclasses import replace

import pytest

from firewall.core.errors import Denied, NoTurn, SessionBusy, TurnClosed
from firewall.core.identity import Conversation, SenderKind
from firewall.core.message import Message
from firewall.turns import OpenTurn, State, bound, current
from tests.fakes.stores import House, house
from tests.fakes.tenants import ACME, GLOBEX, dm, group, message, sender


@pytest.fixture
def home() -> House:
    return house()


def job(destination: Conversation, name: str = "ann") -> Message:
    return replace(message("", name), conversation=destination)


async def test_a_turn_belongs_to_its_sender_and_goes_back_where_it_was_asked(home: House) -> None:
    async with home.turns.open(message("hello")) as opened:
        turn = opened.turn
        assert turn.principal.tenant == ACME
        assert turn.destination.place == dm().place
        assert turn.audience.private
        assert [part.text for part in opened.ledger.session.history] == ["hello"]


async def test_two_tenants_with_the_same_words_share_neither_session_nor_ids(home: House) -> None:
    async with home.turns.open(message("hello", "ann", ACME)) as ours:
        async with home.turns.open(message("hello", "ann", GLOBEX)) as theirs:
            assert ours.turn.session != theirs.turn.session
            assert ours.turn.id != theirs.turn.id
            assert ours.turn.ref != theirs.turn.ref
            parts = [each.ledger.session.history[0] for each in (ours, theirs)]
            assert parts[0].id != parts[1].id
            assert current() is theirs
        assert current() is ours


async def test_ids_of_one_session_are_drawn_from_it_alone() -> None:
    async def drawn(*, other_first: bool) -> tuple[str, ...]:
        home = house()
        if other_first:
            async with home.turns.open(message("theirs", "bob", GLOBEX)):
                pass
        async with home.turns.open(message("hello")) as opened:
            turn = opened.turn
            return turn.id, turn.ref, turn.session, opened.ledger.session.history[0].id

    assert await drawn(other_first=False) == await drawn(other_first=True)


async def test_each_turn_of_a_session_has_its_own_ids(home: House) -> None:
    seen: list[str] = []
    for _ in range(3):
        async with home.turns.open(message("hello")) as opened:
            seen += [opened.turn.id, opened.turn.ref]
            seen += [part.id for part in opened.ledger.session.history[-1:]]
    assert len(set(seen)) == len(seen)


async def test_an_answer_asked_in_private_is_private_and_a_room_is_not(home: House) -> None:
    async with home.turns.open(message("a", place=group(), private=True)) as opened:
        assert opened.turn.audience.private
        assert opened.turn.audience.room is not None
    async with home.turns.open(message("b", place=group())) as opened:
        assert not opened.turn.audience.private


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(message("x", verified=False), id="forged-sender"),
        pytest.param(message("x", kind=SenderKind.BOT), id="bot"),
        pytest.param(message("\ud800"), id="lone-surrogate"),
        pytest.param(message("x" * 1_000_001), id="too-large"),
    ],
)
async def test_a_message_that_is_refused_opens_nothing_and_is_on_record(
    home: House, refused: Message
) -> None:
    with pytest.raises(Denied) as caught:
        async with home.turns.open(refused):
            pytest.fail("the turn was opened")
    assert refused.text not in str(caught.value)
    assert not home.records.committed[-1].allowed
    assert home.records.committed[-1].ref == caught.value.ref
    assert all(not session.history for session in home.sessions.stored.values())
    with pytest.raises(NoTurn):
        current()


async def test_a_stranger_from_no_configured_tenant_is_refused(home: House) -> None:
    stranger = replace(message("x"), sender=replace(sender(), realm="T9"))
    with pytest.raises(Denied, match="Reference"):
        async with home.turns.open(stranger):
            pytest.fail("the turn was opened")
    assert home.records.committed[-1].reason == "unknown_tenant"


async def test_nobody_finds_a_turn_where_none_is_open() -> None:
    with pytest.raises(NoTurn, match="turn="):
        current()


async def test_a_turn_ends_with_its_block_even_for_a_task_that_still_carries_it(home: House) -> None:
    ended = asyncio.Event()

    async def straggler() -> str:
        await ended.wait()
        with pytest.raises(TurnClosed):
            current()
        return "closed"

    async with home.turns.open(message("hello")) as opened:
        task = asyncio.create_task(straggler())
    ended.set()
    assert await task == "closed"
    assert opened.state is State.CLOSED
    with pytest.raises(TurnClosed):
        opened.alive()


async def test_a_turn_that_fails_is_closed_too(home: House) -> None:
    carried: list[OpenTurn] = []

    async def handle() -> None:
        async with home.turns.open(message("hello")) as opened:
            carried.append(opened)
            raise RuntimeError("the bot's handler failed")

    with pytest.raises(RuntimeError, match="handler"):
        await handle()
    assert carried[0].state is State.CLOSED
    async with home.turns.open(message("again")):
        pass


async def test_a_turn_ends_at_the_latest_after_its_timeout(home: House) -> None:
    async with home.turns.open(message("hello")) as opened:
        home.clock.pass_s(300)
        assert opened.alive() is opened.ledger
        home.clock.pass_s(0.001)
        with pytest.raises(TurnClosed, match="turn_timeout_s"):
            current()
        home.clock.pass_s(-200)
        with pytest.raises(TurnClosed):
            opened.alive()


async def test_a_session_has_one_turn_at_a_time_and_others_do_not_wait_for_it(home: House) -> None:
    async with home.turns.open(message("hello")):
        with pytest.raises(SessionBusy):
            async with home.turns.open(message("again")):
                pytest.fail("two turns of one session")
        async with home.turns.open(message("hello", "bob")):
            pass
        async with home.turns.open(message("hello", "ann", GLOBEX)):
            pass


async def test_a_worker_of_one_turn_is_bound_to_it_whatever_it_carried_before(home: House) -> None:
    opening = home.turns.open
    async with opening(message("hello")) as ours, opening(message("hello", "bob", GLOBEX)) as theirs:

        async def work() -> OpenTurn:
            assert current() is theirs
            async with bound(ours):
                assert current() is ours
            assert current() is theirs
            return current()

        assert await asyncio.create_task(work()) is theirs


async def test_what_was_bound_before_is_put_back_after_an_error(home: House) -> None:
    async with home.turns.open(message("hello")) as ours:
        with pytest.raises(Denied):
            async with home.turns.open(message("x", "bob", GLOBEX, verified=False)):
                pytest.fail("the turn was opened")
        assert current() is ours
    with pytest.raises(NoTurn):
        current()


async def test_a_job_runs_where_its_creator_has_spoken(home: House) -> None:
    async with home.turns.open(message("hello", place=group())):
        pass
    async with home.turns.open(job(group()), job=True) as opened:
        assert [part.text for part in opened.ledger.read] == ["hello"]


async def test_a_job_for_a_strange_destination_is_refused(home: House) -> None:
    with pytest.raises(Denied):
        async with home.turns.open(job(dm("bob")), job=True):
            pytest.fail("a job spoke into somebody's direct messages")
    assert home.records.committed[-1].reason == "wrong_destination"


async def test_a_job_refused_for_a_strange_destination_is_refused_again(home: House) -> None:
    for _ in range(3):
        with pytest.raises(Denied):
            async with home.turns.open(job(dm("bob")), job=True):
                pytest.fail("a job spoke into somebody's direct messages at a later run")


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(message("x", place=group("others"), verified=False), id="forged"),
        pytest.param(message("x" * 1_000_001, place=group("others")), id="too-large"),
    ],
)
async def test_a_refused_message_gives_a_job_no_destination(home: House, refused: Message) -> None:
    with pytest.raises(Denied):
        async with home.turns.open(refused):
            pytest.fail("the turn was opened")
    with pytest.raises(Denied):
        async with home.turns.open(job(group("others")), job=True):
            pytest.fail("a job spoke where its creator was never heard")


async def test_a_room_is_closed_only_to_those_whose_own_place_it_is() -> None:
    home = house()
    async with home.turns.open(message("hello", place=group())) as opened:
        assert not opened.turn.audience.members_only
    async with home.turns.open(message("hello", "cy", place=group("board", closed=True))) as opened:
        assert opened.turn.audience.members_only
