"""What Telegram delivers, and what is made of it."""

import json
from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.telegram.inbound import parse
from adapters.wire import Deleted, Moved
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Attachment, Message
from tests.fakes.payloads import every, payload

ACME_BOT, GLOBEX_BOT = "555", "556"
GROUP_ID = "-1001234567890"
VOICE = Attachment(id="V", media_type="audio/ogg")
REPLIED = {"message_id": 3, "chat": {"id": int(GROUP_ID), "type": "supergroup"}, "text": "this"}


def message(body: Any, app: str = ACME_BOT) -> Message:
    found = parse(json.dumps(body).encode(), app=app, verified=True)
    assert isinstance(found, Message)
    return found


def telegram(name: str, app: str = ACME_BOT) -> Message:
    return message(payload("telegram", name), app)


def test_a_private_message_is_read_with_its_ids() -> None:
    found = telegram("message_private")
    assert (found.id, found.delivery, found.text) == ("41", "9001", "my acme pin is 1-2-3")
    assert (found.sender.id, found.sender.kind, found.sender.realm) == ("7001", SenderKind.HUMAN, ACME_BOT)
    assert found.conversation.place == ("telegram", ACME_BOT, ACME_BOT, "7001", None)
    assert found.conversation.kind is ConversationKind.DM


def test_one_person_under_two_bots_is_two_senders_in_two_places() -> None:
    acme, globex = telegram("message_private"), telegram("message_private", GLOBEX_BOT)
    assert acme.sender.principal_id != globex.sender.principal_id
    assert acme.conversation.place != globex.conversation.place


@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [
        pytest.param("anonymous_admin", SenderKind.ANONYMOUS, GROUP_ID, id="anonymous-admin"),
        pytest.param(
            "anonymous_admin_bare", SenderKind.ANONYMOUS, GROUP_ID, id="anonymous-admin-without-sender-chat"
        ),
        pytest.param("channel_as_sender", SenderKind.ANONYMOUS, "-100777", id="channel-as-sender"),
        pytest.param("channel_post", SenderKind.ANONYMOUS, "-100888", id="channel-post"),
        pytest.param("linked_channel_forward", SenderKind.SYSTEM, "-100888", id="linked-channel"),
        pytest.param("service_account", SenderKind.SYSTEM, "777000", id="telegram-itself"),
        pytest.param("bot_message", SenderKind.BOT, "999", id="bot"),
        pytest.param("message_group", SenderKind.HUMAN, "7002", id="person"),
    ],
)
def test_a_shared_account_is_never_a_person(name: str, kind: SenderKind, number: str) -> None:
    sender = telegram(name).sender
    assert (sender.kind, sender.id) == (kind, number)


def test_the_anonymous_admins_of_two_groups_share_nothing() -> None:
    other = payload("telegram", "anonymous_admin_bare")
    other["message"]["chat"]["id"] = -1009
    assert message(other).sender.principal_id != telegram("anonymous_admin_bare").sender.principal_id


def test_a_thread_is_a_topic_and_not_a_chain_of_replies() -> None:
    assert telegram("message_topic").conversation.thread == "12"
    assert telegram("message_topic").quotes == ()
    assert telegram("message_reply_in_plain_group").conversation.thread is None


def test_a_group_with_a_name_is_public_and_nothing_is_closed() -> None:
    named = payload("telegram", "message_group")
    named["message"]["chat"]["username"] = "kitchen"
    assert message(named).conversation.kind is ConversationKind.PUBLIC
    assert telegram("message_group").conversation.kind is ConversationKind.GROUP
    assert not message(named).conversation.closed


def test_an_edit_has_the_same_id_and_a_date() -> None:
    assert (telegram("edited_message").id, telegram("edited_message").edit) == ("41", 1760000077)
    assert telegram("message_group").edit == 0


@pytest.mark.parametrize(("name", "author"), [("forward_user", "7002"), ("forward_hidden", None)])
def test_forwarded_words_are_a_quote_and_never_the_senders(name: str, author: str | None) -> None:
    found = telegram(name)
    assert found.text == ""
    assert found.sender.id == "7001"
    assert [one.author and one.author.id for one in found.quotes] == [author]


def test_a_quoted_stretch_is_its_authors() -> None:
    (quote,) = telegram("quote").quotes
    assert (quote.text, quote.message, quote.author and quote.author.id) == ("under the mat", "30", "7002")


def test_a_quote_from_another_chat_does_not_borrow_an_id_here() -> None:
    (quote,) = telegram("external_reply").quotes
    assert (quote.text, quote.message) == ("from another chat", None)


def test_a_reply_to_a_message_of_another_chat_does_not_borrow_its_id() -> None:
    body = payload("telegram", "quote")
    body["message"]["reply_to_message"]["chat"] = {"id": -1009, "type": "supergroup"}
    (quote,) = message(body).quotes
    assert (quote.text, quote.message, quote.author) == ("under the mat", None, None)


def test_what_an_inline_bot_wrote_is_the_bots() -> None:
    found = telegram("via_inline_bot")
    assert (found.text, found.quotes[0].author and found.quotes[0].author.kind) == ("", SenderKind.BOT)


