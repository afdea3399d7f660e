"""What is kept while a bot runs is known before its next message is judged, or nothing is judged."""

import asyncio

import pytest

from firewall.core.errors import StoreUnavailable
from firewall.core.label import Members, Owned
from firewall.core.subject import leaf
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
