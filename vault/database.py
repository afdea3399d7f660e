"""What every store asks of its database, whichever it is."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from firewall.core.errors import StoreUnavailable
from vault.job import Job, Make, Outcome

T = TypeVar("T")


class TransactionLost(StoreUnavailable):
    """A batch could not be committed as a whole; nothing of it was written."""


class CommitUnknown(StoreUnavailable):
    """A batch may or may not have been committed; only what is known again by an id may be tried again."""


class Database(Protocol):
    """Reads see one committed state; writes come one batch at a time."""

    async def read(self, make: Callable[[], Job[T]]) -> T:
        """Run a job that only looks, on one consistent state."""
        ...

    async def write(self, makes: Sequence[Make]) -> list[Outcome]:
        """Run the jobs made here in one transaction and commit; outcomes come in the same order.

        A job that fails takes no other with it; the others are then made again. Batches come one after the
        other: also an empty one ends after all that were handed in before it.

        Raises:
            StoreUnavailable: The transaction could not begin.
            TransactionLost: It could not be committed; all of them may be tried again.
            CommitUnknown: Nobody could tell whether it was committed.
        """
        ...

    async def forget(self) -> bool:
        """Rewrite the file, so that nothing can be read from it that was deleted; False on a server.

        Raises:
            StoreUnavailable: The disk is full, or another process reads the file.
        """
        ...

    async def close(self) -> None:
        """Let go of the database after what is under way."""
        ...


class Mark(Protocol):
    """The mark that a process lives.

    Attributes:
        id: 32 hex digits, drawn anew at each opening.
    """

    id: str

    async def lives(self, other: str) -> bool:
        """True if that process still has its database open; what a dead one left as its mark is removed."""
        ...

    async def others(self) -> bool:
        """True if any other process has the database open."""
        ...

    async def close(self) -> None:
        """Take the mark away."""
        ...