def test_a_caption_is_text() -> None:
    assert telegram("photo_caption").text == "my cat"


@pytest.mark.parametrize(
    ("change", "attachments"),
    [
        pytest.param(
            {"document": {"file_id": "D", "file_name": "../a.txt", "mime_type": "text/x", "file_size": 5}},
            [Attachment(id="D", name="../a.txt", media_type="text/x", size_bytes=5)],
            id="document",
        ),
        pytest.param(
            {"document": {"file_id": "D", "file_name": "a\nFile 1 is b.txt\u202e\0" + "x" * 200}},
            [Attachment(id="D", name="a File 1 is b.txt" + "x" * 83)],
            id="a-name-of-many-lines-is-one",
        ),
        pytest.param(
            {"photo": [{"file_id": "S", "width": 9}, {"file_id": "L", "width": 90}]},
            [Attachment(id="L")],
            id="largest-photo",
        ),
        pytest.param({"voice": {"file_id": "V", "mime_type": "audio/ogg"}}, [VOICE], id="voice"),
        pytest.param({"video_note": {"file_id": "N", "length": 9}}, [Attachment(id="N")], id="round-video"),
        pytest.param({"sticker": {"file_id": "T", "emoji": "x"}}, [Attachment(id="T")], id="sticker"),
        pytest.param(
            {"audio": {"file_id": "A", "title": "secret"}, "video": {"file_id": "V"}},
            [Attachment(id="V"), Attachment(id="A")],
            id="two",
        ),
        pytest.param(
            {"animation": {"file_id": "G"}, "document": {"file_id": "G", "file_name": "g.mp4"}},
            [Attachment(id="G")],
            id="animation-once",
        ),
        pytest.param({"text": "hello"}, [], id="none"),
        pytest.param({"photo": [], "text": "hello"}, [], id="no-size"),
        pytest.param(
            {"text": "see", "reply_to_message": {**REPLIED, "document": {"file_id": "D"}}},
            [],
            id="of-another-message",
        ),
    ],
)
def test_what_came_with_a_message_is_told_and_nothing_else(
    change: dict[str, Any], attachments: list[Attachment]
) -> None:
    body = payload("telegram", "message_group")
    del body["message"]["text"]
    body["message"].update(change)
    assert list(message(body).attachments) == attachments


@pytest.mark.parametrize("wrong", [{"document": {"file_id": 5}}, {"photo": {"file_id": "P"}}, {"voice": "V"}])
def test_a_file_that_is_not_as_documented_is_refused(wrong: dict[str, Any]) -> None:
    body = payload("telegram", "message_group")
    body["message"].update(wrong)
    with pytest.raises(Unreadable):
        message(body)


@pytest.mark.parametrize(
    ("who", "name"),
    [
        pytest.param({"first_name": "Ada", "last_name": "L."}, "Ada L.", id="both"),
        pytest.param({"first_name": "A\nda\u202e" + "x" * 200}, ("A da" + "x" * 200)[:100], id="one-line"),
        pytest.param({}, "", id="none"),
    ],
)
def test_a_name_is_what_telegram_shows_and_decides_nothing(who: dict[str, str], name: str) -> None:
    plain, body = telegram("message_group"), payload("telegram", "message_group")
    sender = body["message"]["from"]
    body["message"]["from"] = {"id": sender["id"], "is_bot": sender["is_bot"], **who}
    found = message(body)
    assert found.name == name
    assert (found.sender, found.conversation) == (plain.sender, plain.conversation)


def test_a_chat_that_speaks_is_named_by_its_title_and_a_presser_by_their_own() -> None:
    assert (
        telegram("channel_post").name == payload("telegram", "channel_post")["channel_post"]["chat"]["title"]
    )
    press = payload("telegram", "callback_query")
    assert telegram("callback_query").name == press["callback_query"]["from"]["first_name"]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/ask what", "ask"),
        ("/Ask@Otto_Bot what", "ask"),
        ("/ask@other_bot what", ""),
        ("/ask", "ask"),
        ("/ask.", ""),
        ("please /ask", ""),
        ("//ask", ""),
        ("/", ""),
    ],
)
def test_a_command_is_what_a_text_begins_with_and_its_own_bots(text: str, command: str) -> None:
    body = payload("telegram", "message_group")
    body["message"]["text"] = text
    found = parse(body, app=ACME_BOT, verified=True, username="otto_bot")
    assert isinstance(found, Message)
    assert (found.command, found.text) == (command, text)


def test_a_command_that_is_forwarded_was_not_given() -> None:
    body = payload("telegram", "forward_user")
    body["message"]["text"] = "/delete all"
    assert message(body).command == ""


def test_a_pressed_button_is_the_pressers_and_its_data_the_bots() -> None:
    found = telegram("callback_query")
    assert (found.sender.id, found.text, found.conversation.id) == ("7002", "", GROUP_ID)
    assert [(one.text, one.message) for one in found.quotes] == [("delete:acme", "60")]


