"""The bot's own HTTP site: where Slack posts, and where a browser installs."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

from aiohttp import web

from firewall.core.errors import ServiceUnavailable


async def listen(
    routes: Iterable[web.RouteDef], *, host: str, port: int, stack: AsyncExitStack, hush_timeout_s: float
) -> int:
    """Listen until the stack ends, and give the port.

    Raises:
        ServiceUnavailable: The port cannot be listened on.
    """
    site = web.Application()
    site.router.add_routes(routes)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=hush_timeout_s)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        return int(runner.addresses[0][1])
    except OSError as error:
        problem = type(error).__name__
    raise ServiceUnavailable(f"port {port} of {host} cannot be listened on ({problem})")
