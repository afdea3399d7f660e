"""PostgreSQL servers of a test's own, which it may stop, kill, promote and copy.

`with primary() as server:` gives one that runs, with the database `postgres` on `server.url`; everything in
it is gone at the end. A test of it says `@needs("cluster")`. The server refuses to be root, so where we are
it is run by `postgres` or `nobody`. It never outlives its test: the kernel ends it when the thread that
started it ends, however that is.
"""

import asyncio
import os
import pwd
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tests.fakes.postgres import with_connection
from tests.fakes.services import postgres_programs
from vault.address import Address

How = Literal["fast", "immediate"]
START_TIMEOUT_S: Final = 60.0
_SIGNALS: Final[Mapping[How, signal.Signals]] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# Every server is small, keeps its promises over a crash, and may have standbys.
_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "lc_messages": "C",
    "shared_buffers": "8MB",
    "max_connections": "50",
    "max_wal_size": "64MB",
    "min_wal_size": "2MB",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_replication_slots": "4",
    "wal_retrieve_retry_interval": "100ms",
}
_STREAMING: Final = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"
_SYNCHRONOUS: Final = f"{_STREAMING} AND sync_state = 'sync'"
_READY: Final = ("ready to accept connections", "ready to accept read-only connections")


def _owner() -> pwd.struct_passwd | None:
    """Give who runs the server; None if we may do so ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _as_owner() -> list[str]:
    owner = _owner()
    if owner is None:
        return []
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    """Give a port below those that the kernel hands out: while a server is down, nobody is given its own."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass(slots=True)
class Server:
    """One server and its folder, running or not.

    Attributes:
        folder: Its data; it belongs to who runs it.
        port: The same for its whole life.
        settings: What it is told at each start, beside what stands in its folder.
        log: The lines it wrote, oldest first.
    """

    folder: Path
    port: int = field(default_factory=_free_port)
    settings: dict[str, str] = field(default_factory=dict[str, str])
    log: list[str] = field(default_factory=list[str])
    _life: threading.Thread | None = None
    _pid: int = 0

    @property
    def host(self) -> str:
        """Host and port, as they stand in a URL."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The URL of its database, on which a vault makes its schema."""
        return f"postgresql://postgres@{self.host}/postgres"

    @property
    def runs(self) -> bool:
        """True from its start to its end."""
        return self._life is not None and self._life.is_alive()

    def start(self) -> None:
        """Start it and wait until it lets somebody in, after a crash or as a standby too."""
        assert not self.runs, "it runs already"
        said: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._life = threading.Thread(target=self._lived, args=(said,), daemon=True)
        self._life.start()
        pid = said.get(timeout=START_TIMEOUT_S)
        assert pid is not None, "\n".join(self.log[-20:])
        self._pid = pid

    def stop(self, how: How = "fast") -> None:
        """End it and wait until all of it is gone: `fast` checkpoints, `immediate` is as a crash."""
        if self._life is None:
            return
        if self.runs:
            os.kill(self._pid, _SIGNALS[how])
        self._life.join(START_TIMEOUT_S)
        assert not self._life.is_alive(), "the server did not end"
        self._life = None

    def restart(self, how: How = "fast") -> None:
        """End it and start it again, on the same port."""
        self.stop(how)
        self.start()

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self.run("pg_ctl", "promote", "--wait", "-D", str(self.folder))

    def run(self, program: str, *words: str) -> str:
        """Run one of the server's programs as who runs the server, and give what it says."""
        bin_ = postgres_programs()
        assert bin_ is not None
        done = subprocess.run(
            [*_as_owner(), str(bin_ / program), *words],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout

    def ask(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement in PostgreSQL's dialect and give its rows."""

        async def asked(connection: Any, _: Address) -> list[tuple[object, ...]]:
            return [tuple(row) for row in await connection.fetch(sql)]

        url = self.url.removesuffix("postgres") + database
        return with_connection(f"{url}?schema=public", asked)

    def copied(self, name: str, *words: str) -> "Server":
        """Give a base backup of it, as a server that was not started yet; `words` are for `pg_basebackup`."""
        folder = self.folder.with_name(name)
        self.run("pg_basebackup", "-D", str(folder), "-d", self.url, "-c", "fast", "--no-sync", *words)
        return Server(folder, settings=dict(self.settings))

    @contextmanager
    def standby(self, *, synchronous: bool) -> Generator["Server"]:
        """Give a standby that streams, with a slot of its own.

        Args:
            synchronous: True has a commit wait for it, from when this returns.
        """
        slot = f"s{secrets.token_hex(4)}"
        copy = self.copied(slot, "-R", "-C", "-S", slot)
        with _running(copy):
            if synchronous:
                self.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
                self.ask("SELECT pg_reload_conf()")
            self.until(_SYNCHRONOUS if synchronous else _STREAMING)
            yield copy

    def until(self, sql: str) -> None:
        """Ask until there is a row, for at most as long as a server may take to start."""

        async def asked(connection: Any, _: Address) -> None:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await connection.fetch(sql):
                    await connection.fetch("SELECT pg_sleep(0.02)")

        with_connection(f"{self.url}?schema=public", asked)

    def _lived(self, said: "queue.SimpleQueue[int | None]") -> None:
        """Be the server's parent for its whole life: with this thread, the kernel ends the server too."""
        bin_ = postgres_programs()
        assert bin_ is not None
        told = {**_SETTINGS, **self.settings, "port": str(self.port)}
        words = [word for name, value in told.items() for word in ("-c", f"{name}={value}")]
        # After the change of user, which would clear it.
        guard = [*(_as_owner() or ["setpriv"]), "--pdeathsig", "QUIT"]
        with subprocess.Popen(
            [*guard, str(bin_ / "postgres"), "-D", str(self.folder), *words],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                self.log.append(line.rstrip())
                if line.rstrip().endswith(_READY):
                    said.put(process.pid)
        said.put(None)


@contextmanager
def primary(**settings: str) -> Generator[Server]:
    """Give a new server that runs, told these settings at each start."""
    with scratch() as folder:
        server = Server(folder / "primary", settings=settings)
        server.run(
            "initdb",
            *("-D", str(server.folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--no-locale", "--no-sync", "--wal-segsize=1"),
        )
        with _running(server):
            yield server


@contextmanager
def scratch() -> Generator[Path]:
    """Give a folder of who runs the servers; it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="partywall-postgres-"))
    owner = _owner()
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(server: Server) -> Generator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop("immediate")
