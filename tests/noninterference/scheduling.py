"""A loop on which a seed decides who runs next, and where somebody is cancelled.

Nothing runs on another thread: what the wall hands to one runs here, at once, and its result is delivered a
few steps later. So a world is one sequence of steps, and the same seed plays the same sequence.
"""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from firewall.core.errors import StoreUnavailable
from firewall.learning import Learner
from vault import sqlite as vault_sqlite
from vault.budgets import Budgets
from vault.records import Records
from vault.writer import Writer

T = TypeVar("T")

# Who acts in this context; "" is the wall's own work (the writer, the heart).
ACTOR: ContextVar[str] = ContextVar("acting", default="")
_MAX_YIELDS = 3
_HANG_S = 60.0


def _attribute(owner: object, name: str) -> object:
    # From the owner's own dictionary: a property or a method is put back as it was, not as it is looked up.
    found: dict[str, object] = vars(owner)
    return found[name]


@contextmanager
def swapped(owner: Any, name: str, value: object) -> Generator[None]:
    """Put something else in the place of an attribute, and put it back."""
    before = _attribute(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class Scheduler:
    """Draws how long each step waits, and cancels an actor at the await that was asked for.

    Args:
        seed: Two schedulers of one seed draw the same.
        cancel: For an actor, the numbers of the awaits (counted from 1) at which its task is cancelled.
        steady: The actor whose awaits are counted alike in both worlds. Whether a judgement is committed at
            once or queued is time, which is not observed, so the awaits of committing one are not counted.
    """

    def __init__(
        self, seed: int, cancel: dict[str, frozenset[int]] | None = None, *, steady: str = ""
    ) -> None:
        self.steady = steady
        self._random = random.Random(seed)
        self._cancel = cancel or {}
        self.passed: Counter[str] = Counter()
        self.cancels = True

    async def checkpoint(self) -> None:
        """Let others run for a while; this is where the present actor may be cancelled."""
        for _ in range(self._random.randrange(_MAX_YIELDS)):
            await asyncio.sleep(0)
        actor = ACTOR.get()
        self.passed[actor] += 1
        task = asyncio.current_task()
        if self.cancels and task is not None and self.passed[actor] in self._cancel.get(actor, frozenset()):
            task.cancel()
            await asyncio.sleep(0)

    def late(self) -> int:
        """Say after how many steps a result of another thread arrives."""
        return self._random.randrange(_MAX_YIELDS)


class _Loop(asyncio.SelectorEventLoop):
    """A loop without threads."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def run_in_executor(  # type: ignore[override]  # the result is the same future, untyped
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Run the work now and deliver its result later, as a thread would."""
        future: asyncio.Future[Any] = self.create_future()
        outcome: tuple[Any, Exception | None]
        try:
            outcome = (func(*args), None)
        except Exception as error:  # noqa: BLE001  delivered to whoever waits
            outcome = (None, error)
        self._deliver(future, outcome, self._scheduler.late())
        return future

    def _deliver(
        self, future: "asyncio.Future[Any]", outcome: tuple[Any, Exception | None], steps: int
    ) -> None:
        if steps:
            self.call_soon(self._deliver, future, outcome, steps - 1)
        elif not future.done():
            value, error = outcome
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


def _wire(scheduler: Scheduler) -> type:
    class Wire:
        """A database connection without a thread of its own."""

        def __init__(self, path: str, timeout_s: float) -> None:
            self._path, self._timeout_s = path, timeout_s
            self._connection: sqlite3.Connection | None = None

        @classmethod
        def to(cls, path: str, busy_timeout_s: float) -> Self:
            return cls(path, busy_timeout_s)

        def __await__(self) -> Generator[Any, Any, Self]:
            return self._opened().__await__()

        async def _opened(self) -> Self:
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=self._timeout_s, cached_statements=256
            )
            return self

        async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
            await scheduler.checkpoint()
            if self._connection is None:
                raise StoreUnavailable("the database is closed")
            return work(self._connection)

        async def close(self) -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    return Wire


def _submit(scheduler: Scheduler) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def submit(writer: Writer, tenant: str, make: Any) -> Any:
        # A store hands a write in before it suspends (`SessionStore.append`), so nothing comes between.
        future = writer.post(tenant, make)
        # Handed in and not yet awaited: a cancellation here must neither undo the write nor lose it.
        await scheduler.checkpoint()
        return await asyncio.shield(future)

    return submit


def _uncounted(scheduler: Scheduler, owner: type, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Have the awaits of a method count for nobody: how many there are is time, like committing.

    How much there is to learn before a turn is how much others kept; and who is held is read once a second,
    by whoever asks first.
    """
    method: Callable[..., Coroutine[Any, Any, Any]] = vars(owner)[name]

    async def uncounted(*arguments: Any, **named: Any) -> Any:
        token = ACTOR.set("" if ACTOR.get() == scheduler.steady else ACTOR.get())
        try:
            return await method(*arguments, **named)
        finally:
            ACTOR.reset(token)

    return uncounted


def played(scheduler: Scheduler, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Play one world to its end on a loop of its own.

    Raises:
        TimeoutError: It did not end.
    """

    async def bounded() -> T:
        async with asyncio.timeout(_HANG_S):
            return await main()

    with ExitStack() as swaps:
        swaps.enter_context(swapped(vault_sqlite, "_Wire", _wire(scheduler)))
        swaps.enter_context(swapped(Writer, "submit", _submit(scheduler)))
        swaps.enter_context(swapped(Records, "record", _uncounted(scheduler, Records, "record")))
        swaps.enter_context(swapped(Learner, "catch_up", _uncounted(scheduler, Learner, "catch_up")))
        swaps.enter_context(swapped(Budgets, "held", _uncounted(scheduler, Budgets, "held")))
        with asyncio.Runner(loop_factory=lambda: _Loop(scheduler)) as runner:
            return runner.run(bounded())
