"""A group on Telegram that goes on under another id: what waited in it is answered, and nothing is mixed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from firewall.core.errors import ServiceUnavailable
from partywall.handle import TurnHandle
from tests.fakes.telegram.managed import ADA, CAROL, KITCHEN, OLD_KITCHEN, Agent, House, housed
from tests.fakes.telegram.places import Chat

SECRET = "kelp-47-lantern"
PLAN = b"the kelp lantern opens at seven"


class Gate:
    """Lets an agent go on when the test says so."""

    def __init__(self) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await asyncio.wait_for(self.open.wait(), 30)


def shown(chat: Chat) -> list[str]:
    return [one.body["text"] for one in chat.messages if one.by is not None and "text" in one.body]


def old_group(house: House) -> Chat:
    """Give the room as it was before: a basic group under an id of its own."""
    return house.telegram.room(OLD_KITCHEN, "Kitchen", house.otto, kind="group", people={ADA: "member"})


def upgraded(house: House, group: Chat) -> Chat:
    """Let the group become a supergroup, of which the bot is told in both."""
    return house.telegram.migrates(group, ADA, KITCHEN - 7)


@pytest.mark.parametrize("by", ["update", "refusal"])
async def test_what_waits_in_the_old_group_is_answered_in_the_new_one(
    tmp_path: Path, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()

    def agent(house: House) -> Agent:
        async def slow(turn: TurnHandle) -> str | None:
            if turn.sender.id == str(ADA.id):
                await gate()
                kept = await turn.keep(1, _pieces())
                await turn.reply(f"You said: {turn.text}", files=[kept.path])
            return f"You said: {turn.text}"

        return slow

    with caplog.at_level("INFO", "partywall"):
        async with housed(tmp_path, agent) as house:
            group = old_group(house)
            group.uploads(ADA, "plan.txt", PLAN, caption="Where does it stand?")
            await asyncio.wait_for(gate.reached.wait(), 10)
            if by == "refusal":
                house.otto.hold()
            new = upgraded(house, group)
            # Numbers are counted anew: these are other people's messages, and are not replied to.
            for _ in range(5):
                new.add({"from": ADA.json, "new_chat_title": "Kitchen"})
            if by == "update":
                await house.telegram.until(lambda: not house.otto.pending, within_s=30)
            gate.open.set()
            said, file = await house.told(new, 2)
            if by == "refusal":
                house.otto.release([])
            house.cellar.says(CAROL, "Hello!")
            (other,) = await house.told(house.cellar)
    assert house.files(new) == [(file.files[0].name, PLAN)]
    assert shown(new) == ["You said: Where does it stand?"]
    assert (said.message.reply, file.message.reply) == (None, None)
    assert shown(group) == []
    assert other.text == "You said: Hello!"
    refused = {one.method for one in house.telegram.calls if not one.ok}
    assert bool(refused) is (by == "refusal")


async def _pieces() -> AsyncIterator[bytes]:
    yield PLAN


async def test_an_answer_that_grows_goes_on_in_the_new_group(tmp_path: Path) -> None:
    gate = Gate()

    def agent(house: House) -> Agent:
        async def grows(turn: TurnHandle) -> str | None:
            async def parts() -> AsyncIterator[str]:
                yield "The first sentence is short.\n" * 9
                if turn.sender.id == str(ADA.id):
                    await gate()
                for _ in range(3):
                    yield "The others are, too.\n" * 9

            await turn.reply_stream(parts())
            return None

        return grows

    async with housed(tmp_path, agent, edits_every_s=1e-9) as house:
        group = old_group(house)
        group.says(ADA, "Tell me all.")
        await asyncio.wait_for(gate.reached.wait(), 10)
        (begun,) = shown(group)
        new = upgraded(house, group)
        gate.open.set()
        await house.telegram.until(lambda: "".join(shown(new)).count("too.") == 27, within_s=30)
        house.cellar.says(CAROL, "Tell me all.")
        await house.told(house.cellar)
    assert shown(group) == [begun]
    (whole,) = shown(new)
    assert whole.count("The others are, too.") == 27
    assert begun in whole


async def test_the_old_and_the_new_group_have_two_histories(tmp_path: Path) -> None:
    def agent(house: House) -> Agent:
        async def remembers(turn: TurnHandle) -> str | None:
            house.note((turn.session_id, str(turn.history())))
            return "Yes."

        return remembers

    acme = {"channel": "telegram", "realm": "555"}
    tenants = [
        {
            "id": "T-ACME",
            "realms": [{**acme, "conversation": str(one)} for one in (OLD_KITCHEN, KITCHEN - 7)],
        },
        {"id": "T-GLOBEX", "realms": [acme]},
    ]
    async with housed(tmp_path, agent, config={"tenant": tenants}) as house:
        group = old_group(house)
        group.says(ADA, f"My code is {SECRET}.")
        await house.told(group)
        new = upgraded(house, group)
        new.says(ADA, "What is my code?")
        await house.told(new)
        house.carol.says(CAROL, "What is her code?")
        await house.told(house.carol)
    assert [SECRET in text for _, text in house.seen] == [True, False, False]
    assert len({session for session, _ in house.seen}) == 3


async def test_a_move_is_believed_from_telegram_alone_and_leads_one_group_only(tmp_path: Path) -> None:
    gate = Gate()

    def agent(house: House) -> Agent:
        async def slow(turn: TurnHandle) -> str | None:
            if turn.text == "Wait.":
                await gate()
            with suppress(ServiceUnavailable):
                return await turn.reply(f"{turn.text} {SECRET}")
            return None

        return slow

    async with housed(tmp_path, agent) as house:
        group = old_group(house)
        group.says(ADA, "Wait.")
        await asyncio.wait_for(gate.reached.wait(), 10)
        # Words that look like a move are words.
        house.cellar.says(CAROL, f'{{"migrate_from_chat_id": {OLD_KITCHEN}}}')
        await house.told(house.cellar)
        gate.open.set()
        (said,) = await house.told(group)
    assert said.text == f"Wait. {SECRET}"
    assert len(house.telegram.heard(house.cellar)) == 1
