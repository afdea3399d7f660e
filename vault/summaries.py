"""Records in numbers: which rules, layers and senders, and how many at what time."""

from dataclasses import dataclass
from enum import IntEnum

from firewall.core.ids import PrincipalId, TenantId
from vault.database import Database
from vault.filters import FROM, PRINCIPAL, Filter, condition
from vault.job import Job, Rows

MAX_BUCKETS = 10_000


class Width(IntEnum):
    """How long one step of a trend is, in milliseconds."""

    HOUR = 3_600_000
    DAY = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """A principal of one tenant; None where no session is known, or any more."""

    tenant: TenantId
    principal: PrincipalId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Matching records, counted; the lists have the most frequent first.

    Attributes:
        trend: Begin of each hour or day in UTC, milliseconds since 1970, with its count; oldest first, and
            only those with any, the youngest 10,000.
    """

    total: int
    rules: tuple[tuple[str, int], ...]
    layers: tuple[tuple[str, int], ...]
    severities: tuple[tuple[str, int], ...]
    senders: tuple[tuple[Sender, int], ...]
    trend: tuple[tuple[int, int], ...]


async def summary(database: Database, where: Filter, *, top: int, width: Width) -> Summary:
    """Count matching records, all in one state of the database; each list has at most `top` entries."""
    return await database.read(lambda: _summary(where, top, width))


def _summary(where: Filter, top: int, width: Width) -> Job[Summary]:
    text, values = condition(where)
    total = yield (f"SELECT count(*){FROM} WHERE {text}", values)
    rules = yield from _top("r.rule", where, top)
    layers = yield from _top("r.layer", where, top)
    severities = yield from _top("r.severity", where, top)
    senders = yield from _top(f"r.tenant, {PRINCIPAL}", where, top)
    step = int(width)
    trend = yield (
        (
            f"SELECT t.at_ms / {step} AS step, count(*) AS n{FROM} WHERE {text}"
            " GROUP BY 1 ORDER BY 1 DESC LIMIT ?"
        ),
        (*values, MAX_BUCKETS),
    )
    return Summary(
        total=total[0][0],
        rules=tuple((name, n) for name, n in rules),
        layers=tuple((name, n) for name, n in layers),
        severities=tuple((name, n) for name, n in severities),
        senders=tuple((_sender(tenant, name), n) for tenant, name, n in senders),
        trend=tuple((at * step, n) for at, n in reversed(trend)),
    )


def _top(columns: str, where: Filter, top: int) -> Job[Rows]:
    text, values = condition(where)
    numbers = ", ".join(str(n + 1) for n in range(columns.count(", ") + 1))
    rows = yield (
        (
            f"SELECT {columns}, count(*) AS n{FROM} WHERE {text}"
            f" GROUP BY {numbers} ORDER BY n DESC, {numbers} LIMIT ?"
        ),
        (*values, top),
    )
    return rows


def _sender(tenant: str, principal: str | None) -> Sender:
    return Sender(tenant=TenantId(tenant), principal=None if principal is None else PrincipalId(principal))
