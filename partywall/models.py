"""Guarded models: the same call, the same type back, and nothing in or out unjudged."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from adapters.json_leaves import plain
from adapters.replies import CallIds, assemble, normalise_chunk, normalise_reply
from firewall.core.errors import MisuseError, UnavailableError, UnsupportedModel
from firewall.core.message import Part
from firewall.core.ports import Match
from firewall.core.subject import Leaf, ModelReply, Span
from firewall.core.verdict import Case
from firewall.layers.links import Links
from firewall.layers.redaction import Redaction
from firewall.ledger import Ledger
from firewall.restoring import Restoring
from firewall.streams import Cutter
from firewall.templates import Template
from firewall.turns import OpenTurn
from partywall.passages import aside
from partywall.requests import Gate, Request
from partywall.restored import restored_reply

_END = object()
Ask = Callable[[dict[str, Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a guarded model may be told besides the present message.

    Attributes:
        templates: Texts the operator registered.
        history: How many parts of the session's own history, the youngest.
        formats: The strings of the response formats the operator registered.
    """

    templates: Sequence[Template]
    history: int
    formats: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedModel:
    """Asks a model for a turn: the request is admitted, the answer released.

    Attributes:
        gate: Judges requests and replies.
        redaction: The last layer, asked where a stream may be cut.
        links: The layer before it, asked the same.
    """

    gate: Gate
    redaction: Redaction
    links: Links

    async def complete(self, opened: OpenTurn, request: Request, trust: Trust, ask: Ask) -> dict[str, Any]:
        """Give the judged reply as a plain chat completion.

        Raises:
            Denied: The request or the reply may not pass.
            TurnClosed: The turn ended before the answer came; the answer goes nowhere.
        """
        judged = await self._admitted(opened, request, trust)
        with aside():
            answer = await ask(judged)
        ledger = opened.alive()
        reply = normalise_reply(dumped(answer), model=str(request.get("model")), ids=CallIds.of(judged))
        return await self.gate.release(ledger, self._restored(ledger, reply))

    async def stream(
        self, opened: OpenTurn, request: Request, trust: Trust, ask: Ask
    ) -> AsyncGenerator[dict[str, Any]]:
        """Give the judged reply in chunks; no text leaves while it could still be part of a match.

        Text comes as soon as it is decided; everything else (tool calls, reasoning, the finish reason) comes
        at the end, judged whole. A turn that closes meanwhile ends the stream with `TurnClosed`.
        """
        judged = await self._admitted(opened, {**request, "stream": True}, trust)
        ids, model = CallIds.of(judged), str(request.get("model"))
        cutter, restoring = self.cutter(opened.ledger), Restoring(opened.ledger.placeholders)
        chunks: list[dict[str, Any]] = []
        shown = ""
        said: Part | None = None
        with aside():
            source = cast("AsyncIterator[object]", await ask(judged))
        try:
            async for raw in _aside(source):
                chunk = normalise_chunk(dumped(raw), model=model, ids=ids)
                chunks.append(chunk)
                decided = cutter.feed(restoring.feed(content(chunk)))
                if decided:
                    safe = await self.gate.release_text(opened.alive(), decided)
                    shown += safe
                    said = opened.ledger.grown(said, shown)
                    yield _piece(model, {"content": safe})
        finally:
            await _close(source)
        rest = await self.gate.release_text(opened.alive(), cutter.feed(restoring.finish()) + cutter.finish())
        if rest:
            shown += rest
            said = opened.ledger.grown(said, shown)
            yield _piece(model, {"content": rest})
        opened.ledger.dropped(said)
        yield await self._ending(opened.alive(), model, assemble(chunks), shown)

    def _restored(self, ledger: Ledger, reply: Mapping[str, object]) -> Mapping[str, Any]:
        return restored_reply(ledger.placeholders, reply, self.gate.tools)

    async def _admitted(self, opened: OpenTurn, request: Request, trust: Trust) -> dict[str, Any]:
        return await self.gate.admit(
            opened.alive(), request, trust.templates, history=trust.history, formats=trust.formats
        )

    async def _ending(
        self, ledger: Ledger, model: str, reply: Mapping[str, Any], shown: str
    ) -> dict[str, Any]:
        whole = _with_content(self._restored(ledger, reply), shown)
        released = await self.gate.release(ledger, whole)
        choice = released["choices"][0]
        delta = {key: value for key, value in choice["message"].items() if key != "content"}
        for index, call in enumerate(delta.get("tool_calls") or ()):
            call["index"] = index
        ending = _piece(model, delta, finish=choice["finish_reason"])
        if released.get("usage") is not None:
            ending["usage"] = released["usage"]
        return ending

    def cutter(self, ledger: Ledger) -> Cutter:
        """Give what cuts a stream of this turn where no match crosses the cut."""
        return Cutter(self._scan(ledger))

    def _scan(self, ledger: Ledger) -> Callable[[str], list[Match]]:
        def scan(text: str) -> list[Match]:
            leaf = Leaf(slot="stream", spans=(Span(text=text, source=None),))
            case = Case(turn=ledger.turn, subject=ModelReply(leaves=(leaf,)), read=ledger.read)
            found = [match for match, _ in self.redaction.matches(case, leaf)]
            return [*found, *self.links.matches(case, leaf)]

        return scan


