"""What is kept of one person in a tenant, or of a whole tenant: where it stands, in the order it can go.

A table that keeps somebody's data and is not named here would outlive its owner's wish; a test compares the
names with the schema's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firewall.core.ids import PrincipalId, TenantId, canonical
from firewall.core.label import Principals
from vault.job import Job, Value
from vault.readers import name, tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose data: one person's in a tenant, or all of a tenant if no principal is named."""

    tenant: TenantId
    principal: PrincipalId | None

    @property
    def names(self) -> tuple[PrincipalId, ...]:
        """The principal, and the name under which stands what was said in their name by nobody verified."""
        if self.principal is None:
            return ()
        return self.principal, PrincipalId(canonical("unverified", self.principal))

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens under which rows for this person are found."""
        return tuple(token for each in self.names for token in tokens(_alone(each)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Rows of one table that go; `name` is what operators and receipts call them."""

    name: str
    table: str
    where: str
    values: tuple[Value, ...]

    def count(self) -> Job[int]:
        """Count them."""
        table, chosen = self.table, self.where
        rows = yield (f"SELECT count(*) FROM {table} WHERE {chosen}", self.values)  # noqa: S608 - constants
        found: int = rows[0][0]
        return found

    def remove(self) -> Job[None]:
        """Delete them."""
        table, chosen = self.table, self.where
        yield (f"DELETE FROM {table} WHERE {chosen}", self.values)  # noqa: S608 - constants


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept in one scope.

    Attributes:
        told: What is found by the receipts, so that it goes before they are erased.
        receipts: The receipts themselves; they are erased and not removed.
        rest: What goes after them.
        notices: Messages to operators that name a reference; in a person's scope they stay without it.
    """

    told: tuple[Kind, ...]
    receipts: Kind
    rest: tuple[Kind, ...]
    notices: Kind

    @property
    def all(self) -> tuple[Kind, ...]:
        """Everything, for counting."""
        return (*self.told, self.notices, self.receipts, *self.rest)


def kept(scope: Scope) -> Kept:
    """Say where everything of this scope stands."""
    return _person(scope) if scope.names else _tenant(scope.tenant)


def _person(scope: Scope) -> Kept:
    tenant, names, read = scope.tenant, scope.names, scope.tokens
    own = "tenant = ? AND principal IN (?, ?)"
    mine = (tenant, *names)
    sessions, keys = f"SELECT id FROM sessions WHERE {own}", f"SELECT id FROM keys WHERE {own}"  # noqa: S608 - constants
    judged = f"tenant = ? AND session IN ({sessions})"
    refs, seqs = f"SELECT ref FROM receipts WHERE {judged}", f"SELECT seq FROM receipts WHERE {judged}"  # noqa: S608 - constants
    by = (tenant, tenant, *mine)
    records = f"tenant = ? AND seq IN ({seqs})"
    alone = tuple(name(_alone(each)) for each in names)

    def rest() -> Iterator[Kind]:
        yield _kind("openings", "said", f"session IN ({sessions})", *mine)
        yield _kind("parts", "parts", f"session IN ({sessions})", *mine)
        yield _kind(
            "notes", "notes", f"tenant = ? AND (key IN ({keys}) OR reader IN (?, ?))", tenant, *mine, *read
        )
        yield _kind("entries", "entries", "tenant = ? AND readers IN (?, ?)", tenant, *alone)
        yield _kind("findings", "foreign_findings", own, *mine)
        yield _kind("holds", "holds", own, *mine)
        yield _kind("sessions", "sessions", own, *mine)
        yield _kind("principals", "principals", "tenant = ? AND id IN (?, ?)", *mine)
        yield _kind("keys", "keys", own, *mine)

    return Kept(
        told=(
            _kind("outbox", "outbox", f"record IN (SELECT id FROM records WHERE {records})", *by),  # noqa: S608 - constants
            _kind("records", "records", records, *by),
            _kind("effects", "effects", judged, tenant, *mine),
            _kind(
                "inbox",
                "inbox",
                f"tenant = ? AND (key IN ({keys}) OR ref IN ({refs}))",
                tenant,
                *mine,
                tenant,
                *mine,
            ),
        ),
        notices=_kind("alerts", "deliveries", f"tenant = ? AND ref <> '' AND ref IN ({refs})", *by),
        receipts=_kind("receipts", "receipts", f"body <> '' AND {judged}", tenant, *mine),
        rest=tuple(rest()),
    )


def _tenant(tenant: TenantId) -> Kept:
    def all_of(*tables: str) -> tuple[Kind, ...]:
        return tuple(_kind(table, table, "tenant = ?", tenant) for table in tables)

    said = "session IN (SELECT id FROM sessions WHERE tenant = ?)"
    return Kept(
        told=all_of("outbox", "records", "effects", "inbox"),
        notices=_kind("alerts", "deliveries", "tenant = ?", tenant),
        receipts=_kind("receipts", "receipts", "body <> '' AND tenant = ?", tenant),
        rest=(
            *all_of("incidents"),
            _kind("openings", "said", said, tenant),
            *all_of("parts", "notes", "entries", "installations"),
            _kind("findings", "foreign_findings", "tenant = ?", tenant),
            *all_of("holds", "sessions", "principals", "keys"),
            _kind("tenants", "tenants", "id = ?", tenant),
        ),
    )


def _kind(name: str, table: str, where: str, *values: Value) -> Kind:
    return Kind(name=name, table=table, where=where, values=values)


def _alone(principal: PrincipalId) -> Principals:
    return Principals(ids=frozenset({principal}))
