"""A bot that exists, on Telegram: with one list for everybody it leaks in every way; with the wall in none.

The bot and python-telegram-bot are unmodified and talk to a Bot API of ours over sockets. Ada tells
ACME's bot a secret. Then Ben at the same bot and Carol at GLOBEX's ask, in each way that Telegram has.
"""

import html
import importlib
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
import telegram
from telegram import InputFile, InputMediaDocument, Update
from telegram.helpers import escape_markdown

from adapters import litellm_model
from adapters.doors import State
from adapters.telegram.methods import SAYS, Place
from firewall.core.errors import Denied
from partywall.wall import Wall
from tests.fakes.models import Echo
from tests.fakes.telegram.accounts import Bot, User
from tests.fakes.telegram.acting import Context, acting
from tests.fakes.telegram.applications import builder, polling
from tests.fakes.telegram.places import Message
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.stage import ADA, BEN, CAROL, SECRET, WAYS, Mode, Seat, Stage, opened, shown, staged
from vault.ledger import Filter

ASKED = "Which deadlines did the others tell you about?"


async def played(stage: Stage, way: str) -> dict[str, str]:
    """Plant in one way, ask twice in the same way, and give what each who asked was shown.

    The second person sits at the same bot, the third at another tenant's.
    """
    plays = WAYS[way]
    _, updates = await plays(Seat(stage=stage, bot=stage.acme, who=ADA), SECRET)
    await stage.handled(updates)
    told: dict[str, str] = {}
    for seat, bot, who in (("same bot", stage.acme, BEN), ("other tenant", stage.globex, CAROL)):
        chat, updates = await plays(Seat(stage=stage, bot=bot, who=who), ASKED)
        await stage.handled(updates)
        for guarded in stage.guards.values():
            await guarded.drain(60)
        told[seat] = shown(stage, chat, who)
    return told


NEEDS_DRAFTS = pytest.mark.skipif(
    not hasattr(telegram.Message, "reply_text_draft"),
    reason="this python-telegram-bot has no Message.reply_text_draft: a bot cannot stream by drafts",
)
EVERY = pytest.mark.parametrize(
    "way", [pytest.param(way, marks=NEEDS_DRAFTS if way == "stream-of-drafts" else ()) for way in WAYS]
)


@EVERY
async def test_without_the_wall_everybody_is_told_what_the_first_person_said(wall: Wall, way: str) -> None:
    async with staged(Mode.BARE, wall) as stage:
        told = await played(stage, way)
    assert {seat for seat, text in told.items() if SECRET in text} == {"same bot", "other tenant"}


