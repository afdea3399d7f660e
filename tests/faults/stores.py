"""Stores that nobody else has: memory, a file, a schema on PostgreSQL, or a PostgreSQL server of its own."""

import contextlib
import itertools
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fakes.cluster import How, primary
from tests.fakes.postgres import fresh_schema, kill_connections

KINDS: Final = ("memory", "file", "postgres", "cluster")
_ENDS: Final[tuple[How, ...]] = ("immediate", "fast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where a run keeps what it keeps.

    Attributes:
        section: The section of the configuration.
        cut: Takes the server away for a moment, or only its connections; None if there is no server, or
            another process does it.
    """

    section: Mapping[str, str]
    cut: Callable[[], object] | None = None

    @property
    def path(self) -> str:
        """A file, a URL, or `:memory:`."""
        return self.section["path"]

    @property
    def lasts(self) -> bool:
        """True if it is still there when its process is gone."""
        return self.path != ":memory:"


@contextlib.contextmanager
def stored(kind: str, folder: Path) -> Generator[Store]:
    """Give a store of a kind, which is gone at the end if it is not in this folder."""
    if kind == "memory":
        yield Store(section={"path": ":memory:"})
    elif kind == "file":
        yield Store(section={"path": str(folder / "home" / "partywall.db")})
    elif kind == "postgres":
        with fresh_schema() as url:
            yield Store(section=_on_server(url, folder), cut=lambda: kill_connections(url))
    else:
        ends = itertools.cycle(_ENDS)
        with primary() as server:
            yield Store(section=_on_server(server.url, folder), cut=lambda: server.restart(next(ends)))


def _on_server(url: str, folder: Path) -> dict[str, str]:
    key = folder / "master.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    return {"path": url, "master_key_file": str(key)}
