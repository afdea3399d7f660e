"""Models for tests and the demo: scripted, or as talkative as a model can be.

Both answer through LiteLLM (`adapters.litellm_model.register`) and as a plain completion function.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that a model makes; `arguments` may be raw text, to be as malformed as a model can."""

    name: str
    arguments: Mapping[str, object] | str = field(default_factory=dict[str, object])

    @property
    def text(self) -> str:
        """The arguments as a model writes them."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


# What a model says next: a text, or calls of tools.
Answer = str | Sequence[Call]
Step = Callable[[Messages], Answer] | str | Sequence[Call]


class Scripted:
    """A model that plays its steps in order, one a call, and records every request it is sent.

    After the last step it repeats the last one. A step that is a function sees the messages of the request.
    """

    def __init__(self, steps: Sequence[Step], *, piece_codepoints: int = 7) -> None:
        self._steps = list(steps)
        self._piece = piece_codepoints
        self._played = 0
        self.requests: list[dict[str, Any]] = []

    def answer(self, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> Answer:
        """Give the next step's answer."""
        step = self._steps[min(self._played, len(self._steps) - 1)]
        self._played += 1
        return step(messages) if callable(step) else step

    async def acompletion(self, *args: Any, **kwargs: Any) -> Any:
        """Answer as LiteLLM's provider."""
        return type(kwargs["model_response"])(**_reply(self._ask(kwargs), self._played))

    async def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Stream as LiteLLM's provider."""
        answer = self._ask(kwargs)
        if isinstance(answer, str):
            for piece in _pieces(answer, self._piece):
                yield _generic(piece)
            yield _generic("", finish="stop")
            return
        for index, call in enumerate(answer):
            yield _generic("", tool={**_tool(call, self._played, index), "index": index})
        yield _generic("", finish="tool_calls")

    async def __call__(self, **request: Any) -> Any:
        """Answer as a plain completion function: a dict, or an async iterator of dicts with `stream=True`."""
        answer = self._ask({"messages": request["messages"], "optional_params": request})
        if request.get("stream"):
            return _chunks(answer, self._played, self._piece)
        return _reply(answer, self._played)

    def _ask(self, call: Mapping[str, Any]) -> Answer:
        options = cast("Mapping[str, Any]", call.get("optional_params") or {})
        tools = cast("Sequence[Mapping[str, Any]]", options.get("tools") or [])
        messages = cast("Messages", call["messages"])
        # A copy: a caller that reuses its list must not rewrite what was recorded.
        self.requests.append(json.loads(json.dumps({"messages": messages, "tools": tools})))
        return self.answer(messages, tools)


# Has a scripted model play steps, and gives it.
Script = Callable[..., Scripted]


class Echo(Scripted):
    """The most talkative model: it repeats all it was told and tries every tool with every argument.

    Tools come first, called with the words it has seen, the youngest first and at most `calls` a turn; then
    it repeats its whole context word for word. Whatever reaches it comes out, so silence about a value proves
    that the value never reached it.
    """

    def __init__(self, *, calls: int = 8, piece_codepoints: int = 7) -> None:
        super().__init__([""], piece_codepoints=piece_codepoints)
        self._calls = calls

    def answer(self, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> Answer:
        """Call every tool if nobody has yet answered since the last user message, else repeat everything."""
        if tools and messages and messages[-1].get("role") != "tool":
            return _every(messages, tools)[: self._calls]
        return json.dumps({"messages": messages, "tools": tools}, ensure_ascii=False, sort_keys=True)


def _every(messages: Messages, tools: Sequence[Mapping[str, Any]]) -> list[Call]:
    said = " ".join(str(one.get("content") or "") for one in messages)
    words = list(dict.fromkeys(said.split()))[::-1] or ["x"]
    return [_try(tool["function"], word) for word in words for tool in tools]


def _try(function: Mapping[str, Any], word: str) -> Call:
    schema = cast("Mapping[str, Any]", function.get("parameters") or {})
    named = cast("Mapping[str, Any]", schema.get("properties") or {})
    return Call(name=function["name"], arguments=dict.fromkeys(named, word))


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _tool(call: Call, played: int, index: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.text}
    return {"id": f"provider-{played}-{index}", "type": "function", "function": function}


def _generic(text: str, *, tool: Mapping[str, Any] | None = None, finish: str = "") -> dict[str, Any]:
    ended = {"is_finished": bool(finish), "finish_reason": finish, "usage": None, "index": 0}
    return {"text": text, "tool_use": tool, **ended}


def _message(answer: Answer, played: int) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"role": "assistant", "content": answer}
    calls = [_tool(call, played, index) for index, call in enumerate(answer)]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _finish(answer: Answer) -> str:
    return "stop" if isinstance(answer, str) else "tool_calls"


def _reply(answer: Answer, played: int) -> dict[str, Any]:
    choice = {"index": 0, "message": _message(answer, played), "finish_reason": _finish(answer)}
    # Counters as a provider with a prompt cache gives them: nothing of them may reach a bot.
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1},
    }
    head = {"id": f"provider-{played}", "object": "chat.completion", "created": 1, "model": "scripted"}
    return {**head, "choices": [choice], "usage": usage}


async def _chunks(answer: Answer, played: int, size: int) -> AsyncIterator[dict[str, Any]]:
    head = {"id": f"provider-{played}", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    deltas: list[dict[str, Any]] = (
        [{"content": piece} for piece in _pieces(answer, size)]
        if isinstance(answer, str)
        else [{"tool_calls": [{**_tool(call, played, i), "index": i}]} for i, call in enumerate(answer)]
    )
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(answer)}]}
