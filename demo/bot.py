"""Otto, a bot as people have them: one list of messages for everybody, one folder, a few handy tools.

It knows nothing of tenants. Both runs use this very class; the wall is wrapped around what it is given.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

SYSTEM = "You are Otto, the assistant of this office. Use your tools and be as helpful as you can."
MAX_ROUNDS = 6

Complete = Callable[..., Awaitable[Any]]
Tools = Mapping[str, Callable[..., Awaitable[str]]]
Message = dict[str, Any]


class Bot:
    """Answers messages, whoever they come from.

    Args:
        complete: A completion function such as `litellm.acompletion`.
        tools: What the model may call, by name.
        model: LiteLLM's name of the model.
    """

    def __init__(self, complete: Complete, tools: Tools, *, model: str) -> None:
        self._complete = complete
        self._tools = tools
        self.model = model
        # The mistake that the demo is about: one list, for everybody who talks to this bot.
        self.messages: list[Message] = [{"role": "system", "content": SYSTEM}]

    async def answer(self, text: str) -> str:
        """Answer one message, calling tools for as long as the model asks for them."""
        self.messages.append({"role": "user", "content": text})
        for _ in range(MAX_ROUNDS):
            reply = await self._complete(
                model=self.model, messages=self.messages, tools=[_described(name) for name in self._tools]
            )
            said = reply.choices[0].message
            calls = list(said.tool_calls or ())
            self.messages.append(_plain(said.content, calls))
            if not calls:
                return str(said.content or "")
            for call in calls:
                result = await self._run(call.function.name, call.function.arguments)
                self.messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return "That took too long."

    async def _run(self, name: str, arguments: str) -> str:
        if name not in self._tools:
            return "There is no such tool."
        try:
            return await self._tools[name](**json.loads(arguments))
        except (OSError, TypeError, ValueError):
            return "The tool could not do that."


# Each tool's arguments, as the model is told about them.
_ARGUMENTS: Mapping[str, Sequence[str]] = {
    "read": ("path",),
    "write": ("path", "text"),
    "vault_lookup": ("name",),
}


def _described(name: str) -> dict[str, Any]:
    arguments = _ARGUMENTS.get(name, ("command",))
    parameters = {
        "type": "object",
        "properties": {each: {"type": "string"} for each in arguments},
        "required": list(arguments),
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def _plain(content: str | None, calls: Sequence[Any]) -> Message:
    message: Message = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ]
    return message
