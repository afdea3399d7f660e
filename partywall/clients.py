"""Models of other people's libraries, guarded: the same call, the same type of answer."""

import importlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from firewall.core.errors import MisuseError, ServiceUnavailable, UnsupportedModel
from firewall.turns import OpenTurn, current
from partywall.crossing import Caller, Crossing
from partywall.models import Trust, bound_request, copied
from partywall.runtime import Runtime
from partywall.spoken import Chat, Form, Model, Responses

M = TypeVar("M")
Request = dict[str, Any]

_REMEDY = "use its asynchronous twin, or call it in a thread (`await asyncio.to_thread(...)`)"
_TAKEN = (
    "guard_model takes a completion function, such as litellm.acompletion or litellm.completion, or an "
    "AsyncOpenAI or OpenAI client; a framework's model is given a guarded client (docs/models.md)"
)
_END = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelGuard:
    """Guards one model.

    Attributes:
        opened: Gives the opened wall.
        trust: What the model may be told besides the present message.
        crossing: Leads threads to the wall's loop.
    """

    opened: Callable[[], Awaitable[Runtime]]
    trust: Trust
    crossing: Crossing

    def guard(self, model: M) -> M:
        """Give the same model, guarded.

        Raises:
            UnsupportedModel: No guard is known for this kind of model.
        """
        if any(kind.__module__.split(".")[0] == "openai" for kind in type(model).__mro__):
            return self._client(model)
        if callable(model) and _is_async(model):
            return cast("M", self._function(cast("Callable[..., Awaitable[Any]]", model)))
        if inspect.isfunction(model) or inspect.ismethod(model) or isinstance(model, partial):
            return cast("M", self._waiting(cast("Callable[..., Any]", model)))
        raise UnsupportedModel(_TAKEN)

    def _function(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def ask(judged: Request) -> object:
            _check(function)
            return await function(**judged)

        async def guarded(*args: Any, **kwargs: Any) -> object:
            opened, request = current(), copied(bound_request(function, args, kwargs))
            return await self._asked(opened, Chat(), request, ask)

        return guarded

    def _waiting(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def ask(judged: Request) -> object:
            _check(function)
            return function(**judged)

        def guarded(*args: Any, **kwargs: Any) -> object:
            opened, request = current(), copied(bound_request(function, args, kwargs))
            caller = self.crossing.caller("the guarded completion function", _REMEDY)
            return self._waited(caller, opened, Chat(), request, ask)

        return guarded

    def _client(self, client: M) -> M:
        # The OpenAI library is slow to import; whoever has a client has paid for it already.
        module = importlib.import_module("adapters.openai_client")
        forms: dict[str, Form] = {
            "chat": Chat(),
            "responses": Responses(made=module.response, event=module.event),
        }

        def intercept(kind: str, arguments: Request, call: Callable[[Request], Any]) -> object:
            answer = self._asked(current(), forms[kind], copied(arguments), call)
            return _streaming(module.GuardedAsyncStream, answer) if arguments.get("stream") else answer

        def intercept_waiting(kind: str, arguments: Request, call: Callable[[Request], Any]) -> object:
            opened, request = current(), copied(arguments)
            caller = self.crossing.caller("the guarded OpenAI client", _REMEDY)
            answer = self._waited(caller, opened, forms[kind], request, call)
            return module.GuardedStream(answer) if request.get("stream") else answer

        wait = module.is_synchronous(client)
        guarded: M = module.guard_client(client, intercept_waiting if wait else intercept)
        return guarded

    async def _asked(self, opened: OpenTurn, form: Form, request: Request, model: Model) -> object:
        if request.get("stream"):
            return self._streamed(opened, form, request, model)
        return await self._completed(opened, form, request, model)

    async def _completed(self, opened: OpenTurn, form: Form, request: Request, model: Model) -> object:
        runtime = await self.opened()
        with opened.working():
            return await form.complete(runtime, opened, request, self.trust, model)

    async def _streamed(
        self, opened: OpenTurn, form: Form, request: Request, model: Model
    ) -> AsyncGenerator[Any]:
        runtime = await self.opened()
        with opened.working():
            async with aclosing(form.stream(runtime, opened, request, self.trust, model)) as chunks:
                async for chunk in chunks:
                    yield chunk

    def _waited(
        self, caller: Caller, opened: OpenTurn, form: Form, request: Request, model: Callable[[Request], Any]
    ) -> object:
        asked = partial(_in_thread, caller, model)
        if request.get("stream"):
            return _iterated(caller, self._streamed(opened, form, request, asked))
        return caller.wait(lambda: self._completed(opened, form, request, asked))


async def _streaming(made: Callable[[object], object], chunks: Awaitable[object]) -> object:
    return made(await chunks)


async def _in_thread(caller: Caller, model: Callable[[Request], Any], judged: Request) -> object:
    """Ask a synchronous model in the thread that waits for it."""
    answer = await caller.run(lambda: model(judged))
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise UnsupportedModel(f"a synchronous function gave something to await; {_TAKEN}")
    return _drawn(caller, answer) if judged.get("stream") else answer


async def _drawn(caller: Caller, source: Any) -> AsyncIterator[object]:  # noqa: ANN401  any iterable
    """Draw the chunks of a synchronous stream in the thread that waits for them."""
    chunks = iter(source)
    try:
        while (chunk := await caller.run(lambda: next(chunks, _END))) is not _END:
            yield chunk
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()


def _iterated(caller: Caller, chunks: AsyncGenerator[Any]) -> Generator[Any]:
    async def following() -> object:
        return await anext(chunks, _END)

    try:
        while (chunk := caller.wait(following)) is not _END:
            yield chunk
    except GeneratorExit:
        # Where nobody can wait any more, the loop itself closes what was left.
        with suppress(MisuseError, ServiceUnavailable):
            caller.wait(chunks.aclose)
        raise


def _is_async(model: object) -> bool:
    return inspect.iscoroutinefunction(model) or inspect.iscoroutinefunction(
        getattr(model, "__call__", None)  # noqa: B004  an object with an asynchronous __call__
    )


def _check(function: Callable[..., Any]) -> None:
    """Refuse LiteLLM's process-wide cache and callbacks, which are shared by all tenants."""
    if str(getattr(function, "__module__", "")).split(".")[0] == "litellm":
        importlib.import_module("adapters.litellm_model").check_globals()
