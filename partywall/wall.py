"""The wall: one object that guards models, tools and turns; it opens by itself on first use."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from firewall.core.errors import StoreUnavailable
from firewall.core.identity import Conversation, Sender
from firewall.core.ids import MessageId
from firewall.core.message import Message
from firewall.core.ports import Clock, IdSource
from firewall.core.session import MAX_HISTORY_PARTS
from firewall.turns import JOB, OpenTurn
from partywall.agent import Agent
from partywall.clients import ModelGuard
from partywall.config import Config, load
from partywall.crossing import Crossing
from partywall.handle import TurnHandle
from partywall.models import Trust, registered
from partywall.requests import format_texts
from partywall.runtime import KeyedIds, Runtime, SystemClock, assemble
from partywall.toolbox import Toolbox

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M")


class Wall:
    """Everything one deployment guards.

    Made by `partywall.open`, which reads the configuration and touches nothing else. It opens on first use
    in the running loop, once for everybody who waits, and stays closed if that fails.

    Attributes:
        config: What the operator set.
        templates: The prompts of the configuration, with their holes.
        guards_a_model: True once a model was guarded; a guarded application without one is searched only.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        ids: Callable[[bytes], IdSource] = KeyedIds,
        master_key: bytes | None = None,
    ) -> None:
        self.config = config
        self._clock = clock or SystemClock()
        self._ids = ids
        self._master_key = master_key
        self._crossing = Crossing()
        self._tools = Toolbox(self.runtime, self._crossing)
        self.templates = [registered(text) for text in config.prompts]
        self._registered = list(self.templates)
        self.guards_a_model = False
        self._runtime: Runtime | None = None
        self._opening: asyncio.Task[Runtime] | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.runtime()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def opened(self) -> Runtime | None:
        """The opened wall, if it is open."""
        return self._runtime

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that it was opened in, or None while it was not."""
        return self._crossing.loop

    async def runtime(self) -> Runtime:
        """Give the opened wall, opening it if nobody has yet.

        Raises:
            StoreUnavailable: It was closed.
            PartywallError: It could not be opened; the next call tries again.
        """
        if self._closed:
            raise StoreUnavailable("this wall was closed; make another one")
        if self._runtime is not None:
            return self._runtime
        if self._opening is None:
            # In no turn's context: what is started here lives as long as the wall.
            self._opening = asyncio.create_task(
                self._open(), name="partywall opening", context=contextvars.Context()
            )
        opening = self._opening
        try:
            # Shielded: a caller that gives up must not take the opening away from those who still wait.
            runtime = await asyncio.shield(opening)
            self._runtime = runtime
        finally:
            if opening.done() and self._opening is opening:
                self._opening = None
        return runtime

    async def _open(self) -> Runtime:
        self._crossing.loop = asyncio.get_running_loop()
        return await assemble(
            self.config,
            declared=self._tools.table,
            clock=self._clock,
            ids=self._ids,
            master_key=self._master_key,
            templates=self._registered,
        )

    async def close(self) -> None:
        """Let go of the database and the files; nothing is lost by not calling it."""
        self._closed = True
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await runtime.close()

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(
        self, /, *, reads: str | None = None, effect: bool = False, owner: str | None = None
    ) -> Callable[[F], F]: ...

    def tool(
        self,
        function: F | None = None,
        /,
        *,
        reads: str | None = None,
        effect: bool = False,
        owner: str | None = None,
    ) -> F | Callable[[F], F]:
        """Declare a function as a tool; it can still be called, and is then judged.

        Args:
            function: With annotated parameters.
            reads: `own`, `tenant` or `public`, where the parameters do not say whose the result is.
            effect: True if it changes something outside the wall's own stores.
            owner: Field of each result row that names its tenant.

        Raises:
            ToolUndeclared: The declaration is incomplete, or the name is taken.
        """

        def declared(made: F) -> F:
            return self._tools.add(made, reads=reads, effect=effect, owner=owner)

        return declared if function is None else declared(function)

    @overload
    def guard_tools(self, tools: Sequence[F]) -> list[F]: ...

    @overload
    def guard_tools(self, tools: Mapping[str, F]) -> dict[str, F]: ...

    def guard_tools(self, tools: Sequence[F] | Mapping[str, F]) -> list[F] | dict[str, F]:
        """Declare many functions, by position or by name, and give the same container, judged.

        Raises:
            ToolUndeclared: A declaration is incomplete; start-up stops, not a turn.
        """
        if isinstance(tools, Mapping):
            return {name: self._tools.add(function, name=name) for name, function in tools.items()}
        return [self._tools.add(function) for function in tools]

    def guard_model(
        self,
        model: M,
        *,
        trusted_system: Sequence[str] = (),
        history: int = MAX_HISTORY_PARTS,
        response_formats: Sequence[Mapping[str, object]] = (),
    ) -> M:
        """Give the same model, guarded: same call, same type of answer.

        Args:
            model: A completion function such as `litellm.acompletion` or `litellm.completion`, or an
                `AsyncOpenAI` or `OpenAI` client, of which `chat.completions.create` and `responses.create`
                answer and all else raises `NotGuarded`. Synchronous ones are called in threads.
            trusted_system: Prompts of the operator; `{name}` marks a hole, whose content must be accounted
                for like any other text.
            history: How many parts of the session's own history the model is given, the youngest. What the
                bot presents of it is not believed; 0 suits calls about the present message alone.
            response_formats: JSON schemas that the bot asks for, as it sends them; others are denied. Plain
                JSON mode needs none.

        Raises:
            UnsupportedModel: No guard is known for this kind of model.
            MisuseError: A prompt has no constant text.
            Unreadable: A response format is no plain value.
        """
        templates = (*self.templates, *map(registered, trusted_system))
        formats = frozenset[str]().union(*map(format_texts, response_formats))
        self._registered += templates if self._runtime is None else ()
        trust = Trust(templates=templates, history=history, formats=formats)
        self.guards_a_model = True
        return ModelGuard(opened=self.runtime, trust=trust, crossing=self._crossing).guard(model)

    def agent(
        self, *, system: str | None = None, tools: Sequence[str] = (), model: str | None = None
    ) -> Agent:
        """Give the default agent, bounded by this wall's limits.

        Args:
            system: A registered prompt.
            tools: Names of declared tools to offer.
            model: LiteLLM's name of the model; by default the configuration's.
        """
        limits = self.config.limits
        return Agent(
            system=system,
            tools=tuple(tools),
            model=model,
            max_rounds=limits.max_rounds,
            max_tokens=limits.max_tokens_a_turn,
            timeout_s=limits.turn_timeout_s,
        )

    @asynccontextmanager
    async def turn(self, message: Message) -> AsyncGenerator[TurnHandle]:
        """Open a turn for a message and close it at the end of the block.

        Raises:
            Denied: The message is not acceptable.
            SessionBusy: An earlier turn of this session has not ended in time.
        """
        runtime = await self.runtime()
        async with runtime.turns.open(message) as opened:
            yield self._handle(runtime, opened)

    @asynccontextmanager
    async def job(
        self, name: str, *, creator: Sender, destination: Conversation
    ) -> AsyncGenerator[TurnHandle]:
        """Open a turn in which nobody speaks: it runs as its creator, who is judged again at each run.

        What it says goes to the destination fixed here, and it reads what the creator may read there. Its
        prompts are registered texts.

        Args:
            name: The job's name, for records.
            creator: Whose job it is.
            destination: Where its answers go; the creator must have spoken there before.

        Raises:
            Denied: The creator may not (any longer) do this.
        """
        runtime = await self.runtime()
        message = Message(
            id=MessageId(f"{JOB}{name}"),
            delivery=f"{JOB}{name}",
            sender=creator,
            conversation=destination,
            text="",
        )
        async with runtime.turns.open(message, job=True) as opened:
            yield self._handle(runtime, opened)

    def wait(self, work: Callable[[], Coroutine[Any, Any, M]]) -> M:
        """Have the wall's loop do something and give its result, to a thread of a synchronous bot.

        Args:
            work: Called in this thread, where `partywall.turn()` is the turn of the delivery that is handled.

        Raises:
            MisuseError: It was called on an event loop, where it is awaited, or before the wall was open.
        """
        return self._crossing.caller("wall.wait", "await it").wait(work)

    def _handle(self, runtime: Runtime, opened: OpenTurn) -> TurnHandle:
        handle = TurnHandle(runtime, opened, self.templates)
        opened.handle = handle
        return handle


def open(
    source: str | Path | Mapping[str, object] | None = None,
) -> Wall:
    """Read a configuration and give a wall; nothing is opened or written yet, so module level is fine.

    Args:
        source: Path of a TOML file, a mapping, or nothing for safe defaults.

    Raises:
        ConfigError: The configuration is wrong; the message names the line and the remedy.
    """
    return Wall(load(source))
