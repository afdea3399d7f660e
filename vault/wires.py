"""Connections to PostgreSQL: a thread of their own, the driver's errors in our words, and what is lost."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, cast

import asyncpg  # type: ignore[import-untyped]  # it has no types; `_Connection` is what we use of it

from firewall.core.errors import ConfigError, IntegrityError, PartywallError, StoreUnavailable
from vault.address import Address
from vault.dialect import given, translated
from vault.fence import MINE, Fence, Lost, foremost
from vault.job import Rows, Value

T = TypeVar("T")
_CONNECT_TIMEOUT_S: Final = 5.0
_COMMAND_TIMEOUT_S: Final = 30.0
_STATEMENTS: Final = 512

_NO_WRITES: Final = "25006"
_REMEDIES: Final = {
    _NO_WRITES: "the server takes no writes, as a standby does; name the primary, or several hosts",
    "28000": "the server does not let this role in; check the user and pg_hba.conf",
    "28P01": "the server does not know this password; check PGPASSWORD or the password file",
    "3D000": "there is no such database; create it first",
    "42501": "the role may not do this; give it the schema, or CREATE on the database",
    "53100": "the server's disk is full; free space and try again",
    "53300": "the server has no connection left; raise max_connections or run fewer processes",
    "55P03": "another process kept the database locked; try again",
    "57014": "the server took too long; try again",
}
_DAMAGED: Final = frozenset({"XX001", "XX002"})
# Class 08 is the connection itself; the others are a server that stops, starts or fails over.
_GONE: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", _NO_WRITES})


class Stuck(StoreUnavailable):
    """The connection was given up because nothing came from it for long; what was asked may still happen."""


class _Connection(Protocol):
    """What is used of the driver's connection."""

    async def fetch(self, query: str, *values: Value) -> list[Any]: ...
    async def execute(self, query: str) -> str: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...
    def add_termination_listener(self, callback: Callable[[object], None]) -> None: ...


class Hub:
    """The thread on which everything that speaks to the server runs.

    What was begun there goes on if nobody waits for it any more, and it blocks no turn.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        # A program that never closes the wall must still be able to end; a commit is atomic either way.
        self._thread = threading.Thread(target=self._run, name="partywall postgres", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run this on the thread and give what it returns; cancelling only stops the wait."""
        if self._loop.is_closed():
            raise StoreUnavailable("the database is closed")
        handed = asyncio.run_coroutine_threadsafe(work(), self._loop)
        return await asyncio.shield(asyncio.wrap_future(handed))

    async def close(self) -> None:
        """End the thread; nothing may be under way."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How this process speaks to the server.

    Attributes:
        writer: The id of this process, which its transactions name.
        busy_timeout_s: Longest wait for a lock.
        durable: True if a commit must have reached the disk when it returns.
    """

    address: Address
    writer: str
    busy_timeout_s: float
    durable: bool

    def settings(self) -> dict[str, str]:
        """Give what the server is told when a connection begins."""
        settings = {
            "application_name": f"partywall {self.address.schema}"[:63],
            "search_path": f'"{self.address.schema}"',
            "partywall.writer": self.writer,
            "lock_timeout": str(max(1, int(self.busy_timeout_s * 1000))),
            # A process that hangs or a host that is gone must not keep the others waiting for ever.
            "idle_in_transaction_session_timeout": "30000",
            "tcp_keepalives_idle": "20",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "4",
        }
        return settings if self.durable else {**settings, "synchronous_commit": "off"}


