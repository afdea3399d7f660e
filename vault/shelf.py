"""The rows of vault entries: filtered by tenant and readers in the query, sealed under the tenant's key.

The name is sealed as well. It is found by a keyed hash, so the file does not tell what a tenant keeps.
"""

from dataclasses import dataclass

from firewall.core.errors import IntegrityError
from firewall.core.ids import TenantId, derived
from firewall.core.label import Audience, Owned, Readers, admits
from firewall.core.ports import Entry
from vault.codec import entry_bytes, entry_from
from vault.job import Job, Row, Rows
from vault.keys import Keyring
from vault.readers import audience_tokens, tokens
from vault.readers import name as readers_name
from vault.tenants import noted

TABLE = "entries"
PAGE = 500
MAX_NAMES = 1_000
_COLUMNS = "e.row, e.tenant, e.key, e.sealed, e.lookup, e.readers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Finds and writes the rows; all of its verbs are jobs."""

    keyring: Keyring
    secret: bytes

    def lookup_of(self, tenant: TenantId, name: str) -> str:
        """Give the keyed hash under which entries of this name stand."""
        return derived(self.secret, "entry", tenant, name)

    def found(self, audience: Audience, name: str) -> Job[Entry | None]:
        """Give the entry of this name for this audience: its own before the room's before the members'."""
        for token in audience_tokens(audience):
            rows = yield (
                (
                    f"SELECT {_COLUMNS} FROM entry_readers r JOIN entries e ON e.id = r.entry"  # noqa: S608 - constant
                    " WHERE r.tenant = ? AND r.reader = ? AND r.lookup = ? ORDER BY e.id LIMIT 1"
                ),
                (audience.tenant, token, self.lookup_of(audience.tenant, name)),
            )
            if rows:
                return (yield from self._for(audience, rows[0]))
        return None

    def names(self, audience: Audience) -> Job[set[str]]:
        """Give the names this audience may read: the first 1,000 that were added."""
        rows = yield (
            (
                f"SELECT {_COLUMNS} FROM entries e WHERE e.id IN"  # noqa: S608 - constant
                " (SELECT min(entry) FROM entry_readers WHERE tenant = ? AND reader IN (?, ?, ?)"
                " GROUP BY lookup ORDER BY min(entry) LIMIT ?)"
            ),
            (audience.tenant, *audience_tokens(audience), MAX_NAMES),
        )
        names: set[str] = set()
        for row in rows:
            names.add((yield from self._for(audience, row)).name)
        return names

    def opened(self, row: Row) -> Job[Entry]:
        """Open one row and check that it is what its columns say.

        Raises:
            IntegrityError: It was altered, moved, or put among other readers.
        """
        name, tenant, key, sealed, lookup, readers = row
        entry = entry_from((yield from self.keyring.open(key, sealed, table=TABLE, row=name, tenant=tenant)))
        if not isinstance(entry.label, Owned) or entry.label.tenant != tenant:
            raise IntegrityError("a vault entry carries another tenant's label")
        if readers_name(entry.label.readers) != readers or self.lookup_of(tenant, entry.name) != lookup:
            raise IntegrityError("a vault entry stands among other readers than it was sealed for")
        return entry

    def named(self, tenant: TenantId, name: str) -> Job[list[Entry]]:
        """Give every entry of one name of one tenant, for operators."""
        rows = yield (
            f"SELECT {_COLUMNS} FROM entries e WHERE tenant = ? AND lookup = ? ORDER BY id",  # noqa: S608 - constant
            (tenant, self.lookup_of(tenant, name)),
        )
        entries: list[Entry] = []
        for row in rows:
            entries.append((yield from self.opened(row)))  # noqa: PERF401 - a comprehension cannot yield
        return entries

    def page(self, tenant: TenantId | None, after: int) -> Job[list[tuple[int, int, int, Entry]]]:
        """Read the next entries, oldest first: id, time, length, entry; of all tenants if None."""
        rows: Rows = yield (
            (
                f"SELECT {_COLUMNS}, e.id, e.at_ms, e.codepoints FROM entries e"  # noqa: S608 - constant
                " WHERE id > ? AND (? IS NULL OR tenant = ?) ORDER BY id LIMIT ?"
            ),
            (after, tenant, tenant, PAGE),
        )
        page: list[tuple[int, int, int, Entry]] = []
        for row in rows:
            entry = yield from self.opened(row[:6])
            page.append((row[6], row[7], row[8], entry))
        return page

    def put(
        self, tenant: TenantId, pairs: tuple[tuple[str, str], ...], readers: Readers, at_ms: int
    ) -> Job[None]:
        """Write entries, each in the place of an older one of its name and readers.

        Also a value that replaces another gets a new id, over all ids there ever were: ids tell what is new.
        """
        yield from noted(tenant, None, None, at_ms)
        key = yield from self.keyring.current(tenant, None)
        among = readers_name(readers)
        for name, value in pairs:
            lookup = self.lookup_of(tenant, name)
            row = derived(self.secret, "entry-row", tenant, lookup, among)
            entry = Entry(name=name, value=value, label=Owned(tenant=tenant, readers=readers))
            sealed = self.keyring.seal(key, entry_bytes(entry), table=TABLE, row=row, tenant=tenant)
            yield ("DELETE FROM entries WHERE row = ?", (row,))
            rows = yield (
                (
                    "INSERT INTO entries (row, tenant, lookup, readers, at_ms, codepoints, key, sealed)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
                ),
                (row, tenant, lookup, among, at_ms, len(value), key.id, sealed),
            )
            for token in tokens(readers):
                yield (
                    (
                        "INSERT INTO entry_readers (tenant, reader, lookup, entry) VALUES (?, ?, ?, ?)"
                        " ON CONFLICT DO NOTHING"
                    ),
                    (tenant, token, lookup, rows[0][0]),
                )

    def removed(self, tenant: TenantId, name: str) -> Job[int]:
        """Delete every entry of one name of one tenant and count them."""
        rows = yield (
            "DELETE FROM entries WHERE tenant = ? AND lookup = ? RETURNING id",
            (tenant, self.lookup_of(tenant, name)),
        )
        return len(rows)

    def resealed(self, tenant: TenantId, old: str) -> Job[int]:
        """Seal the next entries that still hang from a replaced key anew, and count them."""
        rows = yield (
            "SELECT id, row, sealed FROM entries WHERE tenant = ? AND key = ? LIMIT ?",
            (tenant, old, PAGE),
        )
        key = yield from self.keyring.current(tenant, None)
        for entry, row, sealed in rows:
            data = yield from self.keyring.open(old, sealed, table=TABLE, row=row, tenant=tenant)
            fresh = self.keyring.seal(key, data, table=TABLE, row=row, tenant=tenant)
            yield ("UPDATE entries SET key = ?, sealed = ? WHERE id = ?", (key.id, fresh, entry))
        return len(rows)

    def _for(self, audience: Audience, row: Row) -> Job[Entry]:
        """Open a row that the query found for this audience, and ask the labels once more.

        The query is only as right as its columns; whoever can write the file could move a row among other
        readers. The label that decides is the sealed one.
        """
        entry = yield from self.opened(row)
        if not admits(entry.label, audience):
            raise IntegrityError("a vault entry was found for an audience it is not for")
        return entry
