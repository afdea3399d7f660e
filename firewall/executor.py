"""Running one tool call, in one fixed order.

Known, granted, arguments against the schema, judged, intent recorded, run, result against the schema, judged,
recorded. The first four are one judgement; what runs are the very arguments that were judged.
"""

import asyncio
import contextlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from firewall.arguments import parsed
from firewall.core.ids import TenantId, canonical
from firewall.core.ports import FileStore
from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind, Json, ToolCall, thawed
from firewall.guard import Guard
from firewall.ledger import Ledger
from firewall.receipts import called
from firewall.templates import FAILED
from firewall.threads import Threads
from firewall.tools import Tool, ToolTable


class _GivenUpError(Exception):
    """Nobody waits for the tool any more."""


@dataclass(slots=True)
class _Run:
    """How far a synchronous tool has come; read by its thread, written by the loop."""

    given_up: bool = False
    in_thread: bool = False

    def check(self) -> None:
        """Stop what nobody waits for any more, by an error, so that no draft of it is kept."""
        if self.given_up:
            raise _GivenUpError


class _FailedError(Exception):
    """What the model reads instead of a result, in constant words."""


def owner_of(turn: Turn) -> str:
    """Name the compartment of a turn: the sender's, and apart for each room and for what is private."""
    principal, audience = turn.principal, turn.audience
    place = ("private",) if audience.private else ("room", *turn.destination.place)
    return canonical(principal.tenant, principal.id, *place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Runs declared tools for a turn.

    Attributes:
        guard: Judges calls and results.
        tools: Every declared tool.
        files: Opens what path arguments name.
        threads: Where synchronous tools run, each tenant's in its own share.
        timeout_s: Longest run of one tool, in seconds.
        orphans: Threads that outlived the wait for them, until they end.
    """

    guard: Guard
    tools: ToolTable
    files: FileStore
    threads: Threads
    timeout_s: float
    orphans: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    async def call(self, ledger: Ledger, name: str, raw: str | Mapping[str, Json]) -> str:
        """Judge a call, run it, judge its result, and give the text that the model may read.

        Args:
            ledger: The turn that asks.
            name: The name the model used.
            raw: Its arguments, as JSON text or as values.

        Raises:
            Denied: The call or its result was refused.
        """
        tool, arguments = self.tools.get(name), parsed(raw)
        if arguments is not None:
            spec = None if tool is None else tool.spec
            arguments = ledger.placeholders.arguments(arguments, spec, again=True)
        call = await self.guard.tool_call(
            ledger,
            name,
            None if tool is None else tool.spec,
            arguments or {},
            fits=tool is not None and arguments is not None and tool.fits(arguments),
        )
        if tool is None:
            raise LookupError("a layer let a tool pass that nobody declared")

        async def act() -> object:
            return await self._run(ledger, tool, call)

        try:
            value = await self.guard.effect(ledger, f"tool:{name}", called(name, call.arguments), act)
        except _FailedError as failed:
            return await self.guard.tool_result(ledger, call, tool.spec, str(failed), learn=False)
        text = _text(value)
        return await self.guard.tool_result(
            ledger,
            call,
            tool.spec,
            text or "",
            owners=_owners(tool, value),
            fits=text is not None and tool.returns(value),
        )

    async def _run(self, ledger: Ledger, tool: Tool, call: ToolCall) -> object:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._lent(ledger, tool, call)
        except _FailedError:
            raise
        except Exception:  # noqa: BLE001  a tool's error may quote anything, so it goes nowhere
            raise _FailedError(FAILED) from None

    async def _lent(self, ledger: Ledger, tool: Tool, call: ToolCall) -> object:
        if inspect.iscoroutinefunction(tool.function):
            async with contextlib.AsyncExitStack() as lent:
                return await tool.function(**await self._values(ledger, tool, call, lent))
        run = _Run()
        running = asyncio.create_task(self._threaded(ledger, tool, call, run))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            run.given_up = True
            self.orphans.add(running)
            running.add_done_callback(self._ended)
            if not run.in_thread:
                # Everything but a thread can be stopped, and is, before the turn goes on or ends: what it
                # lends, what its function gave to be awaited, and a draft that is not kept yet.
                running.cancel()
                await asyncio.wait({running})
            raise

    def _ended(self, task: asyncio.Task[object]) -> None:
        self.orphans.discard(task)
        if not task.cancelled():
            # Nobody waits for it any more; reading the error keeps asyncio from printing it.
            task.exception()

    async def _threaded(self, ledger: Ledger, tool: Tool, call: ToolCall, run: _Run) -> object:
        """Run a synchronous tool in a thread, and keep what it was lent until the thread has ended.

        A thread cannot be stopped. Were its descriptor closed when the wait for it ends, the number would
        soon be another turn's file, which the thread would then read or write.
        """
        async with contextlib.AsyncExitStack() as lent:
            values = await self._values(ledger, tool, call, lent)
            async with self.threads.taken(ledger.turn.principal.tenant):
                done = await self._in_thread(run, lambda: tool.function(**values))
            result = await done if inspect.isawaitable(done) else done
            run.check()
            return result

    async def _in_thread(self, run: _Run, function: Callable[[], object]) -> object:
        def begun() -> object:
            # A call may have waited for a thread until nobody waited for it.
            run.check()
            return function()

        run.in_thread = True
        try:
            done = await self.threads.run(begun)
        finally:
            run.in_thread = False
        if run.given_up and inspect.iscoroutine(done):
            done.close()
        run.check()
        return done

    async def _values(
        self, ledger: Ledger, tool: Tool, call: ToolCall, lent: contextlib.AsyncExitStack
    ) -> dict[str, object]:
        values: dict[str, object] = {}
        for name, kind in tool.spec.arguments.items():
            if kind.bound:
                values[name] = _bound(kind, ledger.turn)
            elif name in call.arguments:
                values[name] = await self._value(ledger, kind, thawed(call.arguments[name]), lent)
        return values

    async def _value(
        self, ledger: Ledger, kind: ArgumentKind, value: Json, lent: contextlib.AsyncExitStack
    ) -> object:
        if kind not in (ArgumentKind.READ_PATH, ArgumentKind.WRITE_PATH, ArgumentKind.READ_FILE):
            return value
        lend = self.files.lend(owner_of(ledger.turn), str(value), write=kind.writes)
        try:
            path = await lent.enter_async_context(lend)
        except OSError as error:
            # Constant words about the owner's own files, unlike what a tool's own error may say.
            raise _FailedError(f"error: {error.strerror}") from None
        if kind is ArgumentKind.READ_FILE:
            return lent.enter_context(open(path, "rb"))  # noqa: ASYNC230  the lent path is an open descriptor
        return path


def _bound(kind: ArgumentKind, turn: Turn) -> object:
    match kind:
        case ArgumentKind.BOUND_TENANT:
            return turn.principal.tenant
        case ArgumentKind.BOUND_REALM:
            return turn.key.realm
        case ArgumentKind.BOUND_PRINCIPAL:
            return turn.principal.id
        case ArgumentKind.BOUND_SESSION:
            return turn.session
        case ArgumentKind.BOUND_TURN:
            return turn
        case _:
            raise LookupError("not a bound kind")


def _text(value: object) -> str | None:
    """Write a result as text; None if JSON has no words for it.

    Nothing is written by `str()`: the address of an object would differ from one run to the next.
    """
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    if not callable(dump):
        raise TypeError("not a plain value")
    return dump(mode="json")


def _owners(tool: Tool, value: object) -> frozenset[TenantId]:
    """Give the tenants that the rows name. A row without an owner belongs to nobody, so to nobody here."""
    key = tool.spec.owner_key
    if key is None:
        return frozenset()
    rows = cast("list[object]", value) if isinstance(value, list) else [value]
    return frozenset(TenantId(_named(row, key)) for row in rows)


def _named(row: object, key: str) -> str:
    return str(cast("Mapping[str, object]", row).get(key, "")) if isinstance(row, Mapping) else ""
