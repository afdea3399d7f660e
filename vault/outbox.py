"""What is still to be told to operators: one row a violation, written with the violation itself.

A row points at its record and repeats nothing of it, so there is no content here to protect or to lose.
"""

from dataclasses import dataclass

from firewall.core.ids import TenantId
from vault.job import Job, Rows
from vault.sqlite import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A violation nobody has been told of yet; `record` is the id of its record."""

    id: int
    tenant: TenantId
    record: int
    at_ms: int
    attempts: int


class Outbox:
    """The waiting rows, for the relay."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, *, after: int = 0, limit: int = 100) -> tuple[Pending, ...]:
        """Give waiting rows with ids over `after`, oldest first, at most `limit`."""
        rows = await self._database.read(lambda: _pending(after, limit))
        return tuple(
            Pending(id=row_id, tenant=TenantId(tenant), record=record, at_ms=at_ms, attempts=attempts)
            for row_id, tenant, record, at_ms, attempts in rows
        )

    async def count(self) -> int:
        """Count the waiting rows."""
        return await self._database.read(_count)


def enqueued(tenant: TenantId, record: int, at_ms: int) -> Job[None]:
    """Put a violation's record in line, inside the transaction that writes the record."""
    yield (
        "INSERT INTO outbox (tenant, record, state, at_ms, attempts) VALUES (?, ?, 'pending', ?, 0)",
        (tenant, record, at_ms),
    )


def _pending(after: int, limit: int) -> Job[Rows]:
    rows = yield (
        (
            "SELECT id, tenant, record, at_ms, attempts FROM outbox WHERE state = 'pending' AND id > ?"
            " ORDER BY id LIMIT ?"
        ),
        (after, limit),
    )
    return rows


def _count() -> Job[int]:
    rows = yield ("SELECT count(*) FROM outbox WHERE state = 'pending'", ())
    total: int = rows[0][0]
    return total
