"""The default agent: a plain tool-calling loop, bounded in rounds, tokens and time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firewall.core.errors import Denied
from firewall.templates import REFUSED, SPENT
from partywall.handle import TurnHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Answers the message of a turn, calling declared tools on the way.

    Attributes:
        system: A registered prompt, or None.
        tools: Names of declared tools to offer; those not granted to the principal are left out.
        model: LiteLLM's name of the model, or None for the configuration's.
        max_rounds: Most model calls in one turn.
        max_tokens: Most tokens of one turn, as the model counts them.
        timeout_s: Longest time for the whole answer, in seconds.
    """

    system: str | None = None
    tools: Sequence[str] = ()
    model: str | None = None
    max_rounds: int
    max_tokens: int
    timeout_s: float

    async def __call__(self, turn: TurnHandle) -> str:
        """Answer and give what was shown; when a bound is reached, what is shown says so.

        Raises:
            Denied: The request, the answer or the reply may not pass.
            ServiceUnavailable: The model did not answer.
        """
        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await self._loop(turn)
        except TimeoutError:
            answer = None
        return await turn.reply(SPENT if answer is None else answer)

    async def _loop(self, turn: TurnHandle) -> str | None:
        messages, spent = turn.history(), 0
        for _ in range(self.max_rounds):
            reply = await turn.complete(messages, tools=self.tools, model=self.model, system=self.system)
            spent += _tokens(reply)
            message: dict[str, Any] = reply["choices"][0]["message"]
            calls = message.get("tool_calls") or ()
            if not calls:
                return str(message.get("content") or "")
            if spent >= self.max_tokens:
                return None
            messages.append(message)
            for call in calls:
                messages.append(await _answered(turn, call))
        return None


async def _answered(turn: TurnHandle, call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    try:
        text = await turn.call_tool(function["name"], function["arguments"])
    except Denied:
        text = REFUSED
    return {"role": "tool", "tool_call_id": call["id"], "content": text}


def _tokens(reply: Mapping[str, Any]) -> int:
    usage: Mapping[str, Any] = reply.get("usage") or {}
    return int(usage.get("total_tokens") or 0)
