"""Declared tools as their callers know them: the same functions, judged at every call."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from firewall.core.errors import Denied
from firewall.core.subject import ToolSpec
from firewall.templates import REFUSED
from firewall.tools import ToolTable, declare
from firewall.turns import OpenTurn, current
from partywall.crossing import Crossing
from partywall.runtime import Runtime

F = TypeVar("F", bound=Callable[..., Any])


class Toolbox:
    """Declares tools and gives each back as a function that is judged in the turn that is open.

    Args:
        opened: Gives the opened wall.
        crossing: Leads threads to the wall's loop.
    """

    def __init__(self, opened: Callable[[], Awaitable[Runtime]], crossing: Crossing) -> None:
        self.table = ToolTable()
        self._crossing = crossing
        self._opened = opened

    def add(
        self,
        function: F,
        *,
        name: str | None = None,
        reads: str | None = None,
        effect: bool = False,
        owner: str | None = None,
    ) -> F:
        """Declare a function and give it judged.

        Raises:
            ToolUndeclared: The declaration is incomplete, or the name is taken.
        """
        tool = declare(function, name=name, reads=reads, effect=effect, owner=owner)
        self.table.add(tool)
        return self._judged(function, tool.spec)

    def _judged(self, function: F, spec: ToolSpec) -> F:
        signature, called = inspect.signature(function), spec.name
        shown = _shown(signature, spec)

        def given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
            return signature.bind_partial(**shown.bind_partial(*args).arguments, **kwargs).arguments

        async def run(opened: OpenTurn, arguments: Mapping[str, Any]) -> str:
            runtime = await self._opened()
            try:
                with opened.working() as ledger:
                    return await runtime.executor.call(ledger, called, arguments)
            except Denied:
                # In a bot's own tool loop the model is told, in constant words, and the loop goes on.
                return REFUSED

        @functools.wraps(function)
        async def judged(*args: Any, **kwargs: Any) -> str:
            return await run(current(), given(args, kwargs))

        @functools.wraps(function)
        def waited(*args: Any, **kwargs: Any) -> str:
            opened = current()
            arguments = given(args, kwargs)
            caller = self._crossing.caller(
                f"tool {called!r}",
                "make it `async def`, call it in a thread, or use `await turn.call_tool(name, arguments)`",
            )
            return caller.wait(lambda: run(opened, arguments))

        made: Any = judged if inspect.iscoroutinefunction(function) else waited
        # A framework makes the model's schema of these. What the wall fills in would be asked of the model,
        # whose answer is refused; and without an answer the framework would not call the tool at all.
        vars(made)["__signature__"] = shown
        hints = getattr(function, "__annotations__", {}).items()
        made.__annotations__ = {name: hint for name, hint in hints if name not in _bound(spec)}
        return cast("F", made)


def _bound(spec: ToolSpec) -> set[str]:
    return {name for name, kind in spec.arguments.items() if kind.bound}


def _shown(signature: inspect.Signature, spec: ToolSpec) -> inspect.Signature:
    """Give a tool's signature without what the wall fills in."""
    kept = [each for each in signature.parameters.values() if each.name not in _bound(spec)]
    return signature.replace(parameters=kept)
