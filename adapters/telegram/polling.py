"""Updates that are asked for: each is confirmed after it was committed, and not before."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager

from adapters.telegram.library import Bot, Fetched
from adapters.telegram.requests import RAW, Sleep

_LOG = logging.getLogger("partywall")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
# The goodbye to Telegram saves one redelivery; a network that is gone must not hold up the end for it.
_GOODBYE_S = 5.0
_HINTS = {
    "Conflict": "Conflict; another program takes this bot's updates",
    "InvalidToken": "InvalidToken; the bot's token was revoked",
}


class Polling:
    """Fetches the updates of one bot, in order, from when it is made until it is stopped.

    Telegram counts an update as delivered when a later one is asked for. So the number to go on from moves
    over an update only when that was committed; until then the same update is handed in again and again.

    Args:
        bot: Fetches updates with `Raw`.
        take: Commits one update, or raises.
        kinds: What kinds of updates Telegram is asked for.
        wait_s: How long Telegram may keep a request that it has no update for.
        sleep: Waits between two tries.
    """

    def __init__(
        self,
        bot: Bot,
        take: Callable[[bytes], Awaitable[None]],
        *,
        kinds: Sequence[str],
        wait_s: int,
        sleep: Sleep,
    ) -> None:
        self._bot, self._take, self._kinds = bot, take, list(kinds)
        self._wait_s, self._sleep = wait_s, sleep
        self._next: int | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._idle = self._stopped = False
        self._task = asyncio.create_task(self._run(), name="partywall telegram")

    async def stop(self) -> None:
        """Take nothing on any more; a commit that is under way ends first."""
        self._stopped = True
        if self._idle:
            self._task.cancel()
        await asyncio.wait({self._task})
        if self._next is not None:
            await self._goodbye(self._next)

    async def _goodbye(self, number: int) -> None:
        """Tell Telegram what is committed; otherwise the next process is given it again, and knows it."""
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._bot.get_updates(offset=number, limit=1, timeout=0, allowed_updates=self._kinds)
        except Exception as error:  # noqa: BLE001  by its name; what is not confirmed comes again, and is known
            _LOG.info("the last updates were not confirmed: %s", type(error).__name__)

    async def _run(self) -> None:
        while not self._stopped:
            for update in await self._fetched():
                raw: bytes = update.api_kwargs[RAW]
                if not await self._committed(raw):
                    return
                self._next = update.update_id + 1

    async def _fetched(self) -> Sequence[Fetched]:
        try:
            with self._interruptible():
                found = await self._bot.get_updates(
                    offset=self._next, timeout=self._wait_s, allowed_updates=self._kinds
                )
        except Exception as error:  # noqa: BLE001  whatever it was: this task ends for nothing but `stop`
            name = type(error).__name__
            _LOG.warning("no updates from Telegram: %s", _HINTS.get(name, name))
            await self._paused()
            return ()
        self._pause_s = _FIRST_PAUSE_S
        return found

    async def _committed(self, raw: bytes) -> bool:
        """Hand one update in until it is committed; give False if this was stopped before."""
        while not self._stopped:
            try:
                await self._take(raw)
            except Exception as error:  # noqa: BLE001  by its name; its text is its author's
                _LOG.warning("an update could not be taken on: %s", type(error).__name__)
                await self._paused()
            else:
                self._pause_s = _FIRST_PAUSE_S
                return True
        return False

    async def _paused(self) -> None:
        wait_s, self._pause_s = self._pause_s, min(2 * self._pause_s, _LONGEST_PAUSE_S)
        if not self._stopped:
            with self._interruptible():
                await self._sleep(wait_s)

    @contextmanager
    def _interruptible(self) -> Generator[None]:
        """While inside, `stop` may cancel: nothing is half done here."""
        self._idle = True
        try:
            yield
        finally:
            self._idle = False
