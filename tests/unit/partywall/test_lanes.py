"""Lanes: in order within a session, fair between tenants, and nothing is forgotten or kept for ever."""

from collections import defaultdict
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.ids import TenantId
from partywall.lanes import Lanes
from vault.inbox import Accepted

TENANTS = ("ACME", "GLOBEX", "INITECH")


def accepted(n: int, tenant: str, session: int = 0) -> Accepted:
    return Accepted(n=n, tenant=TenantId(tenant), lane=f"{tenant}-{session}")


def lanes(*, most_waiting: int = 100, most_in_all: int = 1_000, most_running: int = 100) -> Lanes:
    return Lanes(most_waiting=most_waiting, most_in_all=most_in_all, most_running=most_running)


def test_tenants_are_served_one_after_the_other_however_much_one_sends() -> None:
    here = lanes()
    here.put(accepted(n, "ACME", n) for n in range(10))
    here.put([accepted(100, "GLOBEX"), accepted(101, "INITECH")])
    order = [taken.tenant for _ in range(4) if (taken := here.take()) is not None]
    assert order == ["ACME", "GLOBEX", "INITECH", "ACME"]


def test_a_tenant_at_its_share_leaves_the_room_to_others() -> None:
    here = lanes(most_running=2)
    here.put(accepted(n, "ACME", n) for n in range(5))
    here.put([accepted(100, "GLOBEX")])
    running = [taken for _ in range(6) if (taken := here.take()) is not None]
    assert sorted(each.n for each in running) == [0, 1, 100]
    assert here.take() is None
    here.done(running[0])
    again = here.take()
    assert again is not None
    assert again.n == 2


def test_a_delivery_that_is_put_back_goes_before_what_waits_in_its_session() -> None:
    here = lanes()
    here.put(accepted(n, "ACME") for n in range(3))
    first = here.take()
    assert first is not None
    here.back(first)
    here.done(first)
    order = list[int]()
    while (taken := here.take()) is not None:
        order.append(taken.n)
        here.done(taken)
    assert order == [0, 1, 2]


def test_a_tenant_is_full_alone() -> None:
    here = lanes(most_waiting=2)
    here.put(accepted(n, "ACME") for n in range(2))
    assert here.full(TenantId("ACME"))
    assert not here.full(TenantId("GLOBEX"))
    here.take()
    assert not here.full(TenantId("ACME"))


def test_somebody_with_many_tenants_leaves_room_for_one_who_has_nothing_waiting() -> None:
    here = lanes(most_waiting=5, most_in_all=6)
    here.put(accepted(n, f"account-{n % 3}", n) for n in range(6))
    assert all(here.full(TenantId(f"account-{n}")) for n in range(3))
    assert not here.full(TenantId("GLOBEX"))
    here.put([accepted(100, "GLOBEX")])
    assert here.full(TenantId("GLOBEX"))
    while (taken := here.take()) is not None:
        here.done(taken)
    assert len(here) == 0
    assert not here.full(TenantId("account-0"))


class Office:
    """Plays lanes, and checks each step against what was promised."""

    def __init__(self, share: int) -> None:
        self.lanes = lanes(most_running=share)
        self.share = share
        self.put: list[Accepted] = []
        self.running: list[Accepted] = []
        self.done: dict[str, list[int]] = defaultdict(list)

    def arrives(self, tenant: str, session: int) -> None:
        self.put.append(accepted(len(self.put), tenant, session))
        self.lanes.put([self.put[-1]])

    def takes(self) -> None:
        taken = self.lanes.take()
        if taken is not None:
            assert all(each.lane != taken.lane for each in self.running)
            assert sum(each.tenant == taken.tenant for each in self.running) < self.share
            self.running.append(taken)

    def ends(self, index: int, *, back: bool = False) -> None:
        if self.running:
            ended = self.running.pop(index % len(self.running))
            if back:
                self.lanes.back(ended)
            else:
                self.done[ended.lane].append(ended.n)
            self.lanes.done(ended)

    def finishes(self) -> None:
        while self.running or len(self.lanes):
            self.takes()
            self.ends(0)


Step = Callable[[Office], None]


def arriving(tenant: str, session: int) -> Step:
    return lambda office: office.arrives(tenant, session)


def ending(index: int, back: bool) -> Step:
    return lambda office: office.ends(index, back=back)


STEPS = st.lists(
    st.one_of(
        st.builds(arriving, st.sampled_from(TENANTS), st.integers(0, 2)),
        st.just(Office.takes),
        st.builds(ending, st.integers(0, 5), st.booleans()),
    ),
    max_size=80,
)


@given(steps=STEPS, share=st.integers(1, 3))
def test_each_is_taken_once_in_order_one_at_a_time_in_a_session(steps: list[Step], share: int) -> None:
    office = Office(share)
    for step in steps:
        step(office)
    office.finishes()
    assert office.lanes.take() is None
    for lane, numbers in office.done.items():
        assert numbers == [each.n for each in office.put if each.lane == lane]
    assert sum(map(len, office.done.values())) == len(office.put)