async def _aside(source: AsyncIterator[object]) -> AsyncIterator[object]:
    """Draw each chunk aside: what a client starts for its next call is no part of this turn."""
    chunks = aiter(source)
    while True:
        with aside():
            chunk = await anext(chunks, _END)
        if chunk is _END:
            return
        yield chunk


async def _close(source: AsyncIterator[object]) -> None:
    """Let a stream go that may not have been read to its end; the provider would go on sending it."""
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


def dumped(answer: object) -> Mapping[str, object]:
    """Give an answer as plain values.

    Raises:
        UnavailableError: It is neither a mapping nor an object that can be written as one.
    """
    if isinstance(answer, Mapping):
        return cast("Mapping[str, object]", answer)
    dump = getattr(answer, "model_dump", None)
    if not callable(dump):
        raise UnavailableError("the model's client gave something that is no chat completion")
    return cast("Mapping[str, object]", dump())


def registered(text: str) -> Template:
    """Give a prompt of the operator with its holes.

    Raises:
        MisuseError: It has no constant text.
    """
    try:
        return Template.parse(text)
    except ValueError as error:
        raise MisuseError(f"a registered prompt is not usable: {error}") from error


def copied(request: Mapping[str, object]) -> dict[str, Any]:
    """Give a request of one's own, taken before anything is awaited.

    The list in it may be everybody's: another turn that appends to it between judgement and use would have
    its words sent unjudged.

    Raises:
        Unreadable: It holds something that is no plain value.
    """
    return cast("dict[str, Any]", plain(dict(request)))


def alike(answer: object, judged: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever type the client uses
    """Give the judged answer in the type the client's own answer had.

    Raises:
        UnsupportedModel: The type cannot be made from a chat completion.
    """
    if isinstance(answer, Mapping):
        return dict(judged)
    try:
        return type(answer)(**judged)
    except Exception as error:
        raise UnsupportedModel(
            f"answers of type {type(answer).__name__} cannot be rebuilt; guard a function that gives "
            "LiteLLM's or OpenAI's objects, or plain dictionaries"
        ) from error


def bound_request(
    function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]
) -> dict[str, Any]:
    """Give the arguments of a completion call by name, however they were passed."""
    if not args:
        return dict(kwargs)
    names = [
        each.name
        for each in inspect.signature(function).parameters.values()
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def content(chunk: Mapping[str, Any]) -> str:
    """Give the text of one chunk of a streamed reply."""
    return "".join(str(each["delta"].get("content") or "") for each in chunk["choices"])


def _piece(model: str, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    return {"id": "", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


def _with_content(reply: Mapping[str, Any], shown: str) -> dict[str, Any]:
    """Put what was shown in the place of what was said, so that this is what is remembered."""
    choice = reply["choices"][0]
    message = {**choice["message"], "content": shown or None}
    return {**reply, "choices": [{**choice, "message": message}]}
