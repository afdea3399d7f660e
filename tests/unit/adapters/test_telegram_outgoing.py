"""What a bot asks Telegram for is read whole: each text is judged, each place named, the rest refused."""

import hashlib
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import telegram

from adapters.doors import Act
from adapters.telegram.acts import Call
from adapters.telegram.methods import AT_START, OPERATORS, QUIET, SAYS, Place
from adapters.telegram.outgoing import Answer, Outgoing, Proof, is_file
from adapters.telegram.places import Places, Unplaced
from firewall.core.errors import NoTurn
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import TenantId, canonical
from firewall.core.session import Turn
from firewall.core.subject import Form
from tests.fakes.tenants import turn

SECRET = "merger with Initech"
GROUP = -1001234567890
OK = (200, b'{"ok":true,"result":true}')


def place(chat: int = 7001, thread: str | None = None, realm: str = "555") -> Conversation:
    return Conversation(
        channel="telegram",
        app="555",
        realm=realm,
        id=str(chat),
        thread=thread,
        kind=ConversationKind.DM if chat > 0 else ConversationKind.GROUP,
    )


class Held:
    """Holds back the last four characters of a stream."""

    def __init__(self) -> None:
        self._kept = ""

    def feed(self, chunk: str) -> str:
        text = self._kept + chunk
        self._kept = text[-4:]
        return text[:-4]

    def finish(self) -> str:
        return self._kept


class Censor:
    """A door that cuts one word out and keeps every act."""

    def __init__(self, at: Conversation | None = None) -> None:
        self.acts: list[Act] = []
        self._turn: Turn | None = None if at is None else turn("ada", TenantId("ACME"), place=at)

    def spoken_by(self, number: str) -> None:
        """Let the turn be of somebody with this id at the bot that it was asked through."""
        asked = self.turn()
        app = asked.destination.app
        who = Sender(channel="telegram", app=app, realm=app, id=number, kind=SenderKind.HUMAN, verified=True)
        self._turn = replace(asked, principal=replace(asked.principal, id=who.principal_id))

    def turn(self) -> Turn:
        if self._turn is None:
            raise NoTurn("no turn is open here")
        return self._turn

    async def send(self, act: Act, do: Callable[[Mapping[str, str]], Awaitable[Answer]]) -> Answer:
        self.acts.append(act)
        if act.form is Form.UNKNOWN:
            return 403, b"denied"
        return await do({slot: text.replace(SECRET, "[cut]") for slot, text in act.texts.items()})

    def cutting(self) -> Held:
        return Held()


class Bot:
    """One bot behind the gate; the network is a list."""

    def __init__(self, at: Conversation | None = None, *answers: Answer) -> None:
        self.door, self.places, self.proof = Censor(at), Places("555"), Proof()
        door: Any = self.door
        self.gate = Outgoing("555", door, self.places, self.proof)
        self.sent: list[Call] = []
        self._answers = list(answers)

    async def calls(self, method: str | None, parts: Mapping[str, Any] | None = None, **said: Any) -> Answer:
        async def send(call: Call) -> Answer:
            self.sent.append(call)
            return self._answers.pop(0) if self._answers else OK

        return await self.gate.called(method, Call(parameters=said, parts=parts or {}), send)

    @property
    def act(self) -> Act:
        (only,) = self.door.acts
        return only


def own(method: str) -> dict[str, Any]:
    """Give what names the turn's own place for a method."""
    match SAYS[method].place:
        case Place.CHAT:
            return {"chat_id": 7001}
        case Place.MESSAGE:
            return {"chat_id": 7001, "message_id": 5}
        case Place.QUERY:
            return {"callback_query_id": "m1"}


@pytest.mark.parametrize("method", SAYS)
async def test_what_says_something_is_judged_where_it_will_stand(method: str) -> None:
    bot = Bot(place())
    said: dict[str, Any] = own(method)
    if "text" in SAYS[method].takes:
        said["text"] = "Hello there."
    await bot.calls(method, **said)
    assert bot.act.method == method
    assert bot.act.form is SAYS[method].form
    assert bot.act.destination.place == place().place
    assert bot.act.private is (SAYS[method].place is Place.QUERY)


