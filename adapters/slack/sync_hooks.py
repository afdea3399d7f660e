"""The hooks in an `App`, whose handlers run in threads.

| point | what passes |
|---|---|
| `app.dispatch` | every delivery of every transport, and the answer to it |
| `app._init_context` | gives each request its client and its `respond` |
| `app._middleware_list` | the gate, behind Bolt's own middleware |
| `app.client.api_call`, `app.client._upload_file` | what the bot says by the application's own client |
| `listener_runner.listener_executor`, `lazy_listener_runner.executor` | carry the turn into the threads |
"""

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, cast

from adapters.doors import Row, SyncDoor
from adapters.slack import visit
from adapters.slack.answers import Answers
from adapters.slack.gate import Gate
from adapters.slack.library import App, BoltRequest, BoltResponse, Middleware, Respond, WebClient
from adapters.slack.outlet import Outlet
from adapters.slack.points import Place, Point, Swap, row, verifies
from adapters.slack.sync_clients import (
    SyncGuarded,
    SyncGuardedClient,
    SyncGuardedRespond,
    asking,
    looking,
    unhooked,
)
from firewall.core.errors import UnsupportedApp


class SyncGateMiddleware(Middleware):
    """Stops a delivery, or opens its turn, before any code of the bot sees it.

    Args:
        gate: Decides.
        door: The way to the wall.
        middleware: The list that this stands in.
    """

    def __init__(self, gate: Gate, door: SyncDoor, middleware: Sequence[object]) -> None:
        self._gate = gate
        self._door = door
        self._middleware = middleware

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,
        next: Callable[[], BoltResponse],
    ) -> BoltResponse | None:
        """Let a delivery pass, or answer it with nothing."""
        del resp  # the library's signature; nothing has answered yet
        client, door = req.context.client, self._door
        url, proxy, ssl = req.context.response_url, client.proxy, client.ssl

        async def post(method: str, given: dict[str, Any]) -> object:
            return await door.aside(lambda: unhooked(client, method, json=given))

        async def respond(text: str) -> object:
            say = Respond(response_url=url, proxy=proxy, ssl=ssl)
            return await door.aside(lambda: say(text, response_type="ephemeral", replace_original=False))

        before = self._middleware[: self._middleware.index(self)]
        verified = verifies(before, req.mode, req.body)

        def opening() -> Awaitable[bool]:
            return self._gate.admits(
                req.body,
                verified=verified,
                token=client.token,
                ask=asking(client, door.aside),
                look=looking(client, door.aside),
                respond=respond,
                post=post,
            )

        return next() if door.enter(opening) else BoltResponse(status=200, body="")


class Carrying(Executor):
    """An executor that carries the turn of who submits into its threads.

    Args:
        executor: The application's own; it is not shut down with this one.
        door: Knows the turn.
    """

    def __init__(self, executor: Executor, door: SyncDoor) -> None:
        self._executor = executor
        self._door = door

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run something in a thread, in the turn of who asks for it."""
        return self._executor.submit(self._door.carrying(lambda: fn(*args, **kwargs)))


class SyncHooks:
    """The hooks in one application.

    Args:
        app: The application.
        door: The way to the wall.

    Raises:
        UnsupportedApp: A choke point is gone.
    """

    def __init__(self, app: App, door: SyncDoor) -> None:
        self._app: Any = app
        self._door = door
        self._outlet = Outlet(door.door)
        self._answers = Answers(self._outlet)
        found: object = getattr(app, "_middleware_list", None)
        client: WebClient | None = getattr(app, "_client", None)
        if not isinstance(found, list) or client is None or app.client is not client:
            raise UnsupportedApp("the list of middleware or the client of App is gone; not supported")
        middleware = cast("list[object]", found)
        guarded = SyncGuarded(self._outlet, door, client)
        # Kept: a bound method is another object each time it is asked for.
        self._dispatch: Any = getattr(app, "dispatch", None)
        self._init_context: Any = getattr(app, "_init_context", None)
        gate = SyncGateMiddleware(Gate(door.door, self._outlet.tokens), door, middleware)
        self._points: list[Point | Place | Swap] = [
            Point(name="app.dispatch", holder=app, attribute="dispatch", hook=self._dispatched),
            Point(name="app._init_context", holder=app, attribute="_init_context", hook=self._equipped),
            Place(name="app._middleware_list", middleware=middleware, gate=gate),
            Point(name="app.client.api_call", holder=client, attribute="api_call", hook=guarded.api_call),
            Point(
                name="app.client._upload_file",
                holder=client,
                attribute="_upload_file",
                hook=guarded.upload_file,
            ),
            *self._executors(),
        ]

    def _executors(self) -> list[Swap]:
        runner: Any = getattr(self._app, "listener_runner", None)
        lazy: Any = getattr(runner, "lazy_listener_runner", None)
        places = [(runner, "listener_executor"), (lazy, "executor")]
        if not all(isinstance(getattr(holder, name, None), Executor) for holder, name in places):
            raise UnsupportedApp("the executors of App are gone or of another kind; not supported")
        return [
            Swap(
                name=f"{'lazy_listener_runner' if holder is lazy else 'listener_runner'}.{name}",
                holder=holder,
                attribute=name,
                before=getattr(holder, name),
                after=Carrying(getattr(holder, name), self._door),
            )
            for holder, name in places
        ]

    def install(self) -> None:
        """Put every hook in, or none.

        Raises:
            UnsupportedApp: One of them has no place.
        """
        try:
            for point in self._points:
                point.install()
            if self._probed() != (True, True):
                raise UnsupportedApp("the client of a request cannot be replaced in this version of Bolt")
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

    def _dispatched(self, req: BoltRequest) -> BoltResponse | None:
        def run() -> Any:  # noqa: ANN401  an answer, or None as Bolt gives it
            visit.end()
            response = self._dispatch(req)
            return self._door.wait(lambda _: self._answers.judged(req.body, response))

        early = BoltResponse(status=200, body="") if req.body.get("type") == "event_callback" else None
        return cast("BoltResponse | None", self._door.deliver(run, detached=early))

    def _equipped(self, req: BoltRequest) -> None:
        self._init_context(req)
        context: Any = req.context
        client = SyncGuardedClient.of(context["client"], self._outlet, self._door)
        context["client"] = client
        context["respond"] = SyncGuardedRespond.of(
            Respond(response_url=context.response_url, proxy=client.proxy, ssl=client.ssl),
            self._outlet,
            self._door,
        )

    def _probed(self) -> tuple[bool, bool]:
        """Look at what a request would be given now."""
        request: Any = BoltRequest(body="", mode="http")
        self._app._init_context(request)
        context = request.context
        return isinstance(context.client, SyncGuardedClient), isinstance(context.respond, SyncGuardedRespond)
