"""Tenants and principals that were seen, for operators."""

from dataclasses import dataclass

from firewall.core.identity import Principal, SenderKind
from firewall.core.ids import PrincipalId, TenantId, checked
from firewall.core.ports import Clock
from vault.database import Database
from vault.job import Job
from vault.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTenant:
    """A tenant, how many principals it has, and when it was first and last seen (milliseconds since 1970)."""

    tenant: TenantId
    principals: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPrincipal:
    """A principal of one tenant, and when it was first and last seen (milliseconds since 1970)."""

    tenant: TenantId
    id: PrincipalId
    kind: SenderKind
    first_ms: int
    last_ms: int


class Tenants:
    """Who was seen; opening a session notes it by itself."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock

    async def seen(self, principal: Principal) -> None:
        """Note that this principal spoke."""
        at_ms = self._clock.now_ms()
        await self._writer.submit(
            principal.tenant, lambda: noted(principal.tenant, principal.id, principal.kind, at_ms)
        )

    async def list(self) -> tuple[SeenTenant, ...]:
        """Give all tenants, sorted by id; may be empty."""
        rows = await self._database.read(_tenants)
        return tuple(
            SeenTenant(tenant=TenantId(tenant), principals=principals, first_ms=first_ms, last_ms=last_ms)
            for tenant, principals, first_ms, last_ms in rows
        )

    async def principals(self, tenant: TenantId) -> tuple[SeenPrincipal, ...]:
        """Give one tenant's principals, sorted by id; may be empty."""
        checked(tenant, what="tenant")
        rows = await self._database.read(lambda: _principals(tenant))
        return tuple(
            SeenPrincipal(
                tenant=tenant, id=PrincipalId(one), kind=SenderKind(kind), first_ms=first_ms, last_ms=last_ms
            )
            for one, kind, first_ms, last_ms in rows
        )


def noted(tenant: TenantId, principal: PrincipalId | None, kind: SenderKind | None, at_ms: int) -> Job[None]:
    """Note a tenant, and one of its principals if one is named."""
    yield (
        (
            "INSERT INTO tenants (id, first_ms, last_ms) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET last_ms = max(tenants.last_ms, excluded.last_ms)"
        ),
        (tenant, at_ms, at_ms),
    )
    if principal is None or kind is None:
        return
    yield (
        (
            "INSERT INTO principals (tenant, id, kind, first_ms, last_ms) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant, id) DO UPDATE SET last_ms = max(principals.last_ms, excluded.last_ms)"
        ),
        (tenant, principal, kind.value, at_ms, at_ms),
    )


def _tenants() -> Job[list[tuple[str, int, int, int]]]:
    rows = yield (
        (
            "SELECT id, (SELECT count(*) FROM principals p WHERE p.tenant = t.id), first_ms, last_ms"
            " FROM tenants t ORDER BY id"
        ),
        (),
    )
    return rows


def _principals(tenant: TenantId) -> Job[list[tuple[str, str, int, int]]]:
    rows = yield (
        "SELECT id, kind, first_ms, last_ms FROM principals WHERE tenant = ? ORDER BY id",
        (tenant,),
    )
    return rows
