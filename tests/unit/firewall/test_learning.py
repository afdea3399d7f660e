"""What is kept while a bot runs is known before its next message is judged, or nothing is judged."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from firewall.core.errors import StoreUnavailable
from firewall.core.ids import PrincipalId
from firewall.core.label import Audience, Label, Members, Owned
from firewall.core.subject import leaf
from firewall.detect.excerpts.index import Excerpts
from firewall.learning import Learner
from tests.fakes.stores import house
from tests.fakes.tenants import ACME, GLOBEX, message

KEPT = Owned(tenant=ACME, readers=Members())


async def test_a_value_kept_meanwhile_is_known_before_the_message_is_judged() -> None:
    home = house()
    home.lexicon.kept.append(("K9-4417", KEPT, True))
    async with home.turns.open(message("hello", tenant=GLOBEX)) as theirs:
        assert [text for text, _ in home.excerpts.known] == ["K9-4417", "hello"]
        reply = await home.guard.model_reply(theirs.ledger, (leaf("text", "it is K9-4417", None),))
        assert [each.text for each in reply] == ["it is [REDACTED:EXCERPT]"]
    async with home.turns.open(message("hello", tenant=ACME)) as ours:
        reply = await home.guard.model_reply(ours.ledger, (leaf("text", "it is K9-4417", None),))
        assert [each.text for each in reply] == ["it is K9-4417"]


async def test_a_store_that_cannot_say_what_is_new_opens_no_turn() -> None:
    home = house()
    home.lexicon.failing = True
    for tenant in (ACME, GLOBEX):
        with pytest.raises(StoreUnavailable):
            async with home.turns.open(message("hello", tenant=tenant)):
                pass
    assert home.records.all == []
    home.lexicon.failing = False
    async with home.turns.open(message("hello", tenant=ACME)):
        pass


async def test_who_comes_while_others_learn_waits_for_what_they_learn() -> None:
    home = house()
    await home.turns.learner.lock.acquire()
    opened: list[str] = []

    async def turn() -> None:
        async with home.turns.open(message("hello", tenant=GLOBEX)) as turn:
            opened.append(turn.turn.ref)

    waiting = asyncio.create_task(turn())
    for _ in range(10):
        await asyncio.sleep(0)
    assert home.excerpts.known == []
    assert opened == []
    home.excerpts.learn("K9-4417", KEPT, whole=True)
    home.turns.learner.lock.release()
    await waiting
    assert len(opened) == 1
    assert [text for text, _ in home.excerpts.known] == ["K9-4417", "hello"]


async def test_much_is_learned_in_its_order_with_turns_for_others_between() -> None:
    home = house()
    kept = [(f"value {number}", KEPT, number % 2 == 0) for number in range(2_500)]
    home.lexicon.kept.extend(kept)
    order: list[int] = []

    async def other() -> None:
        while len(home.excerpts.known) < len(kept):
            order.append(len(home.excerpts.known))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(home.turns.learner.catch_up())
        group.create_task(other())
    assert [text for text, _ in home.excerpts.known] == [text for text, *_ in kept]
    assert 1_000 in order
    assert 2_000 in order


async def test_what_was_read_before_the_store_failed_is_learned_all_the_same() -> None:
    # A page that was read to its end is not given again.
    class Broken:
        async def news(self) -> AsyncIterator[tuple[str, Label, bool]]:
            yield "AB-12345", KEPT, True
            raise StoreUnavailable("the database did not answer")

    index = Excerpts()
    learner = Learner(lexicon=Broken(), excerpts=index)
    with pytest.raises(StoreUnavailable):
        await learner.catch_up()
    stranger = Audience(
        tenant=GLOBEX, principal=PrincipalId("bob"), person=True, room=None, private=True, members_only=False
    )
    assert [match.kind for match in index.find("it is AB-12345", stranger)] == ["EXCERPT"]
