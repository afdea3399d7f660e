"""The models that make it bite; all they know comes through the wall, but for one that remembers past it."""

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, assert_never

from tests.fakes.models import Answer, Call, Echo, Messages, Scripted
from tests.noninterference.plans import Driver

Seen = Callable[[Mapping[str, Any]], Awaitable[None]]
_CALLS = 2


class Provider(Scripted):
    """A completion function that shows every request, whole, to whoever watches before it answers.

    It numbers its answers over all callers, as providers do: nothing of that may reach a bot.
    """

    def __init__(self, driver: Driver, seen: Seen, known: Sequence[str], planted: Sequence[str]) -> None:
        super().__init__([""], piece_codepoints=11)
        self._driver, self._seen = driver, seen
        self._known, self._planted = tuple(known), tuple(planted)
        self._echo = Echo(calls=_CALLS)
        self._memory: defaultdict[str, list[str]] = defaultdict(list)
        self._user = ""

    async def __call__(self, **request: Any) -> Any:
        """Answer a request that the wall let through."""
        await self._seen(request)
        self._user = str(request.get("user", ""))
        self._played += 1
        return await super().__call__(**request)

    def answer(self, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> Answer:
        """Answer as the driver does."""
        match self._driver:
            case Driver.ECHO:
                return self._echo.answer(messages, tools)
            case Driver.ADVERSARY:
                return self._attack(messages, tools)
            case Driver.STATEFUL:
                return self._remembered(self._user, messages)
            case Driver.UNMEDIATED:
                return self._blurted(messages)
            case _:
                assert_never(self._driver)

    def _attack(self, messages: Messages, tools: Sequence[Mapping[str, Any]]) -> Answer:
        # Drawn from the request alone: the adversary is a function of what it was told and what it knows.
        whole = json.dumps([messages, tools], sort_keys=True)
        rng = random.Random(hashlib.sha256(whole.encode("utf-8", "surrogatepass")).digest())
        if tools and messages[-1].get("role") != "tool" and rng.random() < 0.7:
            return [self._weapon(rng, tools) for _ in range(_CALLS)]
        return f"{whole} {rng.choice(self._known)} {rng.choice(self._known)}"

    def _weapon(self, rng: random.Random, tools: Sequence[Mapping[str, Any]]) -> Call:
        function = rng.choice(tools)["function"]
        parameters: Mapping[str, Any] = function.get("parameters") or {}
        named: list[str] = list(parameters.get("properties") or {})
        if rng.random() < 0.2:
            named += ["principal", "owner", "turn"]
        return Call(name=function["name"], arguments={name: rng.choice(self._known) for name in named})

    def _remembered(self, key: str, messages: Messages) -> str:
        told = self._memory[key]
        told += [str(one.get("content")) for one in messages]
        return "\n".join(told)

    def _blurted(self, messages: Messages) -> str:
        """Say every planted value that anybody ever told it, whoever asks."""
        told = self._memory[""]
        for one in messages:
            content = str(one.get("content"))
            told += [value for value in self._planted if value in content and value not in told]
        # In one order in all worlds: who told it first is nothing that a value could be kept from.
        return "\n".join(["Here is all I know.", *(value for value in self._planted if value in told)])
