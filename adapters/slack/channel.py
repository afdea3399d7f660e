"""A bot of managed mode on Slack, by Socket Mode or by signed requests.

The unmodified library connects, verifies and authorizes; `intake` hands over what arrives, and `answering`
shows what is answered.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from aiohttp import web

from adapters.channels import Accept, Drop, Forget
from adapters.privately import PRIVATELY
from adapters.slack.answering import ALONE, LIBRARY, Answering
from adapters.slack.asking import problem_of
from adapters.slack.filing import Filing
from adapters.slack.installing import AUTHORIZE, Installations, Offer, flow_of, routes
from adapters.slack.intake import HUSH_TIMEOUT_S, Intake
from adapters.slack.library import (
    AsyncApp,
    AsyncMiddleware,
    AsyncSocketModeHandler,
    AsyncWebClient,
    AuthorizeResult,
    to_aiohttp_response,
    to_bolt_request,
)
from adapters.slack.site import listen
from adapters.slack.teams import Leaving, Teams
from firewall.core.errors import MisuseError, ServiceUnavailable
from firewall.core.message import Attachment

_LOG = logging.getLogger("partywall")

SLACK = AsyncWebClient.BASE_URL
PATH = "/slack/events"
_CONNECT_TIMEOUT_S = 30.0
_CALL_TIMEOUT_S = 30.0


class SlackChannel:
    """One Slack app, in one workspace or several.

    Args:
        tokens: The bot token (`xoxb-…`), or one for each workspace by its id (`T…`).
        installations: In their place: where the workspaces are kept that install the app by themselves, at
            `/slack/install` of `host` and `port`. It is asked after `open`, not before.
        client_id: The app's, for installations.
        client_secret: The same.
        scopes: What the bot's token may do, for installations.
        redirect_uri: Where Slack sends the browser back, if the app's settings name several addresses.
        authorize_url: Slack's page that asks for an installation.
        app_token: The app-level token (`xapp-…`, scope `connections:write`): deliveries come by Socket Mode.
        signing_secret: The app's signing secret, in its place: they come by HTTP, to `/slack/events`.
        host: Where the HTTP site listens; Slack needs HTTPS, so something stands before it.
        port: The same; 0 for any, and after `open` the one that it got.
        base_url: Slack's Web API.
        privately: What a message in a room begins with whose answer its sender alone shall see.

    Raises:
        MisuseError: There are neither tokens nor installations, or both; something of the app is missing; or
            not exactly one of `app_token` and `signing_secret` is there.
    """

    def __init__(
        self,
        tokens: str | Mapping[str, str] = "",
        *,
        installations: Installations | None = None,
        client_id: str = "",
        client_secret: str = "",
        scopes: Sequence[str] = (),
        redirect_uri: str = "",
        authorize_url: str = AUTHORIZE,
        app_token: str = "",
        signing_secret: str = "",
        host: str = "127.0.0.1",
        port: int = 3000,
        base_url: str = SLACK,
        privately: Collection[str] = PRIVATELY,
    ) -> None:
        if installations is None:
            if not tokens or (not isinstance(tokens, str) and not all(tokens.values())):
                raise MisuseError("a bot on Slack needs a bot token (xoxb-…), one for each workspace")
        elif tokens:
            raise MisuseError("pass bot tokens or installations=, and not both")
        elif not (client_id and client_secret and scopes):
            raise MisuseError("installations= needs client_id=, client_secret= and scopes= of the app")
        if bool(app_token) == bool(signing_secret):
            # By HTTP an empty secret is a key that everybody has.
            raise MisuseError("pass app_token= (Socket Mode) or signing_secret= (HTTP), and not both")
        self.name: str = "slack"
        self.max_units: int = 4_000
        self.edits_every_s: float | None = 1.2
        self.port = port
        self._host = host
        self._tokens = tokens if isinstance(tokens, str) else dict(tokens)
        self._offer: Offer | None = None
        if installations is not None:
            self._offer = Offer(
                installations=installations,
                client_id=client_id,
                client_secret=client_secret,
                scopes=tuple(scopes),
                redirect_uri=redirect_uri,
                authorize_url=authorize_url,
            )
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._base_url = base_url
        self._privately = tuple(privately)
        self._answering: Answering | None = None
        self._filing: Filing | None = None
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
        intake = Intake(answering, accept=accept, forget=forget, drop=drop, privately=self._privately)
        stages: list[AsyncMiddleware] = [intake]
        if self._offer is None:
            await answering.join(self._tokens)
        else:
            teams = Teams(self._offer, answering.client)
            answering.find_by(teams.team)
            stages.insert(0, Leaving(teams))
        self._answering = answering
        self._filing = Filing(base_url=self._base_url, session=session, at=answering.at)
        app = self._app(stages, answering)
        await self._by_http(app, answering)
        if self._app_token:
            await self._by_socket(app, intake, answering)
        self._intake.callback(intake.stop)

    def _app(self, stages: Sequence[AsyncMiddleware], answering: Answering) -> AsyncApp:
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            # Without a token for it, the intake drops the delivery; Bolt would tell its sender to install us.
            team = await answering.team(team_id, enterprise_id)
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
        for stage in stages:
            untyped.use(stage)
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

    async def _by_http(self, app: AsyncApp, answering: Answering) -> None:
        async def posted(request: web.Request) -> web.Response:
            try:
                delivery = await to_bolt_request(request)
            except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
                # Neither signed nor read yet, so it may be anything at all.
                return web.Response(status=400)
            return await to_aiohttp_response(await app.async_dispatch(delivery))

        pages = [] if self._app_token else [web.post(PATH, posted)]
        if self._offer is not None:
            pages += routes(flow_of(self._offer, answering.client()))
        if pages:
            self.port = await listen(
                pages, host=self._host, port=self.port, stack=self._intake, hush_timeout_s=HUSH_TIMEOUT_S
            )

    async def hush(self) -> None:
        """Take nothing on any more; what was taken on can still be answered."""
        await self._intake.aclose()

    async def close(self) -> None:
        """Disconnect."""
        await self.hush()
        self._answering = self._filing = None
        await self._outgoing.aclose()

    async def post(self, route: Mapping[str, str], text: str) -> str:
        """Show a text where the route leads, and nowhere else; give an id by which `edit` finds it."""
        return await self._way().post(route, text)

    async def edit(self, route: Mapping[str, str], posted: str, text: str) -> None:
        """Show another text in the place of one that was posted."""
        await self._way().edit(route, posted, text)

    def edits_on(self, route: Mapping[str, str]) -> float | None:
        """Give how often what a route leads to may be edited: an ephemeral message never."""
        return None if route["kind"] == ALONE else self.edits_every_s

    def fetch(self, route: Mapping[str, str], attachment: Attachment) -> AsyncIterator[bytes]:
        """Give the bytes of a file that came with a delivery, from Slack's own file host."""
        return self._files().fetch(route, attachment)

    async def attach(self, route: Mapping[str, str], name: str, content: bytes) -> None:
        """Show a file where the route leads: to one person of a channel in their direct messages."""
        await self._files().attach(route, name, content)

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

    def _files(self) -> Filing:
        if self._filing is None:
            raise ServiceUnavailable("the bot is not connected to Slack")
        return self._filing


async def _unplugged(client: Any) -> None:  # noqa: ANN401  slack_sdk leaves its tasks untyped
    """Close a connection by Socket Mode, with the tasks that the library only cancels."""
    await client.close()
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
