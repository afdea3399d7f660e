"""The hooks in an `AsyncApp`.

| point | what passes |
|---|---|
| `app.async_dispatch` | every delivery of every transport, and the answer to it |
| `app._init_context` | gives each request its client and its `respond` |
| `app._async_middleware_list` | the gate, behind Bolt's own middleware |
| `app.client.api_call`, `app.client._upload_file` | what the bot says by the application's own client |
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from adapters.doors import Door, Row
from adapters.slack import visit
from adapters.slack.answers import Answers
from adapters.slack.clients import Guarded, GuardedClient, GuardedRespond, Unhooked
from adapters.slack.gate import Gate
from adapters.slack.library import (
    AsyncApp,
    AsyncBoltRequest,
    AsyncMiddleware,
    AsyncRespond,
    AsyncWebClient,
    BoltResponse,
)
from adapters.slack.outlet import Outlet
from adapters.slack.points import Place, Point, row, verifies
from firewall.core.errors import UnsupportedApp


class GateMiddleware(AsyncMiddleware):
    """Stops a delivery, or opens its turn, before any code of the bot sees it.

    Args:
        gate: Decides.
        middleware: The list that this stands in.
    """

    def __init__(self, gate: Gate, middleware: Sequence[object]) -> None:
        self._gate = gate
        self._middleware = middleware

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],
    ) -> BoltResponse | None:
        """Let a delivery pass, or answer it with nothing."""
        del resp  # the library's signature; nothing has answered yet
        client = req.context.client
        own = Unhooked(client)

        async def post(method: str, given: dict[str, Any]) -> object:
            return await own.call(method, json=given)

        async def respond(text: str) -> object:
            say = AsyncRespond(response_url=req.context.response_url, proxy=client.proxy, ssl=client.ssl)
            return await say(text, response_type="ephemeral", replace_original=False)

        before = self._middleware[: self._middleware.index(self)]
        admitted = await self._gate.admits(
            req.body,
            verified=verifies(before, req.mode, req.body),
            token=client.token,
            ask=own.ask,
            look=own.look,
            respond=respond,
            post=post,
        )
        return await next() if admitted else BoltResponse(status=200, body="")


class AsyncHooks:
    """The hooks in one application.

    Args:
        app: The application.
        door: The wall.

    Raises:
        UnsupportedApp: A choke point is gone.
    """

    def __init__(self, app: AsyncApp, door: Door) -> None:
        self._app: Any = app
        self._door = door
        self._outlet = Outlet(door)
        self._answers = Answers(self._outlet)
        found: object = getattr(app, "_async_middleware_list", None)
        client: AsyncWebClient | None = getattr(app, "_async_client", None)
        if not isinstance(found, list) or client is None or app.client is not client:
            raise UnsupportedApp("the list of middleware or the client of AsyncApp is gone; not supported")
        middleware = cast("list[object]", found)
        guarded = Guarded(self._outlet, client)
        # Kept: a bound method is another object each time it is asked for.
        self._dispatch: Any = getattr(app, "async_dispatch", None)
        self._init_context: Any = getattr(app, "_init_context", None)
        self._points: list[Point | Place] = [
            Point(name="app.async_dispatch", holder=app, attribute="async_dispatch", hook=self._dispatched),
            Point(name="app._init_context", holder=app, attribute="_init_context", hook=self._equipped),
            Place(
                name="app._async_middleware_list",
                middleware=middleware,
                gate=GateMiddleware(Gate(door, self._outlet.tokens), middleware),
            ),
            Point(name="app.client.api_call", holder=client, attribute="api_call", hook=guarded.api_call),
            Point(
                name="app.client._upload_file",
                holder=client,
                attribute="_upload_file",
                hook=guarded.upload_file,
            ),
        ]

    def install(self) -> None:
        """Put every hook in, or none.

        Raises:
            UnsupportedApp: One of them has no place.
        """
        try:
            for point in self._points:
                point.install()
            self._probe()
        except UnsupportedApp:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Take every hook out; the application is as it was before."""
        for point in reversed(self._points):
            point.uninstall()

    def report(self) -> Sequence[Row]:
        """Look at every choke point again."""
        client, respond = self._probed()
        return [
            *(point.row() for point in self._points),
            row("context.client", client),
            row("context.respond", respond),
        ]

    async def _dispatched(self, req: AsyncBoltRequest) -> BoltResponse | None:
        async def run() -> BoltResponse | None:
            visit.end()
            response: BoltResponse | None = await self._dispatch(req)
            return await self._answers.judged(req.body, response)

        # Slack wants an answer to an event within three seconds and shows it to nobody. An answer to a
        # command or a press is what the bot says, so it is waited for.
        early = BoltResponse(status=200, body="") if req.body.get("type") == "event_callback" else None
        return await self._door.deliver(run, detached=early)

    def _equipped(self, req: AsyncBoltRequest) -> None:
        self._init_context(req)
        context: Any = req.context
        context["client"] = GuardedClient.of(context["client"], self._outlet)
        context["respond"] = GuardedRespond.of(
            AsyncRespond(
                response_url=context.response_url, proxy=context["client"].proxy, ssl=context["client"].ssl
            ),
            self._outlet,
        )

    def _probe(self) -> None:
        if self._probed() != (True, True):
            raise UnsupportedApp("the client of a request cannot be replaced in this version of the library")

    def _probed(self) -> tuple[bool, bool]:
        """Look at what a request would be given now."""
        request: Any = AsyncBoltRequest(body="", mode="http")
        self._app._init_context(request)
        context = request.context
        return isinstance(context.client, GuardedClient), isinstance(context.respond, GuardedRespond)
