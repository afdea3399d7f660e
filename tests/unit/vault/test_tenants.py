"""Operators see which tenants and principals spoke, and when."""

from firewall.core.identity import SenderKind
from tests.fakes.vaults import ACME, GLOBEX, SteppedClock, key_of, opened, principal


async def test_tenants_and_principals_are_listed_with_the_times_they_were_seen() -> None:
    clock = SteppedClock(at_ms=10)
    async with await opened(":memory:", clock) as vault:
        await vault.tenants.seen(principal(ACME))
        clock.at_ms = 5
        await vault.tenants.seen(principal(ACME, "b", SenderKind.BOT))
        clock.at_ms = 20
        await vault.tenants.seen(principal(ACME))
        async with vault.sessions.hold(key_of(GLOBEX), wait_s=1):
            pass
        found = [
            (one.tenant, one.principals, one.first_ms, one.last_ms) for one in await vault.tenants.list()
        ]
        assert found == [(ACME, 2, 10, 20), (GLOBEX, 1, 20, 20)]
        seen = {one.id: (one.kind, one.first_ms, one.last_ms) for one in await vault.tenants.principals(ACME)}
        assert seen == {
            principal(ACME).id: (SenderKind.HUMAN, 10, 20),
            principal(ACME, "b", SenderKind.BOT).id: (SenderKind.BOT, 5, 5),
        }
        assert [one.tenant for one in await vault.tenants.principals(GLOBEX)] == [GLOBEX]
