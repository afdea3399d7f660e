"""Telegram, as it delivers to a bot of the conformance kit: in answers to polls, or to a webhook."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from adapters.testing import IdKind, NotCarried, Reached, Shown, Tamper
from tests.fakes.specimens.telegram import TelegramSpecimen
from tests.fakes.telegram.accounts import SECRET_HEADER, Bot, User
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.transports.heard import Heard

SPECIMEN: Final = TelegramSpecimen()
SECRET: Final = "a-secret_of-1-webhook"
BY_WEBHOOK: Final[Mapping[Tamper, str]] = {
    Tamper.FORGED: "Telegram signs nothing; it names a secret token",
    Tamper.STALE: "Telegram signs nothing, so no delivery bears a time that is proved",
    Tamper.LOOKUP: "an update says all that is read of it, and nothing is asked",
}
BY_POLLS: Final[Mapping[Tamper, str]] = {
    Tamper.FORGED: "what the bot asks the Bot API for is not signed",
    Tamper.STALE: "what the bot asks the Bot API for bears no time that is proved",
    Tamper.TOKEN: "what the bot asks the Bot API for comes without a secret token",
    Tamper.LOOKUP: BY_WEBHOOK[Tamper.LOOKUP],
}


def settled(telegram: FakeTelegram) -> Bot:
    """Let the specimen's people and chats be before the specimen's bot."""
    name = SPECIMEN.id
    bot = telegram.bot(int(name(IdKind.APP, 1)), "kit_bot")
    people = [User(id=int(name(IdKind.PERSON, number)), first_name=f"P{number}") for number in range(1, 10)]
    for one in people:
        chat = telegram.dm(one, bot)
        chat.bots.append(bot)
    members = dict.fromkeys(people, "member")
    telegram.room(int(name(IdKind.GROUP, 1)), "Group", bot, kind="group", people=members)
    kitchen = telegram.room(int(name(IdKind.PUBLIC, 1)), "Kitchen", bot, username="kitchen", people=members)
    kitchen.bots.clear()  # the topic is older than the bot
    kitchen.opens_topic(people[0], "Plans").number = int(name(IdKind.THREAD, 1))
    kitchen.bots.append(bot)
    return bot


class Carrier(Protocol):
    """Takes an update to the bot, and returns when Telegram takes it for delivered or refused."""

    async def carry(self, payload: bytes, *, secret: str | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """In answers to getUpdates."""

    telegram: FakeTelegram
    bot: Bot

    async def carry(self, payload: bytes, *, secret: str | None) -> None:
        assert secret is None
        update = _numbered(payload)
        self.bot.bring(update)
        await self.telegram.until(lambda: all(one is not update for one in self.bot.pending))


def _numbered(payload: bytes) -> dict[str, Any]:
    try:
        update: Any = json.loads(payload.decode())
    except ValueError:
        raise NotCarried("an answer of the Bot API that is no JSON holds no update") from None
    if not isinstance(update, dict) or "update_id" not in update:
        raise NotCarried("the Bot API numbers every update that it gives out")
    return update  # pyright: ignore[reportUnknownVariableType]  JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Posts:
    """To the webhook."""

    telegram: FakeTelegram
    bot: Bot

    async def carry(self, payload: bytes, *, secret: str | None) -> None:
        headers = {"Content-Type": "application/json", SECRET_HEADER: SECRET if secret is None else secret}
        async with self.telegram.client.post(self.bot.url, data=payload, headers=headers) as answer:
            await answer.read()


class TelegramTransport:
    """A bot behind Telegram; arguments as for Slack's."""

    def __init__(
        self,
        telegram: FakeTelegram,
        heard: Heard,
        carrier: Carrier,
        ended: Callable[[], Awaitable[object]],
        without: Mapping[Tamper, str],
    ) -> None:
        self._telegram, self._heard, self._carrier, self._ended = telegram, heard, carrier, ended
        self.without = without

    async def deliver(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        assert not forged
        assert not stale
        await self._carrier.carry(payload, secret=secret)
        await self._ended()

    def failing(self, *, lookups: bool) -> None:
        raise AssertionError("nothing is asked")

    def reached(self) -> Sequence[Reached]:
        return self._heard.reached

    def shown(self) -> Sequence[Shown]:
        return [
            Shown(words=one.text, place=str(one.chat), thread=_text(one.thread))
            for one in self._telegram.sent
            if one.text
        ]


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
