"""What Slack delivers, and what is made of it."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.errors import Unreadable
from adapters.slack.inbound import parse
from adapters.wire import Deleted
from firewall.core.errors import BadIdentifier, MisuseError
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message
from tests.fakes.payloads import every, payload

ACME, GLOBEX = "T0ACME01", "T0GLOBEX1"
APP = "A0WALL001"
DM, GROUP, PUBLIC = ConversationKind.DM, ConversationKind.GROUP, ConversationKind.PUBLIC


def message(body: Any, *, verified: bool = True) -> Message:
    found = parse(json.dumps(body).encode(), app=APP, verified=verified)
    assert isinstance(found, Message)
    return found


def slack(name: str) -> Message:
    return message(payload("slack", name))


def test_a_message_is_read_with_its_ids() -> None:
    found = slack("message_public")
    assert (found.id, found.delivery, found.text) == (
        "1760000000.000100",
        "Ev0ACME001",
        "where is the acme ledger?",
    )
    assert (found.sender.realm, found.sender.id, found.sender.kind) == (ACME, "U0ADA0001", SenderKind.HUMAN)
    assert found.conversation.place == ("slack", APP, ACME, "C0KITCHEN", None)
    assert found.conversation.closed
    assert (found.edit, found.private, found.quotes) == (0, False, ())


def test_equal_ids_in_two_workspaces_are_two_senders_and_two_places() -> None:
    acme, globex = slack("message_public"), slack("message_globex")
    assert acme.sender.id == globex.sender.id
    assert acme.sender.principal_id != globex.sender.principal_id
    assert acme.conversation.place != globex.conversation.place


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("message_public", PUBLIC),
        ("message_private", GROUP),
        ("message_mpim", GROUP),
        ("message_im", DM),
        ("app_mention", PUBLIC),
    ],
)
def test_a_conversation_is_of_the_kind_that_slack_says(name: str, kind: ConversationKind) -> None:
    assert slack(name).conversation.kind is kind


def test_a_reply_stands_in_its_thread_and_the_root_in_the_channel() -> None:
    assert slack("message_thread").conversation.thread == "1760000000.000100"
    root = payload("slack", "message_public")
    root["event"]["thread_ts"] = root["event"]["ts"]
    assert message(root).conversation.thread is None


def test_a_mention_and_its_message_share_place_and_id_so_that_one_can_be_dropped() -> None:
    mention, told = slack("app_mention"), slack("message_public")
    assert (mention.conversation.place, mention.id) == (told.conversation.place, told.id)


def test_a_stranger_from_a_connected_workspace_is_external_in_a_realm_of_their_own() -> None:
    found = slack("message_connect")
    assert (found.sender.realm, found.sender.kind) == (GLOBEX, SenderKind.EXTERNAL)
    assert found.conversation.realm == ACME
    assert not found.conversation.closed


def test_a_stranger_from_a_connected_enterprise_is_never_taken_for_a_member() -> None:
    found = slack("message_connect_enterprise")
    assert (found.sender.kind, found.sender.verified) == (SenderKind.UNKNOWN, False)
    assert found.sender.realm not in (ACME, GLOBEX)


@pytest.mark.parametrize("shared", [True, None], ids=["shared", "not-said"])
def test_a_sender_without_a_team_is_unknown_unless_the_channel_is_known_not_to_be_shared(
    shared: bool | None,
) -> None:
    body = payload("slack", "message_public")
    del body["event"]["team"]
    assert message(body).sender.kind is SenderKind.HUMAN
    body["is_ext_shared_channel"] = shared
    found = message(body)
    assert (found.sender.kind, found.sender.verified) == (SenderKind.UNKNOWN, False)
    assert not found.conversation.closed


def test_a_sender_of_whom_two_workspaces_are_named_is_unknown() -> None:
    body = payload("slack", "message_connect")
    del body["event"]["user_team"]
    body["event"] |= {"team": ACME, "source_team": GLOBEX}
    assert (message(body).sender.kind, message(body).sender.verified) == (SenderKind.UNKNOWN, False)


def test_a_channel_of_an_enterprise_is_not_closed() -> None:
    body = payload("slack", "message_public")
    body["authorizations"][0]["enterprise_id"] = "E0ACME001"
    assert not message(body).conversation.closed


def test_the_realm_is_the_installations_even_where_the_body_names_the_other_company() -> None:
    body = payload("slack", "message_connect")
    body["team_id"] = body["context_team_id"] = GLOBEX
    assert message(body).conversation.realm == ACME


def test_a_bots_post_is_the_bots_whatever_name_it_wears() -> None:
    found = slack("bot_message")
    assert (found.sender.kind, found.sender.id) == (SenderKind.BOT, "B0ALARM01")


def test_an_edit_keeps_the_id_and_says_when() -> None:
    found = slack("message_changed")
    assert (found.id, found.edit, found.delivery) == ("1760000000.000100", 1760000100000000, "Ev0ACME002")
    assert found.text.endswith("please?")


def test_an_edit_by_somebody_else_is_refused() -> None:
    body = payload("slack", "message_changed")
    body["event"]["message"]["edited"]["user"] = "U0BEN0001"
    with pytest.raises(Unreadable, match="somebody else"):
        message(body)


def test_a_deletion_names_what_is_gone_and_where() -> None:
    found = parse(payload("slack", "message_deleted"), app=APP, verified=True)
    assert isinstance(found, Deleted)
    assert (found.ids, found.conversation.thread) == (("1760000050.000200",), "1760000000.000100")


def test_a_tombstone_is_a_deletion() -> None:
    body = payload("slack", "message_changed")
    body["event"]["message"]["subtype"] = "tombstone"
    found = parse(body, app=APP, verified=True)
    assert isinstance(found, Deleted)
    assert found.ids == ("1760000000.000100",)


def test_shared_messages_are_quotes_without_an_author() -> None:
    shared, page = slack("message_shared").quotes
    assert (shared.text, shared.message, shared.author) == (
        "the key is under the mat",
        "1759990000.000100",
        None,
    )
    assert (page.text, page.message) == ("A page\nWhat the page says\nState\nopen", None)


def test_a_message_shared_from_another_channel_does_not_borrow_an_id_here() -> None:
    body = payload("slack", "message_shared")
    body["event"]["attachments"][0]["channel_id"] = "C0CELLAR1"
    assert message(body).quotes[0].message is None


@pytest.mark.parametrize("encoded", [True, False], ids=["form", "parsed"])
def test_a_slash_command_is_private_and_stands_where_it_was_given(encoded: bool) -> None:
    body = payload("slack", "slash_command")
    found = parse(urlencode(body).encode() if encoded else body, app=APP, verified=True)
    assert isinstance(found, Message)
    assert (found.private, found.text, found.sender.id) == (True, "what did I just say?", "U0ADA0001")
    assert (found.conversation.id, found.conversation.kind, found.conversation.closed) == (
        "C0KITCHEN",
        PUBLIC,
        False,
    )


def test_a_form_that_names_two_senders_is_refused() -> None:
    form = urlencode(payload("slack", "slash_command")) + "&user_id=U0BEN0001"
    with pytest.raises(Unreadable, match="twice"):
        parse(form.encode(), app=APP, verified=True)


@pytest.mark.parametrize("encoded", [True, False], ids=["form", "parsed"])
def test_a_pressed_button_is_the_pressers_and_its_value_the_bots(encoded: bool) -> None:
    body = payload("slack", "block_actions")
    sent = urlencode({"payload": json.dumps(body)}).encode() if encoded else body
    found = parse(sent, app=APP, verified=True)
    assert isinstance(found, Message)
    assert (found.sender.id, found.text) == ("U0BEN0001", "")
    assert [(one.text, one.message) for one in found.quotes] == [("delete acme ledger", "1760000200.000100")]
    assert found.conversation.thread == "1760000000.000100"


def test_a_presser_of_another_workspace_is_external() -> None:
    body = payload("slack", "block_actions")
    body["user"]["team_id"] = GLOBEX
    found = message(body)
    assert (found.sender.realm, found.sender.kind) == (GLOBEX, SenderKind.EXTERNAL)


def test_a_presser_whose_workspace_is_not_named_is_nobody_we_know() -> None:
    """A channel may be shared, so the workspace of the installation says nothing of who presses there."""
    body = payload("slack", "block_actions")
    del body["user"]["team_id"]
    found = message(body)
    assert (found.sender.realm, found.sender.kind) == ("unknown", SenderKind.UNKNOWN)
    assert found.sender.verified is False


def test_a_command_without_a_workspace_is_refused() -> None:
    body = payload("slack", "slash_command")
    del body["team_id"]
    with pytest.raises(Unreadable):
        message(body)


def test_a_member_of_our_own_enterprise_is_known_by_its_id() -> None:
    body = payload("slack", "message_connect_enterprise")
    body["enterprise_id"] = "E0GLOBEX1"
    assert (message(body).sender.realm, message(body).sender.kind) == (ACME, SenderKind.HUMAN)


def test_slackbot_is_the_system() -> None:
    body = payload("slack", "message_public")
    body["event"]["user"] = "USLACKBOT"
    assert message(body).sender.kind is SenderKind.SYSTEM


def test_a_change_by_slack_itself_is_dated_by_its_event() -> None:
    body = payload("slack", "message_changed")
    del body["event"]["message"]["edited"]
    assert message(body).edit == 1760000100000300


def test_what_was_typed_into_a_message_is_the_typers() -> None:
    body = payload("slack", "block_actions")
    body["actions"] = [{"type": "plain_text_input", "action_id": "a", "value": "my words"}]
    assert (message(body).text, message(body).quotes) == ("my words", ())


@pytest.mark.parametrize(
    "change", [{"team": None}, {"channel": None}, {"actions": [{"type": "button"}] * 21}]
)
def test_a_press_without_a_place_or_of_too_many_buttons_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        message({**payload("slack", "block_actions"), **change})


@pytest.mark.parametrize(
    "change",
    [
        {"team_id": None, "context_team_id": None, "authorizations": [*()]},
        {"event": {"type": "message", "subtype": "message_changed", "channel": "C1"}},
    ],
    ids=["no-workspace", "nothing-changed"],
)
def test_an_event_without_a_workspace_or_a_message_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        message({**payload("slack", "message_public"), **change})


def test_what_nobody_said_is_refused() -> None:
    with pytest.raises(Unreadable):
        slack("channel_join")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("event", "channel_type"), "im", id="room-called-a-direct-message"),
        pytest.param(("event", "channel_type"), "salon", id="unknown-kind-of-place"),
        pytest.param(("event", "user"), "", id="empty-sender"),
        pytest.param(("event", "user"), None, id="no-sender"),
        pytest.param(("event", "user"), "null", id="placeholder-sender"),
        pytest.param(("event", "user"), 7, id="sender-is-number"),
        pytest.param(("event", "thread_ts"), "", id="empty-thread"),
        pytest.param(("event", "ts"), "yesterday", id="bad-timestamp"),
        pytest.param(("event", "text"), {"a": "acme secret"}, id="text-is-object"),
        pytest.param(("event", "channel"), "", id="empty-channel"),
        pytest.param(("authorizations",), [{"team_id": ACME}, {"team_id": GLOBEX}], id="two-installations"),
        pytest.param(("event",), None, id="no-event"),
        pytest.param(("type",), "url_verification", id="unknown-envelope"),
        pytest.param(("event", "attachments"), [{"text": "x"}] * 21, id="too-many-quotes"),
        pytest.param(("event", "text"), "acme secret \ud800", id="lone-surrogate"),
        pytest.param(("event", "text"), "acme secret" * 900_000, id="ten-megabytes"),
    ],
)
def test_what_is_not_as_documented_is_refused_without_a_word_of_it(
    path: tuple[str, ...], value: object
) -> None:
    body = payload("slack", "message_public")
    at = body
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    for sent in (body, json.dumps(body).encode()):
        with pytest.raises((Unreadable, BadIdentifier)) as caught:
            parse(sent, app=APP, verified=True)
        assert isinstance(caught.value, MisuseError)
        assert "secret" not in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut"),
        pytest.param(b'{"type": "event_callback", "event": NaN}', id="nan"),
        pytest.param(b'{"type": "\xff"}', id="malformed-utf-8"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="nesting-bomb"),
        pytest.param(b"command=%2Fa&command=%2Fb", id="doubled-form-field"),
        pytest.param(b"command=%FF", id="form-not-utf-8"),
        pytest.param(b"payload={", id="form-with-cut-json"),
        pytest.param(b"just words", id="words"),
    ],
)
def test_bytes_that_are_no_delivery_are_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw, app=APP, verified=True)


@pytest.mark.parametrize("name", every("slack"))
def test_verified_is_the_transports_word_and_never_the_payloads(name: str) -> None:
    body = {**payload("slack", name), "verified": True}
    try:
        found = parse(body, app=APP, verified=False)
    except Unreadable:
        return
    assert (found.verified if isinstance(found, Deleted) else found.sender.verified) is False


# Files, names and commands


def file(**more: Any) -> dict[str, Any]:
    told = {"id": "F0PLAN001", "name": "plan.txt", "title": "A plan", "mimetype": "text/plain", "size": 7}
    return {
        **told,
        "mode": "hosted",
        "url_private": "https://files.slack.com/files-pri/T1-F1/plan.txt",
        **more,
    }


def with_files(*files: Any, name: str = "message_public") -> Message:
    body = payload("slack", name)
    body["event"] |= {"subtype": "file_share", "files": list(files)}
    return message(body)


@pytest.mark.parametrize("name", ["message_public", "message_globex"])
def test_the_files_of_a_message_are_told_of_and_their_names_are_no_words(name: str) -> None:
    found = with_files(file(), file(id="F0SOUND01", mode="snippet", size=None, mimetype=None), name=name)
    assert [(one.id, one.name, one.media_type, one.size_bytes) for one in found.attachments] == [
        ("F0PLAN001", "plan.txt", "text/plain", 7),
        ("F0SOUND01", "plan.txt", "", None),
    ]
    assert "plan" not in found.text
    assert found.quotes == ()


def test_a_file_of_which_slack_tells_only_the_id_is_one() -> None:
    (found,) = with_files(
        {"id": "F0PLAN001", "mode": "file_access", "file_access": "check_file_info"}
    ).attachments
    assert (found.id, found.name, found.size_bytes) == ("F0PLAN001", "", None)


def test_the_files_of_a_forwarded_message_are_not_its_forwarders() -> None:
    body = payload("slack", "message_shared")
    for one in body["event"]["attachments"]:
        one["files"] = [file()]
    assert message(body).attachments == ()


def test_an_edited_message_has_the_files_that_it_has_now() -> None:
    body = payload("slack", "message_changed")
    body["event"]["message"]["files"] = [file(), file(id="F0GONE001", mode="tombstone")]
    assert [one.id for one in message(body).attachments] == ["F0PLAN001"]


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param({"id": None}, id="no-id"),
        pytest.param({"id": 7}, id="an-id-that-is-a-number"),
        pytest.param({"name": ["a"]}, id="a-name-that-is-a-list"),
        pytest.param({"size": "7"}, id="a-length-that-is-text"),
    ],
)
def test_a_file_in_another_form_than_documented_refuses_the_message(hostile: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        with_files(file(**hostile))


@pytest.mark.parametrize(("size", "told"), [(0, 0), (-1, None), (1 << 60, 1 << 60)])
def test_a_length_is_what_slack_says_unless_nothing_is_so_long(size: int, told: int | None) -> None:
    assert with_files(file(size=size)).attachments[0].size_bytes == told


@pytest.mark.parametrize("count", [20, 21])
def test_at_most_twenty_files_are_read(count: int) -> None:
    files = [file(id=f"F{number}") for number in range(count)]
    if count == 20:
        assert len(with_files(*files).attachments) == 20
    else:
        with pytest.raises(Unreadable, match="21 files"):
            with_files(*files)


SHOWN: list[Any] = [
    pytest.param({"display_name": "ada", "real_name": "Ada L."}, "ada", id="display-name"),
    pytest.param({"display_name": "", "real_name": "Ada L."}, "Ada L.", id="real-name"),
    pytest.param({"name": "ada"}, "ada", id="name"),
    pytest.param({"display_name": "I am\nthe operator \u202e"}, "I am the operator", id="on-one-line"),
    pytest.param({"display_name": "x" * 300}, "x" * 100, id="a-hundred-at-most"),
    pytest.param({}, "", id="none"),
    pytest.param(None, "", id="no-profile"),
]


@pytest.mark.parametrize(("profile", "shown"), SHOWN)
def test_a_name_is_what_the_message_says_and_no_part_of_who_sent_it(profile: Any, shown: str) -> None:
    plain = slack("message_public")
    body = payload("slack", "message_public")
    body["event"]["user_profile"] = profile
    found = message(body)
    assert (found.name, found.sender) == (shown, plain.sender)


def test_a_bot_is_shown_as_it_calls_itself_and_stays_a_bot() -> None:
    body = payload("slack", "bot_message")
    body["event"]["username"] = "Ada"
    assert (message(body).name, message(body).sender.kind) == ("Ada", SenderKind.BOT)


def test_a_command_has_its_name_without_the_slash_and_a_message_has_none() -> None:
    found = message(payload("slack", "slash_command"))
    assert (found.command, found.name) == ("wall", "ada")
    assert slack("message_public").command == ""
    assert slack("message_globex").command == ""
    assert message(payload("slack", "block_actions")).command == ""
