"""Whose turn is next: one at a time in a session, and tenants one after the other."""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable

from firewall.core.ids import TenantId
from vault.inbox import Accepted


class Lanes:
    """Deliveries that wait, in order within a session and fair between tenants.

    Each step is of constant cost, however many tenants and sessions there are.

    Args:
        most_waiting: How many deliveries of one tenant may wait.
        most_in_all: How many may wait in all; beyond, a tenant that has its even share of it is full.
        most_running: How many of one tenant may be answered at once, so that slow ones leave room for others.
    """

    def __init__(self, *, most_waiting: int, most_in_all: int, most_running: int) -> None:
        self._most_waiting = most_waiting
        self._most_in_all = most_in_all
        self._most_running = most_running
        # By tenant: the sessions that have something to do and do nothing, oldest first. A tenant stands in
        # `_ready` while it may begin something, else in `_full`.
        self._ready: OrderedDict[TenantId, deque[str]] = OrderedDict()
        self._full: dict[TenantId, deque[str]] = {}
        self._waiting: dict[str, deque[Accepted]] = {}
        self._running: set[str] = set()
        self._waits: Counter[TenantId] = Counter()
        self._all = 0
        self._runs: Counter[TenantId] = Counter()

    def __len__(self) -> int:
        """Count the deliveries that wait."""
        return self._all

    def full(self, tenant: TenantId) -> bool:
        """Say whether so many of this tenant's deliveries wait that one more must be refused."""
        waits = self._waits[tenant]
        if waits < self._most_waiting and self._all < self._most_in_all:
            return False
        # Somebody with many tenants, such as many accounts, leaves room for whoever has nothing waiting.
        return waits >= min(self._most_waiting, max(1, self._most_in_all // (len(self._waits) or 1)))

    def put(self, accepted: Iterable[Accepted]) -> None:
        """Add deliveries, in this order, behind what waits in their sessions."""
        for each in accepted:
            lane = self._waiting.setdefault(each.lane, deque())
            lane.append(each)
            self._waits[each.tenant] += 1
            self._all += 1
            if len(lane) == 1 and each.lane not in self._running:
                self._offer(each.tenant, each.lane)

    def back(self, accepted: Accepted) -> None:
        """Put a taken delivery before what waits in its session; it can be taken again once it is `done`."""
        self._waiting.setdefault(accepted.lane, deque()).appendleft(accepted)
        self._waits[accepted.tenant] += 1
        self._all += 1

    def take(self) -> Accepted | None:
        """Give the next delivery to answer and hold its session, or None where nothing can be begun."""
        if not self._ready:
            return None
        tenant, lanes = self._ready.popitem(last=False)
        lane = lanes.popleft()
        self._running.add(lane)
        self._runs[tenant] += 1
        if lanes:
            # Who was served goes to the end.
            self._shelf(tenant)[tenant] = lanes
        waiting = self._waiting[lane]
        taken = waiting.popleft()
        if not waiting:
            del self._waiting[lane]
        _less(self._waits, tenant)
        self._all -= 1
        return taken

    def done(self, accepted: Accepted) -> None:
        """Let go of the session of a delivery that was taken."""
        tenant = accepted.tenant
        self._running.discard(accepted.lane)
        _less(self._runs, tenant)
        if tenant in self._full:
            self._ready[tenant] = self._full.pop(tenant)
        if accepted.lane in self._waiting:
            self._offer(tenant, accepted.lane)

    def _offer(self, tenant: TenantId, lane: str) -> None:
        self._shelf(tenant).setdefault(tenant, deque()).append(lane)

    def _shelf(self, tenant: TenantId) -> "dict[TenantId, deque[str]] | OrderedDict[TenantId, deque[str]]":
        return self._full if self._runs[tenant] >= self._most_running else self._ready


def _less(counts: Counter[TenantId], tenant: TenantId) -> None:
    counts[tenant] -= 1
    if not counts[tenant]:
        del counts[tenant]  # what is empty is forgotten, or every tenant ever seen would stay
