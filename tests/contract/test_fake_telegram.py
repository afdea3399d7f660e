"""The fake Bot API, held to what unmodified python-telegram-bot and our own reader make of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
import pytest
from telegram import Bot as Client
from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputMediaDocument,
    InputTextMessageContent,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)
from telegram.ext import (
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from adapters.errors import Unreadable
from adapters.telegram.inbound import parse
from adapters.wire import Deleted, Moved
from firewall.core.identity import SenderKind
from firewall.core.message import Message as Read
from tests.fakes.telegram.accounts import Bot, User
from tests.fakes.telegram.applications import AnyApplication, builder, polling, webhook
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.wire import Body, Refused, broken, too_many

ADA, BEN = User(id=7001, first_name="Ada", username="ada"), User(id=7002, first_name="Ben")
SECRET = "acme-webhook-secret"
Context = ContextTypes.DEFAULT_TYPE
Run = Callable[[AnyApplication], AbstractAsyncContextManager[None]]


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as running:
        yield running


@pytest.fixture
def acme(telegram: FakeTelegram) -> Bot:
    return telegram.bot(555, "acme_bot")


@pytest.fixture
def globex(telegram: FakeTelegram) -> Bot:
    return telegram.bot(556, "globex_bot")


@pytest.fixture
async def client(telegram: FakeTelegram, acme: Bot) -> AsyncIterator[Client]:
    async with connected(telegram, acme) as client:
        yield client


@pytest.fixture
def dm(telegram: FakeTelegram, acme: Bot) -> Chat:
    chat = telegram.dm(ADA, acme)
    chat.says(ADA, "hello")
    return chat


@pytest.fixture
def kitchen(telegram: FakeTelegram, acme: Bot, globex: Bot) -> Chat:
    return telegram.room(-1001234567890, "Kitchen", acme, globex, people={ADA: "creator", BEN: "member"})


def connected(telegram: FakeTelegram, bot: Bot) -> Client:
    return Client(bot.token, base_url=telegram.base_url, base_file_url=telegram.base_file_url)


async def echo(update: Update, context: Context) -> None:
    assert update.effective_message is not None
    await update.effective_message.reply_text(f"echo: {update.effective_message.text}")


def echoing(telegram: FakeTelegram, bot: Bot) -> AnyApplication:
    app = builder(telegram, bot).build()
    app.add_handler(MessageHandler(filters.TEXT, echo))
    return app


def by_webhook(app: AnyApplication) -> AbstractAsyncContextManager[None]:
    return webhook(app, secret=SECRET)


def last(bot: Bot) -> tuple[Body, Update, Read]:
    """The newest update: as JSON, as the library reads it and as we do."""
    update = bot.pending[-1]
    library, read = Update.de_json(update, None), parse(update, app=str(bot.id), verified=True)
    assert isinstance(read, Read)
    # What the library does not know would be an invention of the fake.
    assert library.api_kwargs == {}
    assert library.effective_message is not None
    assert library.effective_message.api_kwargs == {}
    return update, library, read


@pytest.mark.parametrize("run", [pytest.param(polling, id="polling"), pytest.param(by_webhook, id="webhook")])
async def test_two_bots_answer_the_same_person_in_two_chats(
    telegram: FakeTelegram, acme: Bot, globex: Bot, run: Run
) -> None:
    ours, theirs = telegram.dm(ADA, acme), telegram.dm(ADA, globex)
    async with run(echoing(telegram, acme)), run(echoing(telegram, globex)):
        ours.says(ADA, "for acme")
        theirs.says(ADA, "for globex")
        await telegram.until(lambda: telegram.heard(ours) and telegram.heard(theirs))
    (one,), (other,) = telegram.heard(ours), telegram.heard(theirs)
    assert (one.bot, one.chat, one.text) == (acme.id, ADA.id, "echo: for acme")
    assert (other.bot, other.chat, other.text) == (globex.id, ADA.id, "echo: for globex")
    assert one.message.number_for(acme) == other.message.number_for(globex) == 2


async def test_an_application_streams_by_edits_and_answers_commands_files_and_buttons(
    telegram: FakeTelegram, acme: Bot
) -> None:
    async def start(update: Update, context: Context) -> None:
        assert update.message is not None
        sent = await update.message.reply_text("…")
        for end in (3, 6):
            await sent.edit_text("stream"[:end])
        keys = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])
        await sent.edit_reply_markup(keys)

    async def pressed(update: Update, context: Context) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("thanks")
        await update.callback_query.edit_message_text(f"chose {update.callback_query.data}")

    async def document(update: Update, context: Context) -> None:
        assert update.message is not None
        assert update.message.document is not None
        content = await (await update.message.document.get_file()).download_as_bytearray()
        await update.message.reply_document(bytes(content)[::-1], filename="back.txt", caption="reversed")

    app, chat = builder(telegram, acme).build(), telegram.dm(ADA, acme)
    app.add_handlers([CommandHandler("start", start), CallbackQueryHandler(pressed)])
    app.add_handler(MessageHandler(filters.Document.ALL, document))
    async with polling(app):
        chat.commands(ADA, "start", "now")
        streamed = await telegram.until(lambda: telegram.heard(chat)[3:])
        chat.presses(ADA, streamed[0].message, "yes")
        await telegram.until(lambda: telegram.heard(chat)[4:])
        chat.uploads(ADA, "note.txt", b"abc", caption="mine")
        await telegram.until(lambda: telegram.heard(chat)[5:])
    told = [(one.method, one.text or one.caption, one.edit_of) for one in telegram.sent]
    assert told == [
        ("sendMessage", "…", None),
        ("editMessageText", "str", 2),
        ("editMessageText", "stream", 2),
        ("editMessageReplyMarkup", "", 2),
        ("answerCallbackQuery", "thanks", None),
        ("editMessageText", "chose yes", 2),
        ("sendDocument", "reversed", None),
    ]
    assert telegram.sent[3].markup["inline_keyboard"][0][0]["callback_data"] == "yes"
    assert [(one.name, one.content) for one in telegram.sent[-1].files] == [("back.txt", b"cba")]


async def test_only_the_right_secret_gets_an_update_past_the_webhook(
    telegram: FakeTelegram, acme: Bot, globex: Bot
) -> None:
    chat, other = telegram.dm(ADA, acme), telegram.dm(ADA, globex)
    other.says(ADA, "forged")
    (forged,) = globex.pending
    async with by_webhook(echoing(telegram, acme)):
        statuses = [await telegram.forges(acme, forged, secret=secret) for secret in ("wrong", "", SECRET)]
        chat.says(ADA, "genuine")
        await telegram.until(lambda: len(telegram.heard(chat)) == 2)
    assert statuses == [403, 403, 200]
    assert [one.text for one in telegram.heard(chat)] == ["echo: forged", "echo: genuine"]


async def test_a_webhook_gets_updates_out_of_order_and_twice_on_demand(
    telegram: FakeTelegram, acme: Bot
) -> None:
    chat = telegram.dm(ADA, acme)
    async with by_webhook(echoing(telegram, acme)):
        acme.hold()
        for text in ("a", "b"):
            chat.says(ADA, text)
        acme.release([1, 0, 1])
        await telegram.until(lambda: len(telegram.heard(chat)) == 3)
    assert [one.text for one in telegram.heard(chat)] == ["echo: b", "echo: a", "echo: b"]


async def test_what_the_webhook_does_not_take_is_delivered_again(telegram: FakeTelegram, acme: Bot) -> None:
    chat = telegram.dm(ADA, acme)
    async with by_webhook(echoing(telegram, acme)):
        acme.secret = "rotated-too-early"
        chat.says(ADA, "a")
        await telegram.until(lambda: acme.failures)
        acme.secret = SECRET
        chat.says(ADA, "b")
        await telegram.until(lambda: len(telegram.heard(chat)) == 2)
    assert acme.failures[0] == 403
    assert [one.text for one in telegram.heard(chat)] == ["echo: a", "echo: b"]


async def test_a_webhook_that_nobody_serves_keeps_the_updates(
    telegram: FakeTelegram, acme: Bot, client: Client, dm: Chat
) -> None:
    await client.set_webhook("http://127.0.0.1:9/", secret_token=SECRET, allowed_updates=["message"])
    await telegram.until(lambda: acme.failures)
    info = await client.get_webhook_info()
    assert (acme.failures[0], info.pending_update_count, info.allowed_updates) == (0, 1, ("message",))
    with pytest.raises(Conflict, match="while webhook is active"):
        await client.get_updates()
    await client.delete_webhook(drop_pending_updates=True)
    assert await client.get_updates() == ()
    with pytest.raises(BadRequest, match="unallowed characters"):
        await client.set_webhook("http://127.0.0.1:9/", secret_token="no spaces")


async def test_an_offset_confirms_what_is_older(acme: Bot, client: Client, dm: Chat) -> None:
    dm.says(ADA, "two")
    dm.says(ADA, "three")
    first = await client.get_updates(limit=1)
    again = await client.get_updates()
    assert (len(first), len(again), first[0].update_id) == (1, 3, again[0].update_id)
    rest = await client.get_updates(offset=first[0].update_id + 1)
    assert [one.message and one.message.text for one in rest] == ["two", "three"]
    newest = await client.get_updates(offset=-1)
    assert [one.update_id for one in newest] == [one["update_id"] for one in acme.pending] == [1003]


async def test_a_long_poll_waits_for_news_and_gives_way_to_a_newer_one(client: Client, dm: Chat) -> None:
    (old,) = await client.get_updates()
    async with connected_again(client) as other:
        waiting = asyncio.create_task(client.get_updates(offset=old.update_id + 1, timeout=5))
        newer = asyncio.create_task(other.get_updates(offset=old.update_id + 1, timeout=5))
        with pytest.raises(Conflict, match="terminated by other"):
            # Whichever came first loses.
            await next(asyncio.as_completed([waiting, newer], timeout=5))
        dm.says(ADA, "news")
        ((update,),) = [
            one
            for one in await asyncio.gather(waiting, newer, return_exceptions=True)
            if isinstance(one, tuple)
        ]
    assert update.message is not None
    assert update.message.text == "news"


def connected_again(client: Client) -> Client:
    return Client(client.token, base_url=client.base_url.removesuffix(client.token))


async def test_kinds_that_were_not_asked_for_are_not_delivered(acme: Bot, client: Client, dm: Chat) -> None:
    dm.reacts(ADA, dm.messages[0], "👍")
    await client.get_updates(allowed_updates=["message_reaction"])
    dm.reacts(ADA, dm.messages[0], "👎")
    dm.says(ADA, "unheard")
    (before, update) = await client.get_updates()
    assert before.message is not None
    assert update.message_reaction is not None
    assert [one.to_dict()["emoji"] for one in update.message_reaction.new_reaction] == ["👎"]


async def test_a_group_tells_every_bot_and_a_bot_hears_no_bot(
    telegram: FakeTelegram, acme: Bot, globex: Bot, client: Client, kitchen: Chat
) -> None:
    kitchen.says(BEN, "hello room")
    await client.send_message(kitchen.id, "hello Ben")
    assert [len(bot.pending) for bot in (acme, globex)] == [1, 1]
    assert last(acme)[2].sender.id == last(globex)[2].sender.id == "7002"
    assert kitchen.messages[0].number_for(acme) == kitchen.messages[0].number_for(globex)


async def test_a_basic_group_numbers_messages_for_each_bot(
    telegram: FakeTelegram, acme: Bot, globex: Bot, dm: Chat
) -> None:
    room = telegram.room(-4001, "Attic", acme, globex, kind="group")
    said = room.says(BEN, "hello")
    assert (said.number_for(acme), said.number_for(globex)) == (2, 1)


def test_a_topic_is_a_thread_and_a_chain_of_replies_is_not(acme: Bot, kitchen: Chat) -> None:
    asked = kitchen.says(BEN, "asked before")
    kitchen.says(ADA, "no topic", reply_to=asked)
    update, library, read = last(acme)
    assert update["message"]["message_thread_id"] == asked.number
    assert (
        library.effective_message and library.effective_message.is_topic_message,
        read.conversation.thread,
    ) == (
        None,
        None,
    )
    plans = kitchen.opens_topic(ADA, "Plans")
    kitchen.says(BEN, "in a topic", topic=plans)
    _, library, read = last(acme)
    assert library.effective_message is not None
    assert library.effective_message.is_topic_message
    assert (read.conversation.thread, read.quotes) == (str(plans.number), ())


def test_a_quote_and_a_reply_across_chats_are_told_apart(
    telegram: FakeTelegram, acme: Bot, kitchen: Chat, dm: Chat
) -> None:
    said = kitchen.says(BEN, "🔑 the key is under the mat")
    kitchen.says(ADA, "what?", reply_to=said, quote="under the mat")
    update, _, read = last(acme)
    assert update["message"]["quote"] == {"text": "under the mat", "position": 14}
    assert [(one.text, one.message) for one in read.quotes] == [("under the mat", str(said.number))]
    dm.says(ADA, "and this?", reply_to=said, quote="under the mat")
    update, library, read = last(acme)
    assert library.effective_message is not None
    assert library.effective_message.external_reply is not None
    assert [(one.message, one.author and one.author.id) for one in read.quotes] == [(None, "7002")]


def test_one_file_has_another_id_for_each_bot(acme: Bot, globex: Bot, kitchen: Chat) -> None:
    kitchen.uploads(ADA, "cat.png", b"cat", kind="photo")
    ids = [last(bot)[0]["message"]["photo"][0]["file_id"] for bot in (acme, globex)]
    assert (list(acme.files), list(globex.files)) == ([ids[0]], [ids[1]])
    assert ids[0] != ids[1]


def test_forwards_name_their_author_unless_the_author_is_hidden(acme: Bot, kitchen: Chat, dm: Chat) -> None:
    said = kitchen.says(BEN, "the globex pin is 9-9-9")
    copy = dm.forwards(ADA, said)
    assert [one.author and one.author.id for one in last(acme)[2].quotes] == ["7002"]
    dm.forwards(ADA, said, hidden=True)
    assert [one.author for one in last(acme)[2].quotes] == [None]
    kitchen.forwards(ADA, copy)
    assert [one.author and one.author.id for one in last(acme)[2].quotes] == ["7002"]
    kitchen.forwards(ADA, kitchen.anonymous_admin_says("as the group"))
    assert last(acme)[0]["message"]["forward_origin"]["type"] == "chat"


def test_shared_accounts_speak_as_telegram_says_they_do(
    telegram: FakeTelegram, acme: Bot, kitchen: Chat
) -> None:
    news = telegram.room(-100888, "News", acme, kind="channel", linked=kitchen)
    kitchen.anonymous_admin_says("as the group")
    assert (last(acme)[2].sender.kind, last(acme)[2].sender.id) == (SenderKind.ANONYMOUS, str(kitchen.id))
    kitchen.posts_as_channel(news, "as my channel")
    assert (last(acme)[2].sender.kind, last(acme)[2].sender.id) == (SenderKind.ANONYMOUS, str(news.id))
    post = news.posts_as_channel(news, "news")
    automatic = last(acme)
    assert automatic[0]["message"]["forward_origin"]["type"] == "channel"
    assert (automatic[2].sender.kind, automatic[2].conversation.id) == (SenderKind.SYSTEM, str(kitchen.id))
    news.edits(post, "newer")
    assert last(acme)[1].edited_channel_post is not None
    assert last(acme)[2].edit > 0


def test_an_edit_and_an_inline_result_are_told_as_such(
    telegram: FakeTelegram, acme: Bot, globex: Bot, dm: Chat
) -> None:
    said = dm.says(ADA, "first")
    dm.edits(said, "second")
    assert (last(acme)[2].text, last(acme)[2].id) == ("second", str(said.number_for(acme)))
    dm.says(ADA, "a card", via=globex)
    assert [one.author and one.author.id for one in last(acme)[2].quotes] == ["556"]


async def test_a_business_chat_is_read_and_answered_over_its_connection(
    telegram: FakeTelegram, acme: Bot, globex: Bot, client: Client, dm: Chat
) -> None:
    shop = telegram.business("bc-acme", BEN, acme)
    customer = telegram.customer(shop, ADA)
    asked = customer.says(ADA, "is it in stock?")
    assert last(acme)[1].business_message is not None
    assert last(acme)[2].sender.realm != str(acme.id)
    answer = await client.send_message(ADA.id, "yes", business_connection_id="bc-acme")
    assert answer.sender_business_bot is not None
    assert [one.text for one in telegram.heard(customer)] == ["yes"]
    assert telegram.heard(dm) == []
    assert (await client.get_business_connection("bc-acme")).user.id == BEN.id
    customer.edits(asked, "are they in stock?")
    assert last(acme)[1].edited_business_message is not None
    customer.deletes([asked])
    gone = parse(acme.pending[-1], app="555", verified=True)
    assert isinstance(gone, Deleted)
    assert gone.ids == (str(asked.number_for(acme)),)
    async with connected(telegram, globex) as other:
        with pytest.raises(BadRequest, match="connection not found"):
            await other.get_business_connection("bc-acme")
        with pytest.raises(BadRequest, match="Chat not found"):
            await other.send_message(ADA.id, "psst", business_connection_id="bc-acme")


async def test_a_group_that_was_upgraded_says_where_it_went(
    telegram: FakeTelegram, acme: Bot, globex: Bot, client: Client
) -> None:
    old = telegram.room(-4001, "Kitchen", acme, globex, kind="group", people={ADA: "creator"})
    telegram.migrates(old, ADA, -1009)
    told = [parse(one, app="555", verified=True) for one in acme.pending]
    assert [(one.before.id, one.after.id) for one in told if isinstance(one, Moved)] == [
        ("-4001", "-1009")
    ] * 2
    with pytest.raises(ChatMigrated) as moved:
        await client.send_message(old.id, "still here?")
    assert moved.value.new_chat_id == -1009
    await client.send_message(-1009, "here")
    assert [(one.text, one.ok) for one in telegram.calls] == [("still here?", False), ("here", True)]


async def test_a_bot_writes_to_nobody_who_has_not_written_or_has_thrown_it_out(
    telegram: FakeTelegram, acme: Bot, client: Client, kitchen: Chat, dm: Chat
) -> None:
    telegram.dm(BEN, acme)
    with pytest.raises(Forbidden, match="initiate conversation"):
        await client.send_message(BEN.id, "hi")
    dm.expels(ADA, acme)
    kitchen.expels(ADA, acme)
    with pytest.raises(Forbidden, match="blocked by the user"):
        await client.send_message(dm.id, "hi")
    with pytest.raises(Forbidden, match="kicked from the supergroup"):
        await client.send_message(kitchen.id, "hi")
    with pytest.raises(BadRequest, match="Chat not found"):
        await client.send_message(999, "hi")
    (_, blocked, _) = await client.get_updates()
    assert blocked.my_chat_member is not None
    with pytest.raises(Unreadable, match="not a message"):
        parse(acme.pending[-1], app="555", verified=True)
    dm.says(ADA, "come back")
    await client.send_message(dm.id, "gladly")
    assert [one.text for one in telegram.sent] == ["gladly"]
    left = telegram.room(-77, "Left", acme)
    left.bots.clear()
    with pytest.raises(Forbidden, match="not a member"):
        await client.send_message(-77, "hi")


async def test_files_come_as_uploads_as_ids_and_as_albums_and_ids_are_one_bots_own(
    telegram: FakeTelegram, acme: Bot, globex: Bot, client: Client, kitchen: Chat
) -> None:
    sent = await client.send_document(kitchen.id, b"report", filename="report.txt", caption="see")
    assert sent.document is not None
    await client.send_document(kitchen.id, sent.document.file_id)
    picture = await client.send_photo(kitchen.id, b"\x89PNG")
    album = [InputMediaDocument(b"one", caption="1"), InputMediaDocument(sent.document.file_id, caption="2")]
    messages = await client.send_media_group(kitchen.id, album)
    assert [[one.content for one in each.files] for each in telegram.sent] == [
        [b"report"],
        [b"report"],
        [b"\x89PNG"],
        [b"one", b"report"],
    ]
    assert (len(picture.photo), [one.caption for one in messages]) == (1, ["1", "2"])
    form = aiohttp.FormData({"chat_id": str(kitchen.id), "document": "attach://part"})
    form.add_field("part", b"attached", filename="part.txt")
    async with telegram.client.post(f"{telegram.base_url}{acme.token}/sendDocument", data=form) as answer:
        assert (await answer.json())["result"]["document"]["file_size"] == len(b"attached")
    async with connected(telegram, globex) as other:
        for ask in (
            other.get_file(sent.document.file_id),
            other.send_document(kitchen.id, sent.document.file_id),
        ):
            with pytest.raises(BadRequest, match="file"):
                await ask
    file = await client.get_file(sent.document.file_id)
    assert await file.download_as_bytearray() == b"report"
    path = str(file.file_path).replace(acme.token, globex.token)
    with pytest.raises(InvalidToken, match="Not Found"):
        await client.request.retrieve(path)


async def test_messages_are_copied_forwarded_deleted_and_reacted_to(
    telegram: FakeTelegram, acme: Bot, client: Client, kitchen: Chat, dm: Chat
) -> None:
    said = kitchen.says(BEN, "take this along")
    copy = await client.copy_message(dm.id, kitchen.id, said.number, caption="mine")
    forwarded = await client.forward_message(dm.id, kitchen.id, said.number)
    assert forwarded.forward_origin is not None
    assert [one.message.body.get("text") for one in telegram.sent] == ["take this along"] * 2
    await client.set_message_reaction(kitchen.id, said.number, "👍")
    assert "\\ud83d\\udc4d" in telegram.sent[-1].raw["reaction"]
    await client.delete_message(dm.id, copy.message_id)
    for deed, why in (
        (client.delete_message(dm.id, copy.message_id), "to delete not found"),
        (client.delete_message(kitchen.id, said.number), "can't be deleted"),
        (client.edit_message_text("mine", kitchen.id, said.number), "can't be edited"),
        (client.copy_message(dm.id, kitchen.id, 99), "to copy not found"),
        (client.forward_message(dm.id, kitchen.id, 99), "to forward not found"),
        (client.set_message_reaction(kitchen.id, 99, "👍"), "to react not found"),
    ):
        with pytest.raises(BadRequest, match=why):
            await deed


async def test_polls_drafts_actions_and_captions_are_kept_as_typed(
    telegram: FakeTelegram, acme: Bot, client: Client, kitchen: Chat, dm: Chat
) -> None:
    poll = await client.send_poll(dm.id, "Lunch?", ["yes", "no"])
    assert poll.poll is not None
    await client.send_chat_action(dm.id, "typing")
    await client.send_message_draft(dm.id, 5, "thinki")
    with pytest.raises(BadRequest, match="private chats"):
        await client.send_message_draft(kitchen.id, 5, "thinki")
    sent = await client.send_document(dm.id, b"x", caption="old")
    await sent.edit_caption("new")
    topic = kitchen.opens_topic(ADA, "Plans")
    await client.send_message(kitchen.id, "in there", message_thread_id=topic.number)
    told = [(one.method, one.ok, one.text or one.caption, one.thread) for one in telegram.calls]
    assert told == [
        ("sendPoll", True, "", None),
        ("sendChatAction", True, "", None),
        ("sendMessageDraft", True, "thinki", None),
        ("sendMessageDraft", False, "thinki", None),
        ("sendDocument", True, "old", None),
        ("editMessageCaption", True, "new", None),
        ("sendMessage", True, "in there", topic.number),
    ]
    assert telegram.calls[0].raw["question"] == "Lunch?"


async def test_an_inline_question_is_answered_once(telegram: FakeTelegram, acme: Bot) -> None:
    async def answer(update: Update, context: Context) -> None:
        assert update.inline_query is not None
        card = InlineQueryResultArticle("1", "Card", InputTextMessageContent("for Ada"))
        await update.inline_query.answer([card])
        with pytest.raises(BadRequest, match="too old"):
            await update.inline_query.answer([card])

    app = builder(telegram, acme).build()
    app.add_handler(InlineQueryHandler(answer))
    async with polling(app):
        telegram.asks_inline(ADA, acme, "card")
        await telegram.until(lambda: len(telegram.calls) == 2)
    assert [("for Ada" in one.raw["results"], one.ok) for one in telegram.calls] == [
        (True, True),
        (True, False),
    ]


async def test_who_and_where_are_answered(
    telegram: FakeTelegram, acme: Bot, globex: Bot, client: Client, kitchen: Chat
) -> None:
    news = telegram.room(-100888, "News", acme, kind="channel", linked=kitchen, username="news")
    assert (await client.get_me()).id == acme.id
    full = await client.get_chat("@news")
    assert (full.id, full.linked_chat_id) == (news.id, kitchen.id)
    statuses = [(await client.get_chat_member(kitchen.id, one)).status for one in (ADA.id, BEN.id, acme.id)]
    assert statuses == ["creator", "member", "member"]
    assert (await client.get_chat_member(news.id, acme.id)).status == "administrator"
    with pytest.raises(BadRequest, match="Member not found"):
        await client.get_chat_member(news.id, ADA.id)
    async with connected(telegram, globex) as other:
        with pytest.raises(BadRequest, match="Chat not found"):
            await other.get_chat(news.id)
    posted = await client.send_message(news.id, "by the bot")
    assert posted.sender_chat is not None
    assert globex.pending[-1]["message"]["is_automatic_forward"]
    # A bot is not told of its own post, only of the copy in the group.
    assert [sorted(one) for one in acme.pending] == [["message", "update_id"]]


@pytest.mark.parametrize(
    ("method", "said", "why"),
    [
        pytest.param("sendMessage", {"text": " "}, "message text is empty", id="empty"),
        pytest.param("sendMessage", {"text": "x" * 4097}, "message is too long", id="too-long"),
        pytest.param("sendMessage", {"chat_id": "", "text": "x"}, "chat_id is empty", id="no-chat"),
        pytest.param(
            "sendMessage", {"text": "x", "message_thread_id": 9}, "message thread not found", id="no-topic"
        ),
        pytest.param(
            "sendMessage",
            {"text": "x", "reply_parameters": {"message_id": 9}},
            "message to be replied not found",
            id="no-message",
        ),
        pytest.param(
            "sendMessage",
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "b", "callback_data": "é" * 33}]]}},
            "BUTTON_DATA_INVALID",
            id="data-of-66-bytes",
        ),
        pytest.param(
            "sendMessage",
            {"text": "x", "reply_markup": "{"},
            "can't parse reply_markup JSON object",
            id="broken-json",
        ),
        pytest.param("editMessageText", {"message_id": 9}, "message to edit not found", id="edit-of-nothing"),
        pytest.param(
            "editMessageText", {"message_id": "x"}, 'invalid parameter "message_id"', id="no-number"
        ),
        pytest.param(
            "editMessageText", {"message_id": 1, "text": " "}, "message text is empty", id="edit-to-nothing"
        ),
        pytest.param(
            "editMessageCaption",
            {"message_id": 1, "caption": "x" * 1025},
            "message caption is too long",
            id="caption",
        ),
        pytest.param(
            "sendMediaGroup", {"media": []}, "the album must have from 2 to 10 messages", id="empty-album"
        ),
        pytest.param("sendDocument", {}, "wrong file identifier/HTTP URL specified", id="no-file"),
        pytest.param(
            "answerCallbackQuery",
            {"callback_query_id": "invented"},
            "query is too old and response timeout expired or query ID is invalid",
            id="unknown-query",
        ),
    ],
)
async def test_what_telegram_refuses_is_refused_in_its_words(
    telegram: FakeTelegram, acme: Bot, client: Client, kitchen: Chat, method: str, said: Body, why: str
) -> None:
    await client.send_message(kitchen.id, "old")
    address = f"{telegram.base_url}{acme.token}/{method}"
    async with telegram.client.post(address, json={"chat_id": kitchen.id, **said}) as answer:
        assert (await answer.json())["description"] == f"Bad Request: {why}"
    assert [one.ok for one in telegram.calls] == [True, False]


async def test_an_edit_that_changes_nothing_is_refused(client: Client, kitchen: Chat) -> None:
    sent = await client.send_message(kitchen.id, "old")
    with pytest.raises(BadRequest, match="not modified"):
        await sent.edit_text("old")


async def test_a_reply_to_nothing_goes_out_where_the_bot_allows_it(client: Client, kitchen: Chat) -> None:
    sent = await client.send_message(kitchen.id, "x", reply_to_message_id=9, allow_sending_without_reply=True)
    assert sent.reply_to_message is None
    again = await sent.reply_text("y", do_quote=True)
    assert again.reply_to_message is not None


@pytest.mark.parametrize(
    ("error", "after", "raised", "texts"),
    [
        pytest.param(too_many(3), False, RetryAfter, [], id="429"),
        pytest.param(broken(), False, NetworkError, [], id="500-before-the-effect"),
        pytest.param(broken(), True, NetworkError, ["x"], id="500-after-the-effect"),
        pytest.param(None, False, NetworkError, [], id="dropped-before-the-effect"),
        pytest.param(None, True, NetworkError, ["x"], id="dropped-after-the-effect"),
    ],
)
async def test_a_call_fails_once_on_demand_and_only_for_its_bot(
    telegram: FakeTelegram,
    acme: Bot,
    globex: Bot,
    client: Client,
    kitchen: Chat,
    monkeypatch: pytest.MonkeyPatch,
    error: Refused | None,
    after: bool,
    raised: type[Exception],
    texts: list[str],
) -> None:
    # Without it the library warns of a change to come whenever it meets a 429.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    telegram.breaks("sendMessage", error, after=after, bot=acme)
    async with connected(telegram, globex) as other:
        await other.send_message(kitchen.id, "other")
    with pytest.raises(raised):
        await client.send_message(kitchen.id, "x")
    assert [one.text for one in telegram.heard(kitchen)] == ["other", *texts]
    await client.send_message(kitchen.id, "again")
    assert [one.text for one in telegram.calls] == ["other", "x", "again"]


async def test_a_refusal_has_telegrams_form(telegram: FakeTelegram, acme: Bot) -> None:
    telegram.breaks("sendMessage", too_many(3))
    for address, said, status, body in (
        (f"{acme.token}/sendMessage", {}, 429, {"description": "Too Many Requests: retry after 3"}),
        (f"{acme.token}/sendmessage", {"chat_id": 9}, 400, {"description": "Bad Request: chat not found"}),
        (f"{acme.token}/sendNothing", {}, 404, {"description": "Not Found: method not found"}),
        ("556:wrong/getMe", {}, 401, {"description": "Unauthorized"}),
    ):
        async with telegram.client.post(telegram.base_url + address, json=said) as answer:
            found = await answer.json()
        extra = {"parameters": {"retry_after": 3}} if status == 429 else {}
        assert (answer.status, found) == (status, {"ok": False, "error_code": status, **body, **extra})
        assert answer.headers.get("Retry-After") == ("3" if status == 429 else None)


async def test_waiting_ends_with_an_error_and_not_never(telegram: FakeTelegram) -> None:
    with pytest.raises(TimeoutError):
        await telegram.until(lambda: telegram.sent, within_s=0.01)