@pytest.mark.parametrize("method", SAYS)
async def test_a_parameter_that_nobody_has_read_is_refused(method: str) -> None:
    bot = Bot(place())
    await bot.calls(method, **own(method), receiver_user_id=7002)
    assert bot.act.form is Form.UNKNOWN
    assert bot.sent == []


@pytest.mark.parametrize(
    "method", ["leaveChat", "sendSticker", "copyMessage", "forwardMessages", "sendInvoice", "sendNew", None]
)
async def test_what_no_table_names_is_refused_and_its_name_is_kept(method: str | None) -> None:
    bot = Bot(place())
    await bot.calls(method, chat_id=7001, text="hello")
    assert (bot.act.method, bot.act.form) == (method or "request", Form.UNKNOWN)
    assert bot.sent == []


async def test_a_name_that_is_none_is_no_name_on_record() -> None:
    bot = Bot(place())
    await bot.calls(f"sendMessage?text={SECRET}", chat_id=7001)
    assert (bot.act.method, bot.act.form) == ("request", Form.UNKNOWN)


@pytest.mark.parametrize("method", sorted(QUIET | OPERATORS))
async def test_reads_pass_without_a_turn(method: str) -> None:
    bot = Bot()
    await bot.calls(method.upper(), chat_id=1)
    assert len(bot.sent) == 1
    assert bot.door.acts == []


@pytest.mark.parametrize("method", sorted(AT_START))
async def test_words_about_the_bot_pass_before_the_start_only(method: str) -> None:
    bot = Bot()
    await bot.calls(method, name="Otto")
    bot.proof.started = True
    with pytest.raises(NoTurn):
        await bot.calls(method, name="Otto")
    assert len(bot.sent) == 1


def test_no_method_stands_in_two_tables() -> None:
    tables = (frozenset(SAYS), QUIET, AT_START, OPERATORS)
    assert sum(len(one) for one in tables) == len(frozenset[str]().union(*tables))


MARKUP = {
    "inline_keyboard": [
        [
            {"text": f"a {SECRET}", "callback_data": f"b {SECRET}", "style": "primary"},
            {"text": "c", "url": f"https://example.org/?q={SECRET}"},
            {"text": "d", "copy_text": {"text": f"e {SECRET}"}},
            {
                "text": "f",
                "switch_inline_query_chosen_chat": {"query": f"g {SECRET}", "allow_user_chats": True},
            },
            {
                "text": "h",
                "web_app": {"url": f"https://example.org/{SECRET}"},
                "new_in_the_api": f"i {SECRET}",
            },
        ]
    ]
}
SAID: list[tuple[str, dict[str, Any]]] = [
    ("sendMessage", {"text": f"a {SECRET}"}),
    ("sendMessage", {"text": "a", "reply_markup": MARKUP}),
    (
        "sendMessage",
        {"text": "a", "reply_markup": {"keyboard": [[{"text": SECRET}]], "input_field_placeholder": SECRET}},
    ),
    (
        "sendMessage",
        {"text": "a", "entities": [{"type": "text_link", "offset": 0, "length": 1, "url": SECRET}]},
    ),
    ("sendMessage", {"text": "a", "reply_parameters": {"message_id": 5, "quote": SECRET}}),
    ("sendMessageDraft", {"draft_id": 1, "text": f"a {SECRET} and more"}),
    ("sendPoll", {"question": SECRET, "options": [{"text": SECRET}], "explanation": SECRET}),
    ("sendVenue", {"latitude": 1.5, "longitude": 2, "title": SECRET, "address": SECRET}),
    ("sendContact", {"phone_number": SECRET, "first_name": SECRET, "last_name": SECRET, "vcard": SECRET}),
    ("editMessageText", {"message_id": 5, "text": SECRET, "reply_markup": MARKUP}),
    ("editMessageCaption", {"message_id": 5, "caption": SECRET}),
    ("editMessageReplyMarkup", {"message_id": 5, "reply_markup": MARKUP}),
    ("stopPoll", {"message_id": 5, "reply_markup": MARKUP}),
]


