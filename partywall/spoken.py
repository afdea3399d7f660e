"""The two forms in which models are asked: chat completions, and OpenAI's responses.

Both are judged as chat completions. A form tells a request so, asks, and gives the answer back in the type
that the asker's library has for it.
"""

import hmac
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.responses_reply import read_reply, write_reply
from adapters.responses_shape import UNKNOWN, Told, read_request, write_request
from adapters.responses_stream import Hearing, Telling
from firewall.ledger import Ledger
from firewall.turns import OpenTurn
from partywall.models import Trust, alike, dumped
from partywall.runtime import Runtime

# Asks with a judged request; gives the answer, or with `stream` an asynchronous iterator of its chunks.
Model = Callable[[dict[str, Any]], Awaitable[Any]]
_HALF = 24


class Form(Protocol):
    """Asks a model for a turn, in one library's words."""

    async def complete(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> object:
        """Give the judged answer."""
        ...

    def stream(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> AsyncGenerator[object]:
        """Give the judged answer as it is decided."""
        ...


class Chat:
    """Chat completions, in whatever type the model's own answer has."""

    async def complete(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> object:
        """Give the judged answer."""
        answers: list[object] = []

        async def ask(judged: dict[str, Any]) -> object:
            answers.append(await model(judged))
            return answers[0]

        reply = await runtime.model.complete(opened, request, trust, ask)
        return alike(answers[0], reply)

    async def stream(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> AsyncGenerator[object]:
        """Give the judged answer as it is decided."""
        seen: list[object] = []

        async def ask(judged: dict[str, Any]) -> object:
            return _noted(await model(judged), seen)

        async with aclosing(runtime.model.stream(opened, request, trust, ask)) as chunks:
            async for chunk in chunks:
                yield alike(seen[0], chunk)


async def _noted(source: AsyncIterator[object], seen: list[object]) -> AsyncGenerator[object]:
    try:
        async for chunk in source:
            seen[:] = [chunk]
            yield chunk
    finally:
        await _closed(source)


async def _closed(source: object) -> None:
    """Let a client's stream go; one that was read to its end does not mind."""
    close = getattr(source, "aclose", None) or getattr(source, "close", None)
    if close is not None:
        done = close()
        if done is not None:
            await done


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """OpenAI's responses.

    Attributes:
        made: Makes the library's own response of plain values.
        event: Makes the library's own stream event of plain values.
    """

    made: Callable[[dict[str, Any]], object]
    event: Callable[[dict[str, Any]], object]

    async def complete(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> object:
        """Give the judged answer."""
        said = _Said(opened.alive(), read_request(request))

        async def ask(judged: dict[str, Any]) -> object:
            return read_reply(dumped(await model(write_request(said.told, judged))))

        reply = await runtime.model.complete(opened, said.chat, trust, ask)
        said.keep(reply["choices"][0]["message"])
        return self.made(write_reply(reply, said.name))

    async def stream(
        self, runtime: Runtime, opened: OpenTurn, request: dict[str, Any], trust: Trust, model: Model
    ) -> AsyncGenerator[object]:
        """Give the judged answer as it is decided."""
        said = _Said(opened.alive(), read_request(request))
        telling = Telling(said.name)

        async def ask(judged: dict[str, Any]) -> object:
            return _heard(await model(write_request(said.told, judged)))

        async with aclosing(runtime.model.stream(opened, said.chat, trust, ask)) as chunks:
            async for chunk in chunks:
                for event in telling.events(chunk):
                    yield self.event(event)
        said.keep(telling.message)
        for event in telling.end():
            yield self.event(event)


async def _heard(source: AsyncIterator[object]) -> AsyncGenerator[object]:
    hearing = Hearing()
    try:
        async for event in source:
            chunk = hearing.chunk(dumped(event))
            if chunk is not None:
                yield chunk
    finally:
        await _closed(source)
    hearing.check()


class _Said:
    """One request with what it continues, and the name that its reply will have.

    What a bot continues by `previous_response_id` is looked up here and never at the provider, which would
    tell it to whoever knows the id, and tells it as it was before it was judged. A name proves by itself that
    this session was given it. One that does not is counted and dropped like every foreign message: a bot that
    keeps one last id for everybody presents somebody else's whenever they spoke last.
    """

    def __init__(self, ledger: Ledger, told: Told) -> None:
        self.told = told
        self.name = _drawn(ledger)
        self._ledger = ledger
        self._before = _continued(ledger, told.previous)
        self.chat: dict[str, Any] = {**told.chat, "messages": [*told.head, *self._before, *told.new]}

    def keep(self, message: Mapping[str, object]) -> None:
        """Remember, for as long as the turn lasts, what led to this reply."""
        self._ledger.told[self.name] = (*self._before, *self.told.new, message)


def _drawn(ledger: Ledger) -> str:
    drawn = ledger.name("response")
    return f"resp_{drawn}{_proof(ledger, drawn)}"


def _proof(ledger: Ledger, drawn: str) -> str:
    return ledger.digest(("response", ledger.turn.session, drawn))[:_HALF]


def _continued(ledger: Ledger, name: str | None) -> tuple[Mapping[str, object], ...]:
    """Give what a reply of this turn continues; replies of earlier turns are in the session's records."""
    if name is None:
        return ()
    if name in ledger.told:
        return ledger.told[name]
    drawn = name.removeprefix("resp_")
    given, proof = drawn[_HALF:], _proof(ledger, drawn[:_HALF])
    return () if hmac.compare_digest(given.encode(), proof.encode()) else (UNKNOWN,)
