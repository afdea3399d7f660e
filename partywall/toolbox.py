"""Declared tools as their callers know them: the same functions, judged at every call."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

from firewall.core.errors import Denied
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
        self.table.add(declare(function, name=name, reads=reads, effect=effect, owner=owner))
        return self._judged(function, name or function.__name__)

    def _judged(self, function: F, called: str) -> F:
        signature = inspect.signature(function)

        async def run(opened: OpenTurn, given: Mapping[str, Any]) -> str:
            runtime = await self._opened()
            try:
                with opened.working() as ledger:
                    return await runtime.executor.call(ledger, called, given)
            except Denied:
                # In a bot's own tool loop the model is told, in constant words, and the loop goes on.
                return REFUSED

        @functools.wraps(function)
        async def judged(*args: Any, **kwargs: Any) -> str:
            return await run(current(), signature.bind_partial(*args, **kwargs).arguments)

        @functools.wraps(function)
        def waited(*args: Any, **kwargs: Any) -> str:
            opened = current()
            given = signature.bind_partial(*args, **kwargs).arguments
            caller = self._crossing.caller(
                f"tool {called!r}",
                "make it `async def`, call it in a thread, or use `await turn.call_tool(name, arguments)`",
            )
            return caller.wait(lambda: run(opened, given))

        return cast("F", judged if inspect.iscoroutinefunction(function) else waited)
