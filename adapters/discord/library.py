"""The parts of discord.py that are hooked: the one module that imports it.

Several are private to the library. Each is looked up by name when a client is guarded, so that a name which
is gone after an upgrade stops the guard, and not a turn.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import discord
from discord import abc, http
from discord.ext import commands
from discord.http import Route
from discord.webhook import async_, sync

from firewall.core.errors import UnsupportedApp

Bot = commands.Bot
Client = discord.Client
DMChannel = discord.DMChannel
Cog = commands.Cog
DiscordException = discord.DiscordException
Intents = discord.Intents
LoginFailure = discord.LoginFailure
MemberCacheFlags = discord.MemberCacheFlags
PrivilegedIntentsRequired = discord.PrivilegedIntentsRequired
Thread = discord.Thread

# What every client of a process shares, by the name under which it is reported.
SHARED: Final[Mapping[str, tuple[type, str]]] = {
    "AsyncWebhookAdapter.request": (async_.AsyncWebhookAdapter, "request"),
    "SyncWebhook request": (sync.WebhookAdapter, "request"),
    "Connectable.connect": (abc.Connectable, "connect"),
}
# Those that log the address of a call, which may hold a token.
LOGGERS: Final = (http.__name__, async_.__name__, sync.__name__)
PACKAGE: Final = str(Path(discord.__file__).parent)
VERSION: Final = discord.__version__

__all__ = [
    "LOGGERS",
    "PACKAGE",
    "SHARED",
    "VERSION",
    "Bot",
    "Client",
    "Cog",
    "DMChannel",
    "DiscordException",
    "Intents",
    "LoginFailure",
    "MemberCacheFlags",
    "PrivilegedIntentsRequired",
    "Route",
    "Thread",
    "adapter",
    "member",
    "webhook_route",
]


def member(thing: object, name: str) -> Any:  # noqa: ANN401  what it is, the library does not say
    """Give what stands under a dotted name.

    Raises:
        UnsupportedApp: It is not there.
    """
    found: Any = thing
    for step in name.split("."):
        try:
            found = getattr(found, step)
        except AttributeError:
            raise UnsupportedApp(
                f"discord.py {VERSION} has no `{name}`, which the wall needs; see docs/channels/discord.md "
                "for the versions that are supported"
            ) from None
    return found


def adapter() -> Any:  # noqa: ANN401  the library leaves it untyped
    """Give a sender of webhook requests of our own."""
    made: Any = async_.AsyncWebhookAdapter
    return made()


def webhook_route(path: str, number: str, token: str) -> Route:
    """Give the route of a call that a token authorizes."""
    return Route("POST", path, webhook_id=int(number), webhook_token=token)