@dataclass(slots=True)
class Wire:
    """One connection, made when it is first needed and again after it was lost."""

    terms: Terms
    fence: Fence
    _connection: _Connection | None = field(default=None, repr=False)
    _host: int = 0

    async def ready(self) -> bool:
        """Connect if there is no connection, or if another one is on another server by now; True if it did.

        The hosts of the address are asked one after the other, each with a time of its own: one that is
        switched off, or that lacks our commits, keeps nobody from the next.

        Raises:
            Lost: No server answered that may be used; one may do so later.
            TakenForDead: The server does not know this process any more.
            StoreUnavailable, IntegrityError: It will not let us in, or cannot keep our text.
        """
        if (
            self._connection is not None
            and not self._connection.is_closed()
            and self._host == self.fence.host
        ):
            return False
        faults: list[StoreUnavailable] = []
        for host in self.fence.order(len(self.terms.address.hosts)):
            self.drop()
            try:
                await self._connected(self.terms.address.hosts[host])
            except StoreUnavailable as fault:
                faults.append(fault)
            else:
                self._host = self.fence.host = host
                return True
        raise foremost(faults)

    async def _connected(self, dsn: str) -> None:
        try:
            self._connection = await _told(_connection(self.terms, dsn))
            await self._suitable()
        except Stuck:
            # Nothing was asked for yet that could still happen.
            self.drop()
            raise Lost("the database did not answer in time") from None
        except BaseException:
            self.drop()
            raise

    async def fetch(self, sql: str, values: tuple[Value, ...] = ()) -> Rows:
        """Run a statement in SQLite's dialect and give its rows.

        Raises:
            Lost: The connection is gone.
            StoreUnavailable, IntegrityError: The server refused the statement.
        """
        return await self.ask(*translated(sql, values))

    async def ask(self, sql: str, values: tuple[Value, ...] = ()) -> Rows:
        """Run a statement in PostgreSQL's own dialect. Raises as `fetch`."""
        rows = await self._asked(self._open().fetch(sql, *values))
        return [tuple(map(given, row)) for row in rows]

    async def do(self, script: str) -> str:
        """Run statements without values, in one message, and give the last one's tag. Raises as `fetch`."""
        return await self._asked(self._open().execute(script))

    def watch(self, ended: Callable[[], None]) -> None:
        """Have this called once the present connection has ended."""
        self._open().add_termination_listener(lambda _: ended())

    def drop(self) -> None:
        """Give the connection up without a word to the server."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Say goodbye; what the server does not answer is dropped."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    await connection.close()
            except Exception:  # noqa: BLE001 - it is gone either way
                connection.terminate()

    def _open(self) -> _Connection:
        if self._connection is None or self._connection.is_closed():
            raise Lost("the connection to the database is gone")
        return self._connection

    async def _asked(self, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return await _told(answer)
        except (Lost, Stuck):
            self.drop()
            raise

    async def _suitable(self) -> None:
        known = self.fence.known
        if known is not None:
            # What arrives while the server answers is no part of the question.
            self.fence.check(await self.ask(MINE), known)
        encoding = await self.ask("SELECT current_setting('server_encoding')")
        if encoding != [("UTF8",)]:
            raise IntegrityError("the database does not keep UTF-8; create one with ENCODING 'UTF8'")
        if self.terms.durable:
            await self.ask(
                "SELECT set_config('synchronous_commit', 'on', false)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )


async def _connection(terms: Terms, dsn: str) -> _Connection:
    connection = await cast("Any", asyncpg).connect(
        dsn,
        # Never a standby: it would be read behind the primary, and refuse the first write.
        target_session_attrs="read-write",
        timeout=_CONNECT_TIMEOUT_S,
        command_timeout=_COMMAND_TIMEOUT_S,
        server_settings=terms.settings(),
        statement_cache_size=_STATEMENTS,
        max_cached_statement_lifetime=0,
    )
    return cast("_Connection", connection)


async def _told(answer: Coroutine[Any, Any, T]) -> T:
    """Wait for the driver's answer; its errors become ours.

    The driver's errors quote values and whole rows. So ours are raised when the driver's is over: neither its
    text nor itself hangs on them, as a cause or as a context.
    """
    try:
        return await answer
    except Exception as error:  # noqa: BLE001 - what is no error of the driver stays as it is
        fault = fault_of(error)
    raise fault


def fault_of(error: Exception) -> Exception:
    """Give the driver's error in our words: whose fault it is and what to do; bugs stay as they are."""
    if isinstance(error, PartywallError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _refused(str(getattr(error, "sqlstate", None) or "no code"))
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return ConfigError("the driver does not understand store.path, or what the environment says")
    if isinstance(error, asyncpg.InterfaceError | UnicodeEncodeError) and isinstance(error, ValueError):
        return IntegrityError("the database cannot keep a value as it is")
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return _refused(_NO_WRITES)
    if isinstance(error, TimeoutError):
        return Stuck("the database did not answer in time")
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError | OSError | EOFError):
        return Lost(f"the database did not answer ({type(error).__name__})")
    return error


def _refused(state: str) -> Exception:
    if state in _DAMAGED:
        return IntegrityError(f"the database is damaged ({state}); restore it from a backup")
    if state.startswith("23"):
        return IntegrityError(f"the database refused a row that contradicts it ({state})")
    if state.startswith("22"):
        return IntegrityError(f"the database cannot keep a value as it is ({state})")
    told = f"{_REMEDIES.get(state, 'the database did not answer')} ({state})"
    return Lost(told) if state in _GONE or state.startswith("08") else StoreUnavailable(told)