@pytest.mark.parametrize(("method", "said"), SAID, ids=[f"{one}-{n}" for n, (one, _) in enumerate(SAID)])
async def test_every_text_is_judged_and_put_back_where_it_stood(method: str, said: dict[str, Any]) -> None:
    bot = Bot(place())
    await bot.calls(method, chat_id=7001, **said)
    (sent,) = bot.sent
    told = json.dumps(dict(sent.parameters))
    assert SECRET not in told
    assert told.count("[cut]") == json.dumps(said).count(SECRET)


async def test_an_alert_is_judged_as_the_pressers_own() -> None:
    bot = Bot(place())
    await bot.calls("answerCallbackQuery", callback_query_id="m1", text=SECRET, url=f"t.me/x?start={SECRET}")
    assert bot.act.private
    assert bot.sent[0].parameters == {"callback_query_id": "m1", "text": "[cut]", "url": "t.me/x?start=[cut]"}
    await bot.calls("answerCallbackQuery", callback_query_id="of somebody else", text="hello")
    assert bot.door.acts[1].form is Form.UNKNOWN


async def test_markup_that_no_longer_fits_its_text_is_dropped() -> None:
    bot = Bot(place())
    bold = [{"type": "bold", "offset": 0, "length": 2}]
    await bot.calls("sendMessage", chat_id=7001, text=f"a {SECRET}", entities=bold)
    await bot.calls("sendMessage", chat_id=7001, text="a", entities=bold)
    await bot.calls("sendMessage", chat_id=7001, text=f"<b>{SECRET}</b>", parse_mode="HTML")
    options = [{"text": SECRET, "text_entities": bold}, {"text": "b", "text_entities": bold}]
    await bot.calls("sendPoll", chat_id=7001, question="q", question_entities=bold, options=options)
    first, second, third, poll = [one.parameters for one in bot.sent]
    assert "entities" not in first
    assert second["entities"] == bold
    assert "parse_mode" not in third
    assert poll["question_entities"] == bold
    assert poll["options"] == [{"text": "[cut]"}, options[1]]


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_no_link_is_previewed(method: str) -> None:
    bot = Bot(place())
    shown = {"url": "https://example.org", "prefer_large_media": True}
    await bot.calls(method, **own(method), text="see there", link_preview_options=shown)
    assert bot.sent[0].parameters["link_preview_options"] == {"is_disabled": True}


TEXT = ("notes.txt", f"a {SECRET}".encode(), "text/plain")


async def test_a_text_file_is_judged_with_its_name() -> None:
    bot = Bot(place())
    named = (f"{SECRET}.txt", *TEXT[1:])
    await bot.calls("sendDocument", {"document": named}, chat_id=7001, caption=SECRET)
    assert bot.act.form is Form.FILE
    assert list(bot.act.texts) == ["caption", "files.0.name", "files.0.content"]
    assert bot.sent[0].parts == {"document": ("[cut].txt", b"a [cut]", "text/plain")}
    (field,) = [one for one in bot.sent[0].fields() if one.input_files]
    assert (field.json_value, field.multipart_data) == (None, bot.sent[0].parts)


async def test_an_album_of_text_files_is_judged_whole() -> None:
    bot = Bot(place())
    media = [{"type": "document", "media": f"attach://{name}", "caption": SECRET} for name in ("one", "two")]
    await bot.calls("sendMediaGroup", {"one": TEXT, "two": TEXT}, chat_id=7001, media=media)
    (sent,) = bot.sent
    assert SECRET not in str(sent.parameters) + str(sent.parts)
    assert [one["media"] for one in sent.parameters["media"]] == ["attach://one", "attach://two"]


