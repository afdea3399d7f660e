"""What principals have learned from the excerpt index, and who is held because of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from firewall.core.budget import Allowance
from firewall.core.ids import PrincipalId, Ref, TenantId, checked
from firewall.core.ports import Clock, IdSource
from firewall.core.session import Turn
from vault.bodies import Act
from vault.database import Database
from vault.job import Job, Rows
from vault.records import Records
from vault.writer import Writer

# How late a process may notice that another one held or released somebody, in seconds. What can be learned
# does not depend on it: each finding is paid for in one transaction, wherever it happens.
_FRESH_S = 1.0
_TOKEN_BYTES = 8
_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A principal to whom everything is refused.

    Attributes:
        ref: Reference of the refusal with which it began.
        at_ms: When that was, milliseconds since 1970.
        until_ms: When it ends by itself.
    """

    tenant: TenantId
    principal: PrincipalId
    ref: Ref
    at_ms: int
    until_ms: int


class Budgets:
    """Counts foreign findings for each principal of each tenant; implements `ports.BudgetStore`."""

    def __init__(
        self, database: Database, writer: Writer, records: Records, *, clock: Clock, ids: IdSource
    ) -> None:
        self._database = database
        self._writer = writer
        self._records = records
        self._clock = clock
        self._ids = ids
        # Few are held at any time, so all of them are known here, and a turn of anybody else costs a look.
        self._held: dict[tuple[TenantId, PrincipalId], int] = {}
        self._read_s: float | None = None

    async def held(self, tenant: TenantId, principal: PrincipalId) -> bool:
        """True if a principal is held now; what another process did shows after a second at the latest.

        Raises:
            StoreUnavailable: The database did not answer.
        """
        now_s = self._clock.monotonic_s()
        if self._read_s is None or not 0 <= now_s - self._read_s < _FRESH_S:
            self._held = {
                (each.tenant, each.principal): each.until_ms
                for each in await self._list(self._clock.now_ms())
            }
            self._read_s = now_s
        return self._held.get((tenant, principal), 0) > self._clock.now_ms()

    async def spend(self, turn: Turn, marks: Sequence[str], allowance: Allowance) -> bool:
        """Pay for what is about to show, durably; False if it may not, and the principal is held from now on.

        A mark that was paid for inside the window costs nothing more.

        Raises:
            StoreUnavailable: It could not be committed; nothing may show.
        """
        at_ms = self._clock.now_ms()
        wanted = list(dict.fromkeys(marks))
        paid = await self._writer.submit(
            turn.principal.tenant, partial(_spent, turn, wanted, allowance, at_ms)
        )
        if not paid:
            # Read anew: another process may have held them for longer.
            self._read_s = None
        return paid

    async def list(self, tenant: TenantId | None = None) -> tuple[Hold, ...]:
        """Give who is held now, oldest first; of all tenants if None."""
        found = await self._list(self._clock.now_ms())
        return tuple(each for each in found if tenant in (None, each.tenant))

    async def release(self, ref: Ref) -> Hold | None:
        """Release the principal whose hold began with this refusal, durably and with a receipt.

        What they had spent is forgotten. None if nobody is held under that reference.
        """
        token = self._ids.random(_TOKEN_BYTES).hex()
        released = await self._writer.submit("", partial(self._released, ref, token))
        self._read_s = None
        return released

    async def _list(self, at_ms: int) -> tuple[Hold, ...]:
        return tuple(map(_hold, await self._database.read(partial(_holds, at_ms))))

    def _released(self, ref: Ref, token: str) -> Job[Hold | None]:
        rows = yield (
            "DELETE FROM holds WHERE ref = ? RETURNING tenant, principal, ref, at_ms, until_ms",
            (ref,),
        )
        if not rows:
            return None
        found = _hold(rows[0])
        yield (
            "DELETE FROM foreign_findings WHERE tenant = ? AND principal = ?",
            (found.tenant, found.principal),
        )
        who = self._ids.derived("released principal", found.tenant, found.principal)[:_DIGITS]
        act = Act(act="release", tenant=found.tenant, counts={"holds": 1}, principal=who)
        yield from self._records.acted(act, f"release {token}")
        return found


def _spent(turn: Turn, marks: Sequence[str], allowance: Allowance, at_ms: int) -> Job[bool]:
    tenant, principal = turn.principal.tenant, turn.principal.id
    checked(principal, what="principal")
    whose = (tenant, principal)
    rows = yield ("SELECT until_ms FROM holds WHERE tenant = ? AND principal = ?", whose)
    if rows and rows[0][0] > at_ms:
        return False
    yield (
        "DELETE FROM foreign_findings WHERE tenant = ? AND principal = ? AND at_ms <= ?",
        (*whose, at_ms - allowance.window_ms),
    )
    rows = yield ("SELECT mark FROM foreign_findings WHERE tenant = ? AND principal = ?", whose)
    paid = {row[0] for row in rows}
    new = [mark for mark in marks if mark not in paid]
    if len(paid) + len(new) > allowance.findings:
        yield (
            (
                "INSERT INTO holds (tenant, principal, ref, at_ms, until_ms) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (tenant, principal) DO UPDATE"
                " SET ref = excluded.ref, at_ms = excluded.at_ms, until_ms = excluded.until_ms"
            ),
            (*whose, turn.ref, at_ms, at_ms + allowance.hold_ms),
        )
        return False
    for mark in new:
        yield (
            "INSERT INTO foreign_findings (tenant, principal, mark, at_ms) VALUES (?, ?, ?, ?)",
            (*whose, mark, at_ms),
        )
    return True


def _holds(at_ms: int) -> Job[Rows]:
    rows = yield (
        (
            "SELECT tenant, principal, ref, at_ms, until_ms FROM holds WHERE until_ms > ?"
            " ORDER BY at_ms, tenant, principal"
        ),
        (at_ms,),
    )
    return rows


def _hold(row: tuple[str, str, str, int, int]) -> Hold:
    tenant, principal, ref, at_ms, until_ms = row
    return Hold(
        tenant=TenantId(tenant),
        principal=PrincipalId(principal),
        ref=Ref(ref),
        at_ms=at_ms,
        until_ms=until_ms,
    )
