"""Entries that several people may read, when one of them is erased: the others keep theirs."""

from dataclasses import replace

from firewall.core.ids import derived
from firewall.core.label import Owned, Principals
from vault.codec import entry_bytes
from vault.job import Job, Row, Rows
from vault.kept import Scope
from vault.readers import name, tokens
from vault.shelf import TABLE, Shelf

_SHARED = (
    "FROM entries e WHERE e.tenant = ? AND e.id IN"
    " (SELECT entry FROM entry_readers WHERE tenant = ? AND reader IN (?, ?))"
)


def shared(scope: Scope) -> Job[int]:
    """Count the entries that this person reads with others, if what is the person's alone is gone."""
    own = tuple(name(Principals(ids=frozenset({each}))) for each in scope.names)
    rows = yield (
        f"SELECT count(*) {_SHARED} AND e.readers NOT IN (?, ?)",
        (scope.tenant, scope.tenant, *scope.tokens, *own),
    )
    found: int = rows[0][0]
    return found


def unshared(shelf: Shelf, scope: Scope) -> Job[None]:
    """Seal the entries that this person reads with others anew, for the others alone.

    Where the others have an entry of the same name already, theirs stays: it is the one that they are given.
    """
    rows: Rows = yield (
        f"SELECT e.row, e.tenant, e.key, e.sealed, e.lookup, e.readers, e.id {_SHARED} ORDER BY e.id",
        (scope.tenant, scope.tenant, *scope.tokens),
    )
    for row in rows:
        yield from _without(shelf, scope, row)


def _without(shelf: Shelf, scope: Scope, row: Row) -> Job[None]:
    entry = yield from shelf.opened(row[:6])
    tenant, lookup, old = scope.tenant, row[4], row[6]
    label = entry.label
    if not isinstance(label, Owned) or not isinstance(label.readers, Principals):
        return
    others = label.readers.ids - frozenset(scope.names)
    among = name(Principals(ids=others)) if others else ""
    anew = derived(shelf.secret, "entry-row", tenant, lookup, among)
    if not others or (yield ("SELECT 1 FROM entries WHERE row = ?", (anew,))):
        yield ("DELETE FROM entries WHERE id = ?", (old,))
        return
    left = Principals(ids=others)
    key = yield from shelf.keyring.current(tenant, None)
    data = entry_bytes(replace(entry, label=Owned(tenant=tenant, readers=left)))
    sealed = shelf.keyring.seal(key, data, table=TABLE, row=anew, tenant=tenant)
    yield (
        "UPDATE entries SET row = ?, readers = ?, key = ?, sealed = ? WHERE id = ?",
        (anew, among, key.id, sealed, old),
    )
    gone = set(scope.tokens) - set(tokens(left))
    for token in sorted(gone):
        yield (
            "DELETE FROM entry_readers WHERE tenant = ? AND reader = ? AND entry = ?",
            (tenant, token, old),
        )
