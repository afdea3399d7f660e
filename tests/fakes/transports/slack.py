"""Slack, as it delivers to a bot of the conformance kit: by Socket Mode, or by signed requests."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from adapters.testing import IdKind, NotCarried, Reached, Shown, Tamper
from tests.fakes.slack.delivery import SignedHttp
from tests.fakes.slack.records import Fault
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person
from tests.fakes.slack.workspace import Workspace
from tests.fakes.specimens.slack import SlackSpecimen
from tests.fakes.transports.heard import Heard

SPECIMEN: Final = SlackSpecimen()
_HOUR_S: Final = 3600.0
# What an adapter may ask about a token, a person or a place.
_LOOKUPS: Final = ("auth.test", "users.info", "conversations.info")
_NEVER: Final = 10_000
BY_SOCKET: Final[Mapping[Tamper, str]] = {
    Tamper.FORGED: "what comes over the bot's own connection is not signed",
    Tamper.STALE: "what comes over the bot's own connection bears no time",
    Tamper.TOKEN: "Slack sends no secret token with a delivery",
}
BY_HTTP: Final[Mapping[Tamper, str]] = {Tamper.TOKEN: BY_SOCKET[Tamper.TOKEN]}


def settled(slack: FakeSlack) -> Workspace:
    """Let the specimen's people and rooms be in the specimen's workspace."""
    name = SPECIMEN.id
    at = slack.founds(name(IdKind.REALM, 1), "kit")
    people = [
        Person(id=name(IdKind.PERSON, number), name=f"p{number}", team=at.id) for number in range(1, 10)
    ]
    for number, one in enumerate(people, 1):
        at.joins(one)
        at.opens(name(IdKind.DIRECT, number), "", one, room="im")
    at.opens(name(IdKind.GROUP, 1), "mpdm", *people, room="mpim")
    at.opens(name(IdKind.PUBLIC, 1), "kitchen", *people)
    return at


class Carrier(Protocol):
    """Takes a body to the bot, and returns when the bot has answered that it came."""

    async def carry(self, payload: bytes, *, forged: bool, stale: bool) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelopes:
    """By Socket Mode."""

    slack: FakeSlack

    async def carry(self, payload: bytes, *, forged: bool, stale: bool) -> None:
        assert not forged
        assert not stale
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            raise NotCarried("a frame of text that is no UTF-8 ends the connection (RFC 6455)") from None
        sent = await self.slack.sockets.pass_on(text, self.slack.records)
        if not _is_answered(text):
            # What the library cannot read it leaves without an answer; the next that it can is read after it.
            sent = await self.slack.sockets.pass_on('{"type":"nothing"}', self.slack.records)
        await self.slack.records.ack(sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """By signed requests."""

    by: SignedHttp

    async def carry(self, payload: bytes, *, forged: bool, stale: bool) -> None:
        by = replace(self.by, secret="a guess") if forged else self.by
        answer = await replace(by, age_s=_HOUR_S if stale else 0.0).pass_on("application/json", payload)
        assert answer is not None, "the bot's server has gone"


def _is_answered(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | str)
    except ValueError:
        return False


class SlackTransport:
    """A bot behind Slack.

    Args:
        slack: Where it is.
        heard: What reaches it.
        carrier: How.
        ended: Waits until all that it does has ended.
        without: What cannot go wrong that way.
    """

    def __init__(
        self,
        slack: FakeSlack,
        heard: Heard,
        carrier: Carrier,
        ended: Callable[[], Awaitable[object]],
        without: Mapping[Tamper, str],
    ) -> None:
        self._slack, self._heard, self._carrier, self._ended = slack, heard, carrier, ended
        self.without = without

    async def deliver(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        assert secret is None
        await self._carrier.carry(payload, forged=forged, stale=stale)
        await self._ended()

    def failing(self, *, lookups: bool) -> None:
        self._slack.records.mend()
        for method in _LOOKUPS if lookups else ():
            self._slack.records.fail(method, *[Fault(failure="server_error")] * _NEVER)

    def reached(self) -> Sequence[Reached]:
        return self._heard.reached

    def shown(self) -> Sequence[Shown]:
        # What only completes a handshake with Slack stands in no channel.
        sent = [one for one in self._slack.records.sent if one.channel is not None]
        return [Shown(words=one.text, place=one.channel or "", thread=one.thread) for one in sent]
