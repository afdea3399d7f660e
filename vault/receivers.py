"""Receivers: how the far end of each route does, so that a broken one is left alone for a while."""

from collections.abc import Iterable
from dataclasses import dataclass

from vault.job import Job

# A receiver that failed so often in a row is asked by one message at a time, with longer and longer rests.
BREAKS_AT = 5
_FIRST_REST_MS = 30_000
_LONGEST_REST_MS = 15 * 60_000
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """The far end of a route.

    Attributes:
        mark: A keyed digest of its address; with another address it is another receiver, and begins anew.
        per_minute: How many messages it gets in a minute, from all processes together.
    """

    route: str
    mark: str
    per_minute: int


def met(receivers: Iterable[Receiver]) -> Job[None]:
    """Write receivers down; one that has another address than before begins anew."""
    for receiver in receivers:
        yield (
            (
                "INSERT INTO receivers (route, mark, failures, until_ms, gone) VALUES (?, ?, 0, 0, 0)"
                " ON CONFLICT (route) DO UPDATE SET mark = excluded.mark, failures = 0, until_ms = 0,"
                " gone = 0 WHERE receivers.mark <> excluded.mark"
            ),
            (receiver.route, receiver.mark),
        )


def room(receiver: Receiver, at_once: int, now_ms: int) -> Job[tuple[int, int]]:
    """Say how many more messages it may get now, and in this minute; none before it was met."""
    rows = yield ("SELECT failures, until_ms, gone FROM receivers WHERE route = ?", (receiver.route,))
    if not rows:
        return 0, 0
    failures, until_ms, wants_none = rows[0]
    if wants_none or until_ms > now_ms:
        return 0, 0
    counted = yield (
        (
            "SELECT (SELECT count(*) FROM deliveries WHERE route = ? AND state = 'sending'),"
            " (SELECT count(*) FROM deliveries WHERE route = ? AND state = 'sent' AND end_ms > ?)"
        ),
        (receiver.route, receiver.route, now_ms - MINUTE_MS),
    )
    sending: int = counted[0][0]
    sent: int = counted[0][1]
    most = 1 if failures >= BREAKS_AT else at_once
    spare = receiver.per_minute - sent - sending
    return min(most - sending, spare), spare


def worked(route: str) -> Job[None]:
    """Note that it took a message."""
    yield ("UPDATE receivers SET failures = 0, until_ms = 0 WHERE route = ?", (route,))


def failed(route: str, until_ms: int, now_ms: int) -> Job[None]:
    """Note that it did not answer as it should: it rests until then, and longer if it does so often."""
    rows = yield (
        "UPDATE receivers SET failures = failures + 1 WHERE route = ? RETURNING failures",
        (route,),
    )
    over = rows[0][0] - BREAKS_AT if rows else -1
    rest_ms = min(_FIRST_REST_MS * 2 ** min(over, 10), _LONGEST_REST_MS) if over >= 0 else 0
    yield (
        "UPDATE receivers SET until_ms = ? WHERE route = ? AND until_ms < ?",
        (max(until_ms, now_ms + rest_ms), route, max(until_ms, now_ms + rest_ms)),
    )


def gone(route: str) -> Job[None]:
    """Note that it wants no messages any more."""
    yield ("UPDATE receivers SET gone = 1 WHERE route = ?", (route,))


def disabled() -> Job[tuple[str, ...]]:
    """Give the routes whose receivers want no messages any more."""
    rows = yield ("SELECT route FROM receivers WHERE gone = 1 ORDER BY route", ())
    return tuple(row[0] for row in rows)
