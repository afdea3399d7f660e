"""A message that is taken back takes its turn with it: what was said in it, and what was answered."""

import pytest

import partywall as pw
from adapters.wire import Deleted
from firewall.core.errors import IntegrityError
from firewall.core.ids import MessageId
from firewall.core.session import SessionKey
from partywall.doors import WallDoor
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.vaults import ACME, GLOBEX, altered, dumped, group, key_of, opened, part, room
from vault.open import Vault

ROOM = group()
ANN, BOB, ZOE = key_of(ACME, "ann", ROOM), key_of(ACME, "bob", ROOM), key_of(GLOBEX, "zoe", ROOM)
M1, M2, M3 = MessageId("m1"), MessageId("m2"), MessageId("m3")


async def said(vault: Vault, key: SessionKey, message: MessageId, *texts: str, edited: bool = False) -> None:
    async with vault.sessions.open_turn(key, wait_s=5, message=message, edited=edited) as held:
        parts = [part(hash(text) % 10**9, text, room(key.tenant, ROOM)) for text in texts]
        for one in parts:
            held = await vault.sessions.append(held, [one])


async def read(vault: Vault, key: SessionKey) -> list[str]:
    async with vault.sessions.hold(key, wait_s=5) as held:
        return [one.text for one in held.history]


async def test_taking_a_message_back_empties_its_turn_and_no_other(vault: Vault) -> None:
    await said(vault, ANN, M1, "the code is 4711", "I noted 4711")
    await said(vault, ANN, M2, "hello", "hello Ann")
    await said(vault, BOB, M3, "and me?", "hello Bob")
    await said(vault, ZOE, M2, "hello from elsewhere")
    assert await vault.sessions.forget(ROOM, [M1]) == 2
    assert await read(vault, ANN) == ["hello", "hello Ann"]
    assert await read(vault, BOB) == ["and me?", "hello Bob"]
    assert await read(vault, ZOE) == ["hello from elsewhere"]


async def test_a_message_is_taken_back_in_its_own_place_only(vault: Vault) -> None:
    await said(vault, ANN, M1, "the code is 4711")
    assert await vault.sessions.forget(group("g2"), [M1]) == 0
    assert await vault.sessions.forget(ROOM, [M2, M3]) == 0
    assert await read(vault, ANN) == ["the code is 4711"]
    assert await vault.sessions.forget(ROOM, [M2, M1]) == 1
    assert await vault.sessions.forget(ROOM, [M1]) == 0
    assert await read(vault, ANN) == []


async def test_the_last_turn_is_emptied_to_its_end(vault: Vault) -> None:
    await said(vault, ANN, M1, "hello")
    await said(vault, ANN, M2, "the code is 4711", "noted", "anything else?")
    assert await vault.sessions.forget(ROOM, [M2]) == 3
    assert await read(vault, ANN) == ["hello"]


async def test_an_edit_takes_back_what_its_message_said_before_in_its_own_session_only(vault: Vault) -> None:
    await said(vault, ANN, M1, "the code is 4711", "I noted 4711")
    await said(vault, BOB, M1, "bob's own of that id")
    await said(vault, ANN, M1, "the code is secret", "fine", edited=True)
    assert await read(vault, ANN) == ["the code is secret", "fine"]
    assert await read(vault, BOB) == ["bob's own of that id"]


async def test_the_same_message_delivered_twice_opens_two_turns_and_both_are_emptied(vault: Vault) -> None:
    await said(vault, ANN, M1, "mention: 4711")
    await said(vault, ANN, M1, "message: 4711")
    assert await vault.sessions.forget(ROOM, [M1]) == 2
    assert await read(vault, ANN) == []


async def test_a_turn_that_is_open_elsewhere_in_this_process_sees_the_emptied_part_next_time(
    vault: Vault,
) -> None:
    await said(vault, ANN, M1, "the code is 4711")
    async with vault.sessions.open_turn(ANN, wait_s=5, message=M2) as held:
        assert await vault.sessions.forget(ROOM, [M1]) == 1
        held = await vault.sessions.append(held, [part(7, "hello", room(ACME, ROOM))])
        assert [one.text for one in held.history] == ["hello"]


async def test_what_was_emptied_stays_so_after_a_restart_and_is_not_learnt_again(shared: str) -> None:
    async with await opened(shared) as vault:
        await said(vault, ANN, M1, "the code is 4711, do not tell anybody")
        await said(vault, ANN, M2, "hello there")
    async with await opened(shared) as vault:
        assert await vault.sessions.forget(ROOM, [M1]) == 1
    async with await opened(shared) as vault:
        assert await read(vault, ANN) == ["hello there"]
        assert [text async for text, _, _ in vault.lexicon.each_text()] == ["hello there"]


async def test_the_table_of_openings_tells_neither_places_nor_messages_and_does_not_grow(shared: str) -> None:
    async with await opened(shared) as vault:
        for number in range(260):
            await said(vault, ANN, MessageId(f"message-{number}"), f"text {number}")
        assert await vault.sessions.forget(ROOM, [MessageId("message-1")]) == 0
        assert await vault.sessions.forget(ROOM, [MessageId("message-60")]) == 1
    rows = dumped(shared, "said")
    assert 199 <= len(rows) <= 202
    assert "message-" not in str(rows)
    assert ROOM.id not in str(rows)


async def test_a_part_that_was_altered_is_not_passed_over(shared: str) -> None:
    async with await opened(shared) as vault:
        await said(vault, ANN, M1, "the code is 4711")
    altered(shared, "UPDATE parts SET sealed = zeroblob(length(sealed))")
    async with await opened(shared) as vault:
        with pytest.raises(IntegrityError):
            await vault.sessions.forget(ROOM, [M1])


@pytest.mark.parametrize("verified", [pytest.param(True, id="verified"), pytest.param(False, id="forged")])
async def test_a_bot_no_longer_hears_of_a_message_that_was_taken_back(wall: Wall, verified: bool) -> None:
    model = EchoModel()
    async with wall:
        ask, door = wall.guard_model(model), WallDoor(wall, unguarded_model=False)

        async def turn(text: str, id: str) -> str:
            message = pw.message(text, channel="slack", realm="T1", sender="ann", conversation="D1", id=id)
            async with wall.turn(message) as open_turn:
                asked = [{"role": "user", "content": text}]
                answer = await ask(model="m", messages=asked)
                return await open_turn.reply(answer["choices"][0]["message"]["content"])

        await turn("the code is 4711", "1")
        place = pw.message("", channel="slack", realm="T1", sender="ann", conversation="D1").conversation
        await door.forget(Deleted(ids=(MessageId("1"),), conversation=place, delivery="d", verified=verified))
        assert ("4711" in await turn("what is the code?", "2")) is not verified
        assert ("4711" in str(model.requests[-1])) is not verified
