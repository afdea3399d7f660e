"""A bot of ours on Telegram: one bot that two tenants write to, over sockets, by polls and by a webhook."""

import asyncio
import itertools
import json
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from telegram.error import TelegramError

import partywall as pw
from adapters import litellm_model
from adapters.channels import Accept
from adapters.errors import Unreadable
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.inbound import parse
from adapters.telegram.intake import KINDS
from adapters.telegram.requests import Patient, Raw
from adapters.wire import Deleted, Moved
from firewall.core.arrival import Arrival
from firewall.core.errors import MisuseError, ServiceUnavailable, StoreUnavailable
from partywall.bot import Bot
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.models import Echo
from tests.fakes.payloads import every, payload
from tests.fakes.telegram import accounts
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.places import GROUP_ANONYMOUS_BOT, Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.wire import Refused, Sent, bad, broken, forbidden, too_many

ADA, CAROL = User(id=7001, first_name="Ada", username="ada"), User(id=7003, first_name="Carol")
ACME_ROOM, GLOBEX_ROOM = -1_001_000_000_001, -1_001_000_000_002
SECRET = "kelp-47-lantern"
WEBHOOK_SECRET = "a-secret_of-1-webhook"
Agent = Callable[[TurnHandle], Awaitable[str | None]]


def settings(path: Path, **more: object) -> dict[str, object]:
    tenants = (("T-ACME", (ADA.id, ACME_ROOM)), ("T-GLOBEX", (CAROL.id, GLOBEX_ROOM)))
    config: dict[str, object] = {
        "profile": "light",
        "model": "echo/bot",
        "tenant": [
            {
                "id": tenant,
                "realms": [
                    {"channel": "telegram", "realm": "555", "conversation": str(chat)} for chat in chats
                ],
            }
            for tenant, chats in tenants
        ],
        "store": {"path": str(path / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
    }
    return {**config, **more}


@pytest.fixture
def model() -> Iterator[Echo]:
    echo = Echo()
    litellm_model.register("echo", echo)
    yield echo
    litellm_model.unregister("echo")


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as running:
        yield running


@pytest.fixture
def otto(telegram: FakeTelegram) -> accounts.Bot:
    return telegram.bot(555, "otto_bot")


class Pauses:
    """Every pause that was asked for; none is waited for."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


def channel_of(telegram: FakeTelegram, bot: accounts.Bot, **how: Any) -> TelegramChannel:
    return TelegramChannel(token=bot.token, base_url=telegram.base_url, **how)


def by_webhook(telegram: FakeTelegram, bot: accounts.Bot, **how: Any) -> TelegramChannel:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hook"
    return channel_of(telegram, bot, webhook_url=url, secret_token=WEBHOOK_SECRET, port=port, **how)


@asynccontextmanager
async def serving(
    telegram: FakeTelegram,
    bot: accounts.Bot,
    wall: Wall,
    agent: Agent,
    channel: TelegramChannel | None = None,
) -> AsyncGenerator[Bot]:
    """Serve until the end, and at least until Telegram knows of what the bot wants to hear."""
    async with Bot(wall, agent, [channel or channel_of(telegram, bot)]).serving() as served:
        await telegram.until(lambda: bot.allowed)
        yield served


@asynccontextmanager
async def opened(
    telegram: FakeTelegram, bot: accounts.Bot, channel: TelegramChannel, accept: Accept | None = None
) -> AsyncGenerator[list[tuple[str, str]]]:
    """Open a channel without a wall, and give what it drops."""
    dropped: list[tuple[str, str]] = []

    async def nothing(_: object) -> None:
        return None

    await channel.open(accept or nothing, nothing, lambda kind, problem: dropped.append((kind, problem)))
    await telegram.until(lambda: bot.allowed)
    try:
        yield dropped
    finally:
        await channel.close()


async def repeats(turn: TurnHandle) -> str | None:
    return f"You said: {turn.text}"


def shown(telegram: FakeTelegram, chat: Chat) -> list[str]:
    """Give what the bot wrote that stands in a chat now."""
    return [one.body["text"] for one in chat.messages if one.by is not None]


async def answered(telegram: FakeTelegram, chat: Chat, number: int = 1) -> list[Sent]:
    def found() -> list[Sent]:
        said = [one for one in telegram.heard(chat) if one.method == "sendMessage"]
        return said if len(said) >= number else []

    return await telegram.until(found, within_s=30)


def rooms(telegram: FakeTelegram, bot: accounts.Bot) -> tuple[Chat, Chat]:
    return (
        telegram.room(ACME_ROOM, "Kitchen", bot, people={ADA: "member"}),
        telegram.room(GLOBEX_ROOM, "Cellar", bot, people={CAROL: "member"}),
    )


WAYS = pytest.mark.parametrize("made", [channel_of, by_webhook], ids=["polling", "webhook"])


@WAYS
async def test_each_is_answered_in_their_own_chat(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path, made: Callable[..., TelegramChannel]
) -> None:
    ada, carol = telegram.dm(ADA, otto), telegram.dm(CAROL, otto)

    def typed() -> set[object]:
        return {one.chat for one in telegram.sent if one.method == "sendChatAction"}

    async def slow(turn: TurnHandle) -> str | None:
        await telegram.until(lambda: (ADA if SECRET in turn.text else CAROL).id in typed())
        return await repeats(turn)

    async with (
        pw.open(settings(tmp_path)) as wall,
        serving(telegram, otto, wall, slow, made(telegram, otto)),
    ):
        ada.says(ADA, f"My code is {SECRET}.")
        carol.says(CAROL, "Hello *there* https://example.org")
        (first,), (second,) = await answered(telegram, ada), await answered(telegram, carol)
    assert first.text == f"You said: My code is {SECRET}."
    assert second.text == "You said: Hello *there* https://example.org"
    assert "parse_mode" not in second.raw
    assert second.raw["link_preview_options"] == '{"is_disabled": true}'
    assert "reply_parameters" not in second.raw
    assert typed() == {ADA.id, CAROL.id}
    assert otto.pending == [], "all that was committed is confirmed"


async def test_a_group_and_a_topic_are_answered_where_and_to_whom_they_spoke(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    kitchen, cellar = rooms(telegram, otto)
    kitchen.bots.clear()
    plans = kitchen.opens_topic(ADA, "Plans")
    kitchen.bots.append(otto)
    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, repeats):
        asked = kitchen.says(ADA, "In a topic.", topic=plans)
        other = cellar.says(CAROL, "In a room.")
        (first,), (second,) = await answered(telegram, kitchen), await answered(telegram, cellar)
    assert (first.text, first.thread) == ("You said: In a topic.", plans.number)
    assert first.message.reply is asked
    assert (second.text, second.thread) == ("You said: In a room.", None)
    assert second.message.reply is other


async def test_a_customer_of_a_business_is_answered_in_its_name_and_a_deletion_empties(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    owner = User(id=8001, first_name="Olga")
    realm = '["business","555","B1"]'
    tenants = [
        {"id": "T-ACME", "realms": [{"channel": "telegram", "realm": "555"}]},
        {"id": "T-GLOBEX", "realms": [{"channel": "telegram", "realm": realm}]},
    ]
    histories: list[list[str]] = []

    async def remembers(turn: TurnHandle) -> str | None:
        histories.append([str(each["content"]) for each in turn.history()])
        return "Yes."

    async with (
        pw.open(settings(tmp_path, tenant=tenants)) as wall,
        serving(telegram, otto, wall, remembers),
    ):
        customer = telegram.customer(telegram.business("B1", owner, otto), CAROL)
        telegram.dm(ADA, otto).says(ADA, "Hello!")
        said = customer.says(CAROL, SECRET)
        (answer,) = await answered(telegram, customer)
        assert answer.raw["business_connection_id"] == "B1"
        customer.deletes([said])
        customer.says(CAROL, "What did I say?")
        await answered(telegram, customer, 2)
        # What is said in the business's name, by its bot or its owner, comes as an update too.
        customer.add({"from": owner.json, "text": "I am on holiday."})
        customer.add({"from": owner.json, "sender_business_bot": otto.user.json, "text": "Yes."})
        customer.says(CAROL, "And now?")
        await answered(telegram, customer, 3)
    assert sum(SECRET in line for lines in histories for line in lines) == 1, "before it was taken back"
    assert len(histories) == 4, "its own words are no question"


@WAYS
async def test_an_update_that_comes_again_is_answered_once(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path, made: Callable[..., TelegramChannel]
) -> None:
    ada, carol = telegram.dm(ADA, otto), telegram.dm(CAROL, otto)
    async with (
        pw.open(settings(tmp_path)) as wall,
        serving(telegram, otto, wall, repeats, made(telegram, otto)),
    ):
        otto.hold()
        ada.says(ADA, "Hello!")
        carol.says(CAROL, "Hello!")
        otto.release([0, 1, 0, 1, 0])
        await telegram.until(lambda: not otto.pending)
    assert shown(telegram, ada) == ["You said: Hello!"]
    assert shown(telegram, carol) == ["You said: Hello!"]


async def test_an_edit_is_the_message_said_again(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    ada, carol, begun = telegram.dm(ADA, otto), telegram.dm(CAROL, otto), asyncio.Event()

    async def slow(turn: TurnHandle) -> str | None:
        if turn.text == "old words":
            begun.set()
            await asyncio.Event().wait()
        return turn.text

    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, slow):
        said = ada.says(ADA, "old words")
        await asyncio.wait_for(begun.wait(), 10)
        ada.edits(said, "new words")
        carol.says(CAROL, "other words")
        await answered(telegram, ada)
        await answered(telegram, carol)
    assert (shown(telegram, ada), shown(telegram, carol)) == (["new words"], ["other words"])


async def test_a_button_is_answered_where_it_stands_and_its_client_waits_no_more(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    kitchen, cellar = rooms(telegram, otto)

    said = iter(["What now?", "What now?", "You pressed it.", None])

    async def answers(turn: TurnHandle) -> str | None:
        return next(said)

    def released() -> list[Sent]:
        return [one for one in telegram.sent if one.method == "answerCallbackQuery"]

    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, answers):
        kitchen.says(ADA, "/menu")
        cellar.says(CAROL, "/menu")
        (asked,) = await answered(telegram, kitchen)
        (other,) = await answered(telegram, cellar)
        query = kitchen.presses(ADA, asked.message, "first")
        _, pressed = await answered(telegram, kitchen, 2)
        silent = cellar.presses(CAROL, other.message, "second")
        await telegram.until(lambda: len(released()) == 2, within_s=30)
    assert pressed.text == "You pressed it."
    assert pressed.message.reply is asked.message
    assert [one.raw["callback_query_id"] for one in released()] == [query, silent]
    assert not any("text" in one.raw for one in released())
    assert len(shown(telegram, cellar)) == 1


async def test_a_failure_is_told_to_the_sender_alone(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ada, (kitchen, cellar) = telegram.dm(ADA, otto), rooms(telegram, otto)

    said = iter(["What now?"])

    async def fails(turn: TurnHandle) -> str | None:
        for answer in said:
            return answer
        raise ValueError(SECRET)

    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, fails):
        kitchen.says(ADA, "/menu")
        (asked,) = await answered(telegram, kitchen)
        ada.says(ADA, "Hello!")
        (alone,) = await answered(telegram, ada)
        cellar.says(CAROL, "Hello!")
        query = kitchen.presses(ADA, asked.message, "first")
        alert = await telegram.until(
            lambda: [one for one in telegram.calls if one.method == "answerCallbackQuery"]
        )
    assert alone.text.startswith("Something went wrong")
    (over,) = alert
    assert (over.raw["callback_query_id"], over.raw["show_alert"]) == (query, "true")
    assert over.text.startswith("Something went wrong")
    assert shown(telegram, cellar) == [], "a group cannot be told by a whisper"
    assert shown(telegram, kitchen) == ["What now?"]
    assert SECRET not in caplog.text


async def test_a_refusal_is_whispered_and_the_other_tenants_words_are_not_shown(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path, model: Echo
) -> None:
    ada, carol = telegram.dm(ADA, otto), telegram.dm(CAROL, otto)
    words = "the merger with Initech closes on 9 March at noon"
    heard: list[str] = []

    async def leaks(turn: TurnHandle) -> str | None:
        heard.append(turn.text)
        if turn.text == "Ask for it.":
            await turn.complete([{"role": "user", "content": heard[0]}])
        return heard[0]

    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, leaks):
        ada.says(ADA, words)
        await answered(telegram, ada)
        carol.says(CAROL, "Ask for it.")
        (told,) = await answered(telegram, carol)
        carol.says(CAROL, "Say it.")
        assert model.requests == []
        _, cut = await answered(telegram, carol, 2)
    assert shown(telegram, ada) == [words]
    assert told.text.startswith("This request was stopped by the operator's rules. Reference: ")
    assert "Initech" not in told.text + cut.text


async def test_a_long_answer_is_split_and_a_stream_grows_by_edits(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    ada, carol = telegram.dm(ADA, otto), telegram.dm(CAROL, otto)
    words = " ".join(f"word{number}" for number in range(1500))

    async def streams(turn: TurnHandle) -> str | None:
        async def parts() -> AsyncIterator[str]:
            for number in range(20):
                yield f"Sentence number {number} is short.\n"

        if turn.text == "long":
            return words
        await turn.reply_stream(parts())
        return None

    channel = channel_of(telegram, otto)
    channel.edits_every_s = 1e-9
    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, streams, channel):
        ada.says(ADA, "long")
        carol.says(CAROL, "stream")
        await answered(telegram, ada)
        await answered(telegram, carol)
    long = shown(telegram, ada)
    assert len(long) > 2
    assert " ".join(long) == words
    grown = [one.text for one in telegram.heard(carol)]
    assert len(grown) > 2
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(grown))
    (stands,) = shown(telegram, carol)
    assert "number 19 is short." in stands


async def test_what_was_taken_on_is_answered_by_its_route_after_a_restart(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    kitchen, cellar = rooms(telegram, otto)
    hung = asyncio.Semaphore(0)

    async def hangs(turn: TurnHandle) -> str | None:
        hung.release()
        await asyncio.Event().wait()
        return None

    limits = {"drain_s": 0.01}
    async with pw.open(settings(tmp_path, limits=limits)) as wall, serving(telegram, otto, wall, hangs):
        asked, other = kitchen.says(ADA, "first"), cellar.says(CAROL, "second")
        async with asyncio.timeout(10):
            await hung.acquire()
            await hung.acquire()
    assert otto.pending == [], "Telegram has nothing left to deliver"
    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, repeats):
        (first,), (second,) = await answered(telegram, kitchen), await answered(telegram, cellar)
    assert (first.text, first.message.reply) == ("You said: first", asked)
    assert (second.text, second.message.reply) == ("You said: second", other)


async def test_telegram_is_obeyed_when_it_asks_to_wait(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    ada, carol, pauses = telegram.dm(ADA, otto), telegram.dm(CAROL, otto), Pauses()
    channel = channel_of(telegram, otto, sleep=pauses)
    async with pw.open(settings(tmp_path)) as wall, serving(telegram, otto, wall, repeats, channel):
        telegram.breaks("sendMessage", too_many(7))
        telegram.breaks("sendMessage", too_many(50))
        ada.says(ADA, "Hello!")
        await answered(telegram, ada)
        assert pauses.asked == [7, 50]
        telegram.breaks("sendMessage", too_many(61))
        carol.says(CAROL, "Hello!")
        (told,) = await answered(telegram, carol)
    assert shown(telegram, ada) == ["You said: Hello!"]
    assert told.text.startswith("Something went wrong"), "it asks for more than anybody waits"
    assert pauses.asked == [7, 50]


async def test_an_update_is_confirmed_after_it_was_committed_and_not_before(
    telegram: FakeTelegram, otto: accounts.Bot, caplog: pytest.LogCaptureFixture
) -> None:
    pauses, taken, failing = Pauses(), list[Arrival](), ["database", SECRET, "disk"]

    async def accept(arrival: Arrival) -> None:
        assert len(otto.pending) == 2, "Telegram still has both"
        if failing:
            raise StoreUnavailable(failing.pop())
        taken.append(arrival)

    channel = channel_of(telegram, otto, sleep=pauses)
    otto.allowed = KINDS
    telegram.dm(ADA, otto).says(ADA, "Hello!")
    telegram.dm(CAROL, otto).says(CAROL, "Hello!")
    async with opened(telegram, otto, channel, accept):
        await telegram.until(lambda: not otto.pending)
    assert [one.message.sender.id for one in taken] == ["7001", "7003"]
    assert taken[0].route == {"chat": "7001", "alone": "yes"}
    assert pauses.asked == [1, 2, 4]
    assert caplog.text.count("an update could not be taken on: StoreUnavailable") == 3
    assert SECRET not in caplog.text


async def test_what_could_not_be_committed_is_left_to_the_next_process(
    telegram: FakeTelegram, otto: accounts.Bot
) -> None:
    tried, waits = asyncio.Event(), list[float]()

    async def accept(arrival: Arrival) -> None:
        if arrival.message.sender.id == str(CAROL.id):
            tried.set()
            raise StoreUnavailable("the database")

    async def waits_for_ever(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.Event().wait()

    otto.allowed = KINDS
    telegram.dm(ADA, otto).says(ADA, "Hello!")
    telegram.dm(CAROL, otto).says(CAROL, "Hello!")
    async with opened(telegram, otto, channel_of(telegram, otto, sleep=waits_for_ever), accept):
        await asyncio.wait_for(tried.wait(), 10)
        await telegram.until(lambda: waits)
    (left,) = otto.pending
    assert left["message"]["from"]["id"] == CAROL.id


async def test_a_commit_that_is_under_way_ends_before_the_bot_is_silent(
    telegram: FakeTelegram, otto: accounts.Bot
) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), list[str]()

    async def accept(arrival: Arrival) -> None:
        begun.set()
        await go_on.wait()
        done.append(arrival.message.sender.id)
        if arrival.message.sender.id == str(CAROL.id):
            raise StoreUnavailable("the database")

    for who, left in ((ADA, 0), (CAROL, 1)):
        begun.clear()
        go_on.clear()
        channel = channel_of(telegram, otto)
        async with opened(telegram, otto, channel, accept):
            telegram.dm(who, otto).says(who, "Hello!")
            await asyncio.wait_for(begun.wait(), 10)
            hushing = asyncio.create_task(channel.hush())
            await asyncio.sleep(0)
            go_on.set()
            await hushing
            assert len(otto.pending) == left
    assert done == ["7001", "7003"], "the one that failed is not tried again here"


async def test_polls_go_on_after_telegram_failed_and_say_why(
    telegram: FakeTelegram, otto: accounts.Bot, caplog: pytest.LogCaptureFixture
) -> None:
    pauses, taken = Pauses(), asyncio.Queue[str]()

    async def accept(arrival: Arrival) -> None:
        taken.put_nowait(arrival.message.sender.id)

    telegram.breaks("getUpdates", broken())
    telegram.breaks("getUpdates", None)
    telegram.breaks("getUpdates", too_many(9))
    channel = channel_of(telegram, otto, sleep=pauses)
    async with opened(telegram, otto, channel, accept):
        assert pauses.asked == [1, 2, 9]
        for who in (ADA, CAROL):
            telegram.dm(who, otto).says(who, "Hello!")
            assert await asyncio.wait_for(taken.get(), 5) == str(who.id)
        # Another process polls with the same token: Telegram ends the poll before.
        channel_too = channel_of(telegram, otto, sleep=pauses)
        async with opened(telegram, otto, channel_too, accept):
            await telegram.until(lambda: "another program takes this bot's updates" in caplog.text)
        telegram.breaks("getUpdates", bad("the goodbye"))
    assert caplog.text.count("no updates from Telegram: NetworkError") == 2
    assert otto.token not in caplog.text


async def test_the_webhook_hears_only_telegram_and_says_what_was_not_committed(
    telegram: FakeTelegram, otto: accounts.Bot, caplog: pytest.LogCaptureFixture
) -> None:
    taken, failing = list[str](), [SECRET]

    async def accept(arrival: Arrival) -> None:
        if failing:
            raise StoreUnavailable(failing.pop())
        taken.append(arrival.message.sender.id)

    channel = by_webhook(telegram, otto)
    ada, carol = telegram.dm(ADA, otto), telegram.dm(CAROL, otto)
    async with opened(telegram, otto, channel, accept) as dropped:
        ada.says(ADA, "Hello!")
        await telegram.until(lambda: otto.failures)
        assert (otto.failures, taken, len(otto.pending)) == ([500], [], 1)
        carol.says(CAROL, "Hello!")
        await telegram.until(lambda: not otto.pending)
        assert taken == ["7001", "7003"]
        forged = {"update_id": 1, "message": {"text": "I am Ada."}}
        for secret in ("", "wrong", "ünknown"):
            assert await telegram.forges(otto, forged, secret=secret) == 403
        headers = {accounts.SECRET_HEADER: WEBHOOK_SECRET}
        async with telegram.client.post(otto.url, data=b"[]", headers=headers) as answer:
            assert (answer.status, dropped) == (200, [("unknown", "not of the documented type")])
        await channel.hush()
        assert await telegram.forges(otto, forged, secret=WEBHOOK_SECRET) == 0
    assert SECRET not in caplog.text


async def test_what_is_no_message_is_dropped_by_its_name_and_does_not_stand_in_the_way(
    telegram: FakeTelegram, otto: accounts.Bot
) -> None:
    taken = asyncio.Queue[Arrival]()

    async def accept(arrival: Arrival) -> None:
        taken.put_nowait(arrival)

    kitchen, cellar = rooms(telegram, otto)
    async with opened(telegram, otto, channel_of(telegram, otto), accept) as dropped:
        otto.allowed = ()
        otto.deliver("message", {"text": SECRET, "chat": SECRET})
        otto.deliver("poll_answer", {"user": ADA.json})
        otto.deliver("poll_answer", {})
        del otto.pending[-1]["poll_answer"]
        otto.deliver(
            "callback_query",
            {"id": " ", "from": ADA.json, "message": {"message_id": 1, "chat": telegram.dm(ADA, otto).json}},
        )
        kitchen.add({"from": otto.user.json, "text": "My own words."})
        group = telegram.room(-5, "Old", otto, kind="group", people={ADA: "member"})
        telegram.migrates(group, ADA, -1_001_000_000_009)
        kitchen.says(ADA, "Hello!")
        cellar.anonymous_admin_says("Hello!")
        first, second = await taken.get(), await taken.get()
    kinds = [kind for kind, _ in dropped]
    assert kinds == ["message", "poll_answer", "empty", "callback_query", "message", "message"]
    assert SECRET not in str(dropped)
    assert first.message.sender.id == "7001"
    assert second.message.sender.id != str(GROUP_ANONYMOUS_BOT.id)


async def test_a_token_that_telegram_does_not_know_is_said_and_not_told(
    telegram: FakeTelegram, otto: accounts.Bot, tmp_path: Path
) -> None:
    wrong = "556:globex-token"
    channel = TelegramChannel(token=wrong, base_url=telegram.base_url)
    async with pw.open(settings(tmp_path)) as wall:
        with pytest.raises(ServiceUnavailable, match="compare it with what @BotFather shows") as raised:
            async with serving(telegram, otto, wall, repeats, channel):
                pass
    assert wrong not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"


async def test_what_keeps_a_bot_out_is_said(telegram: FakeTelegram, otto: accounts.Bot) -> None:
    telegram.breaks("deleteWebhook", forbidden(SECRET))
    with pytest.raises(ServiceUnavailable, match=r"did not let the bot in \(Forbidden\)"):
        async with opened(telegram, otto, channel_of(telegram, otto)):
            pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        channel = channel_of(telegram, otto, webhook_url="https://x", secret_token="s", port=port)
        with pytest.raises(ServiceUnavailable, match="choose a free port"):
            async with opened(telegram, otto, channel):
                pass
    with pytest.raises(MisuseError, match="no bot's token"):
        TelegramChannel(token=" 555:abc")
    for secret in (None, "", "ü"):
        with pytest.raises(MisuseError, match="needs a secret_token"):
            TelegramChannel(token=otto.token, webhook_url="https://x", secret_token=secret)


@WAYS
async def test_every_kind_of_update_arrives_as_telegram_sent_it(
    telegram: FakeTelegram, otto: accounts.Bot, made: Callable[..., TelegramChannel]
) -> None:
    arrived = asyncio.Queue[object]()

    async def accept(arrival: Arrival) -> None:
        arrived.put_nowait(arrival.message)

    async def forget(deleted: Deleted) -> None:
        arrived.put_nowait(deleted)

    channel = made(telegram, otto)
    await channel.open(accept, forget, lambda kind, problem: arrived.put_nowait(problem))
    await telegram.until(lambda: otto.allowed)
    try:
        for name in every("telegram"):
            kind, body = next(each for each in payload("telegram", name).items() if each[0] != "update_id")
            otto.allowed = (kind,)
            otto.deliver(kind, body)
            sent = json.dumps(otto.pending[-1]).encode()
            found = await asyncio.wait_for(arrived.get(), 5)
            assert found == wanted(sent), name
    finally:
        await channel.close()


def wanted(update: bytes) -> object:
    """Give what is made of an update that nothing stood before."""
    try:
        found = parse(update, app="555", verified=True)
    except Unreadable as error:
        return str(error)
    return "the group goes on under another id" if isinstance(found, Moved) else found


async def test_an_answer_goes_where_its_route_leads_and_nowhere_else(
    telegram: FakeTelegram, otto: accounts.Bot
) -> None:
    """What the fake has no hand for is read from the calls."""
    (kitchen, cellar), carol = rooms(telegram, otto), telegram.dm(CAROL, otto)
    arrived = asyncio.Queue[Arrival]()

    async def accept(arrival: Arrival) -> None:
        arrived.put_nowait(arrival)

    channel = channel_of(telegram, otto, reactions=True)
    async with opened(telegram, otto, channel, accept):
        said = kitchen.says(ADA, "Hello!")
        carol.says(CAROL, "Hello!")
        in_room, alone = await arrived.get(), await arrived.get()
        posted = await channel.post(in_room.route, "In the room.")
        for text in ("In the room, longer.", "In the room, longer."):
            await channel.edit(in_room.route, posted, text)
        await channel.whisper(in_room.route, SECRET)
        await channel.whisper(alone.route, "Only for you.")
        kitchen.reacts(ADA, said, "👍")
        carol.reacts(CAROL, carol.messages[0], "👍")
        reaction, own_reaction = await arrived.get(), await arrived.get()
        assert reaction.route == {"chat": str(kitchen.id)}
        assert own_reaction.route == {"chat": str(CAROL.id), "alone": "yes"}
        query = kitchen.presses(ADA, kitchen.messages[-1], "more")
        press = await arrived.get()
        old = {"message_id": 3, "date": 0, "chat": cellar.json}
        otto.deliver("callback_query", {"id": "old", "from": CAROL.json, "message": old, "data": "x"})
        unseen = await arrived.get()
        assert unseen.route == {"chat": str(cellar.id), "press": "old"}
        await channel.typing(press.route)
        assert "answerCallbackQuery" not in methods(telegram), "the button itself shows it for a while"
        for _ in range(3):
            await channel.typing(press.route)
        await channel.whisper(unseen.route, "Too old to be told.")
        await channel.typing({"chat": str(cellar.id), "topic": "9"})
        with pytest.raises(ServiceUnavailable, match="did not take it: BadRequest"):
            await channel.post({"chat": str(cellar.id), "thread": "77"}, SECRET)
        telegram.breaks("sendMessage", Refused(429, SECRET))
        with pytest.raises(ServiceUnavailable, match="did not take it: NetworkError"):
            await channel.post({"chat": str(cellar.id)}, SECRET)
        await channel.post({"chat": str(cellar.id), "topic": "9"}, "In a topic of direct messages.")
        for number in range(1100):
            await channel.whisper({"chat": str(kitchen.id), "press": str(number)}, "Later.")
    assert shown(telegram, kitchen) == ["In the room, longer."]
    assert shown(telegram, carol) == ["Only for you."]
    released = [one for one in telegram.sent if one.method == "answerCallbackQuery"]
    assert [one.raw["callback_query_id"] for one in released] == [query]
    in_topic = telegram.heard(cellar)[-1]
    assert in_topic.raw["direct_messages_topic_id"] == "9"
    assert SECRET not in str([one.raw for one in telegram.sent])


async def test_no_log_holds_the_token_or_what_telegram_answered(
    telegram: FakeTelegram, otto: accounts.Bot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "httpx")
    filters = list(logging.getLogger("httpx").filters)
    async with opened(telegram, otto, channel_of(telegram, otto)):
        logging.getLogger("httpx").info("of %s", "another client")
    assert "/bot(token)/getMe" in caplog.text
    assert "of another client" in caplog.text
    assert otto.token not in caplog.text
    for read in (Patient.parse_json_payload, Raw.parse_json_payload):
        for answer in (SECRET.encode(), b'{"result": [{"text": "' + SECRET.encode() + b'"}]'):
            with pytest.raises(TelegramError) as raised:
                read(answer)
            assert SECRET not in f"{raised.value} {raised.value.__context__}"
    with pytest.raises(TelegramError, match="without a number"):
        Raw.parse_json_payload(b'{"ok": true, "result": [{"message": {}}]}')
    assert SECRET not in caplog.text
    assert logging.getLogger("httpx").filters == filters


def methods(telegram: FakeTelegram) -> set[str]:
    return {one.method for one in telegram.calls}
