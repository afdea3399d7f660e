"""Asking the configuration's model in a turn."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from firewall.core.errors import MisuseError
from firewall.core.ports import Completion
from firewall.templates import Template
from firewall.turns import OpenTurn
from partywall.models import Trust, copied
from partywall.runtime import Runtime


class Asking:
    """Asks a model with only what one turn may read.

    Args:
        runtime: The opened wall.
        opened: The turn.
        templates: Prompts of the operator.
        completion: Gives the model's client, when it is first asked.
    """

    def __init__(
        self,
        runtime: Runtime,
        opened: OpenTurn,
        templates: Sequence[Template],
        completion: Callable[[], Completion],
    ) -> None:
        self._runtime = runtime
        self._opened = opened
        self._templates = templates
        self._completion = completion

    def request(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[str],
        model: str | None,
        system: str | None,
        options: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Make a chat-completions request; see `TurnHandle.complete`.

        Raises:
            MisuseError: No model is named.
        """
        called = model or self._runtime.config.model
        if called is None:
            raise MisuseError("no model is named: pass model= or set `model` in the configuration")
        head = [] if system is None else [{"role": "system", "content": system}]
        request = copied({**options, "model": called, "messages": [*head, *messages]})
        if tools:
            request["tools"] = [{"type": "function", "function": {"name": name}} for name in tools]
        return request

    async def complete(self, request: dict[str, Any], history: int) -> dict[str, Any]:
        """Give the judged answer; see `TurnHandle.complete`."""
        completion = self._completion()
        with self._opened.working():
            return await self._runtime.model.complete(
                self._opened, request, self._trust(history), completion.complete
            )

    async def stream(self, request: dict[str, Any], history: int) -> AsyncIterator[dict[str, Any]]:
        """Give the judged answer in chunks; see `TurnHandle.stream`."""
        completion = self._completion()

        async def ask(judged: dict[str, Any]) -> object:
            return completion.stream(judged)

        with self._opened.working():
            async for chunk in self._runtime.model.stream(self._opened, request, self._trust(history), ask):
                yield chunk

    def _trust(self, history: int) -> Trust:
        return Trust(templates=self._templates, history=history)
