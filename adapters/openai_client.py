"""OpenAI's clients, with every way to the provider closed but two, and those two led through the wall."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from typing import Any, Literal, NoReturn, TypeAlias, TypeVar, cast

import openai
from openai.types import responses

from firewall.core.errors import NotGuarded, UnsupportedModel

Kind: TypeAlias = Literal["chat", "responses"]
Call: TypeAlias = Callable[[dict[str, object]], Any]
# Gives what the member gives: the answer for OpenAI, an awaitable of it for AsyncOpenAI.
Interceptor: TypeAlias = Callable[[Kind, dict[str, object], Call], Any]

Client = TypeVar("Client", openai.OpenAI, openai.AsyncOpenAI)

# What Python itself asks of any object. None of it reaches the client that is guarded.
_PYTHON = frozenset({"__class__", "__doc__", "__module__", "__hash__", "__eq__", "__repr__", "__str__"})
_CHANGING = ("__setattr__", "__delattr__", "__copy__", "__deepcopy__", "__reduce_ex__")
_ENTER = ("__enter__", "__exit__", "__aenter__", "__aexit__")


def guard_client(client: Client, interceptor: Interceptor) -> Client:
    """Give a client of the same type whose calls go through the interceptor, and nothing else does.

    `chat.completions.create` and `responses.create` are covered, also by way of `with_raw_response`, whose
    answer can be parsed and nothing else. `close`, `is_closed`, `base_url`, `timeout`, `max_retries`,
    `with_options`, `copy` and `with` work, and what they give is guarded too. Every other member raises
    `NotGuarded`: an upload, a batch, an assistant's thread or a raw `post` would carry text past the wall.

    Args:
        client: The client that really calls; it is not changed.
        interceptor: Called with the kind, the arguments that were given, and the call to make with them. It
            runs
            when the member is called, so it can note whose turn is open before anything is awaited.

    Raises:
        UnsupportedModel: Not a client of OpenAI's library.
    """
    if not isinstance(client, openai.OpenAI | openai.AsyncOpenAI):  # pyright: ignore[reportUnnecessaryIsInstance] # callers may be untyped
        raise UnsupportedModel("only OpenAI and AsyncOpenAI clients are covered")
    real = cast("Any", client)

    def again(**options: object) -> Client:
        return guard_client(cast("Client", real.with_options(**options)), interceptor)

    members: dict[str, object] = {
        **_namespaces(real, interceptor, raw=False),
        "with_raw_response": _shell(real.with_raw_response, _namespaces(real, interceptor, raw=True)),
        **{
            name: getattr(real, name) for name in ("close", "is_closed", "base_url", "timeout", "max_retries")
        },
        "with_options": again,
        "copy": again,
    }
    return cast("Client", _shell(real, members))


def is_synchronous(client: object) -> bool:
    """True if the calls of a client give answers and not awaitables."""
    return isinstance(client, openai.OpenAI)


def _namespaces(real: Any, interceptor: Interceptor, *, raw: bool) -> dict[str, object]:  # noqa: ANN401
    """Give `chat` and `responses`, whose `create` gives raw responses or answers."""

    def members(kind: Kind, resource: Any) -> dict[str, object]:  # noqa: ANN401  either kind of resource
        create = _led(interceptor, kind, resource.create)
        if raw:
            return {"create": _unparsed(create)}
        rawly = _shell(resource.with_raw_response, {"create": _unparsed(create)})
        return {"create": create, "with_raw_response": rawly}

    completions = _shell(real.chat.completions, members("chat", real.chat.completions))
    return {
        "chat": _shell(real.chat, {"completions": completions}),
        "responses": _shell(real.responses, members("responses", real.responses)),
    }


def _led(interceptor: Interceptor, kind: Kind, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(arguments: dict[str, object]) -> object:
        return real(**arguments)

    def create(**arguments: object) -> object:
        """Ask the model, through the wall."""
        return interceptor(kind, _said(arguments), call)

    return create


def _said(arguments: Mapping[str, object]) -> dict[str, object]:
    """Give the arguments that say something, without a way around the closed tables of what may be said."""
    given = {
        name: one for name, one in arguments.items() if not isinstance(one, openai.NotGiven | openai.Omit)
    }
    headers = cast("Mapping[str, object]", given.pop("extra_headers", None) or {})
    # Frameworks name themselves in each call. The provider need not know, so the name stays here.
    others = any(name.lower() != "user-agent" for name in headers)
    if given.pop("extra_body", None) or given.pop("extra_query", None) or others:
        raise NotGuarded(
            "extra_body, extra_query and headers of a single call would carry text past the wall; set "
            "default_headers= and default_query= on the client before it is guarded"
        )
    return given


def _unparsed(create: Callable[..., Any]) -> Callable[..., Any]:
    def call(**arguments: object) -> object:
        """Ask the model, through the wall, and give what `parse()` makes of the answer."""
        answer = create(**arguments)
        if isinstance(answer, Awaitable):
            return _awaited(cast("Awaitable[object]", answer))
        return RawAnswer(answer)

    return call


async def _awaited(answer: Awaitable[object]) -> "RawAnswer":
    return RawAnswer(await answer)


class RawAnswer:
    """A judged answer in the place of a raw one, which holds the provider's words unjudged.

    Attributes:
        headers: None of the provider's: they name machines and limits that all its callers share.
    """

    def __init__(self, answer: object) -> None:
        self.headers: dict[str, str] = {}
        self._answer = answer

    def parse(self) -> object:
        """Give the judged answer."""
        return self._answer

    def __getattr__(self, name: str) -> NoReturn:
        _hidden(self, name)


class GuardedStream(openai.Stream[Any]):
    """A stream of judged chunks; there is no response behind it to be read unjudged."""

    def __init__(self, chunks: Generator[Any]) -> None:
        self._chunks = chunks

    def __next__(self) -> Any:  # noqa: ANN401  whatever the library streams
        return next(self._chunks)

    def __iter__(self) -> Iterator[Any]:
        return self._chunks

    def close(self) -> None:
        """End the stream early."""
        self._chunks.close()

    def __getattr__(self, name: str) -> NoReturn:
        _hidden(self, name)


class GuardedAsyncStream(openai.AsyncStream[Any]):
    """A stream of judged chunks; there is no response behind it to be read unjudged."""

    def __init__(self, chunks: AsyncGenerator[Any]) -> None:
        self._chunks = chunks

    async def __anext__(self) -> Any:  # noqa: ANN401  whatever the library streams
        return await anext(self._chunks)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._chunks

    async def close(self) -> None:
        """End the stream early."""
        await self._chunks.aclose()

    def __getattr__(self, name: str) -> NoReturn:
        _hidden(self, name)


# What the library's own raw answers and streams have, and these have not.
_UNJUDGED = frozenset(
    {"response", "http_response", "http_request", "text", "content", "json", "read", "url", "request_id"}
)


def _hidden(one: object, name: str) -> NoReturn:
    if name not in _UNJUDGED:
        # Frameworks ask for what some answers have and others have not.
        raise AttributeError(name)
    raise NotGuarded(f"{type(one).__name__}.{name} holds what was not judged; it is not covered")


_EVENTS: Mapping[str, Any] = {
    "response.created": responses.ResponseCreatedEvent,
    "response.in_progress": responses.ResponseInProgressEvent,
    "response.output_item.added": responses.ResponseOutputItemAddedEvent,
    "response.output_item.done": responses.ResponseOutputItemDoneEvent,
    "response.content_part.added": responses.ResponseContentPartAddedEvent,
    "response.content_part.done": responses.ResponseContentPartDoneEvent,
    "response.output_text.delta": responses.ResponseTextDeltaEvent,
    "response.output_text.done": responses.ResponseTextDoneEvent,
    "response.refusal.delta": responses.ResponseRefusalDeltaEvent,
    "response.refusal.done": responses.ResponseRefusalDoneEvent,
    "response.reasoning_summary_part.added": responses.ResponseReasoningSummaryPartAddedEvent,
    "response.reasoning_summary_part.done": responses.ResponseReasoningSummaryPartDoneEvent,
    "response.reasoning_summary_text.delta": responses.ResponseReasoningSummaryTextDeltaEvent,
    "response.reasoning_summary_text.done": responses.ResponseReasoningSummaryTextDoneEvent,
    "response.function_call_arguments.delta": responses.ResponseFunctionCallArgumentsDeltaEvent,
    "response.function_call_arguments.done": responses.ResponseFunctionCallArgumentsDoneEvent,
    "response.completed": responses.ResponseCompletedEvent,
    "response.incomplete": responses.ResponseIncompleteEvent,
}


def response(values: dict[str, Any]) -> object:
    """Make the library's own response, as it would make one of what a provider sent."""
    return responses.Response.construct(**values)


