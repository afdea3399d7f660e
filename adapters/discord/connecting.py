"""The connection to Discord: until it stands, and when it does not, what an operator can do about it."""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager

import aiohttp

from adapters.discord.deferring import refused
from adapters.discord.library import Client, DiscordException, LoginFailure, PrivilegedIntentsRequired
from firewall.core.errors import ServiceUnavailable

_LOG = logging.getLogger("partywall")


async def connected(client: Client, running: asyncio.Task[None]) -> None:
    """Wait until a client is connected; raise what ended it before."""
    ready = asyncio.create_task(client.wait_until_ready(), name="partywall discord ready")
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
    if running.done():
        running.result()


@contextmanager
def translated() -> Generator[None]:
    """Raise what Discord says to a login as what an operator can do about it."""
    try:
        yield
    except LoginFailure:
        problem = (
            "Discord did not accept the bot's token; copy it again from the page `Bot` of the application in "
            "the developer portal"
        )
    except PrivilegedIntentsRequired:
        problem = (
            "the bot may not read messages: switch on `Message Content Intent` on the page `Bot` of the "
            "application in the developer portal"
        )
    except (DiscordException, aiohttp.ClientError, OSError) as error:
        problem = f"{refused(error)}; look at the network, at discordstatus.com and at the bot's page there"
    else:
        return
    raise ServiceUnavailable(problem)


def ended(running: asyncio.Task[None]) -> None:
    """Log that a connection ended for good."""
    if not running.cancelled() and (error := running.exception()) is not None:
        _LOG.error("the connection to Discord ended for good: %s", refused(error))