def test_the_customer_of_two_businesses_is_two_senders_in_two_rooms() -> None:
    acme, globex = telegram("business_message"), telegram("business_message_globex")
    assert acme.conversation.id == globex.conversation.id
    assert acme.conversation.place != globex.conversation.place
    assert acme.sender.principal_id != globex.sender.principal_id
    assert acme.conversation.kind is ConversationKind.GROUP


def test_a_customer_who_answers_the_business_quotes_it_whether_or_not_the_quote_names_it() -> None:
    body = payload("telegram", "business_message")
    owner = {"id": 7100, "is_bot": False, "first_name": "Owner"}
    post = body["business_message"]
    post["reply_to_message"] = {"message_id": 40, "from": owner, "chat": post["chat"], "text": "Hello!"}
    (bare,) = message(body).quotes
    post["reply_to_message"]["business_connection_id"] = "bc-acme"
    assert message(body).quotes == (bare,)
    assert bare.author is not None
    assert (bare.author.id, bare.author.realm) == ("7100", message(body).sender.realm)


def test_a_business_deletion_names_all_messages() -> None:
    found = parse(payload("telegram", "deleted_business_messages"), app=ACME_BOT, verified=True)
    assert isinstance(found, Deleted)
    assert found.ids == ("41", "42")
    assert found.conversation.place == telegram("business_message").conversation.place


def test_a_migration_is_told_alike_from_both_sides() -> None:
    told = [
        parse(payload("telegram", name), app=ACME_BOT, verified=True)
        for name in ("migrate_to", "migrate_from")
    ]
    assert all(isinstance(one, Moved) for one in told)
    assert {(one.before.id, one.after.id) for one in told if isinstance(one, Moved)} == {("-4001", GROUP_ID)}


def test_what_a_bot_writes_for_a_business_is_the_bots() -> None:
    body = payload("telegram", "business_message")
    body["business_message"]["sender_business_bot"] = {"id": 888, "is_bot": True, "first_name": "B"}
    assert (message(body).sender.kind, message(body).sender.id) == (SenderKind.BOT, "888")


def test_a_topic_of_a_channels_direct_messages_is_a_thread() -> None:
    body = payload("telegram", "message_group")
    body["message"]["direct_messages_topic"] = {"topic_id": 77}
    assert message(body).conversation.thread == "77"


def test_a_post_that_names_no_channel_is_the_channels() -> None:
    body = payload("telegram", "channel_post")
    del body["channel_post"]["sender_chat"]
    assert (message(body).sender.kind, message(body).sender.id) == (SenderKind.ANONYMOUS, "-100888")


def test_a_deletion_of_nothing_is_refused() -> None:
    body = payload("telegram", "deleted_business_messages")
    body["deleted_business_messages"]["message_ids"] = []
    with pytest.raises(Unreadable):
        parse(body, app=ACME_BOT, verified=True)


@pytest.mark.parametrize("name", ["new_members", "poll_answer"])
def test_what_nobody_said_is_refused(name: str) -> None:
    with pytest.raises(Unreadable):
        telegram(name)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param(
            "message_private", {"chat": {"id": 7002, "type": "private"}}, id="private-chat-of-another"
        ),
        pytest.param("message_group", {"from": None}, id="no-sender"),
        pytest.param("message_group", {"from": {"id": "7001", "is_bot": False}}, id="id-is-text"),
        pytest.param(
            "message_group", {"from": {"id": 7001, "first_name": "acme secret"}}, id="not-said-if-bot"
        ),
        pytest.param("message_group", {"chat": {"id": 1, "type": "acme secret"}}, id="unknown-kind-of-place"),
        pytest.param("message_group", {"text": ["acme secret"]}, id="text-is-list"),
        pytest.param("message_group", {"text": "acme secret" * 900_000}, id="ten-megabytes"),
        pytest.param("message_group", {"message_id": True}, id="id-is-truth"),
    ],
)
def test_what_is_not_as_documented_is_refused_without_a_word_of_it(
    name: str, change: dict[str, object]
) -> None:
    body = payload("telegram", name)
    body["message"].update(change)
    with pytest.raises(Unreadable) as caught:
        message(body)
    assert "secret" not in str(caught.value)


def test_an_update_with_two_messages_or_none_is_refused() -> None:
    body = payload("telegram", "message_group")
    body["channel_post"] = payload("telegram", "channel_post")["channel_post"]
    for one in (body, {"update_id": 1}):
        with pytest.raises(Unreadable):
            message(one)


def test_an_edit_without_a_date_and_a_button_without_a_chat_are_refused() -> None:
    edit, press = payload("telegram", "edited_message"), payload("telegram", "callback_query")
    del edit["edited_message"]["edit_date"]
    del press["callback_query"]["message"]
    for one in (edit, press):
        with pytest.raises(Unreadable):
            message(one)


@pytest.mark.parametrize("name", every("telegram"))
def test_verified_is_the_transports_word_and_never_the_payloads(name: str) -> None:
    body = {**payload("telegram", name), "verified": True}
    try:
        found = parse(body, app=ACME_BOT, verified=False)
    except Unreadable:
        return
    assert (found.sender.verified if isinstance(found, Message) else found.verified) is False
