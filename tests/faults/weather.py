"""What goes wrong, drawn from one seed: how receivers answer, and what happens to the database."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

from tests.fakes.receivers import Behaviour, Says
from tests.faults.stores import Store
from vault.address import is_server
from vault.database import TransactionLost
from vault.job import Make, Outcome
from vault.open import Vault

_SLOW: Final = "hang"
_DOWN: Final = "reset"
_ANSWERS: Final[tuple[Behaviour, ...]] = (
    *(Says(),) * 12,
    *(Says(status=500), Says(status=429, headers={"Retry-After": "2"}), Says(status=503)),
    *(_DOWN, "garbage"),
)
_MOST_DOWN: Final = 12
_MOST_LOST: Final = 8
_TROUBLES: Final = ("full", "lost", "cut", "reopen")


def answers(chance: random.Random, count: int) -> list[Behaviour]:
    """Draw so many answers: mostly yes; errors, nonsense, a slow one, and times in which nothing answers."""
    drawn: list[Behaviour] = []
    while len(drawn) < count:
        kind = chance.random()
        if kind < 0.02:
            drawn.extend(_DOWN for _ in range(chance.randint(2, _MOST_DOWN)))
        elif kind < 0.025:
            drawn.append(_SLOW)
        else:
            drawn.append(chance.choice(_ANSWERS))
    return drawn


def trouble(chance: random.Random) -> str:
    """Draw what happens to the database in one round, mostly nothing."""
    return chance.choice(_TROUBLES) if chance.random() < 0.3 else ""


class Weather:
    """Has the database of one opened vault fail, past its stores.

    Attributes:
        losing: How many of the next transactions are lost.
    """

    def __init__(self, vault: Vault, store: Store) -> None:
        self._vault = vault
        self._store = store
        self.losing = 0
        writer: Any = vault.engine.writer
        self._write = writer._write
        writer._write = self._faulty

    async def begin(self, what: str, chance: random.Random) -> None:
        """Let it begin somewhere in the middle of what runs."""
        for _ in range(chance.randint(0, 40)):
            await asyncio.sleep(0)
        if what == "cut" and self._store.cut is not None:
            await asyncio.to_thread(self._store.cut)
        elif what == "full" and not is_server(self._store.path):
            await self._limited("SELECT page_count FROM pragma_page_count")
        elif what in ("full", "lost", "cut"):
            self.losing = chance.randint(1, _MOST_LOST)

    async def clear(self) -> None:
        """Let it end."""
        self.losing = 0
        if not is_server(self._store.path):
            await self._limited("SELECT 4294967294")

    async def _limited(self, pages: str) -> None:
        """Let the file grow to so many pages; SQLite then says what it says on a full disk."""
        database: Any = self._vault.engine.database

        def limit(connection: Any) -> None:
            (count,) = connection.execute(pages).fetchone()
            connection.execute(f"PRAGMA max_page_count = {count}")

        await database._writer.run(limit)

    async def _faulty(self, makes: Sequence[Make]) -> list[Outcome]:
        if self.losing and makes:
            self.losing -= 1
            raise TransactionLost("nothing of a transaction was written: the disk is full")
        done: list[Outcome] = await self._write(makes)
        return done
