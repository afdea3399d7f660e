"""Opening a vault: the key, the schema, the stores, and what the last process left behind."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from firewall.core.errors import PartywallError
from firewall.core.ports import Clock, IdSource
from vault.budgets import Budgets
from vault.bundles import Bundles
from vault.chain import begun
from vault.checkpoints import Checkpoints
from vault.crypto import Master, Random
from vault.database import Database, Mark
from vault.deliveries import Deliveries
from vault.effects import Effects
from vault.entries import Entries
from vault.erasure import Erasure
from vault.ground import Ground, ground
from vault.heart import Heart
from vault.inbox import Inbox
from vault.installations import Installations
from vault.job import Job
from vault.keys import Keyring, deployment_secret
from vault.lexicon import Lexicon
from vault.log import Log
from vault.migrations import migrated, migrations
from vault.notes import Notes
from vault.outbox import Outbox
from vault.records import Records
from vault.sessions import Sessions
from vault.sqlite import Synchronous
from vault.states import States
from vault.tenants import Tenants
from vault.writer import Writer, told

DEFAULT_PATH = ".partywall/partywall.db"


class _Engine:
    """What runs behind the stores, and the order in which it stops."""

    def __init__(self, database: Database, writer: Writer, heart: Heart, mark: Mark) -> None:
        self.database = database
        self.writer = writer
        self.heart = heart
        self.mark = mark
        self._closed: asyncio.Task[None] | None = None

    async def close(self, settle: Callable[[], Awaitable[None]] | None) -> None:
        """Stop once, whoever asks and however often; a cancelled caller does not stop the stopping."""
        if self._closed is None:
            self._closed = asyncio.create_task(self._close(settle), name="partywall closing")
        await asyncio.shield(self._closed)

    async def _close(self, settle: Callable[[], Awaitable[None]] | None) -> None:
        try:
            if settle is not None:
                await settle()
                await self.heart.forget()
        finally:
            await self.heart.close()
            await self.writer.close()
            await self.database.close()
            await self.mark.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The stores of one deployment, open; `async with` closes them.

    Attributes:
        ids: The deployment's source of ids.
        secret: What ids and compartments are derived from; never shown.
    """

    sessions: Sessions
    records: Records
    checkpoints: Checkpoints
    bundles: Bundles
    effects: Effects
    inbox: Inbox
    entries: Entries
    notes: Notes
    outbox: Outbox
    deliveries: Deliveries
    tenants: Tenants
    installations: Installations
    states: States
    lexicon: Lexicon
    erasure: Erasure
    budgets: Budgets
    ids: IdSource
    secret: bytes
    engine: _Engine

    def __repr__(self) -> str:
        return "Vault()"

    async def close(self) -> None:
        """Commit what was handed in, then let go of the database; a second call changes nothing.

        Raises:
            StoreUnavailable: Queued judgements could not be committed; the database is closed all the same.
        """
        await self.engine.close(self._settle)

    async def _settle(self) -> None:
        await self.records.settle()
        if self.records.wrote:
            try:
                await self.checkpoints.make()
            except PartywallError as error:
                # The receipts are committed; the next one that closes, or asks, signs for them.
                told("a checkpoint of the log", error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def open_vault(
    path: str | None = None,
    *,
    clock: Clock,
    ids_factory: Callable[[bytes], IdSource],
    master_key: bytes | None = None,
    random: Random = os.urandom,
    synchronous: Synchronous = Synchronous.FULL,
    busy_timeout_s: float = 5.0,
    lease_s: float = 60.0,
) -> Vault:
    """Open the database, which may be new, with the right key and schema, or refuse.

    Args:
        path: The database's file, `:memory:`, a URL as `postgresql://user@host/database`, or None for
            `./.partywall/partywall.db`.
        clock: Time for what is written down and for watching other processes.
        ids_factory: Makes the source of ids from the deployment's secret; called once.
        master_key: 32 bytes, or None for the file `master.key` beside the database, made on first use;
            a server needs one.
        random: Where keys and nonces come from.
        synchronous: How durable a commit is; `FULL` survives a power cut.
        busy_timeout_s: Longest wait for another process's transaction, in seconds.
        lease_s: How long a living process may go without a sign before it loses its sessions, in seconds.

    Raises:
        KeyMismatch: The master key is missing, malformed, readable by others, or not the right one.
        SchemaTooNew: A newer program wrote the database.
        IntegrityError: It is damaged, or another program's.
        StoreUnavailable: It cannot be opened, written or locked.
        ServiceUnavailable: The driver for PostgreSQL is not installed.
    """
    base = await ground(
        path or DEFAULT_PATH,
        random=random,
        synchronous=synchronous,
        busy_timeout_s=busy_timeout_s,
        keyed=master_key is not None,
    )
    try:
        writer = Writer(base.database.write)
        heart = Heart(base.mark, base.database, writer, clock, lease_s=lease_s)
        engine = _Engine(base.database, writer, heart, base.mark)
        try:
            master, secret = await _unlocked(engine, base, master_key, random)
            log = Log(secret=secret, random=random)
            await writer.submit("", lambda: begun(log))
            vault = _furnished(engine, Keyring(master, random), log, clock, ids_factory(secret))
            await vault.effects.recover()
        except BaseException:
            await engine.close(None)
            raise
    finally:
        base.opening.end()
    return vault


async def _unlocked(
    engine: _Engine, base: Ground, given: bytes | None, random: Random
) -> tuple[Master, bytes]:
    """Bring the schema up to date and find the key that fits, before anything is read or written."""
    steps = migrations()
    await engine.writer.submit("", lambda: migrated(steps))
    sealed = await engine.database.read(_holds_keys)
    master = Master.of(await base.material(given, random, make=not sealed))
    return master, await engine.writer.submit("", lambda: deployment_secret(master, random))


def _holds_keys() -> Job[bool]:
    rows = yield ("SELECT 1 FROM meta LIMIT 1", ())
    return bool(rows)


def _furnished(engine: _Engine, keyring: Keyring, log: Log, clock: Clock, ids: IdSource) -> Vault:
    secret = log.secret
    database, writer, heart = engine.database, engine.writer, engine.heart
    records = Records(database, writer, log=log, clock=clock, holder=heart.id)
    checkpoints = Checkpoints(database, writer, log, clock)
    lexicon = Lexicon(database, keyring, secret=secret)
    return Vault(
        sessions=Sessions(database, writer, keyring, heart, lexicon, clock=clock, ids=ids),
        records=records,
        checkpoints=checkpoints,
        bundles=Bundles(database, checkpoints.signer),
        effects=Effects(database, writer, records, heart, clock=clock, ids=ids),
        inbox=Inbox(database, writer, keyring, heart, secret=secret, clock=clock),
        entries=Entries(database, writer, keyring, secret=secret, clock=clock),
        notes=Notes(database, writer, keyring, secret=secret),
        outbox=Outbox(database),
        deliveries=Deliveries(database, writer, heart, clock=clock, ids=ids),
        tenants=Tenants(database, writer, clock),
        installations=Installations(database, writer, keyring, secret=secret, clock=clock),
        states=States(writer, secret=secret, clock=clock, ids=ids),
        lexicon=lexicon,
        erasure=Erasure(database, writer, keyring, records, engine.mark, secret=secret, ids=ids),
        budgets=Budgets(database, writer, records, clock=clock, ids=ids),
        ids=ids,
        secret=secret,
        engine=engine,
    )
