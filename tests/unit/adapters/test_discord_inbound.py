"""What Discord delivers, and what is made of it."""

import json
from typing import Any

import pytest

from adapters.discord.inbound import parse
from adapters.errors import Unreadable
from adapters.wire import Deleted
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message
from tests.fakes.payloads import every, payload

ACME, GLOBEX = "200000000000000001", "200000000000000002"
APP = "600000000000000009"
ADA, BEN = "100000000000000001", "100000000000000002"


def message(body: Any) -> Message:
    found = parse(json.dumps(body).encode(), app=APP, verified=True)
    assert isinstance(found, Message)
    return found


def discord(name: str) -> Message:
    return message(payload("discord", name))


def test_a_guild_message_is_read_with_its_ids() -> None:
    found = discord("message_guild")
    assert (found.id, found.text, found.edit) == ("300000000000000001", "where is the acme ledger?", 0)
    assert (found.sender.realm, found.sender.id, found.sender.kind) == (ACME, ADA, SenderKind.HUMAN)
    assert found.conversation.place == ("discord", APP, ACME, "400000000000000001", None)
    assert found.conversation.closed


def test_one_account_in_two_guilds_is_two_senders() -> None:
    acme, globex = discord("message_guild"), discord("message_other_guild")
    assert globex.sender.realm == GLOBEX
    assert acme.sender.principal_id != globex.sender.principal_id
    assert acme.conversation.place != globex.conversation.place


def test_a_gateway_message_without_a_guild_is_direct_and_a_bare_one_is_refused() -> None:
    assert discord("message_dm").conversation.kind is ConversationKind.DM
    assert discord("message_rest_dm").conversation == discord("message_dm").conversation
    with pytest.raises(Unreadable, match="where it was written"):
        discord("message_rest")


def test_a_member_of_a_guild_without_a_guild_is_refused() -> None:
    body = payload("discord", "message_guild")
    del body["d"]["guild_id"]
    with pytest.raises(Unreadable, match="without a guild"):
        message(body)


def test_a_group_chat_is_not_direct() -> None:
    body = payload("discord", "message_dm")
    body["d"]["channel_type"] = 3
    assert message(body).conversation.kind is ConversationKind.GROUP


@pytest.mark.parametrize("name", ["crosspost"])
def test_a_message_published_to_other_guilds_is_not_closed(name: str) -> None:
    assert not discord(name).conversation.closed


@pytest.mark.parametrize(
    ("name", "kind", "number"),
    [("webhook", SenderKind.WEBHOOK, "500000000000000001"), ("bot", SenderKind.BOT, "600000000000000001")],
)
def test_a_webhook_or_bot_is_never_the_person_it_looks_like(name: str, kind: SenderKind, number: str) -> None:
    assert (discord(name).sender.kind, discord(name).sender.id) == (kind, number)


def test_an_edit_has_the_same_id_a_time_and_a_delivery_of_its_own() -> None:
    first, edited = discord("message_guild"), discord("message_update")
    assert first.id == edited.id
    assert edited.edit == 1760000100123
    assert first.delivery != edited.delivery


@pytest.mark.parametrize(("name", "count"), [("message_delete", 1), ("message_delete_bulk", 2)])
def test_a_deletion_names_what_is_gone(name: str, count: int) -> None:
    found = parse(payload("discord", name), app=APP, verified=True)
    assert isinstance(found, Deleted)
    assert len(found.ids) == count
    assert found.conversation.place == discord("message_guild").conversation.place


def test_a_reply_quotes_its_author() -> None:
    (quote,) = discord("reply").quotes
    assert (quote.text, quote.message) == ("under the mat", "300000000000000000")
    assert quote.author is not None
    assert (quote.author.id, quote.author.realm) == (BEN, ACME)


def test_forwards_and_previews_are_quotes_of_nobody() -> None:
    forward, embed = discord("forward"), discord("embed")
    assert (forward.text, forward.quotes[0].text, forward.quotes[0].author) == (
        "",
        "the globex pin is 9-9-9",
        None,
    )
    assert embed.quotes[0].text == "Somebody\nA page\nWhat the page says\nState\nopen\nsmall print"


def test_an_empty_message_is_unreadable_and_not_safe() -> None:
    with pytest.raises(Unreadable, match="intent"):
        discord("no_content_intent")


@pytest.mark.parametrize("name", ["member_join", "typing", "hello", "interaction_ping"])
def test_what_nobody_said_is_refused(name: str) -> None:
    with pytest.raises(Unreadable):
        discord(name)


