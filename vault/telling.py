"""What was told goes after a while: messages that arrived, and closed incidents with the last of theirs.

What waits, is being sent or is dead stays, however old. So does the last message of an incident that nobody
closed: closing it tells each route what the incident was about and how much of it there was.
"""

from dataclasses import dataclass

from vault.job import Job

# So many messages are looked at in one transaction: turns wait for the writer, so it is kept short.
STEP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of pruning.

    Attributes:
        count: How many messages went.
        after: Where the next step begins; None behind the last message that can be old enough.
    """

    count: int
    after: int | None


def pruned(before_ms: int, after: int) -> Job[Step]:
    """Remove what arrived before that moment, of the next 200 messages behind number `after`."""
    rows = yield ("SELECT n, at_ms FROM deliveries WHERE n > ? ORDER BY n LIMIT ?", (after, STEP))
    if not rows:
        return Step(count=0, after=None)
    last, at_ms = rows[-1]
    # A message that goes is not the last of its incident, or the incident is closed and all of it arrived: as
    # long as one is dead, the message that closed the incident keeps it from being sent again.
    gone = yield (
        (
            "DELETE FROM deliveries WHERE n > ? AND n <= ? AND state = 'sent' AND end_ms < ? AND (EXISTS"
            " (SELECT 1 FROM deliveries e WHERE e.incident = deliveries.incident AND e.n > deliveries.n)"
            " OR (EXISTS (SELECT 1 FROM incidents i WHERE i.id = deliveries.incident AND i.state = 'closed')"
            " AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.incident = deliveries.incident"
            " AND e.state <> 'sent'))) RETURNING incident"
        ),
        (after, last, before_ms),
    )
    for incident in sorted({row[0] for row in gone}):
        yield (
            (
                "DELETE FROM incidents WHERE id = ? AND state = 'closed'"
                " AND NOT EXISTS (SELECT 1 FROM deliveries WHERE incident = ?)"
            ),
            (incident, incident),
        )
    more = len(rows) == STEP and at_ms < before_ms
    return Step(count=len(gone), after=last if more else None)
