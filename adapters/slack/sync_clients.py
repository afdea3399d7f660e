"""The clients that a guarded application in threads speaks through; as `clients`, in threads."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, cast

from adapters.doors import Errands, SyncDoor
from adapters.slack.clients import call_of, respond_arguments
from adapters.slack.library import Respond, SlackApiError, SlackResponse, WebClient
from adapters.slack.methods import QUIET
from adapters.slack.outlet import Outlet
from firewall.core.errors import UnsupportedApp

_CARRIERS = ("json", "params", "data")
# The library leaves its own arguments half typed.
_SYNC: Any = WebClient


def unhooked(client: WebClient, method: str, **options: Any) -> Any:  # noqa: ANN401  Slack's own answer
    """Call a method past the hooks: what was judged, or what the hooks themselves ask."""
    return _SYNC.api_call(client, method, **options)


def asking(client: WebClient, run: Errands) -> Callable[[str], Awaitable[Mapping[str, Any]]]:
    """Give what asks whose a token is, in the thread that `run` runs things in."""

    async def ask(token: str) -> Mapping[str, Any]:
        response = await run(lambda: unhooked(client, "auth.test", params={"token": token}))
        return cast("Mapping[str, Any]", response.data)

    return ask


def looking(client: WebClient, run: Errands) -> Callable[[str], Awaitable[Mapping[str, Any]]]:
    """Give what asks what a channel is; Slack refuses where the bot is not in it, and that says nothing."""

    async def look(channel: str) -> Mapping[str, Any]:
        try:
            response = await run(lambda: unhooked(client, "conversations.info", params={"channel": channel}))
        except SlackApiError:
            return {}
        return cast("Mapping[str, Any]", response.data)

    return look


class SyncGuarded:
    """The two ways out of a client, judged.

    Args:
        outlet: The way out of the application.
        door: The way to the wall.
        client: The client.
    """

    def __init__(self, outlet: Outlet, door: SyncDoor, client: WebClient) -> None:
        self._outlet = outlet
        self._door = door
        self._client = client

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def api_call(self, api_method: str, **options: Any) -> Any:  # noqa: ANN401  Slack's own answer
        """Call a method of the Web API, judged if it shows anything."""
        if api_method in QUIET and api_method != "conversations.open":
            return unhooked(self._client, api_method, **options)
        asked = call_of(api_method, options, self._client)
        rest = {name: one for name, one in options.items() if name not in _CARRIERS}

        async def work(run: Errands) -> Any:  # noqa: ANN401  Slack's own answer
            async def do(carried: Mapping[str, Any]) -> Any:  # noqa: ANN401  Slack's own answer
                return await run(lambda: unhooked(self._client, api_method, **{**rest, **carried}))

            return await self._outlet.call(
                asked,
                token=self._client.token,
                ask=asking(self._client, run),
                do=do,
                pretend=self._pretend,
            )

        return self._door.wait(work)

    def upload_file(self, **options: Any) -> Any:  # noqa: ANN401  the library's own answer
        """Upload the bytes of a file, judged."""

        async def work(run: Errands) -> Any:  # noqa: ANN401  the library's own answer
            async def do(data: bytes) -> Any:  # noqa: ANN401  the library's own answer
                send: Any = WebClient._upload_file  # pyright: ignore[reportPrivateUsage]  the choke point
                return await run(lambda: send(self._client, **{**options, "data": data}))

            return await self._outlet.upload(str(options.get("url")), options.get("data"), do=do)

        return self._door.wait(work)

    def _pretend(self, data: dict[str, Any]) -> SlackResponse:
        return SlackResponse(
            client=self._client,
            http_verb="POST",
            api_url="",
            req_args={},
            data=data,
            headers={},
            status_code=200,
        )


class SyncGuardedClient(WebClient):
    """The client of one request."""

    guarded: SyncGuarded

    @classmethod
    def of(cls, client: WebClient, outlet: Outlet, door: SyncDoor) -> Self:
        """Turn the client that Bolt made for a request into a guarded one.

        Raises:
            UnsupportedApp: It is of another class than Bolt is known to make.
        """
        if type(client) is not WebClient:
            raise UnsupportedApp("Bolt made a client of an unknown class; this version is not supported")
        changed = cast("Any", client)
        changed.__class__ = cls
        changed.guarded = SyncGuarded(outlet, door, client)
        return cast("Self", changed)

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def api_call(self, api_method: str, **options: Any) -> SlackResponse:
        """Call a method of the Web API, judged if it shows anything."""
        return cast("SlackResponse", self.guarded.api_call(api_method, **options))

    def _upload_file(self, **options: Any) -> Any:  # noqa: ANN401  the library's own answer
        return self.guarded.upload_file(**options)


class SyncGuardedRespond(Respond):
    """The `respond` of one request."""

    outlet: Outlet
    door: SyncDoor

    @classmethod
    def of(cls, respond: Respond, outlet: Outlet, door: SyncDoor) -> Self:
        """Give the guarded one in the place of what Bolt would have made."""
        made = cls(response_url=respond.response_url, proxy=respond.proxy, ssl=respond.ssl)
        made.outlet, made.door = outlet, door
        return made

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  the library's own answer
        """Answer by the response URL, judged."""
        given = respond_arguments(args, kwargs)
        send = cast("Any", super()).__call__

        async def work(run: Errands) -> Any:  # noqa: ANN401  the library's own answer
            async def do(body: dict[str, Any]) -> Any:  # noqa: ANN401  the library's own answer
                return await run(lambda: send(**body))

            return await self.outlet.respond(self.response_url or "none", given, do=do, method="respond")

        return self.door.wait(work)