BINARY = {"bytes": b"\x89PNG", "zero": b"a\0b", "text-and-more": SECRET.encode() + b"\xff"}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in BINARY.items()])
@pytest.mark.parametrize("method", ["sendDocument", "sendPhoto", "sendVideo", "sendAudio", "sendVoice"])
async def test_what_is_no_text_is_named_by_its_hash_and_sent_byte_for_byte(
    method: str, content: bytes
) -> None:
    bot = Bot(place())
    part = method.removeprefix("send").lower()
    await bot.calls(method, {part: (f"{SECRET}.png", content, "image/png")}, chat_id=7001, caption=SECRET)
    assert bot.act.form is Form.FILE
    assert bot.act.opaque == {hashlib.sha256(content).hexdigest()}
    assert list(bot.act.texts) == ["caption", "files.0.name"]
    assert bot.sent[0].parts == {part: ("[cut].png", content, "image/png")}
    assert SECRET not in str(bot.sent[0].parameters)


async def test_an_album_of_both_kinds_is_judged_by_text_and_by_hash() -> None:
    bot = Bot(place())
    media = [{"type": "photo", "media": f"attach://{name}"} for name in ("one", "two", "three")]
    parts = {"one": TEXT, "two": ("b.png", b"\x89PNG", "image/png"), "three": ("c.png", b"\xff", "image/png")}
    await bot.calls("sendMediaGroup", parts, chat_id=7001, media=media)
    assert bot.act.opaque == {hashlib.sha256(each).hexdigest() for each in (b"\x89PNG", b"\xff")}
    assert bot.sent[0].parts == {**parts, "one": ("notes.txt", b"a [cut]", "text/plain")}


ROOM_TURN = {"chat_id": 7001, "text": "hello"}


@pytest.mark.parametrize(
    ("method", "said", "alone"),
    [
        pytest.param("sendMessage", ROOM_TURN, True, id="a-message"),
        pytest.param("sendMessage", {**ROOM_TURN, "chat_id": "7001"}, True, id="named-by-text"),
        pytest.param("sendMessage", {**ROOM_TURN, "chat_id": 7002}, False, id="somebody-else"),
        pytest.param("sendMessage", {**ROOM_TURN, "chat_id": "07001"}, False, id="named-otherwise"),
        pytest.param("sendMessage", {**ROOM_TURN, "message_thread_id": 9}, False, id="a-topic"),
        pytest.param("sendMessage", {**ROOM_TURN, "business_connection_id": "b"}, False, id="a-business"),
        pytest.param("sendMessageDraft", {**ROOM_TURN, "draft_id": 1}, False, id="a-draft"),
        pytest.param("editMessageText", {**ROOM_TURN, "message_id": 5}, False, id="an-edit"),
        pytest.param("deleteMessage", {"chat_id": 7001, "message_id": 5}, False, id="a-deletion"),
    ],
)
async def test_a_turn_of_a_room_may_answer_its_sender_alone(
    method: str, said: dict[str, Any], alone: bool
) -> None:
    bot = Bot(place(GROUP), (200, b'{"ok":true,"result":{"message_id":77}}'))
    bot.door.spoken_by("7001")
    await bot.calls(method, **said)
    assert bot.act.private is alone
    assert (bot.act.destination.place == place(GROUP).place) is alone
    if alone:
        assert bot.places.message({"chat_id": 7001, "message_id": 77}).place == place().place
        with pytest.raises(Unplaced):
            bot.places.message({"chat_id": GROUP, "message_id": 77})


async def test_a_turn_of_a_room_does_not_answer_its_sender_by_another_bot() -> None:
    bot = Bot(replace(place(GROUP), app="556", realm="556"))
    bot.door.spoken_by("7001")
    await bot.calls("sendMessage", **dict[str, Any](ROOM_TURN))
    assert (bot.act.destination.id, bot.act.private) == ("7001", False)


