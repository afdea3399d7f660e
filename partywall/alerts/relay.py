"""The relay: from the outbox to the receivers, in one task that no turn ever waits for."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from typing import assert_never

from firewall.core.errors import PartywallError
from firewall.core.ids import TenantId
from firewall.core.ports import Clock, IdSource
from partywall.alerts.backoff import exhausted, wait_s
from partywall.alerts.keeping import Keeping
from partywall.alerts.outcome import Gone, Later, Outcome, Refused, Sent
from partywall.alerts.post import AT_ONCE
from partywall.alerts.routes import Route, routes_of, wishes
from partywall.alerts.settings import AlertRoute
from vault.deliveries import BATCH, Deliveries
from vault.delivery import Delivery
from vault.incidents import Wish
from vault.outbox import Violation

_LOG = logging.getLogger("partywall")


class Relay:
    """Turns pending violations into messages and sends what is due; `start` it once, and `close` it.

    All it knows stands in the database: a process that dies takes nothing with it; several share the work.

    Args:
        deliveries: The store.
        routes: The configured routes, at least one.
        clock: For due times.
        ids: For chance.
        poll_s: How often it looks, in seconds.
        keep_days: How long it keeps what was told; None for ever.
    """

    def __init__(
        self,
        deliveries: Deliveries,
        routes: Sequence[Route],
        *,
        clock: Clock,
        ids: IdSource,
        poll_s: float,
        keep_days: int | None = None,
    ) -> None:
        self._deliveries = deliveries
        self._routes = {route.name: route for route in routes}
        self._settings = tuple(route.settings for route in routes)
        self._clock = clock
        self._ids = ids
        self._poll_s = poll_s
        self._keeping = Keeping(deliveries, clock, keep_days)
        self._wake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._held = 0
        self._met = False
        self._unsure = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._work(), name="partywall relay")

    async def close(self) -> None:
        """Stop; what is under way is cut off and sent again, under its id, at the next start."""
        tasks = {*self._sending, *({self._task} if self._task else ())}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for route in self._routes.values():
            route.sender.close()
        try:
            await self._release()
        except PartywallError as error:
            # Its holder ends with this process; whoever comes next sees that and takes over.
            _said("what was being sent could not be handed back", error)

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                busy = await self._round() or await self._keeping.step()
            except PartywallError as error:
                _said("alerts wait", error)
                busy, self._unsure = False, True
            if not busy:
                await self._rest()

    async def _release(self) -> None:
        held, self._held = self._held, 0
        await self._deliveries.release(held)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _round(self) -> bool:
        """Do what there is to do now; True if there may be more of it."""
        if not self._met:
            await self._deliveries.meet(route.receiver for route in self._routes.values())
            self._met = True
        if self._unsure and not self._sending:
            # A lease whose commit was not seen may be ours all the same; nobody else would free it.
            await self._release()
            self._unsure = False
        if await self._deliveries.idle(self._routes):
            return False
        await self._deliveries.recover()
        expanded = await self._deliveries.expand(self._wished)
        for route in self._routes.values():
            for delivery in await self._deliveries.lease(route.receiver, at_once=AT_ONCE):
                self._held += 1
                task = asyncio.create_task(self._told(route, delivery), name="partywall alert")
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
        return expanded == BATCH

    def _wished(self, violation: Violation) -> Sequence[Wish]:
        return wishes(self._settings, violation, self._clock.now_ms())

    async def _told(self, route: Route, delivery: Delivery) -> None:
        try:
            outcome = await route.sender.send(delivery, self._clock.now_ms())
        except Exception as error:  # noqa: BLE001 - a fault in one sender must not stop the others
            _said("an alert could not be made", error)
            outcome = Later(fault="fault in the sender")
        while not await self._noted(delivery, outcome):  # noqa: ASYNC110 - nothing tells when the database is back
            await asyncio.sleep(self._poll_s)
        self._held -= 1
        self._wake.set()

    async def _noted(self, delivery: Delivery, outcome: Outcome) -> bool:
        try:
            await self._note(delivery, outcome)
        except PartywallError as error:
            _said("what became of an alert is not written yet", error)
            return False
        return True

    async def _note(self, delivery: Delivery, outcome: Outcome) -> None:
        match outcome:
            case Sent():
                await self._deliveries.sent(delivery)
            case Gone(fault=fault):
                _LOG.warning("alert route %s is disabled: its receiver is gone (%s)", delivery.route, fault)
                await self._deliveries.buried(delivery, fault, disable=True)
            case Refused(fault=fault):
                _LOG.warning("alert %s on route %s was refused (%s)", delivery.id, delivery.route, fault)
                await self._deliveries.buried(delivery, fault)
            case Later(fault=fault, after_s=after_s):
                await self._later(delivery, fault, after_s)
            case _:
                assert_never(outcome)

    async def _later(self, delivery: Delivery, fault: str, after_s: float | None) -> None:
        if exhausted(delivery.attempts):
            _LOG.warning("alert %s on route %s is given up (%s)", delivery.id, delivery.route, fault)
            await self._deliveries.buried(delivery, fault)
            return
        now_ms = self._clock.now_ms()
        until_ms = now_ms + int((after_s or 0) * 1000)
        due_ms = max(until_ms, now_ms + int(wait_s(delivery.attempts, self._ids) * 1000))
        await self._deliveries.put_off(delivery, fault, due_ms=due_ms, until_ms=until_ms)


def relay_of(
    settings: Sequence[AlertRoute],
    tenants: Sequence[TenantId],
    deliveries: Deliveries,
    clock: Clock,
    ids: IdSource,
    environment: Mapping[str, str] = os.environ,
    *,
    poll_s: float = 1.0,
    keep_days: int | None = None,
) -> Relay | None:
    """Make the relay of the configured routes, not started yet; None if there is no route.

    Raises:
        ConfigError: As `routes_of`.
    """
    if not settings:
        return None
    routes = routes_of(settings, tenants, ids, environment)
    return Relay(deliveries, routes, clock=clock, ids=ids, poll_s=poll_s, keep_days=keep_days)


def _said(what: str, error: BaseException) -> None:
    """Log a fault: its kind, for its text may be anybody's."""
    _LOG.error("%s (%s)", what, type(error).__name__)
