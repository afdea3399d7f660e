"""Slack: an incoming webhook, or `chat.postMessage` with a bot's token; both with blocks.

Source: Slack developer documentation, "Sending messages using incoming webhooks" and "chat.postMessage".
"""

import re
from typing import Any, cast

import msgspec
from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    HeaderBlock,
    PlainTextObject,
    SectionBlock,
)

from partywall.alerts.outcome import Later, Outcome, Refused, Sent
from partywall.alerts.post import Post, judged
from partywall.alerts.words import facts, title
from sandbox.exchange import Answer
from vault.delivery import Delivery

URL = "https://slack.com/api/chat.postMessage"
_HEADER_CODEPOINTS = 150
_FIELD_CODEPOINTS = 2_000
_FIELDS = 10
_ERROR = re.compile(r"[a-z_]{1,40}")
# Slack's own troubles, and its rate: the same call may work later. All else is for the operator to mend.
_TRANSIENT = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


class _Said(msgspec.Struct, frozen=True):
    ok: bool
    error: str = ""


class SlackChannel:
    """Posts to one channel as a bot."""

    def __init__(self, post: Post, token: str, channel: str) -> None:
        self._post = post
        self._token = token
        self._channel = channel

    @property
    def address(self) -> str:
        """The channel; whoever changes only the token keeps the receiver."""
        return f"{self._post.url} {self._channel}"

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._post.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Post it once; Slack says `ok` in the body, not by the status."""
        body = msgspec.json.encode({"channel": self._channel, **message(delivery)})
        answer = await self._post.send(body, {"Authorization": f"Bearer {self._token}"})
        if isinstance(answer, Later):
            return answer
        outcome = judged(answer, now_ms)
        return _read(answer) if isinstance(outcome, Sent) else outcome

    def close(self) -> None:
        """Take no more work."""
        self._post.close()


def message(delivery: Delivery) -> dict[str, Any]:
    """Give text and blocks; the blocks' texts are plain, and the text for notifications is escaped."""
    known = {name: value for name, value in facts(delivery).items() if value != "" and name != "first"}
    blocks: list[Block] = [
        HeaderBlock(text=PlainTextObject(text=_cut(title(delivery), _HEADER_CODEPOINTS), emoji=False)),
        SectionBlock(
            fields=[
                PlainTextObject(text=_cut(f"{name}: {value}", _FIELD_CODEPOINTS), emoji=False)
                for name, value in list(known.items())[:_FIELDS]
            ]
        ),
        ContextBlock(elements=[PlainTextObject(text=delivery.id, emoji=False)]),
    ]
    for block in blocks:
        block.validate_json()
    text = title(delivery).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text, "blocks": [_plain(block) for block in blocks]}


def _plain(block: Block) -> dict[str, Any]:
    return cast("dict[str, Any]", block.to_dict())  # pyright: ignore[reportUnknownMemberType] - left untyped


def _read(answer: Answer) -> Outcome:
    try:
        said = msgspec.json.decode(answer.body, type=_Said)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Later(fault="no slack")
    if said.ok:
        return Sent()
    error = said.error
    if error in _TRANSIENT:
        return Later(fault=f"slack {error}")
    return Refused(fault=f"slack {error}" if _ERROR.fullmatch(error) else "slack refused")


def _cut(text: str, codepoints: int) -> str:
    return text if len(text) <= codepoints else f"{text[: codepoints - 1]}…"
