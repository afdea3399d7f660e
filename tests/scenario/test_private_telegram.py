"""Answers on Telegram that only their sender sees, and answers that call nobody.

Ada and Ben share a room of ACME, Carol is GLOBEX's. A bot may not write first to somebody on Telegram.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from partywall.handle import TurnHandle
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.managed import ADA, BEN, CAROL, Agent, House, housed
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.wire import Sent, broken, forbidden

DORA = User(id=7004, first_name="Dora")
SECRET = "kelp-47-lantern"
PLAN = b"the kelp lantern opens at seven"
CLOSED = (
    "I may not write to you first. Open https://t.me/otto_bot?start=private, press Start, "
    "then ask here again."
)


def remembers(house: House) -> Agent:
    """Give an agent that notes what it may read and says all of it."""

    async def answers(turn: TurnHandle) -> str | None:
        heard = [str(each["content"]) for each in turn.history()]
        house.note(heard)
        return f"You said: {' | '.join(heard)}"

    return answers


def places(house: House, chat: Chat) -> list[Sent]:
    """Give all that reached a chat, signs that an answer is made included."""
    return [one for one in house.telegram.calls if one.chat == chat.id]


async def test_an_answer_that_was_asked_for_privately_is_seen_by_its_sender_alone(tmp_path: Path) -> None:
    async with housed(tmp_path, remembers) as house:
        house.ada.says(ADA, "Hello!")
        await house.told(house.ada)
        house.kitchen.says(ADA, f"@otto_bot /private My code is {SECRET}.")
        _, alone = await house.told(house.ada, 2)
        assert places(house, house.kitchen) == [], "the room is not even shown that it is typed"
        house.kitchen.says(ADA, "What is my code?")
        (public,) = await house.told(house.kitchen)
        house.kitchen.says(BEN, "/private@otto_bot What is her code?")
        (closed,) = await _later(house, house.kitchen, 1)
        house.cellar.says(CAROL, "private: what is her code?")
        (other,) = await house.told(house.cellar)
    assert SECRET in alone.text
    assert "reply_parameters" not in alone.raw
    assert SECRET not in public.text
    assert closed.text == other.text == CLOSED
    assert house.telegram.heard(house.ben) == house.telegram.heard(house.carol) == []
    told = [heard for heard in house.seen if SECRET in str(heard)]
    assert len(told) == 1, "nothing of it comes back in a turn of the room"


async def _later(house: House, chat: Chat, before: int) -> list[Sent]:
    return (await house.told(chat, before + 1))[before:]


async def test_whoever_the_bot_may_not_write_to_is_told_so_once_and_answered_after_they_pressed_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def agent(house: House) -> Agent:
        async def insists(turn: TurnHandle) -> str | None:
            if turn.command != "private":
                return "Good day."
            try:
                return await turn.reply(f"{turn.text} {SECRET}")
            finally:
                # Whatever came of it, once more.
                await turn.reply(SECRET)

        return insists

    async with housed(tmp_path, agent) as house:
        asked = house.kitchen.says(BEN, "/private What is my code?")
        (told,) = await house.told(house.kitchen)
        # The notice that the turn failed is tried last; Ben would see it once he pressed Start.
        await house.telegram.until(lambda: "no answer" in house.telegram.calls[-1].text, within_s=30)
        house.cellar.says(CAROL, "Hello!")
        await house.told(house.cellar)
        house.ben.commands(BEN, "start", "private")
        await house.told(house.ben)
        house.kitchen.says(BEN, "/private What is my code?")
        answers = await house.told(house.ben, 3)
        house.cellar.says(DORA, "/private What is my code?")
        unknown = (await house.told(house.cellar, 2))[-1]
        house.ben.expels(BEN, house.otto)
        house.kitchen.says(BEN, "/private And now?")
        _, blocked = await house.told(house.kitchen, 2)
    assert (told.text, told.message.reply) == (CLOSED, asked)
    assert told.raw["link_preview_options"] == '{"is_disabled": true}'
    assert [SECRET in one.text for one in answers] == [False, True, True]
    assert (unknown.text, blocked.text) == (CLOSED, CLOSED), (
        "of a stranger Telegram says that there is no chat"
    )
    assert [one.text for one in places(house, house.kitchen)] == [CLOSED, CLOSED]
    assert SECRET not in str([one.raw for one in house.telegram.heard(house.cellar)]) + caplog.text


async def test_files_and_growing_answers_are_shown_in_the_same_chat(tmp_path: Path) -> None:
    def agent(house: House) -> Agent:
        async def shows(turn: TurnHandle) -> str | None:
            async def parts() -> AsyncIterator[str]:
                for number in range(20):
                    yield f"Sentence number {number} is short.\n"

            await turn.reply_stream(parts())
            listed = await turn.call_tool("list", {"path": "attachments"})
            name = next(word.strip('",[]') for word in listed.split() if len(word) > 60)
            await turn.reply("", files=[f"attachments/{name.rpartition('/')[2]}"])
            return None

        return shows

    async with housed(tmp_path, agent) as house:
        house.carol.says(CAROL, "Hello!")
        await house.told(house.carol)
        house.ada.commands(ADA, "start")
        await house.told(house.ada)
        house.kitchen.uploads(ADA, "plan.txt", PLAN, caption="/private Show it to me.")
        await house.telegram.until(lambda: house.files(house.ada), within_s=30)
    assert places(house, house.kitchen) == []
    assert [content for _, content in house.files(house.ada)] == [PLAN]
    assert house.files(house.carol) == []


async def test_whoever_is_no_person_is_not_answered_privately(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "partywall")
    async with housed(tmp_path, remembers, config={"serve": ["human", "anonymous"]}) as house:
        house.kitchen.anonymous_admin_says(f"/private {SECRET}")
        house.kitchen.posts_as_channel(house.cellar, f"private: {SECRET}")
        house.kitchen.says(ADA, "Hello!")
        house.cellar.says(CAROL, "Hello!")
        await house.told(house.kitchen)
        await house.told(house.cellar)
    assert SECRET not in str(house.seen) + str([one.raw for one in house.telegram.calls])
    assert len(house.seen) == 2
    assert caplog.text.count("whoever is no person has no chat of their own") == 2


async def test_other_words_can_ask_for_it_and_none(tmp_path: Path) -> None:
    for words, shown in ((("psst",), CLOSED), ((), "You said: ")):
        async with housed(tmp_path / str(len(words)), remembers, privately=words) as house:
            house.kitchen.says(ADA, "Psst, what is new?")
            (told,) = await house.told(house.kitchen)
            house.cellar.says(CAROL, "/private What is new?")
            (other,) = await house.told(house.cellar)
        assert told.text.startswith(shown)
        assert other.text.startswith("You said: ")


async def test_another_refusal_of_telegrams_tells_the_room_nothing(tmp_path: Path) -> None:
    async with housed(tmp_path, remembers) as house:
        house.ada.commands(ADA, "start")
        await house.told(house.ada)
        house.telegram.breaks("sendMessage", broken())
        house.kitchen.says(ADA, f"/private {SECRET}")
        _, failed = await house.told(house.ada, 2)
        house.telegram.breaks("sendMessage", forbidden("not enough rights"))
        house.cellar.says(CAROL, "Hello!")
        await house.until(3)
        house.carol.says(CAROL, "Hello!")
        await house.told(house.carol)
    assert failed.text.startswith("Something went wrong")
    assert places(house, house.kitchen) == []
    assert house.telegram.heard(house.cellar) == [], "a refusal in a room is not told there"


async def test_a_name_in_an_answer_calls_nobody(tmp_path: Path) -> None:
    said = "@ben and (@carol), write to ada@example.org; see https://example.org/@ben"
    calm = "@\u200bben and (@\u200bcarol), write to ada@example.org; see https://example.org/@\u200bben"

    def agent(house: House) -> Agent:
        async def calls(turn: TurnHandle) -> str | None:
            async def parts() -> AsyncIterator[str]:
                yield "One moment, @ben.\n"
                yield said

            if turn.sender.id == str(CAROL.id):
                await turn.reply_stream(parts())
                return None
            return said

        return calls

    async with housed(tmp_path, agent, config={"links": {"hosts": ["example.org"]}}) as house:
        house.kitchen.says(ADA, "Who knows?")
        (whole,) = await house.told(house.kitchen)
        house.cellar.says(CAROL, "Who knows?")
        (grown,) = await house.told(house.cellar)
        await house.telegram.until(lambda: said[5:9] in str(house.telegram.heard(house.cellar)[-1].text))
        shown = house.telegram.heard(house.cellar)
    assert whole.text == calm
    assert grown.text.startswith("One moment, @\u200bben.")
    assert shown[-1].text == f"One moment, @\u200bben.\n{calm}"
    for one in (whole, *shown):
        assert not {"entities", "parse_mode"} & one.raw.keys()
        assert one.raw["link_preview_options"] == '{"is_disabled": true}'