@pytest.mark.parametrize(
    ("method", "parts", "said"),
    [
        pytest.param("sendDocument", {"document": ("a.txt", object(), "text/plain")}, {}, id="handle"),
        pytest.param("sendDocument", {"document": (None, b"a", "text/plain")}, {}, id="nameless"),
        pytest.param("sendDocument", {}, {"document": "BQACAgIAAx"}, id="file-id"),
        pytest.param("sendDocument", {}, {"document": "https://example.org/a.txt"}, id="address"),
        pytest.param("sendDocument", {}, {"document": "attach://missing"}, id="missing"),
        pytest.param("sendDocument", {"thumbnail": TEXT}, {}, id="thumbnail"),
        pytest.param("sendDocument", {"document": TEXT, "chat_id": TEXT}, {}, id="a-part-as-a-parameter"),
        pytest.param("sendMessage", {"text": TEXT}, {"text": "a"}, id="a-part-as-a-text"),
        pytest.param("sendMessage", {}, {"text": object()}, id="no-value-of-json"),
        pytest.param("sendMessage", {}, {"text": "a", "reply_markup": {"a.b": "c"}}, id="dotted-name"),
        pytest.param("sendMessage", {}, {"text": "a", "reply_parameters": "5"}, id="reply-as-text"),
        pytest.param("sendMessageDraft", {}, {"draft_id": 1, "text": 5}, id="draft-of-a-number"),
        pytest.param("editMessageText", {}, {"inline_message_id": "AAA", "text": "a"}, id="inline-message"),
        pytest.param("editMessageText", {}, {"text": "a"}, id="no-message"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    method: str, parts: dict[str, Any], said: dict[str, Any]
) -> None:
    bot = Bot(place())
    await bot.calls(method, parts, chat_id=7001, **said)
    assert bot.act.form is Form.UNKNOWN
    assert bot.sent == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"chat_id": 7002}, place(7002), id="another-chat"),
        pytest.param({"chat_id": "7001"}, place(), id="typed-as-text"),
        pytest.param({"chat_id": 7001, "message_thread_id": 9}, place(thread="9"), id="topic"),
        pytest.param(
            {"chat_id": 7001, "direct_messages_topic_id": 9}, place(thread="9"), id="topic-of-a-channel"
        ),
        pytest.param(
            {"chat_id": 7001, "business_connection_id": "b"},
            place(realm=canonical("business", "555", "b")),
            id="business",
        ),
        pytest.param({"chat_id": 7001, "reply_parameters": {"message_id": 5}}, place(), id="reply"),
        pytest.param({"chat_id": GROUP, "reply_parameters": {"message_id": 5}}, None, id="reply-to-unknown"),
        pytest.param({"chat_id": GROUP, "reply_parameters": {"message_id": 1}}, place(GROUP), id="to-known"),
        pytest.param(
            {"chat_id": GROUP, "reply_parameters": {"message_id": 2}}, place(GROUP, "9"), id="topics"
        ),
        pytest.param(
            {"chat_id": GROUP, "message_thread_id": 8, "reply_parameters": {"message_id": 2}},
            None,
            id="reply-into-another-topic",
        ),
        pytest.param(
            {"chat_id": GROUP, "message_thread_id": 9, "reply_parameters": {"message_id": 2}},
            place(GROUP, "9"),
            id="reply-in-its-topic",
        ),
        pytest.param(
            {
                "chat_id": GROUP,
                "reply_parameters": {"message_id": 2, "allow_sending_without_reply": True},
            },
            None,
            id="reply-that-may-fall-out-of-its-topic",
        ),
        pytest.param(
            {"chat_id": 7001, "reply_parameters": {"message_id": 5, "chat_id": 7002}},
            None,
            id="quotes-another-chat",
        ),
        pytest.param(
            {"chat_id": 7001, "reply_parameters": {"message_id": 5, "chat_id": "7001"}},
            place(),
            id="quotes-its-own-chat",
        ),
        pytest.param(
            {"chat_id": 7001, "message_thread_id": 9, "direct_messages_topic_id": 9}, None, id="two-topics"
        ),
        pytest.param({"chat_id": ""}, None, id="empty"),
        pytest.param({"chat_id": 1.5}, None, id="no-id"),
        pytest.param({}, None, id="nowhere"),
        pytest.param(
            {"chat_id": "@kitchen", "reply_parameters": {"message_id": 5}}, None, id="reply-in-a-named-chat"
        ),
    ],
)
async def test_a_message_stands_where_telegram_will_put_it(
    said: dict[str, Any], expected: Conversation | None
) -> None:
    bot = Bot(place())
    bot.places.remember(place(GROUP), ["1"])
    bot.places.remember(place(GROUP, "9"), ["2"])
    await bot.calls("sendMessage", text="hello", **said)
    if expected is None:
        assert bot.act.form is Form.UNKNOWN
    else:
        assert bot.act.form is Form.MESSAGE
        assert bot.act.destination.place == expected.place


