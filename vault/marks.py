"""The mark that a process lives, on PostgreSQL: a lock that its own connection holds, gone however it dies.

A connection can be lost without its process. The mark is then set again, and meanwhile another process may
have found it gone. Whoever does removes the row of the one it takes for dead, without which nothing can be
committed: a process that was taken for dead, wrongly or not, never writes beside the one that took over.

Source: https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from firewall.core.errors import IntegrityError, StoreUnavailable
from vault.address import Address
from vault.crypto import Random
from vault.fence import Fence, Lost
from vault.postgres import Postgres
from vault.wires import Hub, Terms, Wire

_ID: Final = re.compile(r"[0-9a-f]{32}")
_LONGEST_PAUSE_S: Final = 1.0
# All marks are gone after a restart of the server, and on a standby that took over, until their processes
# have come back. A standby started long before that: it took over when its writer of the log began, which a
# role with `pg_read_all_stats` sees. Who was connected before knows it by its own return.
GRACE_S: Final = 10.0
_GRACE: Final = (
    "clock_timestamp() - greatest(pg_postmaster_start_time(),"
    " (SELECT max(backend_start) FROM pg_stat_activity WHERE backend_type = 'walwriter'))"
    " > interval '10 seconds'"
)

_TABLES: Final = (
    "CREATE TABLE partywall_schema (version BIGINT NOT NULL, application BIGINT NOT NULL)",
    "INSERT INTO partywall_schema (version, application) VALUES (0, 0)",
    'CREATE TABLE partywall_writers (id TEXT COLLATE "C" PRIMARY KEY, n BIGINT NOT NULL)',
)
_ENTERED: Final = "INSERT INTO partywall_writers (id, n) VALUES ($1, 0)"
# The commits of who is gone still count, so that the sum over all others only ever grows.
_REMOVED: Final = (
    "WITH gone AS (DELETE FROM partywall_writers WHERE id = $1 RETURNING n)"
    " INSERT INTO partywall_writers AS left_by (id, n) SELECT '', n FROM gone"
    " ON CONFLICT (id) DO UPDATE SET n = left_by.n + excluded.n"
)


class ServerMark:
    """One open database in one process; implements `Mark`.

    Attributes:
        id: 32 hex digits, drawn anew at each opening.
    """

    def __init__(self, hub: Hub, terms: Terms, fence: Fence, arrive: Callable[[], Awaitable[None]]) -> None:
        self.id = terms.writer
        self._hub = hub
        self._address = terms.address
        self._fence = fence
        self._arrive = arrive
        self._wire = Wire(terms, fence)
        self._one = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None
        self._closing = False
        self._set = False
        self._back_s: float | None = None

    async def take(self) -> None:
        """Make what is missing of the schema, set the mark, and enter this process among the writers.

        Raises:
            IntegrityError: The schema is another program's.
            StoreUnavailable: The server did not answer, or does not let us.
        """
        await self._hub.run(self._entered)

    async def lives(self, other: str) -> bool:
        """True if that process is connected; of one that is not, nothing is committed from now on."""
        if other == self.id:
            return True
        return _ID.fullmatch(other) is not None and await self._hub.run(lambda: self._looked(other))

    async def others(self) -> bool:
        """True if any other process is connected; of those that are not, nothing is committed from now on."""
        names = await self._hub.run(self._entrants)
        return any([await self.lives(name) for name in names])

    async def close(self) -> None:
        """Take the mark away and end the thread."""
        try:
            await self._hub.run(self._left)
        finally:
            await self._hub.close()

    async def _entered(self) -> None:
        async with self._one:
            await self._marked()
            async with self._writing():
                await self._made()
                await self._wire.ask(_ENTERED, (self.id,))
            self._fence.reached(0)

    async def _made(self) -> None:
        schema = self._address.schema
        if not await self._wire.ask("SELECT 1 FROM pg_namespace WHERE nspname = $1", (schema,)):
            await self._wire.do(f'CREATE SCHEMA "{schema}"')
        tables = {
            row[0]
            for row in await self._wire.ask(
                "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE nspname = $1",
                (schema,),
            )
        }
        if "partywall_schema" in tables:
            return
        if tables:
            raise IntegrityError("this schema is another program's; name another by ?schema= in store.path")
        for statement in _TABLES:
            await self._wire.do(statement)

    async def _marked(self) -> None:
        if await self._wire.ready():
            self._wire.watch(self._ended)
            if self._fence.known is not None:
                self._back_s = asyncio.get_running_loop().time()
        elif self._set:
            return
        rows = await self._wire.ask(f"SELECT pg_try_advisory_lock({self._address.lock_of(self.id)})")
        if not rows[0][0]:
            # The server has not noticed yet that the old connection is gone.
            raise Lost("the mark of this process cannot be set")
        self._set = True

    def _ended(self) -> None:
        """Set the mark again; called on the thread when the connection has ended."""
        self._set = False
        if not self._closing:
            self._again = asyncio.get_running_loop().create_task(self._marked_again())

    async def _marked_again(self) -> None:
        pause_s = 0.0
        while not self._closing:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s + 0.02, _LONGEST_PAUSE_S)
            try:
                async with self._one:
                    await self._marked()
                # Also who has nothing to write just now must not be led back to the server it came from.
                await self._arrive()
            except StoreUnavailable:
                continue
            return

    async def _looked(self, other: str) -> bool:
        async with self._one:
            await self._marked()
            if self._just_back():
                return True
            free = f"pg_try_advisory_xact_lock_shared({self._address.lock_of(other)}) AND {_GRACE}"
            if not (await self._wire.ask(f"SELECT {free}"))[0][0]:
                return True
            if await self._wire.ask("SELECT 1 FROM partywall_writers WHERE id = $1", (other,)):
                await self._removed(other)
            return False

    def _just_back(self) -> bool:
        return self._back_s is not None and asyncio.get_running_loop().time() - self._back_s < GRACE_S

    async def _entrants(self) -> list[str]:
        async with self._one:
            await self._marked()
            rows = await self._wire.ask(
                "SELECT id FROM partywall_writers WHERE id <> '' AND id <> $1", (self.id,)
            )
            return [row[0] for row in rows]

    async def _removed(self, holder: str) -> None:
        async with self._writing():
            await self._wire.ask(_REMOVED, (holder,))

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[None]:
        """Write as the one writer of the schema; what fails leaves nothing, and keeps the connection."""
        try:
            await self._wire.do(f"BEGIN ISOLATION LEVEL READ COMMITTED; {self._address.writing}")
            yield
            await self._wire.do("COMMIT")
        except BaseException:
            try:
                await self._wire.do("ROLLBACK")
            except Lost:
                pass
            raise

    async def _left(self) -> None:
        self._closing = True
        if self._again is not None:
            self._again.cancel()
            await asyncio.wait({self._again})
        async with self._one:
            try:
                if not await self._wire.ready():
                    await self._removed(self.id)
            except StoreUnavailable:
                pass
            await self._wire.close()


async def version(url: str) -> int | None:
    """Read which schema stands there, and change nothing; None if there is none of ours.

    Raises:
        ConfigError, StoreUnavailable, IntegrityError: As `opened`.
    """
    hub = Hub()
    terms = Terms(address=Address.of(url), writer="", busy_timeout_s=1.0, durable=True)
    try:
        return await hub.run(lambda: _version(Wire(terms, Fence())))
    finally:
        await hub.close()


async def _version(wire: Wire) -> int | None:
    await wire.ready()
    try:
        if (await wire.ask("SELECT to_regclass('partywall_schema')::text")) == [(None,)]:
            return None
        found: int = (await wire.fetch("PRAGMA user_version"))[0][0]
        return found
    finally:
        await wire.close()


async def opened(
    url: str, *, random: Random, durable: bool, busy_timeout_s: float
) -> tuple[Postgres, ServerMark]:
    """Open the schema that the URL names, which may be new, and set the mark of this process there.

    Raises:
        ConfigError: The URL is none.
        IntegrityError: The schema is another program's, or the database does not keep UTF-8.
        StoreUnavailable: The server did not answer, or does not let us in.
    """
    terms = Terms(
        address=Address.of(url), writer=random(16).hex(), busy_timeout_s=busy_timeout_s, durable=durable
    )
    hub, fence = Hub(), Fence()
    database = Postgres(hub, terms, fence)
    mark = ServerMark(hub, terms, fence, database.arrive)
    try:
        await mark.take()
    except BaseException:
        await mark.close()
        raise
    return database, mark
