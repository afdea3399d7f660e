"""What a fake Slack remembers: what it delivered, how that was answered, and what was said."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["events_api", "slash_commands", "interactive"]
Failure = Literal["rate_limited", "server_error", "dropped_before", "dropped_after"]


class ApiError(Exception):
    """A call that Slack answers with `ok: false`; its text is Slack's word for the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """How one call goes wrong; `dropped_after` is the only one that has its effect all the same."""

    failure: Failure
    retry_after_s: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One thing that a bot wrote, by whichever way.

    `method` is a method of the Web API, or `upload`, `response_url`, `webhook` or `ack`. `payload` is the raw
    arguments. `user` is the only reader of what is ephemeral, `edit_of` the message that was changed.
    """

    method: str
    team: str
    payload: Json
    channel: str | None = None
    user: str | None = None
    thread: str | None = None
    ts: str | None = None
    edit_of: str | None = None

    @property
    def text(self) -> str:
        """Its words: `text` or `markdown_text` or the chunks of a stream."""
        chunks: list[Json] = self.payload.get("chunks") or []
        said = self.payload.get("text") or self.payload.get("markdown_text")
        return str(said or "".join(str(one.get("text", "")) for one in chunks))

    def holds(self, words: str) -> bool:
        """Say whether the words stand anywhere in it: text, blocks, attachments, a view, a file, its name."""
        return words in json.dumps(self.payload, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """How a bot answered a delivery: a status (always 200 by Socket Mode) and a payload, or None."""

    status: int
    payload: Any = None


@dataclass(slots=True, kw_only=True)
class Delivery:
    """Something that happened in a workspace, on its way to the bot; `attempt` counts redeliveries from 0."""

    kind: Kind
    team: str
    payload: Json
    attempt: int = 0
    acks: list[Ack] = field(default_factory=list[Ack])
    lost: int = 0  # attempts by HTTP that nobody answered

    @property
    def ts(self) -> str:
        """The id of the message that it is about."""
        event: Json = self.payload.get("event") or {}
        return str(event["ts"])


class Records:
    """All of it, in order; every change wakes those who wait for a condition."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.deliveries: list[Delivery] = []
        self.calls_open = 0
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._waiting: list[asyncio.Future[None]] = []

    def say(self, sent: Sent) -> None:
        self.sent.append(sent)
        self.changed()

    def acked(self, delivery: Delivery, ack: Ack) -> None:
        """Keep an answer; one that carries words is something said, too."""
        delivery.acks.append(ack)
        if ack.payload not in (None, "", {}):
            payload: Json = {"text": ack.payload} if isinstance(ack.payload, str) else ack.payload
            self.say(Sent(method="ack", team=delivery.team, payload=payload, **_place(delivery)))
        self.changed()

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method go wrong, one for each fault."""
        self._faults[method].extend(faults)

    def mend(self) -> None:
        """Let every call go right again."""
        self._faults.clear()

    def next_fault(self, method: str) -> Fault | None:
        waiting = self._faults[method]
        return waiting.popleft() if waiting else None

    def changed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def until(self, holds: Callable[[], bool], *, timeout_s: float = 5.0) -> None:
        """Wait until a condition on these records holds; it is asked again after each change.

        Raises:
            TimeoutError: It did not hold in time.
        """
        async with asyncio.timeout(timeout_s):
            while not holds():
                waiter = asyncio.get_running_loop().create_future()
                self._waiting.append(waiter)
                await waiter

    async def said(self, words: str, *, method: str | None = None) -> Sent:
        """Wait for the first thing said that holds these words, and give it."""

        def found() -> list[Sent]:
            return [one for one in self.sent if one.holds(words) and method in (None, one.method)]

        await self.until(lambda: bool(found()))
        return found()[0]

    async def ack(self, delivery: Delivery) -> Ack:
        """Wait for the answer to the last attempt of a delivery, and give it."""
        await self.until(lambda: len(delivery.acks) + delivery.lost > delivery.attempt)
        return delivery.acks[-1]

    async def settled(self) -> None:
        """Wait until every delivery was answered and no call of the bot is open.

        A bot that works on after its answer may still have something to say: wait for the words then.
        """
        await self.until(lambda: not self.calls_open and all(one.acks or one.lost for one in self.deliveries))


def _place(delivery: Delivery) -> Json:
    """Give where the answer to a command or an interaction is shown: to one person, in one channel."""
    payload = delivery.payload
    channel: Json = payload.get("channel") or {}
    user: Json = payload.get("user") or {}
    return {
        "channel": payload.get("channel_id") or channel.get("id"),
        "user": payload.get("user_id") or user.get("id"),
    }