def test_a_command_is_what_its_sender_typed() -> None:
    found = discord("interaction_command")
    assert (found.text, found.sender.id) == ("where is the ledger?\n3", ADA)
    assert found.conversation.place == discord("message_guild").conversation.place


def test_a_form_is_what_its_sender_typed() -> None:
    assert discord("interaction_modal").text == "because\nquickly"


def test_a_pressed_button_is_the_pressers_and_its_id_the_bots() -> None:
    found = discord("interaction_button")
    assert (found.sender.id, found.text) == (ADA, "")
    assert [(one.text, one.message) for one in found.quotes] == [("approve:acme", "300000000000000060")]


def test_a_command_on_a_message_quotes_it() -> None:
    (quote,) = discord("interaction_message_command").quotes
    assert (quote.text, quote.author and quote.author.id) == ("under the mat", BEN)


def test_only_the_bots_own_chat_is_direct() -> None:
    assert discord("interaction_dm").conversation.kind is ConversationKind.DM
    assert discord("interaction_between_others").conversation.kind is ConversationKind.GROUP


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("author", None, id="no-author"),
        pytest.param("author", {"username": "acme secret"}, id="author-without-id"),
        pytest.param("author", {"id": ""}, id="empty-author"),
        pytest.param("author", {"id": "undefined"}, id="placeholder-author"),
        pytest.param("channel_id", "", id="empty-channel"),
        pytest.param("guild_id", 7, id="guild-is-number"),
        pytest.param("content", {"a": "acme secret"}, id="content-is-object"),
        pytest.param("content", "acme secret" * 900_000, id="ten-megabytes"),
        pytest.param("type", 999, id="unknown-type"),
        pytest.param("embeds", [{"title": "acme secret"}] * 21, id="too-many-embeds"),
        pytest.param("edited_timestamp", "acme secret", id="bad-time"),
    ],
)
def test_what_is_not_as_documented_is_refused_without_a_word_of_it(key: str, value: object) -> None:
    body = payload("discord", "message_guild")
    body["d"][key] = value
    with pytest.raises((Unreadable, BadIdentifier)) as caught:
        message(body)
    assert "secret" not in str(caught.value)


def test_the_system_is_no_person() -> None:
    body = payload("discord", "message_guild")
    body["d"]["author"]["system"] = True
    assert message(body).sender.kind is SenderKind.SYSTEM


def test_a_command_that_points_at_several_messages_is_refused() -> None:
    body = payload("discord", "interaction_message_command")
    shown = body["data"]["resolved"]["messages"]
    shown["1"] = {**next(iter(shown.values())), "id": "1"}
    with pytest.raises(Unreadable, match="several"):
        message(body)


def change(name: str, **more: object) -> Any:
    return {**payload("discord", name), **more}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param(change("interaction_command", member=None), id="guild-without-member"),
        pytest.param(change("interaction_command", guild_id=None), id="member-without-guild"),
        pytest.param(change("message_delete_bulk", d={"ids": [], "channel_id": "1"}), id="nothing-deleted"),
    ],
)
def test_a_delivery_that_contradicts_itself_is_refused(body: Any) -> None:
    with pytest.raises(Unreadable):
        message(body)


@pytest.mark.parametrize("name", every("discord"))
def test_verified_is_the_transports_word_and_never_the_payloads(name: str) -> None:
    body = {**payload("discord", name), "verified": True}
    try:
        found = parse(body, app=APP, verified=False)
    except Unreadable:
        return
    assert (found.verified if isinstance(found, Deleted) else found.sender.verified) is False


def test_a_poll_and_the_captions_of_files_are_their_senders_words_too() -> None:
    body = payload("discord", "message_guild")
    answers = [{"answer_id": 1, "poll_media": {"text": "yes"}}, {"poll_media": {"emoji": {"name": "👍"}}}]
    body["d"] |= {"content": "", "poll": {"question": {"text": "merge?"}, "answers": answers}}
    (asked,) = message(body).quotes
    assert asked.author is not None
    assert (asked.text, asked.author.id, asked.message) == ("merge?\nyes", ADA, body["d"]["id"])
    body["d"] |= {"attachments": [{"filename": "plan.pdf", "description": "the plan"}], "poll": None}
    found = message(body)
    (said,) = found.quotes
    assert (said.text, said.author) == ("the plan", asked.author)
    assert [one.name for one in found.attachments] == ["plan.pdf"], "its name is told with the file, once"