@pytest.mark.parametrize(
    ("said", "thread"),
    [
        pytest.param({"message_id": 1}, None, id="known-without-a-topic"),
        pytest.param({"message_id": 2}, "9", id="known-in-a-topic"),
        pytest.param({"message_ids": [2, 3]}, "9", id="several-of-one-topic"),
        pytest.param({"message_ids": [1, 2]}, "?", id="several-of-two-topics"),
        pytest.param({"message_id": 4}, "?", id="unknown"),
        pytest.param({}, "?", id="none"),
    ],
)
async def test_a_message_of_a_supergroup_is_touched_only_where_it_is_known_to_stand(
    said: dict[str, Any], thread: str | None
) -> None:
    bot = Bot(place(GROUP))
    bot.places.remember(place(GROUP), ["1"])
    bot.places.remember(place(GROUP, "9"), ["2", "3"])
    await bot.calls("deleteMessages", chat_id=GROUP, **said)
    assert (bot.act.form is Form.UNKNOWN) is (thread == "?")
    assert bot.act.destination.thread == (None if thread == "?" else thread)


async def test_where_a_message_stands_is_what_telegram_answered() -> None:
    def told(first: dict[str, Any], *more: dict[str, Any]) -> Answer:
        return 200, json.dumps({"ok": True, "result": [first, *more] if more else first}).encode()

    topic = {"message_id": 7, "message_thread_id": 9, "is_topic_message": True}
    reply = {"message_id": 8, "message_thread_id": 3}
    direct = {"message_id": 9, "direct_messages_topic": {"topic_id": 4}}
    bot = Bot(place(GROUP), told(topic, reply), told(direct), (200, b"broken"), (200, b"[]"))
    for _ in range(4):
        await bot.calls("sendMessage", chat_id=GROUP, text="hello")
    for number in (7, 8, 9):
        await bot.calls("deleteMessage", chat_id=GROUP, message_id=number)
    assert [one.destination.thread for one in bot.door.acts[4:]] == ["9", None, "4"]


async def test_an_answer_that_is_no_message_tells_no_place() -> None:
    bot = Bot(place(GROUP), (200, b'{"ok":true,"result":{"id":"5","message_thread_id":9}}'))
    bot.places.remember(place(GROUP), ["5"])
    await bot.calls("stopPoll", chat_id=GROUP, message_id=5)
    assert len(bot.sent) == 1
    assert bot.places.message({"chat_id": GROUP, "message_id": 5}).thread is None
    with pytest.raises(Unplaced):
        bot.places.message({"chat_id": GROUP, "message_id": 6})


def test_only_the_latest_places_are_kept() -> None:
    places: Any = Places("555")
    places.remember(place(), [str(number) for number in range(10_100)])
    assert len(places._threads) == 10_000
    assert places._threads.keys() >= {("555", "7001", "10099")}


async def test_a_refusal_of_telegram_reaches_the_bot_and_is_no_success() -> None:
    refused = (400, b'{"ok":false,"description":"Bad Request: chat not found"}')
    bot = Bot(place(), refused)
    assert await bot.calls("sendMessage", chat_id=7001, text="hello") == refused


async def test_edits_that_the_cut_makes_equal_do_not_fail() -> None:
    same = (400, b'{"ok":false,"description":"Bad Request: message is not modified: ..."}')
    bot = Bot(place(), same, same)
    assert await bot.calls("editMessageText", chat_id=7001, message_id=5, text=SECRET) == OK
    assert await bot.calls("editMessageText", chat_id=7001, message_id=5, text="hello") == same


