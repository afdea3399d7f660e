"""Every way in which a delivery comes in, with the bot behind it: the wall around it, or run by the wall."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from adapters.testing import Specimen, Tamper, Transport
from partywall.wall import Wall
from tests.fakes.transports import discord, discord_bots, slack, slack_bots, telegram, telegram_bots


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way.

    Attributes:
        specimen: The platform.
        without: What cannot go wrong that way, each with its reason.
        opened: Gives a bot that has seen nothing, behind a wall.
    """

    specimen: Specimen
    without: Mapping[Tamper, str]
    opened: Callable[[Wall], AbstractAsyncContextManager[Transport]]


def _slack(
    opened: Callable[[Wall], AbstractAsyncContextManager[Transport]], without: Mapping[Tamper, str]
) -> Way:
    return Way(specimen=slack.SPECIMEN, without=without, opened=opened)


def _telegram(
    opened: Callable[[Wall], AbstractAsyncContextManager[Transport]], without: Mapping[Tamper, str]
) -> Way:
    return Way(specimen=telegram.SPECIMEN, without=without, opened=opened)


def _discord(opened: Callable[[Wall], AbstractAsyncContextManager[Transport]]) -> Way:
    return Way(specimen=discord.SPECIMEN, without=discord.BY_GATEWAY, opened=opened)


WAYS: Final[Mapping[str, Way]] = {
    "slack-guarded-by-socket-mode": _slack(slack_bots.guarded_by_socket, slack.BY_SOCKET),
    "slack-guarded-by-http": _slack(slack_bots.guarded_by_http, slack.BY_HTTP),
    "slack-guarded-in-threads-by-http": _slack(slack_bots.guarded_in_threads_by_http, slack.BY_HTTP),
    "slack-managed-by-socket-mode": _slack(slack_bots.managed_by_socket, slack.BY_SOCKET),
    "slack-managed-by-http": _slack(slack_bots.managed_by_http, slack.BY_HTTP),
    "telegram-guarded-by-polls": _telegram(telegram_bots.guarded_by_polls, telegram.BY_POLLS),
    "telegram-guarded-by-webhook": _telegram(telegram_bots.guarded_by_webhook, telegram.BY_WEBHOOK),
    "telegram-managed-by-polls": _telegram(telegram_bots.managed_by_polls, telegram.BY_POLLS),
    "telegram-managed-by-webhook": _telegram(telegram_bots.managed_by_webhook, telegram.BY_WEBHOOK),
    "discord-guarded-by-gateway": _discord(discord_bots.guarded),
    "discord-managed-by-gateway": _discord(discord_bots.managed),
}
