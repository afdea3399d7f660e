"""Which server this process may go on with: one that has every commit this process was told of.

A standby that takes over may lack the last commits, and an old primary that comes back lacks all that came
after it. Whoever went on there would answer from a state that is shorter than what was acknowledged, and
write a second log beside the first. So this process remembers how many of its commits arrived. The server
counts them too, in the row of this process among the writers, and is asked for it on each new connection,
before anything else is read or written there. Only this process counts its row up: a number that is too low
proves that commits are missing, and a row that is missing proves that somebody took the process for dead, or
that the server stood still before it began.
"""

import logging
from collections.abc import Sequence
from typing import Final

from firewall.core.errors import StoreUnavailable
from vault.job import Rows

MINE: Final = "SELECT n FROM partywall_writers WHERE id = current_setting('partywall.writer')"
_LOG = logging.getLogger("partywall")


class Lost(StoreUnavailable):
    """The connection is gone, or cannot be made now, and with it what was not committed."""


class ServerBehind(Lost):
    """This server lacks commits that were acknowledged to this process; it is neither read nor written."""


class TakenForDead(StoreUnavailable):
    """Another process took this one for dead and took its work over; it must be started again."""


class Fence:
    """What one process knows of its servers.

    Attributes:
        known: How many commits of this process arrived; None until it is entered among the writers.
        host: The place, in the address, of the server that let us in last; it is asked first.
    """

    def __init__(self) -> None:
        self.known: int | None = None
        self.host = 0
        self._told = False

    def reached(self, number: int) -> None:
        """Remember that this commit, and all before it, arrived."""
        self.known = max(number, self.known or 0)

    def check(self, rows: Rows, known: int) -> None:
        """Let a server pass that has at least `known` commits of this process, as its row there says.

        Raises:
            TakenForDead: It does not know this process.
            ServerBehind: It has fewer.
        """
        if not rows:
            raise TakenForDead("another process took this one for dead; start it again")
        if rows[0][0] >= known:
            self._told = False
            return
        if not self._told:
            # Turns are refused with a constant text: here an operator finds out why.
            _LOG.error(
                "the database server lacks %d commits that were acknowledged; it is not used",
                known - rows[0][0],
            )
            self._told = True
        raise ServerBehind(
            "this server lacks commits that were acknowledged: an old primary that came back, or a standby"
            " that took over without them; bring the other server back, or start again to go on without them"
        )

    def order(self, count: int) -> list[int]:
        """Give the places of so many hosts in the order to ask them: first who let us in last."""
        return [(self.host + step) % count for step in range(count)]


def foremost(faults: Sequence[StoreUnavailable]) -> StoreUnavailable:
    """Give the fault of several hosts to raise: who lacks commits, else who may come back, else the first."""
    for kind in (ServerBehind, Lost):
        found = next((fault for fault in faults if isinstance(fault, kind)), None)
        if found is not None:
            return found
    return faults[0]
