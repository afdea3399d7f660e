"""What each kind of receiver is sent: its own format, the facts, and nothing that anybody wrote."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types, and one call needs none
import pagerduty
import pytest
from slack_sdk.models.blocks import Block

from firewall.core.errors import ConfigError
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from partywall.alerts import discord, slack, webhook
from partywall.alerts.hook import ChatHook
from partywall.alerts.outcome import Gone, Later, Outcome, Refused, Sender, Sent
from partywall.alerts.pagerduty import PagerDuty, event
from partywall.alerts.post import Post
from partywall.alerts.slack import SlackChannel
from tests.fakes.receivers import Says, receiver, sealed_by
from vault.delivery import Delivery, DeliveryState
from vault.incidents import Verb

ROUTING_KEY = "r" * 32
ACME = Delivery(
    id="msg_1",
    incident="0123456789abcdef",
    route="ops",
    tenant=TenantId("ACME"),
    layer="redaction",
    rule="foreign_history",
    verb="trigger",
    kind=RecordKind.REDACTION,
    severity=Severity.CRITICAL,
    ref=Ref("ref-1"),
    preview="EMAIL_ADDRESS, 17",
    count=3,
    first_ms=1_700_000_000_000,
    last_ms=1_700_000_060_000,
    at_ms=1_700_000_060_000,
    due_ms=1_700_000_060_000,
    state=DeliveryState.SENDING,
    attempts=1,
    fault="",
)
# A name as hostile as a configuration could have it: mentions, markup, a line end, and no end at all.
GLOBEX = replace(ACME, tenant=TenantId("<!channel> @everyone & <b>\r\nBcc: all" + "x" * 3_000))

# Written from PagerDuty's documentation of the Events API v2, not from our code.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["routing_key", "event_action", "dedup_key"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string"},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"not": {"anyOf": [{"required": ["client"]}, {"required": ["payload"]}]}},
}


@pytest.mark.parametrize("verb", ["trigger", "update", "resolve"])
@pytest.mark.parametrize("delivery", [pytest.param(ACME, id="acme"), pytest.param(GLOBEX, id="globex")])
@pytest.mark.parametrize("severity", list(Severity))
def test_pagerduty_is_sent_what_its_schema_asks_for_with_the_key(
    verb: Verb, delivery: Delivery, severity: Severity
) -> None:
    made = event(replace(delivery, verb=verb, severity=severity), ROUTING_KEY)
    jsonschema.validate(made, SCHEMA)
    assert (made["routing_key"], made["dedup_key"]) == (ROUTING_KEY, delivery.incident)
    assert len(json.dumps(made)) < 512_000


async def test_pagerdutys_own_client_sends_the_same_event(tmp_path: Path) -> None:
    made = event(ACME, ROUTING_KEY)
    tls, trust = sealed_by(tmp_path)
    taken = Says(status=202, body=b'{"status":"success","message":"ok","dedup_key":"0123456789abcdef"}')
    with receiver(otherwise=taken, tls=tls) as far:
        sender = PagerDuty(Post(far.url, private=True, timeout_s=5, tls=trust), ROUTING_KEY)
        assert await sender.send(ACME, 0) == Sent()
        sender.close()
        with pagerduty.EventsApiV2Client(
            ROUTING_KEY, base_url=far.url.removesuffix("/hook"), verify=trust
        ) as client:
            key = client.send_event(  # pyright: ignore[reportUnknownMemberType] - left untyped
                "trigger", dedup_key=ACME.incident, payload=made["payload"], client="Partywall"
            )
    ours, theirs = (json.loads(each.body) for each in far.requests)
    assert key == ACME.incident
    assert ours == theirs == made


@pytest.mark.parametrize("key", ["", "short", "r" * 33, "r" * 31 + "\n"])
def test_a_routing_key_that_cannot_be_one_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(ConfigError, match="32 letters and digits"):
        PagerDuty(Post("https://events.pagerduty.com/", private=False, timeout_s=5), key)


@pytest.mark.parametrize("delivery", [pytest.param(ACME, id="acme"), pytest.param(GLOBEX, id="globex")])
def test_slack_is_sent_blocks_that_its_own_models_accept_and_a_text_that_mentions_nobody(
    delivery: Delivery,
) -> None:
    made = slack.message(delivery)
    read = Block.parse_all(made["blocks"])  # pyright: ignore[reportUnknownMemberType] - left untyped
    assert [each.type for each in read] == ["header", "section", "context"]
    for each in read:
        each.validate_json()
    assert "<" not in made["text"]
    assert '"mrkdwn"' not in json.dumps(made)


@pytest.mark.parametrize("delivery", [pytest.param(ACME, id="acme"), pytest.param(GLOBEX, id="globex")])
def test_discord_is_sent_an_embed_within_its_bounds_that_may_mention_nobody(delivery: Delivery) -> None:
    made: Any = discord.message(delivery)
    (embed,) = made["embeds"]
    assert made["allowed_mentions"] == {"parse": []}
    assert "content" not in made
    assert len(embed["title"]) <= 256
    assert len(embed["fields"]) <= 25
    assert all(0 < len(each["value"]) <= 1_024 for each in embed["fields"])
    texts = [embed["title"], embed["footer"]["text"], *(e["name"] + e["value"] for e in embed["fields"])]
    assert sum(map(len, texts)) <= 6_000


def test_a_webhook_is_sent_a_type_a_moment_and_the_facts() -> None:
    made = json.loads(webhook.body(ACME))
    assert (made["type"], made["timestamp"]) == ("incident.opened", "2023-11-14T22:14:20.000Z")
    assert made["data"] == {
        "incident": "0123456789abcdef",
        "tenant": "ACME",
        "layer": "redaction",
        "rule": "foreign_history",
        "kind": "redaction",
        "severity": "critical",
        "violations": 3,
        "first": "2023-11-14T22:13:20.000Z",
        "last": "2023-11-14T22:14:20.000Z",
        "ref": "ref-1",
        "preview": "EMAIL_ADDRESS, 17",
    }
    assert len(webhook.body(GLOBEX)) < 20_000


def senders(post: Post) -> dict[str, Sender]:
    return {
        "pagerduty": PagerDuty(post, ROUTING_KEY),
        "slack_webhook": ChatHook(post, slack.message),
        "slack": SlackChannel(post, "xoxb-1", "C1"),
        "discord": ChatHook(post, discord.message),
    }


@pytest.mark.parametrize(
    ("kind", "answer", "outcome"),
    [
        pytest.param("pagerduty", Says(status=202), Sent(), id="pagerduty-takes-it"),
        pytest.param("pagerduty", Says(status=400), Refused(fault="http 400"), id="pagerduty-refuses"),
        pytest.param(
            "pagerduty", Says(status=429), Later(fault="http 429", after_s=120), id="pagerduty-throttles"
        ),
        pytest.param("pagerduty", Says(status=502), Later(fault="http 502"), id="pagerduty-is-down"),
        pytest.param("slack_webhook", Says(), Sent(), id="slack-webhook-takes-it"),
        pytest.param("slack_webhook", Says(status=404), Refused(fault="http 404"), id="no-such-webhook"),
        pytest.param("slack_webhook", Says(status=410), Gone(fault="http 410"), id="channel-is-archived"),
        pytest.param("slack", Says(body=b'{"ok":true}'), Sent(), id="slack-takes-it"),
        pytest.param("slack", Says(body=b"not json"), Later(fault="no slack"), id="slack-talks-nonsense"),
        pytest.param(
            "slack",
            Says(body=b'{"ok":false,"error":"ratelimited"}'),
            Later(fault="slack ratelimited"),
            id="slack-throttles-in-the-body",
        ),
        pytest.param(
            "slack",
            Says(body=b'{"ok":false,"error":"invalid_auth"}'),
            Refused(fault="slack invalid_auth"),
            id="slack-refuses",
        ),
        pytest.param(
            "slack",
            Says(body=b'{"ok":false,"error":"\\u001b[31m and a secret"}'),
            Refused(fault="slack refused"),
            id="slacks-own-words-are-not-repeated",
        ),
        pytest.param(
            "slack",
            Says(status=429, headers={"Retry-After": "7"}),
            Later(fault="http 429", after_s=7),
            id="slack-throttles",
        ),
        pytest.param("discord", Says(status=204, body=b""), Sent(), id="discord-takes-it"),
        pytest.param(
            "discord",
            Says(status=429, headers={"Retry-After": "Tue, 14 Nov 2023 22:14:30 GMT"}),
            Later(fault="http 429", after_s=10),
            id="a-date-to-wait-for",
        ),
        pytest.param(
            "discord",
            Says(status=429, headers={"Retry-After": "soon"}),
            Later(fault="http 429", after_s=60),
            id="nonsense-to-wait-for",
        ),
        pytest.param("discord", Says(status=404), Refused(fault="http 404"), id="discord-refuses"),
    ],
)
async def test_each_answer_means_what_the_platform_says_it_means(
    kind: str, answer: Says, outcome: Outcome
) -> None:
    with receiver(answer) as far:
        post = Post(far.url, private=True, timeout_s=5)
        assert await senders(post)[kind].send(ACME, ACME.last_ms) == outcome
        post.close()


async def test_slacks_token_stands_in_the_header_and_nowhere_else() -> None:
    with receiver(Says(body=b'{"ok":true}')) as far:
        sender = SlackChannel(Post(far.url, private=True, timeout_s=5), "xoxb-1", "C1")
        await sender.send(ACME, 0)
        sender.close()
    (heard,) = far.requests
    assert heard.headers["authorization"] == "Bearer xoxb-1"
    assert b"xoxb-1" not in heard.body
    assert json.loads(heard.body)["channel"] == "C1"