async def test_a_draft_shows_what_is_decided_and_never_takes_back() -> None:
    bot = Bot(place())
    for text in ("One", "One two three", "One two three four", "Another", "Another thing"):
        await bot.calls("sendMessageDraft", chat_id=7001, draft_id=1, text=text, parse_mode="HTML")
    await bot.calls("sendMessageDraft", chat_id=7001, draft_id=2, text="Of its own")
    shown = [one.parameters["text"] for one in bot.sent]
    assert shown == ["One two t", "One two three ", "Ano", "Another t", "Of its"]
    assert all("parse_mode" not in one.parameters for one in bot.sent)


async def test_drafts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.telegram.outgoing._KEPT_DRAFTS", 1)
    bot = Bot(place())
    for draft, text in ((1, "One two"), (2, "Another"), (1, "One two three")):
        await bot.calls("sendMessageDraft", chat_id=7001, draft_id=draft, text=text)
    assert [one.parameters["text"] for one in bot.sent] == ["One", "Ano", "One two t"]


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ({"url": "https://example.org", "secret_token": "s"}, True),
        ({"url": "https://example.org"}, False),
        ({"url": "", "secret_token": "s"}, False),
    ],
)
async def test_a_webhook_is_proof_only_with_a_secret(said: dict[str, Any], given: bool) -> None:
    bot = Bot()
    bot.proof.given = not given
    await bot.calls("setWebhook", **said)
    assert bot.proof.given is given


async def test_a_webhook_that_was_not_set_proves_nothing() -> None:
    bot = Bot(None, (400, b"{}"))
    await bot.calls("setWebhook", url="https://example.org", secret_token="s")
    assert not bot.proof.given


BASE = "https://api.telegram.org/file/bot1:a"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        (f"{BASE}/photos/file_1.jpg", True),
        ("https://api.telegram.org/file/bot1%3Aa/photos/file_1.jpg", True),
        (BASE, False),
        ("https://example.org/photos/file_1.jpg", False),
        (f"{BASE}/../../bot1:a/sendMessage", False),
        (f"{BASE}/%2E%2E/x", False),
        (f"{BASE}/a?chat_id=1", False),
    ],
)
def test_a_file_is_read_from_the_bots_own_files_only(url: str, file: bool) -> None:
    assert is_file(url, BASE) is file


def test_a_call_shows_nothing_of_itself() -> None:
    assert repr(Call(parameters={"text": SECRET}, parts={})) == "Call(1 parameters, 0 parts)"


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("sendMessage", "reply_markup", MARKUP),
        ("sendMessage", "entities", [{"type": "text_link", "offset": 0, "length": 1, "url": SECRET}]),
        ("sendDocument", "caption_entities", []),
        ("sendPoll", "options", [{"text": SECRET}, {"text": "b"}]),
        ("sendPoll", "question_entities", []),
        ("sendPoll", "explanation_entities", []),
        ("sendPoll", "description_entities", []),
        ("setMessageReaction", "reaction", [{"type": "emoji", "emoji": "👍"}]),
    ],
)
async def test_json_in_the_place_of_objects_would_hide_texts_in_its_escapes(
    method: str, name: str, value: object
) -> None:
    bot = Bot(place())
    hidden = json.dumps(value).replace(SECRET, "".join(f"\\u{ord(each):04x}" for each in SECRET))
    said: dict[str, Any] = {**own(method), name: hidden}
    await bot.calls(method, **said)
    assert bot.act.form is Form.UNKNOWN
    assert bot.sent == []


HIDDEN = {
    "HTML": (
        "<b>mer</b>ger with &#73;nitech",
        'merger with <a href="https://example.org/?a>b">Ini</a>tech',
        "merger w<tg-spoiler>ith</tg-spoiler> Initech",
    ),
    "MarkdownV2": (
        "*mer*ger with Initech",
        r"merger with Ini\tech",
        "mer[ger with](x) Initech",
        "||mer||ger with Initech",
    ),
    "Markdown": ("_mer_ger with Initech", "merger with `Ini`tech"),
}


