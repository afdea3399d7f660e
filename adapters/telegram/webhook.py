"""Updates that Telegram brings: 200 once one is committed, 500 if it could not be, so that it comes again.

The library's own server needs tornado, answers 400 to an update that it cannot read, which then comes for
ever, and logs it whole.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from adapters.wire import MAX_BODY_BYTES

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  the header's name

_LOG = logging.getLogger("partywall")
# Far longer than a commit takes.
_LAST_ANSWERS_S = 5.0


class Webhook:
    """A small server that takes one bot's updates, at any path.

    Args:
        take: Commits one update, or raises.
        secret: Nobody is heard who does not know it.
        host: Address to listen on.
        port: Port to listen on.
    """

    def __init__(
        self, take: Callable[[bytes], Awaitable[None]], *, secret: str, host: str, port: int
    ) -> None:
        self._take, self._secret = take, secret.encode()
        self._host, self._port = host, port
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_LAST_ANSWERS_S)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: The address is not free, or not this machine's.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def stop(self) -> None:
        """Listen no more; a commit that is under way ends first and is answered."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        given = request.headers.get(SECRET_HEADER, "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._secret):
            return web.Response(status=403)
        payload = await request.read()
        try:
            await self._take(payload)
        except Exception as error:  # noqa: BLE001  by its name; its text is its author's
            _LOG.warning("an update could not be taken on: %s", type(error).__name__)
            return web.Response(status=500)
        return web.Response()
