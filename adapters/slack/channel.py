"""A bot of managed mode on Slack, by Socket Mode or by signed requests.

The unmodified library connects, verifies and authorizes; `intake` hands over what arrives, and `answering`
shows what is answered.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from aiohttp import web

from adapters.channels import Accept, Drop, Forget
from adapters.slack.answering import LIBRARY, Answering, problem_of
from adapters.slack.intake import HUSH_TIMEOUT_S, Intake
from adapters.slack.library import (
    AsyncApp,
    AsyncSocketModeHandler,
    AsyncWebClient,
    AuthorizeResult,
    to_aiohttp_response,
    to_bolt_request,
)
from firewall.core.errors import MisuseError, ServiceUnavailable

_LOG = logging.getLogger("partywall")

SLACK = AsyncWebClient.BASE_URL
PATH = "/slack/events"
_CONNECT_TIMEOUT_S = 30.0
_CALL_TIMEOUT_S = 30.0


class SlackChannel:
    """One Slack app, in one workspace or several.

    Args:
        tokens: The bot token (`xoxb-…`), or one for each workspace by its id (`T…`).
        app_token: The app-level token (`xapp-…`, scope `connections:write`): deliveries come by Socket Mode.
        signing_secret: The app's signing secret, in its place: they come by HTTP, to `/slack/events`.
        host: Where the HTTP site listens; Slack needs HTTPS, so something stands before it.
        port: The same; 0 for any, and after `open` the one that it got.
        base_url: Slack's Web API.

    Raises:
        MisuseError: There is no token, or not exactly one of `app_token` and `signing_secret`.
    """

    def __init__(
        self,
        tokens: str | Mapping[str, str],
        *,
        app_token: str = "",
        signing_secret: str = "",
        host: str = "127.0.0.1",
        port: int = 3000,
        base_url: str = SLACK,
    ) -> None:
        if not tokens or (not isinstance(tokens, str) and not all(tokens.values())):
            raise MisuseError("a bot on Slack needs a bot token (xoxb-…), one for each workspace")
        if bool(app_token) == bool(signing_secret):
            # By HTTP an empty secret is a key that everybody has.
            raise MisuseError("pass app_token= (Socket Mode) or signing_secret= (HTTP), and not both")
        self.name: str = "slack"
        self.max_units: int = 4_000
        self.edits_every_s: float | None = 1.2
        self.port = port
        self._host = host
        self._tokens = tokens if isinstance(tokens, str) else dict(tokens)
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._base_url = base_url
        self._answering: Answering | None = None
        self._intake = AsyncExitStack()
        self._outgoing = AsyncExitStack()

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Connect and begin to hand over what arrives; see `adapters.channels.Channel`."""
        try:
            await self._open(accept, forget, drop)
        except BaseException:
            await self.close()
            raise

    async def _open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_CALL_TIMEOUT_S))
        await self._outgoing.enter_async_context(session)
        answering = Answering(base_url=self._base_url, session=session)
        await answering.join(self._tokens)
        self._answering = answering
        intake = Intake(answering, accept=accept, forget=forget, drop=drop)
        app = self._app(intake, answering)
        if self._app_token:
            await self._by_socket(app, intake, answering)
        else:
            await self._by_http(app)
        self._intake.callback(intake.stop)

    def _app(self, intake: Intake, answering: Answering) -> AsyncApp:
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            # Without a token for it, the intake drops the delivery; Bolt would tell its sender to install us.
            team = answering.team(team_id)
            ids = {} if team is None else {"bot_user_id": team.user, "bot_id": team.bot}
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, **ids)

        async def failed(error: Exception) -> None:
            _LOG.error("Slack's library failed: %s", type(error).__name__)

        app = AsyncApp(
            # Bolt sets the level of the logger of this name.
            name="partywall_slack_app",
            logger=LIBRARY,
            client=answering.client(),
            authorize=authorize,
            signing_secret=self._signing_secret,
        )
        untyped: Any = app  # Bolt leaves the arguments of `use` untyped
        untyped.use(intake)
        app.error(failed)
        return app

    async def _by_socket(self, app: AsyncApp, intake: Intake, answering: Answering) -> None:
        handler = AsyncSocketModeHandler(app, self._app_token, web_client=answering.client())
        client: Any = handler.client  # slack_sdk leaves its tasks untyped
        self._intake.push_async_callback(_unplugged, client)
        self._intake.push_async_callback(intake.settled)
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                # Not `connect`, which would ask for an address for ever where the token is bad.
                await client.connect_to_new_endpoint(force=True)
                return
        except Exception as error:  # noqa: BLE001  an error's text may quote the address, which is a ticket
            problem = problem_of(error)
        raise ServiceUnavailable(
            f"Slack's Socket Mode did not open ({problem}); look at the app-level token (xapp-…, scope "
            "connections:write), at Socket Mode in the app's settings and at the network"
        )

    async def _by_http(self, app: AsyncApp) -> None:
        async def posted(request: web.Request) -> web.Response:
            try:
                delivery = await to_bolt_request(request)
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
                # Neither signed nor read yet, so it may be anything at all.
                return web.Response(status=400)
            return await to_aiohttp_response(await app.async_dispatch(delivery))

        site = web.Application()
        site.router.add_post(PATH, posted)
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=HUSH_TIMEOUT_S)
        self._intake.push_async_callback(runner.cleanup)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self.port).start()
            self.port = int(runner.addresses[0][1])
            return
        except OSError as error:
            problem = type(error).__name__
        raise ServiceUnavailable(f"port {self.port} of {self._host} cannot be listened on ({problem})")

    async def hush(self) -> None:
        """Take nothing on any more; what was taken on can still be answered."""
        await self._intake.aclose()

    async def close(self) -> None:
        """Disconnect."""
        await self.hush()
        self._answering = None
        await self._outgoing.aclose()

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, and nowhere else; give an id by which `edit` finds it."""
        return await self._way().post(route, text)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted."""
        await self._way().edit(route, posted, text)

    async def typing(self, route: Mapping[str, str]) -> None:
        """Show in an assistant's thread that an answer is being made; elsewhere Slack has no such sign."""
        await self._way().typing(route)

    async def whisper(self, route: Mapping[str, str], text: str) -> None:
        """Show a constant text to the sender alone."""
        await self._way().whisper(route, text)

    async def over(self, route: Mapping[str, str]) -> None:
        """Do nothing: Slack takes its own sign away."""
        del route

    def _way(self) -> Answering:
        if self._answering is None:
            raise ServiceUnavailable("the bot is not connected to Slack")
        return self._answering


async def _unplugged(client: Any) -> None:  # noqa: ANN401  slack_sdk leaves its tasks untyped
    """Close a connection by Socket Mode, with the tasks that the library only cancels."""
    await client.close()
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