@pytest.mark.parametrize(("mode", "text"), [(mode, text) for mode, texts in HIDDEN.items() for text in texts])
async def test_what_markup_parts_is_judged_as_it_is_seen(mode: str, text: str) -> None:
    shown = "[cut]"
    media = [{"type": "document", "media": "attach://one", "caption": text, "parse_mode": mode.lower()}]
    options = [{"text": text, "text_parse_mode": mode}, {"text": "b", "text_parse_mode": mode}]
    bot = Bot(place())
    await bot.calls("sendMessage", chat_id=7001, text=text, parse_mode=mode)
    await bot.calls("editMessageCaption", chat_id=7001, message_id=5, caption=text, parse_mode=mode)
    await bot.calls("sendMediaGroup", {"one": TEXT}, chat_id=7001, media=media)
    await bot.calls("sendPoll", chat_id=7001, question=text, question_parse_mode=mode, options=options)
    message, caption, album, poll = [one.parameters for one in bot.sent]
    assert (message["text"], caption["caption"], poll["question"]) == (shown, shown, shown)
    assert album["media"] == [{"type": "document", "media": "attach://one", "caption": shown}]
    assert poll["options"] == [{"text": shown}, {"text": "b", "text_parse_mode": mode}]
    assert not [name for one in (message, caption, poll) for name in one if name.endswith("parse_mode")]


async def test_markup_that_hides_nothing_goes_out_as_it_was() -> None:
    said = {"text": "<b>AT&amp;T</b> isn&#x27;t <i>here</i>", "parse_mode": "HTML"}
    bot = Bot(place())
    await bot.calls("sendMessage", chat_id=7001, **dict[str, Any](said))
    assert bot.act.texts == {"text": said["text"], "text.shown": "AT&T isn't here"}
    assert said.items() <= bot.sent[0].parameters.items()


# What carries words nowhere, but would hand every later update to somebody else, or to nobody.
@pytest.mark.parametrize("method", ["setWebhook", "deleteWebhook"])
async def test_nobodys_turn_moves_the_place_where_updates_are_delivered(method: str) -> None:
    bot = Bot(place())
    await bot.calls(method, url="https://elsewhere.example", secret_token="s")
    assert bot.act.form is Form.UNKNOWN
    assert bot.sent == []
    assert not bot.proof.given


async def test_an_answer_to_a_button_does_not_leave_under_another_bots_name() -> None:
    bot = Bot(replace(place(), app="556", realm="556"))
    await bot.calls("answerCallbackQuery", callback_query_id="m1", text="hello")
    assert bot.act.form is Form.UNKNOWN
    assert bot.sent == []


def test_a_message_never_moves_to_another_topic() -> None:
    places = Places("555")
    places.remember(place(GROUP, "9"), ["1"])
    places.remember(place(GROUP), ["1"])
    assert places.message({"chat_id": GROUP, "message_id": 1}).thread == "9"


ENDPOINTS = sorted(
    {
        *re.findall(r'(?:_post|_send_message)\(\s*"(\w+)"', inspect.getsource(telegram.Bot)),
        *("sendMessage", "getUpdates"),
    }
)


@pytest.mark.parametrize("method", ENDPOINTS)
async def test_every_method_of_the_library_is_known_or_refused(method: str) -> None:
    bot = Bot(place())
    bot.proof.started = True
    await bot.calls(method, chat_id=7002, message_id=5, text=SECRET, callback_query_id="9")
    if method in QUIET:
        assert bot.door.acts == []
        return
    destination = bot.act.destination
    assert bot.act.form is Form.UNKNOWN or destination.id == "7002"
    assert bot.act.form is not Form.UNKNOWN or bot.sent == []


# What the library learned after the lowest version that is supported.
LATER = ("getAvailableGifts", "getMyStarBalance", "sendMessageDraft")


def test_the_tables_name_methods_of_the_library_only() -> None:
    unknown = {*SAYS, *QUIET, *AT_START, *OPERATORS} - set(ENDPOINTS)
    assert unknown == {name for name in LATER if not hasattr(telegram.Bot, name)}
    assert len(ENDPOINTS) > 120, "the lowest version has 126"
