"""The clients that a guarded application with asyncio speaks through.

The client of a request is the library's own with another class: whatever the application configured stays,
and an `isinstance` of a bot holds. It says of itself that it is not copied, because Bolt copies a request,
with its client, for each lazy listener.
"""

from collections.abc import Mapping
from typing import Any, Self, cast

from adapters.errors import Unreadable
from adapters.slack.acts import Call
from adapters.slack.library import AsyncRespond, AsyncSlackResponse, AsyncWebClient, SlackApiError
from adapters.slack.outlet import Outlet
from adapters.slack.tokens import Ask
from firewall.core.errors import UnsupportedApp

# The library leaves its own arguments half typed.
_ASYNC: Any = AsyncWebClient
_CARRIERS = ("json", "params", "data")
_RESPONSES = (
    *("text", "blocks", "attachments", "response_type", "replace_original", "delete_original"),
    *("unfurl_links", "unfurl_media", "thread_ts", "metadata"),
)


def call_of(method: str, options: Mapping[str, Any], client: Any) -> Call:  # noqa: ANN401  a client of either kind
    """Give a call of `api_call` as the wall sees it; what names a token in another way is odd."""
    given = cast("Mapping[str, object]", options.get("headers") or {})
    named = {str(name).lower() for name in (*given, *cast("Mapping[str, object]", client.headers or {}))}
    odd = options.get("files") is not None or options.get("auth") is not None or "authorization" in named
    return Call(method=method, carried={one: options.get(one) for one in _CARRIERS}, odd=odd)


def respond_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments of `respond` by name; a mapping in the place of the text is all of them.

    Raises:
        Unreadable: There is one that no version of the library is known to have.
    """
    given = {**dict(zip(_RESPONSES, args, strict=False)), **kwargs}
    if isinstance(given.get("text"), Mapping):
        given = dict(cast("Mapping[str, Any]", given["text"]))
    if len(args) > len(_RESPONSES) or given.keys() - set(_RESPONSES):
        raise Unreadable("an argument of respond is not known")
    # What a model wrote must not have Slack fetch addresses of its choice.
    return {key: one for key, one in given.items() if one is not None} | {
        "unfurl_links": False,
        "unfurl_media": False,
    }


class Unhooked:
    """A client's own calls, past its hooks: for what was judged, and for what the hooks themselves ask.

    Args:
        client: An asynchronous client.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client

    async def call(self, method: str, **options: Any) -> Any:  # noqa: ANN401  Slack's own answer
        """Call a method, not judged."""
        return await _ASYNC.api_call(self.client, method, **options)

    async def ask(self, token: str) -> Mapping[str, Any]:
        """Ask whose a token is."""
        response: Any = await self.call("auth.test", params={"token": token})
        return cast("Mapping[str, Any]", response.data)

    async def look(self, channel: str) -> Mapping[str, Any]:
        """Ask what a channel is; Slack refuses where the bot is not in it, and that says nothing."""
        try:
            response: Any = await self.call("conversations.info", params={"channel": channel})
        except SlackApiError:
            return {}
        return cast("Mapping[str, Any]", response.data)

    async def upload(self, **options: Any) -> Any:  # noqa: ANN401  the library's own answer
        """Upload bytes, not judged."""
        send: Any = AsyncWebClient._upload_file  # pyright: ignore[reportPrivateUsage]  the choke point
        return await send(self.client, **options)

    def pretend(self, data: dict[str, Any]) -> AsyncSlackResponse:
        """Give an answer of Slack's kind that nobody was asked for."""
        return AsyncSlackResponse(
            client=self.client,
            http_verb="POST",
            api_url="",
            req_args={},
            data=data,
            headers={},
            status_code=200,
        )


class Guarded:
    """The two ways out of a client, judged.

    Args:
        outlet: The way out of the application.
        client: The client.
    """

    def __init__(self, outlet: Outlet, client: AsyncWebClient) -> None:
        self._outlet = outlet
        self._own = Unhooked(client)

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    async def api_call(self, api_method: str, **options: Any) -> Any:  # noqa: ANN401  Slack's own answer
        """Call a method of the Web API, judged if it shows anything."""
        client = self._own.client
        asked = call_of(api_method, options, client)
        rest = {name: one for name, one in options.items() if name not in _CARRIERS}

        async def do(carried: Mapping[str, Any]) -> Any:  # noqa: ANN401  Slack's own answer
            return await self._own.call(api_method, **{**rest, **carried})

        ask: Ask = self._own.ask
        return await self._outlet.call(asked, token=client.token, ask=ask, do=do, pretend=self._own.pretend)

    async def upload_file(self, **options: Any) -> Any:  # noqa: ANN401  the library's own answer
        """Upload the bytes of a file, judged."""

        async def do(data: bytes) -> Any:  # noqa: ANN401  the library's own answer
            return await self._own.upload(**{**options, "data": data})

        return await self._outlet.upload(str(options.get("url")), options.get("data"), do=do)


class GuardedClient(AsyncWebClient):
    """The client of one request."""

    guarded: Guarded

    @classmethod
    def of(cls, client: AsyncWebClient, outlet: Outlet) -> Self:
        """Turn the client that Bolt made for a request into a guarded one.

        Raises:
            UnsupportedApp: It is of another class than Bolt is known to make.
        """
        if type(client) is not AsyncWebClient:
            raise UnsupportedApp("Bolt made a client of an unknown class; this version is not supported")
        changed = cast("Any", client)
        changed.__class__ = cls
        changed.guarded = Guarded(outlet, client)
        return cast("Self", changed)

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:
        """Call a method of the Web API, judged if it shows anything."""
        return cast("AsyncSlackResponse", await self.guarded.api_call(api_method, **options))

    async def _upload_file(self, **options: Any) -> Any:  # noqa: ANN401  the library's own answer
        return await self.guarded.upload_file(**options)


class GuardedRespond(AsyncRespond):
    """The `respond` of one request."""

    outlet: Outlet

    @classmethod
    def of(cls, respond: AsyncRespond, outlet: Outlet) -> Self:
        """Give the guarded one in the place of what Bolt would have made."""
        made = cls(response_url=respond.response_url, proxy=respond.proxy, ssl=respond.ssl)
        made.outlet = outlet
        return made

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  the library's own answer
        """Answer by the response URL, judged."""
        given = respond_arguments(args, kwargs)

        async def do(body: dict[str, Any]) -> Any:  # noqa: ANN401  the library's own answer
            return await cast("Any", super(GuardedRespond, self)).__call__(**body)

        return await self.outlet.respond(self.response_url or "none", given, do=do, method="respond")
