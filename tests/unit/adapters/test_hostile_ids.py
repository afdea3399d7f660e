"""Faults that the conformance kit found in our own adapters, one test each, named after what went wrong."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.discord import inbound as discord
from adapters.errors import Unreadable
from adapters.slack import inbound as slack
from adapters.telegram import inbound as telegram
from adapters.wire import Deleted, Moved
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message
from tests.fakes.payloads import payload

SLACK, TELEGRAM, DISCORD = "A0WALL001", "555", "600000000000000009"
NAMES = ["", " ", "null", "a\nb"]


def read(channel: str, body: Any) -> Message:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    parsers: dict[str, tuple[Callable[..., Message | Deleted | Moved], str]] = {
        "slack": (slack.parse, SLACK),
        "telegram": (telegram.parse, TELEGRAM),
        "discord": (discord.parse, DISCORD),
    }
    parse, app = parsers[channel]
    found = parse(data, app=app, verified=True)
    assert isinstance(found, Message)
    return found


def slack_event(name: str) -> Any:
    return payload("slack", "message_public") | {"event_id": name}


def slack_command(name: str) -> Any:
    return urlencode(payload("slack", "slash_command") | {"trigger_id": name}).encode()


def slack_button(name: str) -> Any:
    return payload("slack", "block_actions") | {"trigger_id": name}


def telegram_button(name: str) -> Any:
    body = payload("telegram", "callback_query")
    body["callback_query"]["id"] = name
    return body


def discord_message(name: str) -> Any:
    body = payload("discord", "message_guild")
    body["d"]["id"] = name
    return body


def discord_command(name: str) -> Any:
    return payload("discord", "interaction_command") | {"id": name}


def discord_answered(name: str) -> Any:
    body = payload("discord", "reply")
    body["d"]["referenced_message"]["id"] = name
    return body


@pytest.mark.parametrize("name", NAMES, ids=["empty", "blank", "placeholder", "two-lines"])
@pytest.mark.parametrize(
    ("channel", "make"),
    [
        ("slack", slack_event),
        ("slack", slack_command),
        ("slack", slack_button),
        ("telegram", telegram_button),
        ("discord", discord_message),
        ("discord", discord_command),
        ("discord", discord_answered),
    ],
)
def test_an_id_that_names_nothing_made_two_messages_one_delivery(
    channel: str, make: Callable[[str], Any], name: str
) -> None:
    assert read(channel, make("123")).delivery
    with pytest.raises((BadIdentifier, Unreadable)):
        read(channel, make(name))


def test_a_deletion_that_names_nothing_is_refused() -> None:
    body = payload("discord", "message_delete")
    body["d"]["id"] = ""
    with pytest.raises(BadIdentifier):
        discord.parse(body, app=DISCORD, verified=True)


def test_the_bots_own_id_was_a_person_on_slack() -> None:
    body = payload("slack", "message_im")
    body["event"]["user"] = body["authorizations"][0]["user_id"]
    assert read("slack", body).sender.kind is SenderKind.BOT
    body["authorizations"][0]["is_bot"] = False
    assert read("slack", body).sender.kind is SenderKind.HUMAN


@pytest.mark.parametrize("name", ["message_group", "callback_query"])
def test_the_bots_own_id_was_a_person_on_telegram(name: str) -> None:
    body = payload("telegram", name)
    body[list(body)[-1]]["from"]["id"] = int(TELEGRAM)
    assert read("telegram", body).sender.kind is SenderKind.BOT


def test_the_bots_own_id_was_a_person_on_discord() -> None:
    body = payload("discord", "message_guild")
    body["d"]["author"]["id"] = DISCORD
    assert read("discord", body).sender.kind is SenderKind.BOT


@pytest.mark.parametrize(
    ("name", "kind"),
    [("message_private", "group"), ("message_private", "channel"), ("bot_message", "private")],
)
def test_a_telegram_chat_was_of_a_kind_that_its_id_denies(name: str, kind: str) -> None:
    body = payload("telegram", name)
    body["message"]["chat"]["type"] = kind
    with pytest.raises(Unreadable, match="type and id do not agree"):
        read("telegram", body)


def test_a_button_in_a_private_chat_was_pressed_by_somebody_else() -> None:
    body = payload("telegram", "callback_query")
    body["callback_query"]["message"]["chat"] = {"id": 7001, "type": "private"}
    with pytest.raises(Unreadable, match="somebody other than its sender"):
        read("telegram", body)
    body["callback_query"]["from"]["id"] = 7001
    assert read("telegram", body).conversation.kind is ConversationKind.DM


@pytest.mark.parametrize("guild", ["", "dm", " ", "٢", "@me"])
@pytest.mark.parametrize("name", ["message_guild", "interaction_button", "message_delete"])
def test_a_guild_of_the_name_of_all_direct_messages_was_their_place(name: str, guild: str) -> None:
    body = payload("discord", name)
    body["d"]["guild_id"] = guild
    with pytest.raises((Unreadable, BadIdentifier)):
        discord.parse(body, app=DISCORD, verified=True)


def test_a_webhook_that_lost_its_guild_was_in_a_direct_message() -> None:
    body = payload("discord", "webhook")
    del body["d"]["guild_id"]
    with pytest.raises(Unreadable, match="without a guild"):
        read("discord", body)
    # The bot's own answers to commands come back so.
    body["d"]["webhook_id"] = DISCORD
    assert read("discord", body).sender.kind is SenderKind.WEBHOOK


@pytest.mark.parametrize("kind", [0, 2, 3, 5, 11])
def test_a_discord_room_that_lost_its_guild_was_a_direct_message(kind: int) -> None:
    body = payload("discord", "message_dm")
    body["d"]["channel_type"] = kind
    assert read("discord", body).conversation.kind is ConversationKind.GROUP
    asked = payload("discord", "interaction_dm")
    asked["channel"]["type"] = kind
    assert read("discord", asked).conversation.kind is ConversationKind.GROUP
