"""Installing the app in a workspace by OAuth: two pages, by the library's own flow.

A state is good once, for ten minutes, and for the browser that asked for it. What a workspace gives out is
kept for the bot alone: tokens of persons and addresses of webhooks are let go.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

from aiohttp import web

from adapters.slack.answering import LIBRARY
from adapters.slack.library import (
    AsyncBoltRequest,
    AsyncCallbackOptions,
    AsyncFailureArgs,
    AsyncInstallationStore,
    AsyncOAuthFlow,
    AsyncOAuthSettings,
    AsyncOAuthStateStore,
    AsyncSuccessArgs,
    AsyncWebClient,
    AuthorizeUrlGenerator,
    BoltError,
    BoltResponse,
    Given,
    GivenBot,
    to_aiohttp_response,
    to_bolt_request,
)
from firewall.core.installation import Installation, InstallationKey

_LOG = logging.getLogger("partywall")

AUTHORIZE = "https://slack.com/oauth/v2/authorize"
INSTALL_PATH, REDIRECT_PATH = "/slack/install", "/slack/oauth_redirect"
# A browser takes a cookie of this prefix from this very host only, and by HTTPS: no neighbour can plant one.
COOKIE = "__Host-partywall-install"
_REASON = re.compile(r"[a-z_]{1,64}")
_LATER = "The installation could not be finished. Try again later."
# The address of the redirect holds a code, and that of the first page is followed by a state.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}

ORGANISATION = (
    "the app was installed for a whole organisation, which is not served; remove it there, "
    "and install it in each workspace by itself"
)
INCOMPLETE = "Slack gave no bot token for one workspace; the app needs scopes of a bot"
UNSERVED = "this workspace is not one that the operator serves"


class Installations(Protocol):
    """Where installations are kept, and the states of those that are being made."""

    async def save(self, installation: Installation) -> bool:
        """Keep an installation in the place of an older one; False if its workspace is not served."""
        ...

    async def find(self, key: InstallationKey) -> Installation | None:
        """Give the installation of a workspace."""
        ...

    async def delete(self, key: InstallationKey, *, until_ms: int | None = None) -> bool:
        """Delete an installation, if it was made no later than that; False if there is none."""
        ...

    async def issue(self, app: str) -> str:
        """Give a new state."""
        ...

    async def consume(self, app: str, state: str) -> bool:
        """Use a state up; False if it is none, or over, or used."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a workspace is asked for, and by which app; `repr` shows no secret.

    Attributes:
        installations: Where what it gives is kept.
        client_id: The app's.
        client_secret: The app's.
        scopes: What the bot's token may do.
        redirect_uri: Where Slack sends the browser back; empty for the one in the app's settings.
        authorize_url: Slack's page that asks.
    """

    installations: Installations
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    redirect_uri: str = ""
    authorize_url: str = AUTHORIZE

    def __repr__(self) -> str:
        return f"Offer({self.client_id})"


class Kept(AsyncInstallationStore):
    """Our store as the library knows one: one bot in each workspace, and no persons."""

    def __init__(self, installations: Installations, app: str) -> None:
        self._installations = installations
        self._app = app

    @property
    def logger(self) -> logging.Logger:
        """The library's, which says nothing of what it was given."""
        return LIBRARY

    async def async_save(self, installation: Given) -> None:
        """Keep what a workspace gave out.

        Raises:
            BoltError: It is not for one workspace, not for a bot, or the workspace is not served.
        """
        if installation.is_enterprise_install:
            raise BoltError(ORGANISATION)
        if not (installation.bot_token and installation.team_id and installation.bot_user_id):
            raise BoltError(INCOMPLETE)
        end_s = installation.bot_token_expires_at
        kept = Installation(
            key=InstallationKey(
                app=self._app, enterprise=installation.enterprise_id, team=installation.team_id
            ),
            token=installation.bot_token,
            bot_user=installation.bot_user_id,
            bot=installation.bot_id or "",
            scopes=tuple(installation.bot_scopes or ()),
            installer=installation.user_id or "",
            at_ms=int(installation.installed_at * 1000),
            refresh=installation.bot_refresh_token,
            end_ms=None if end_s is None else end_s * 1000,
        )
        if not await self._installations.save(kept):
            raise BoltError(UNSERVED)

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> GivenBot | None:
        """Give the bot of a workspace; an organisation has none."""
        if is_enterprise_install or not team_id:
            return None
        found = await self._installations.find(self._key(enterprise_id, team_id))
        return None if found is None else bot_of(found)

    async def async_delete_all(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Delete what a workspace gave out."""
        if team_id:
            await self._installations.delete(self._key(enterprise_id, team_id))

    def _key(self, enterprise: str | None, team: str) -> InstallationKey:
        return InstallationKey(app=self._app, enterprise=enterprise, team=team)


class Asked(AsyncOAuthStateStore):
    """The states of one app, as the library asks for them."""

    def __init__(self, installations: Installations, app: str) -> None:
        self._installations = installations
        self._app = app

    @property
    def logger(self) -> logging.Logger:
        """The library's, which says nothing of what it was given."""
        return LIBRARY

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        """Give a new state."""
        del args, kwargs  # the library's signature
        return await self._installations.issue(self._app)

    async def async_consume(self, state: str) -> bool:
        """Use a state up."""
        return await self._installations.consume(self._app, state)


class Flow(AsyncOAuthFlow):
    """The library's flow, without what whoever calls a page could put into it."""

    async def build_authorize_url(self, state: str, request: AsyncBoltRequest) -> str:
        """Give the address of Slack's page.

        The library would put the request's own `team` there as it stands, and any argument behind it.
        """
        del request
        return self.settings.authorize_url_generator.generate(state=state)

    async def run_installation(self, code: str) -> Given | None:
        """Ask Slack for what a code stands for; None where Slack gives nothing."""
        try:
            return await super().run_installation(code)
        except Exception as error:  # noqa: BLE001  whatever the library raises may quote a code or a token
            _LOG.error("an installation was not finished: %s", type(error).__name__)
            return None


def flow_of(offer: Offer, client: AsyncWebClient) -> Flow:
    """Make the flow of an app; nothing of it is taken from the environment."""
    app = offer.client_id
    settings = AsyncOAuthSettings(
        client_id=app,
        client_secret=offer.client_secret,
        scopes=list(offer.scopes),
        user_scopes=[],
        install_path=INSTALL_PATH,
        install_page_rendering_enabled=False,
        redirect_uri_path=REDIRECT_PATH,
        callback_options=AsyncCallbackOptions(success=_made, failure=_failed),
        installation_store=Kept(offer.installations, app),
        installation_store_bot_only=True,
        state_store=Asked(offer.installations, app),
        state_cookie_name=COOKIE,
        logger=LIBRARY,
    )
    settings.redirect_uri = offer.redirect_uri or None
    settings.authorize_url_generator = AuthorizeUrlGenerator(
        client_id=app,
        redirect_uri=quote(offer.redirect_uri, safe="") or None,
        scopes=list(offer.scopes),
        authorization_url=offer.authorize_url,
    )
    return Flow(client=client, logger=LIBRARY, settings=settings)


def routes(flow: Flow) -> list[web.RouteDef]:
    """Give the two pages."""
    return [
        web.get(flow.install_path, partial(_page, flow.handle_installation)),
        web.get(flow.redirect_uri_path, partial(_page, flow.handle_callback)),
    ]


def bot_of(installation: Installation) -> GivenBot:
    """Give an installation as the library knows a bot."""
    return GivenBot(
        enterprise_id=installation.key.enterprise,
        team_id=installation.key.team,
        bot_token=installation.token,
        bot_id=installation.bot,
        bot_user_id=installation.bot_user,
        bot_scopes=installation.scopes,
        bot_refresh_token=installation.refresh,
        bot_token_expires_at=None if installation.end_ms is None else installation.end_ms // 1000,
        installed_at=installation.at_ms / 1000,
    )


async def _page(
    answer: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]], request: web.Request
) -> web.Response:
    try:
        response = await to_aiohttp_response(await answer(await to_bolt_request(request)))
    except Exception as error:  # noqa: BLE001  whatever it was may quote the address, which holds a code
        _LOG.error("a page of the installation failed: %s", type(error).__name__)
        response = web.Response(status=503, text=_LATER)
    response.headers.update(_PRIVATE)
    return response


async def _made(args: AsyncSuccessArgs) -> BoltResponse:
    _LOG.info("the app was installed in a workspace")
    return await args.default.success(args)


async def _failed(args: AsyncFailureArgs) -> BoltResponse:
    """Say what went wrong; a reason in the address is shown only if it looks like one of Slack's words."""
    if not _REASON.fullmatch(args.reason):
        args.reason = "unknown"
    problem = str(args.error) if isinstance(args.error, BoltError) else ""
    _LOG.warning("an installation was refused: %s", problem or args.reason)
    response = await args.default.failure(args)
    if problem:
        response.status = 403
        response.body = args.settings.redirect_uri_page_renderer.render_failure_page(problem)
    return response
