"""Deliveries: messages to operators, leased by one process at a time, tried until they arrive or are dead."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId, checked
from firewall.core.ports import Clock, IdSource
from firewall.core.receipt import RecordKind
from vault.database import Database
from vault.delivery import Delivery, DeliveryState, freed, leased, listed, revived, settled, shown
from vault.heart import Heart
from vault.incidents import Wish, closed, grouped
from vault.job import Job, Rows
from vault.outbox import Violation, taken
from vault.receivers import Receiver, disabled, failed, gone, met, room, worked
from vault.telling import Step, pruned
from vault.writer import Writer

# How many violations one transaction takes out of the line: turns wait for the writer, so it is kept short.
BATCH = 50


class Deliveries:
    """The delivery store. Due times and rates are the database's, so that several processes share them."""

    def __init__(
        self, database: Database, writer: Writer, heart: Heart, *, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._writer = writer
        self._heart = heart
        self._clock = clock
        self._ids = ids

    async def meet(self, receivers: Iterable[Receiver]) -> None:
        """Name the receivers that are configured; one with a new address begins anew."""
        known = tuple(receivers)
        await self._writer.submit("", lambda: met(known))

    async def idle(self, routes: Iterable[str]) -> bool:
        """True if nothing waits in the line, nothing may be sent on these routes, and nobody else sends."""
        wanted, now_ms = tuple(routes), self._clock.now_ms()
        return await self._database.read(lambda: _idle(wanted, self._heart.id, now_ms))

    async def expand(self, wished: Callable[[Violation], Sequence[Wish]]) -> int:
        """Turn pending violations into deliveries, and count them: at most `BATCH`, each exactly once."""
        now_ms = self._clock.now_ms()
        return await self._writer.submit("", lambda: self._expanded(wished, now_ms))

    async def lease(self, receiver: Receiver, *, at_once: int) -> tuple[Delivery, ...]:
        """Take what is due for a receiver, oldest first: at most `at_once` of it are under way in all.

        Of one incident one message is under way at a time, and none before those that were made before it.
        Each must be handed back by `sent`, `put_off` or `buried`.
        """
        now_ms = self._clock.now_ms()
        mine = await self._writer.submit("", lambda: self._leased(receiver, at_once, now_ms))
        self._heart.holding += len(mine)
        return mine

    async def sent(self, delivery: Delivery) -> None:
        """Note that it arrived."""
        end_ms = self._clock.now_ms()
        await self._settle(delivery, DeliveryState.SENT, "", end_ms, lambda: worked(delivery.route))

    async def put_off(self, delivery: Delivery, fault: str, *, due_ms: int, until_ms: int) -> None:
        """Note that it did not arrive: it is due again then; its receiver rests till `until_ms` or longer."""
        now_ms = self._clock.now_ms()
        blame = partial(failed, delivery.route, until_ms, now_ms)
        await self._settle(delivery, DeliveryState.WAITING, fault, due_ms, blame)

    async def buried(self, delivery: Delivery, fault: str, *, disable: bool = False) -> None:
        """Note that it is dead, and keep it; with `disable`, its receiver gets nothing until a `revive`."""
        end_ms = self._clock.now_ms()
        then = partial(gone, delivery.route) if disable else _nothing
        await self._settle(delivery, DeliveryState.DEAD, fault, end_ms, then)

    async def recover(self) -> int:
        """Free what dead or hung processes had taken, and count it; it is sent again under the same id."""
        holders = await self._database.read(lambda: _holders(self._heart.id))
        dead = [holder for holder in holders if await self._heart.gone(holder)]
        return await self._writer.submit("", lambda: freed(dead)) if dead else 0

    async def release(self, count: int) -> None:
        """Free what this process had taken and did not hand back: so many deliveries."""
        self._heart.holding -= count
        await self._writer.submit("", lambda: freed([self._heart.id]))

    async def listed(
        self,
        *,
        state: DeliveryState | None = None,
        tenant: TenantId | None = None,
        route: str | None = None,
        limit: int = 100,
    ) -> tuple[Delivery, ...]:
        """Give the youngest deliveries that match, oldest first, at most `limit`."""
        if tenant is not None:
            checked(tenant, what="tenant")
        rows = await self._database.read(lambda: listed(state, tenant, route, limit))
        return shown(rows[::-1])

    async def disabled(self) -> tuple[str, ...]:
        """Give the routes whose receivers want no messages any more."""
        return await self._database.read(disabled)

    async def dead(self) -> dict[str, int]:
        """Count the dead deliveries of each route that has any."""
        return dict(await self._database.read(_dead))

    async def revive(self, *, id: str | None = None, route: str | None = None) -> int:
        """Make dead deliveries due now, one or all of a route, enable the receiver, and count them.

        One whose incident was closed, and told to be, stays dead: sent again it would open what is closed.

        Raises:
            MisuseError: Neither is named, or both are.
        """
        if (id is None) == (route is None):
            raise MisuseError("name either one delivery, or a route by --route")
        now_ms = self._clock.now_ms()
        return await self._writer.submit("", lambda: revived(id, route, now_ms))

    async def close(self, incident: str) -> tuple[str, ...]:
        """Close an incident on all its routes and give their ids; empty if none of that id is open."""
        now_ms = self._clock.now_ms()
        return await self._writer.submit("", lambda: closed(self._ids, incident, now_ms))

    async def prune(self, before_ms: int, *, after: int = 0) -> Step:
        """Remove what arrived before that moment, of the next 200 messages behind number `after`.

        Nothing goes that waits, is being sent or is dead, nor the last message of an incident nobody closed.
        """
        return await self._writer.submit("", lambda: pruned(before_ms, after))

    def _expanded(self, wished: Callable[[Violation], Sequence[Wish]], now_ms: int) -> Job[int]:
        violations = yield from taken(BATCH)
        for violation in violations:
            # What is only watched is counted, and never told.
            if violation.kind is not RecordKind.SHADOW:
                yield from grouped(self._ids, violation, wished(violation), now_ms)
        return len(violations)

    def _leased(self, receiver: Receiver, at_once: int, now_ms: int) -> Job[tuple[Delivery, ...]]:
        free, spare = yield from room(receiver, at_once, now_ms)
        if free < 1:
            return ()
        return (yield from leased(receiver, self._heart.id, now_ms, free, spare))

    async def _settle(
        self,
        delivery: Delivery,
        state: DeliveryState,
        fault: str,
        at_ms: int,
        then: Callable[[], Job[None]],
    ) -> None:
        def job() -> Job[None]:
            if (yield from settled(delivery, self._heart.id, state, fault, at_ms)):
                yield from then()

        await self._writer.submit("", job)
        self._heart.holding -= 1


def _nothing() -> Job[None]:
    yield from ()


def _idle(routes: tuple[str, ...], holder: str, now_ms: int) -> Job[bool]:
    pending = yield ("SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1", ())
    held = yield ("SELECT 1 FROM deliveries WHERE state = 'sending' AND holder <> ? LIMIT 1", (holder,))
    if pending or held:
        return False
    for route in routes:
        due = yield (
            (
                "SELECT 1 FROM deliveries d JOIN receivers v ON v.route = d.route"
                " WHERE d.route = ? AND d.state = 'waiting' AND d.due_ms <= ?"
                " AND v.gone = 0 AND v.until_ms <= ? LIMIT 1"
            ),
            (route, now_ms, now_ms),
        )
        if due:
            return False
    return True


def _dead() -> Job[Rows]:
    rows = yield ("SELECT route, count(*) FROM deliveries WHERE state = 'dead' GROUP BY route", ())
    return rows


def _holders(mine: str) -> Job[list[str]]:
    rows = yield ("SELECT DISTINCT holder FROM deliveries WHERE state = 'sending' AND holder <> ?", (mine,))
    return [row[0] for row in rows]
