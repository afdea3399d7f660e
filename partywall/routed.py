"""One delivery's way back to where it came from."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager

from adapters.channels import Channel, Varied
from firewall.core.message import Attachment

_LOG = logging.getLogger("partywall")
# Platforms show the sign for five seconds or a little longer.
TYPING_EVERY_S = 4.0


class Routed:
    """One delivery's way back, and nothing else: the turn's outlet."""

    def __init__(self, channel: Channel, route: Mapping[str, str]) -> None:
        self.max_units = channel.max_units
        self.edits_every_s = channel.edits_on(route) if isinstance(channel, Varied) else channel.edits_every_s
        self._channel = channel
        self._route = route
        self._silent = True

    async def post(self, text: str) -> str:
        """Show a text there."""
        self._silent = False
        return await self._channel.post(self._route, text)

    async def edit(self, posted: str, text: str) -> None:
        """Show another text in the place of one that was posted there."""
        await self._channel.edit(self._route, posted, text)

    async def attach(self, name: str, content: bytes) -> None:
        """Show a file there."""
        self._silent = False
        await self._channel.attach(self._route, name, content)

    def fetch(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Fetch a file that came with the delivery."""
        return self._channel.fetch(self._route, attachment)

    async def whisper(self, text: str) -> None:
        """Show a constant text to the sender alone."""
        self._silent = False
        await self._channel.whisper(self._route, text)

    async def over(self) -> None:
        """Say that the delivery is over, where nothing was shown for it."""
        if self._silent:
            await self._channel.over(self._route)

    async def typing(self) -> None:
        """Show that an answer is being made."""
        await self._channel.typing(self._route)


@asynccontextmanager
async def typing(outlet: Routed) -> AsyncGenerator[None]:
    """Show that an answer is being made, until it is; a platform that minds is not asked again."""

    async def work() -> None:
        with told("a channel did not show that an answer is made"):
            while True:
                await outlet.typing()
                await asyncio.sleep(TYPING_EVERY_S)

    task = asyncio.create_task(work(), name="partywall typing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextmanager
def told(what: str) -> Generator[None]:
    """Log what failed and go on: what must happen next happens."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  by its name; its text is its author's
        _LOG.warning("%s: %s", what, type(error).__name__)
