"""Slack itself, on one port of this machine: slack_sdk and slack_bolt talk to it unmodified."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

from aiohttp import web

from tests.fakes.slack.chat import Chat
from tests.fakes.slack.delivery import SocketMode, Transport
from tests.fakes.slack.files import Files
from tests.fakes.slack.methods import Methods, installed
from tests.fakes.slack.oauth import OAuth, credentials
from tests.fakes.slack.records import ApiError, Delivery, Fault, Json, Kind, Records, Sent
from tests.fakes.slack.shapes import APP
from tests.fakes.slack.workspace import Workspace

APP_TOKEN = "xapp-1-A0WALL001-wall"
_NESTED = ("blocks", "attachments", "view", "files", "chunks", "metadata", "prompts")
_Effect = Callable[[], web.Response]


class FakeSlack:
    """An app of two workspaces, ACME and GLOBEX. Use it as `async with FakeSlack() as slack`.

    A test drives it through the verbs of `Workspace` and reads `records`. It never sleeps: it waits for a
    condition on the records. Deliveries go by Socket Mode until `transport` is set to something else.
    """

    def __init__(self) -> None:
        self.url = ""
        self.records = Records()
        self.sockets = SocketMode()
        self.transport: Transport = self.sockets
        self.answers: dict[str, Json] = {}  # what a method says, in the place of what it would
        self._chat = Chat(self.records)
        self.files = Files(self.records, self._chat)
        self._methods = Methods(self.records, self._chat, self.files)
        self.oauth = OAuth(self)
        self._number = 0
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/link", self._link)
        app.router.add_get("/oauth/v2/authorize", self.oauth.authorize)
        app.router.add_post("/upload/{team}/{file}", self._upload)
        app.router.add_get("/files-pri/{file}/{name}", self._download)
        app.router.add_post("/{kind:commands|actions}/{team}/{channel}/{user}", self._respond)
        app.router.add_post("/services/{team}/{channel}/{secret}", self._webhook)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.acme = Workspace(self, id="T0ACME001", domain="acme")
        self.globex = Workspace(self, id="T0GLOBEX1", domain="globex")
        self._workspaces = {one.id: one for one in (self.acme, self.globex)}
        self._tokens = {one.token: one for one in (self.acme, self.globex)}
        await self._stack.enter_async_context(self._tasks)
        self._stack.push_async_callback(self.sockets.close)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._stack.aclose()

    @property
    def api(self) -> str:
        """What a client takes as its `base_url`."""
        return f"{self.url}/api/"

    def founds(self, id: str, domain: str) -> Workspace:
        """Install the app in one more workspace."""
        made = Workspace(self, id=id, domain=domain)
        self._workspaces[made.id] = self._tokens[made.token] = made
        return made

    def webhook(self, at: Workspace, channel: str) -> str:
        """Give the URL of an incoming webhook of a channel."""
        return f"{self.url}/services/{at.id}/{channel}/secret"

    def number(self) -> int:
        self._number += 1
        return self._number

    def holds(self, token: str, at: Workspace) -> None:
        """Let a token be good for a workspace."""
        self._tokens[token] = at

    def forgets(self, at: Workspace) -> None:
        """Let no token of a workspace be good any more."""
        self._tokens = {token: one for token, one in self._tokens.items() if one is not at}

    # Towards the bot

    async def deliver(self, kind: Kind, team: str, payload: Json) -> Delivery:
        delivery = Delivery(kind=kind, team=team, payload=payload)
        self.records.deliveries.append(delivery)
        await self.transport.carry(delivery, self.records, self._tasks)
        return delivery

    async def redelivers(self, delivery: Delivery) -> None:
        """Try once more, as Slack does when nobody answered in time; the event keeps its id."""
        delivery.attempt += 1
        await self.transport.carry(delivery, self.records, self._tasks)

    async def uninstalls(self, at: Workspace, *, at_s: int | None = None) -> Delivery:
        """Let a workspace remove the app: its tokens are good no more, and the app is told, twice.

        The app compares the time of it with the real clock; so this clock is real, too.
        """
        self.forgets(at)
        revoked = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [at.bot.id]}}
        await self._tells(at, revoked, at_s)
        return await self._tells(at, {"type": "app_uninstalled"}, at_s)

    async def revokes(self, at: Workspace, *people: str) -> Delivery:
        """Tell the app that tokens of persons are good no more."""
        return await self._tells(at, {"type": "tokens_revoked", "tokens": {"oauth": list(people)}}, None)

    async def _tells(self, at: Workspace, event: Json, at_s: int | None) -> Delivery:
        payload: Json = {"type": "event_callback", "event": event, "team_id": at.id, "api_app_id": APP}
        payload |= {"event_id": f"Ev{self.number():09d}", "event_time": at_s or int(time.time())}
        return await self.deliver("events_api", at.id, payload | {"token": "not-used"})

    # From the bot

    async def _link(self, request: web.Request) -> web.StreamResponse:
        return await self.sockets.serve(request, self.records)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = await _arguments(request)
        if method == "oauth.v2.access":
            args |= credentials(request)

        def effect() -> web.Response:
            try:
                answer = {"ok": True, **self._call(method, _token(request, args), args)}
            except ApiError as error:
                answer = {"ok": False, "error": str(error)}
            return web.json_response(answer, headers={"x-oauth-scopes": "chat:write"})

        return await self._counted(request, method, effect)

    def _call(self, method: str, token: str | None, args: Json) -> Json:
        if method == "oauth.v2.access":
            return self._oauth(args)
        if token is None:
            raise ApiError("not_authed")
        if token != APP_TOKEN and token not in self._tokens:
            raise ApiError("invalid_auth")
        if (method == "apps.connections.open") != (token == APP_TOKEN):
            raise ApiError("not_allowed_token_type")
        if method == "apps.connections.open":
            return {"url": f"ws{self.url.removeprefix('http')}/link?ticket={self.number()}"}
        if method not in self._methods.table:
            raise ApiError("unknown_method")
        if method in self.answers:
            return self.answers[method]
        return self._methods.table[method](self._tokens[token], args)

    def _oauth(self, args: Json) -> Json:
        found = [one for one in self._workspaces.values() if args.get("code") == f"code-{one.domain}"]
        return installed(found[0]) if found else self.oauth.access(args)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        at, content = self._workspaces[request.match_info["team"]], await request.read()

        def effect() -> web.Response:
            return web.Response(text=self.files.upload(at, request.match_info["file"], content))

        return await self._counted(request, "upload", effect)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        team, _, id = request.match_info["file"].partition("-")
        at = self._workspaces[team]
        own = self._tokens.get(_token(request, {}) or "") is at

        def effect() -> web.Response:
            return self.files.download(at, id, own=own)

        return await self._counted(request, "download", effect)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        """Say something by a response URL: to one person, unless it is said to be for the channel."""
        info, args = request.match_info, await _arguments(request)
        public = args.get("response_type") == "in_channel"

        def effect() -> web.Response:
            sent = Sent(
                method="response_url",
                team=info["team"],
                payload=args,
                channel=info["channel"],
                user=None if public else info["user"],
                thread=args.get("thread_ts"),
            )
            self.records.say(sent)
            return web.Response(text="ok")

        return await self._counted(request, "response_url", effect)

    async def _webhook(self, request: web.Request) -> web.StreamResponse:
        at, args = self._workspaces[request.match_info["team"]], await _arguments(request)

        def effect() -> web.Response:
            try:
                self._chat.write(at, {**args, "channel": request.match_info["channel"]}, "webhook")
            except ApiError as error:
                missing = str(error) == "channel_not_found"
                return web.Response(text=str(error), status=404 if missing else 400)
            return web.Response(text="ok")

        return await self._counted(request, "webhook", effect)

    async def _counted(self, request: web.Request, method: str, effect: _Effect) -> web.StreamResponse:
        """Let a call have its effect, unless a fault was ordered for it."""
        self.records.calls_open += 1
        try:
            fault = self.records.next_fault(method)
            return effect() if fault is None else _failing(request, fault, effect)
        finally:
            self.records.calls_open -= 1
            self.records.changed()


def _failing(request: web.Request, fault: Fault, effect: _Effect) -> web.Response:
    if fault.failure == "rate_limited":
        headers = {"Retry-After": str(fault.retry_after_s)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if fault.failure == "server_error":
        return web.Response(text="server error", status=500)
    if fault.failure == "dropped_after":
        effect()
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _token(request: web.Request, args: Json) -> str | None:
    """Give the token of a call, from its header or from a field; it is no part of what is said."""
    field = args.pop("token", None)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else field


async def _arguments(request: web.Request) -> Json:
    """Read what a client sends: a query, a form or JSON, and JSON inside the fields of a form."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found |= json.loads(await request.text() or "{}")
    else:
        found |= dict(await request.post())
    for name in _NESTED:
        if isinstance(found.get(name), str):
            found[name] = json.loads(found[name])
    return found