def event(values: dict[str, Any]) -> object:
    """Make the library's own event of a stream."""
    return _EVENTS[values["type"]].construct(**values)


def _shell(real: object, members: Mapping[str, object]) -> object:
    """Make an object of a subclass of the real one's type that has these members and no others.

    The guarded client is held by closures and is no attribute of the shell, so neither `vars()` nor a private
    attribute of the library leads to it.
    """
    base = type(real)

    def get(self: object, name: str) -> object:
        if name in members:
            return members[name]
        if name in _PYTHON:
            return object.__getattribute__(self, name)
        magic = name.startswith("__") and name.endswith("__") and name not in _CHANGING
        if magic or not hasattr(real, name):
            raise AttributeError(name)
        raise NotGuarded(f"{base.__name__}.{name} is not covered; use {', '.join(members)}")

    def refuse(*_: object) -> None:
        raise NotGuarded(f"a guarded {base.__name__} cannot be changed, copied or pickled")

    body: dict[str, object] = {
        "__getattribute__": get,
        "__module__": base.__module__,
        "__doc__": base.__doc__,
    }
    body |= dict.fromkeys(_CHANGING, refuse)
    body |= {name: _entering(real, name) for name in _ENTER if hasattr(base, name)}
    shell = type(base.__name__, (base,), body)
    return object.__new__(shell)


def _entering(owner: object, name: str) -> Callable[..., Any]:
    real: Callable[..., Any] = getattr(owner, name)

    def enter(self: object) -> object:
        real()
        return self

    async def aenter(self: object) -> object:
        await real()
        return self

    def leave(_: object, *reasons: object) -> object:
        return real(*reasons)

    return {"__enter__": enter, "__aenter__": aenter}.get(name, leave)