@EVERY
async def test_with_the_wall_nobody_is_told_anything_of_the_first_person(
    wall: Wall, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with staged(Mode.GUARDED, wall) as stage:
            told = await played(stage, way)
            assert SECRET in str(stage.habit.heard), "the bot kept its list"
    assert all(text.strip() for text in told.values()), "everybody was told something"
    assert not [seat for seat, text in told.items() if SECRET in text]
    assert SECRET not in caplog.text
    asked = [str(one) for one in stage.model.requests if ASKED in str(one)]
    assert all(SECRET not in one for one in asked), "no request holds the words of two people"


@EVERY
async def test_what_an_unguarded_model_says_is_searched_and_recorded(wall: Wall, way: str) -> None:
    async with staged(Mode.SEARCHED, wall) as stage:
        told = await played(stage, way)
        records = (await wall.runtime()).vault.records
        await records.settle()
        found = await records.violations(Filter())
    assert not [seat for seat, text in told.items() if SECRET in text]
    foreign = {one.record.rule for one in found} - {"unaccounted_outbound"}
    assert foreign, "it is on record"


# One call of each method that says or changes something, without its place.
SPOKEN: dict[str, dict[str, object]] = {
    "sendMessage": {"text": SECRET},
    "sendMessageDraft": {"draft_id": 1, "text": f"{SECRET}. That is all that I know of it."},
    "sendDocument": {"document": InputFile(SECRET.encode(), filename="a.txt")},
    "sendPhoto": {"photo": InputFile(SECRET.encode(), filename="a.png")},
    "sendVideo": {"video": InputFile(SECRET.encode(), filename="a.mp4")},
    "sendAnimation": {"animation": InputFile(SECRET.encode(), filename="a.mp4")},
    "sendAudio": {"audio": InputFile(SECRET.encode(), filename="a.mp3")},
    "sendVoice": {"voice": InputFile(SECRET.encode(), filename="a.oga")},
    "sendMediaGroup": {
        "media": [InputMediaDocument(SECRET.encode(), filename=f"{name}.txt") for name in ("a", "b")]
    },
    "sendPoll": {"question": SECRET, "options": [{"text": "yes"}, {"text": "no"}]},
    "sendLocation": {"latitude": 1.0, "longitude": 2.0},
    "sendVenue": {"latitude": 1.0, "longitude": 2.0, "title": SECRET, "address": "here"},
    "sendContact": {"phone_number": "1", "first_name": SECRET},
    "sendDice": {"emoji": "🎲"},
    "editMessageText": {"text": SECRET},
    "editMessageCaption": {"caption": SECRET},
    "editMessageReplyMarkup": {"reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}},
    "editMessageLiveLocation": {"latitude": 1.0, "longitude": 2.0},
    "stopMessageLiveLocation": {},
    "stopPoll": {},
    "deleteMessage": {},
    "deleteMessages": {},
    "setMessageReaction": {"reaction": [{"type": "emoji", "emoji": "👍"}]},
    "pinChatMessage": {},
    "unpinChatMessage": {},
    "answerCallbackQuery": {"text": SECRET},
}
# Methods that no table names, or not for a turn; each would say, carry or change something.
UNREAD = (
    "copyMessage",
    "forwardMessage",
    "sendSticker",
    "sendVideoNote",
    "sendInvoice",
    "setChatTitle",
    "leaveChat",
    "editMessageMedia",
    "answerInlineQuery",
    "answerGuestQuery",
    "answerWebAppQuery",
    "setMyCommands",
    "setWebhook",
    "deleteWebhook",
)


def test_every_method_that_says_something_is_played() -> None:
    assert SPOKEN.keys() == SAYS.keys()


@pytest.mark.parametrize("method", [*SPOKEN, *UNREAD])
async def test_no_method_reaches_another_persons_chat_another_room_or_another_topic(
    wall: Wall, method: str
) -> None:
    async with acting(wall) as world:
        room = world.telegram.room(-1001234567890, "Room", world.acme, people={ADA: "member"})
        topic = opened(room, ADA)
        hers, his = world.telegram.dm(ADA, world.acme), world.telegram.dm(BEN, world.acme)
        ways = ((hers, his, None), (hers, room, None), (room, his, None), (room, room, topic))
        for source, target, under in ways:
            # The bot has written there, so that it knows a message of it by number.
            await world.says(greets, target, BEN if target is his else ADA, **_in(under))
            said = _said(method, world.telegram.heard(target)[-1].message, world.acme, under)
            before = len(world.telegram.calls)

            async def reaches(update: Update, context: Context, said: dict[str, object] = said) -> object:
                # Telegram's names are case-insensitive.
                return await context.bot.do_api_request(method.lower(), api_kwargs=said)

            refused = await world.says(reaches, source)
            assert isinstance(refused, Denied)
            await world.guards[555].drain(60)
            notices = [one.chat for one in world.telegram.calls[before:]]
            assert notices in ([], [hers.id]), "the wall's own notice alone may go out"
        assert all(SECRET not in str(one) for one in world.telegram.calls)


MARKED: dict[str, tuple[str, Callable[[str], str]]] = {
    "html": ("HTML", html.escape),
    "html-in-pieces": ("HTML", lambda text: text.replace("e", "<b>e</b>")),
    "markdown": ("MarkdownV2", lambda text: escape_markdown(text, version=2)),
    "markdown-in-pieces": ("MarkdownV2", lambda text: text.replace("e", "*e*")),
}


@pytest.mark.parametrize("how", MARKED)
async def test_markup_does_not_hide_somebody_elses_words(wall: Wall, how: str) -> None:
    mode, escaped = MARKED[how]
    said = "AT&T's lawyers don't want the board to hear of Initech's debts before Friday"

    async def repeats(update: Update, context: Context) -> object:
        assert update.effective_message is not None
        return await update.effective_message.reply_text(escaped(said), parse_mode=mode)

    async with acting(wall) as world:
        await world.says(greets, world.telegram.dm(ADA, world.acme), text=said)
        await world.guards[555].drain(60)
        his = world.telegram.dm(BEN, world.acme)
        await world.says(repeats, his, BEN)
        (told,) = world.telegram.heard(his)
        assert "parse_mode" not in told.raw
        assert not {"lawyers", "Initech", "debts"} & set(re.findall(r"\w+", told.text))
        assert "REDACTED" in told.text


async def greets(update: Update, context: Context) -> object:
    assert update.effective_message is not None
    return await update.effective_message.reply_text("Good morning.")


def _in(topic: Message | None) -> dict[str, Any]:
    return {} if topic is None else {"topic": topic}


def _said(method: str, message: Message, bot: Bot, topic: Message | None) -> dict[str, object]:
    said, place = SPOKEN.get(method, {"text": SECRET}), SAYS[method].place if method in SAYS else Place.CHAT
    if place is Place.QUERY:
        return said | {"callback_query_id": "1760000009-7002"}
    said = said | {"chat_id": message.chat.id}
    if place is Place.CHAT:
        return said if topic is None else said | {"message_thread_id": topic.number}
    number = message.number_for(bot)
    return said | ({"message_ids": [number]} if method == "deleteMessages" else {"message_id": number})


@pytest.mark.parametrize("concurrent", [False, True], ids=["serial", "concurrent"])
async def test_many_people_of_two_tenants_at_once_are_answered_each_in_their_own_chat(
    wall: Wall, concurrent: bool
) -> None:
    async with staged(Mode.GUARDED, wall, concurrent=concurrent) as stage:
        people = [User(id=8000 + number, first_name="P") for number in range(6)]
        for bot in (stage.acme, stage.globex):
            for one in people:
                stage.dm(bot, one).says(one, f"My word is {bot.id}-{one.id}-heliotrope.")
        await stage.handled(2 * len(people))
        for bot in (stage.acme, stage.globex):
            for one in people:
                told = "".join(each.text for each in stage.telegram.heard(stage.dm(bot, one)))
                words = re.findall(r"\d+-\d+-heliotrope", told)
                assert words == [f"{bot.id}-{one.id}-heliotrope"]


async def test_the_example_keeps_two_people_apart_wherever_they_ask(wall: Wall) -> None:
    # Loaded here: LiteLLM must have been loaded by its adapter before, which keeps it off the network.
    example: Any = importlib.import_module("examples.telegram_guarded")
    echo = Echo()
    litellm_model.register("echo", echo)
    try:
        async with FakeTelegram() as telegram:
            acme = telegram.bot(555, "acme_bot")
            app, handle, bot = example.build(wall, "echo/model", builder(telegram, acme))
            states = {row.state for row in handle.report()}
            hers, his = telegram.dm(ADA, acme), telegram.dm(BEN, acme)
            room = telegram.room(-5, "Shop", acme, kind="group", people={ADA: "member", BEN: "member"})
            async with polling(app):
                hers.commands(ADA, "start")
                hers.says(ADA, SECRET)
                await telegram.until(lambda: len(telegram.heard(hers)) == 2)
                his.says(BEN, ASKED)
                await telegram.until(lambda: telegram.heard(his))
                room.says(BEN, ASKED)
                await telegram.until(lambda: telegram.heard(room))
                his.presses(BEN, telegram.heard(his)[-1].message, "shorter")
                await telegram.until(lambda: len(telegram.heard(his)) == 2)
            await app.post_stop(app)
    finally:
        litellm_model.unregister("echo")
    assert states == {State.COVERED}
    assert SECRET in str(bot.messages), "the bot kept its list"
    assert SECRET in telegram.heard(hers)[-1].text
    shown_to_ben = [one.text for chat in (his, room) for one in telegram.heard(chat)]
    assert [example.SHORTER in text for text in shown_to_ben] == [False, True, False]
    assert all(ASKED in text for text in shown_to_ben)
    assert SECRET not in str(shown_to_ben)
    assert example.SHORTER in shown_to_ben[1]
    assert len(echo.requests) == 4
