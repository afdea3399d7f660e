"""Slack's side of an installation: the page where a person agrees, and codes that are good once.

Source: docs.slack.dev, installing with OAuth; reference of oauth.v2.access; token rotation.
"""

import base64
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.slack.methods import installed
from tests.fakes.slack.records import ApiError, Json
from tests.fakes.slack.workspace import Workspace

CLIENT_ID, CLIENT_SECRET = "111.222", "5up3r-s3cr3t-of-the-app"
LASTS_S = 43_200


class Desk(Protocol):
    """What it needs of the Slack that it is in."""

    def number(self) -> int: ...

    def holds(self, token: str, at: Workspace) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    at: Workspace
    redirect_uri: str | None
    organisation: bool


class OAuth:
    """One app's installations.

    `signed_in` is the workspace that the person with the browser agrees for, or None if they refuse.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.redirect_url = ""  # as the app's settings name it
        self.signed_in: Workspace | None = None
        self.organisation = False  # the person agrees for all of an organisation
        self.enterprise: str | None = None  # the organisation that the workspaces are in
        self.rotates = False  # the app's tokens end
        self.token_of: Workspace | None = None  # hand out this one's token in any place: Slack never does
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, _Grant] = {}
        self._refresh: dict[str, Workspace] = {}

    async def authorize(self, request: web.Request) -> web.Response:
        """Let the person agree at once, and send the browser back."""
        asked = dict(request.query)
        self.asked.append(asked)
        if asked.get("client_id") != CLIENT_ID:
            return web.Response(status=400, text="invalid_client_id")
        back: Json = {"state": asked.get("state", "")}
        if self.signed_in is None:
            back["error"] = "access_denied"
        else:
            code = f"{self._desk.number()}.code-of-{self.signed_in.domain}"
            self._codes[code] = _Grant(
                at=self.signed_in,
                redirect_uri=asked.get("redirect_uri"),
                organisation=self.organisation,
            )
            back["code"] = code
        where = asked.get("redirect_uri") or self.redirect_url
        raise web.HTTPFound(f"{where}?{urlencode(back)}")

    def access(self, args: Json) -> Json:
        """Give what a code or a refresh token stands for."""
        if args.get("grant_type") == "refresh_token":
            _known(args)
            at = self._refresh.pop(str(args.get("refresh_token")), None)
            if at is None:
                raise ApiError("invalid_refresh_token")
            return self._given(at)
        grant = self._codes.pop(str(args.get("code")), None)
        if grant is None:
            raise ApiError("invalid_code")
        _known(args)
        if args.get("redirect_uri") != grant.redirect_uri:
            raise ApiError("bad_redirect_uri")
        given = self._given(grant.at)
        enterprise = {"id": self.enterprise, "name": "Both"} if self.enterprise else None
        given |= {"enterprise": enterprise, "is_enterprise_install": grant.organisation}
        return given | ({"team": None} if grant.organisation else {})

    def _given(self, at: Workspace) -> Json:
        number = self._desk.number()
        if self.token_of is None:
            at.token = f"xoxb-{at.domain}-{number}"
            self._desk.holds(at.token, at)
        given = installed(at) | {"access_token": (self.token_of or at).token}
        if self.rotates:
            refresh = f"xoxe-1-{at.domain}-{number}"
            self._refresh[refresh] = at
            given |= {"refresh_token": refresh, "expires_in": LASTS_S}
        return given


def credentials(request: web.Request) -> Json:
    """Give the id and the secret of the app that calls, where they stand in the header."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return {}
    id, _, secret = base64.b64decode(given).decode().partition(":")
    return {"client_id": id, "client_secret": secret}


def _known(args: Json) -> None:
    if args.get("client_id") != CLIENT_ID:
        raise ApiError("invalid_client_id")
    if args.get("client_secret") != CLIENT_SECRET:
        raise ApiError("bad_client_secret")