def file(number: int, **more: object) -> dict[str, object]:
    address = f"https://cdn.discordapp.com/attachments/4/{number}/a.txt?ex=1&is=1&hm=1"
    return {"id": str(number), "filename": f"{number}.txt", "size": 7, "url": address, **more}


def test_files_come_with_a_message_as_discord_tells_of_them_and_those_of_a_forward_after() -> None:
    body = payload("discord", "forward")
    shown = body["d"]["message_snapshots"][0]["message"]
    shown["attachments"] = [file(2, content_type="image/png")]
    body["d"]["attachments"] = [file(1, content_type="text/plain", title="acme plan")]
    first, second = message(body).attachments
    assert (first.name, first.media_type, first.size_bytes) == ("1.txt", "text/plain", 7)
    assert first.id == file(1)["url"]
    assert (second.name, second.media_type) == ("2.txt", "image/png")
    assert "1.txt" not in str([one.text for one in message(body).quotes])
    assert "acme plan" in [one.text for one in message(body).quotes]


def test_a_message_that_is_a_file_alone_has_no_words_and_what_is_not_said_of_it_is_unknown() -> None:
    body = payload("discord", "message_guild")
    body["d"] |= {
        "content": "",
        "attachments": [{"filename": "../../a\0\n\u202e.txt" + "x" * 200, "size": -1}],
    }
    found = message(body)
    (one,) = found.attachments
    assert (found.text, found.quotes) == ("", ())
    assert (one.id, one.media_type, one.size_bytes) == ("", "", None)
    assert one.name == "../../a .txt" + "x" * 88, "one line, as the names of people"
    assert ".txt" not in repr(found)


def test_more_files_than_any_message_has_are_refused() -> None:
    body = payload("discord", "message_guild")
    body["d"]["attachments"] = [file(number) for number in range(20)]
    assert len(message(body).attachments) == 20
    body["d"]["attachments"].append(file(20, filename="acme secret"))
    with pytest.raises(Unreadable, match="21 files") as caught:
        message(body)
    assert "secret" not in str(caught.value)


def test_a_commands_files_are_no_words_and_the_command_is_named_with_its_subcommands() -> None:
    body = payload("discord", "interaction_command")
    inner = [{"name": "text", "type": 3, "value": "look"}, {"name": "file", "type": 11, "value": "2"}]
    options = [{"name": "add", "type": 1, "options": inner}]
    body["data"] |= {
        "name": "note",
        "type": 1,
        "options": options,
        "resolved": {"attachments": {"2": file(2)}},
    }
    found = message(body)
    assert (found.text, found.command, [one.name for one in found.attachments]) == (
        "look",
        "note add",
        ["2.txt"],
    )
    body["data"]["options"] = [{"name": "team", "type": 2, "options": options}]
    assert message(body).command == "note team add"
    del body["data"]["resolved"]
    with pytest.raises(Unreadable, match="named and not there"):
        message(body)


def test_a_forms_files_are_no_words() -> None:
    body = payload("discord", "interaction_modal")
    given = {"type": 18, "component": {"type": 19, "custom_id": "proof", "values": ["2"]}}
    body["data"] |= {"components": [given], "resolved": {"attachments": {"2": file(2)}}}
    found = message(body)
    assert (found.text, found.command, [one.name for one in found.attachments]) == ("", "", ["2.txt"])


@pytest.mark.parametrize("name", ["interaction_button", "interaction_message_command", "message_guild"])
def test_what_is_no_slash_command_names_none(name: str) -> None:
    assert discord(name).command == ""


def test_the_name_is_what_the_guild_shows_then_the_persons_own_then_the_accounts() -> None:
    body = payload("discord", "message_guild")
    body["d"]["author"] |= {"username": "ada", "global_name": None}
    body["d"]["member"] = {"nick": None}
    assert message(body).name == "ada"
    body["d"]["author"]["global_name"] = "Ada\n of  ACME\u202e"
    assert message(body).name == "Ada of ACME"
    body["d"]["member"] = {"nick": "x" * 300}
    assert message(body).name == "x" * 100
    asked = payload("discord", "interaction_command")
    asked["member"] |= {"nick": "the owner of GLOBEX"}
    assert message(asked).name == "the owner of GLOBEX"
    assert message(asked).sender.id == ADA
    assert not hasattr(message(asked).sender, "name")


def test_what_is_chosen_in_a_form_is_what_its_sender_typed() -> None:
    body = payload("discord", "interaction_modal")
    chosen = {"type": 18, "component": {"type": 3, "custom_id": "team", "values": ["red", "blue"]}}
    body["data"]["components"] = [chosen]
    assert message(body).text == "red\nblue"
