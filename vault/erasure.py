"""Erasure: all that is kept of one person in a tenant, or of a whole tenant, goes in one transaction.

The receipts stay as bare links: hashes under a mark (`vault.erased`), so that chains, log and checkpoints
verify as before. What was erased is itself a receipt, in the same transaction, with counts and no content.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from firewall.core.errors import StoreUnavailable
from firewall.core.identity import SenderKind
from firewall.core.ids import PrincipalId, TenantId, checked
from firewall.core.ports import IdSource
from firewall.core.session import SessionKey
from vault.bodies import Act
from vault.chain import renamed
from vault.database import Database, Mark
from vault.erased import erased, moved
from vault.job import Job
from vault.kept import Kept, Scope, kept
from vault.keys import Keyring
from vault.records import Records
from vault.sharing import shared, unshared
from vault.shelf import Shelf
from vault.writer import Writer

_TOKEN_BYTES = 8
_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What went.

    Attributes:
        counts: How many of each kind; those of which there were none are absent.
        chain: The name of the tenant's chain now: another one if the whole tenant was erased.
        rewritten: True if nothing of it can be read from the database's file any more; False for a server,
            which does that in its own time.
    """

    counts: Mapping[str, int]
    chain: TenantId
    rewritten: bool


class Erasure:
    """Erases for operators.

    It is for a deployment whose bot stands still: a running one knows texts by heart that it has read, and
    would know them again. Nothing here stops it; `in_use` says whether there is one.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        keyring: Keyring,
        records: Records,
        mark: Mark,
        *,
        secret: bytes,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._writer = writer
        self._shelf = Shelf(keyring=keyring, secret=secret)
        self._records = records
        self._mark = mark
        self._secret = secret
        self._ids = ids

    async def in_use(self) -> bool:
        """True if another process has the database open."""
        return await self._mark.others()

    async def count(self, tenant: TenantId, principal: PrincipalId | None) -> dict[str, int]:
        """Count what would go, by kind; kinds of which there is nothing are absent.

        Args:
            tenant: Whose.
            principal: One person of the tenant, or None for the whole tenant.
        """
        scope = _scope(tenant, principal)
        return await self._database.read(lambda: _counted(scope, kept(scope)))

    async def sessions(self, tenant: TenantId, principal: PrincipalId | None) -> tuple[SessionKey, ...]:
        """Give the keys of all sessions that would go: whoever spoke, and where."""
        scope = _scope(tenant, principal)
        return await self._database.read(lambda: _sessions(scope))

    async def erase(
        self, tenant: TenantId, principal: PrincipalId | None, *, files: int = 0
    ) -> Erased | None:
        """Erase, durably, and rewrite the database's file; None if there was nothing.

        Args:
            tenant: Whose.
            principal: One person of the tenant, or None for the whole tenant.
            files: How many files of theirs were removed before, for the receipt.

        Raises:
            StoreUnavailable: The database did not answer and nothing was erased; or it was erased, but the
                file could not be rewritten, which calling this again does.
            IntegrityError: Something that has to be read was altered; nothing was erased.
        """
        scope = _scope(tenant, principal)
        token = self._ids.random(_TOKEN_BYTES).hex()
        found = await self._writer.submit(tenant, partial(self._erased, scope, files, token))
        try:
            rewritten = await self._database.forget()
        except StoreUnavailable as error:
            raise StoreUnavailable(
                f"erased, but what was deleted may still stand in the database's file: {error}; "
                "then run the same command once more"
            ) from error
        if found is None:
            return None
        counts, chain = found
        return Erased(counts=counts, chain=chain, rewritten=rewritten)

    def _erased(self, scope: Scope, files: int, token: str) -> Job[tuple[dict[str, int], TenantId] | None]:
        # Overwrites what it deletes, so that a page that is left over does not hold it.
        yield ("PRAGMA secure_delete = ON", ())
        of = kept(scope)
        counts = (yield from _counted(scope, of)) | ({"files": files} if files else {})
        if not counts:
            return None
        yield from self._removed(scope, of)
        chain = scope.tenant
        if not scope.names:
            chain = TenantId(f"erased-{token}")
            yield from moved(self._secret, scope.tenant, chain)
            yield from renamed(self._secret, scope.tenant, chain)
        who = None if scope.principal is None else self._pseudonym(scope.tenant, scope.principal)
        act = Act(act="erase", tenant=chain, counts=counts, principal=who)
        yield from self._records.acted(act, f"erase {token}")
        return counts, chain

    def _removed(self, scope: Scope, of: Kept) -> Job[None]:
        for kind in of.told:
            yield from kind.remove()
        if scope.names:
            # The incident counts its messages, so the row stays; nothing in it names the person any more.
            notices = of.notices.where
            yield (
                f"UPDATE deliveries SET ref = '', preview = '' WHERE {notices}",  # noqa: S608 - a constant
                of.notices.values,
            )
            yield from _floored(scope)
        else:
            yield from of.notices.remove()
            yield ("DELETE FROM pruned WHERE tenant = ?", (scope.tenant,))
            yield ("DELETE FROM floors WHERE tenant = ?", (scope.tenant,))
        yield from erased(self._secret, scope.tenant, of.receipts.where, of.receipts.values)
        for kind in of.rest:
            yield from kind.remove()
        if scope.names:
            yield from unshared(self._shelf, scope)

    def _pseudonym(self, tenant: TenantId, principal: PrincipalId) -> str:
        """Stand for a person in the receipt: who names the person can check it, and nobody can read it."""
        return self._ids.derived("erased principal", tenant, principal)[:_DIGITS]


def _scope(tenant: TenantId, principal: PrincipalId | None) -> Scope:
    checked(tenant, what="tenant")
    if principal is not None:
        checked(principal, what="principal")
    return Scope(tenant=tenant, principal=principal)


def _counted(scope: Scope, of: Kept) -> Job[dict[str, int]]:
    counts: dict[str, int] = {}
    for kind in of.all:
        counts[kind.name] = yield from kind.count()
    if scope.names:
        counts["shared entries"] = yield from shared(scope)
    return {name: count for name, count in counts.items() if count}


def _floored(scope: Scope) -> Job[None]:
    """Have the tenant's new sessions begin above what these had counted."""
    rows = yield (
        "SELECT max(epoch), max(turns) FROM sessions WHERE tenant = ? AND principal IN (?, ?)",
        (scope.tenant, *scope.names),
    )
    epoch, turns = rows[0]
    if epoch is None:
        return
    yield (
        (
            "INSERT INTO floors (tenant, epoch, turns) VALUES (?, ?, ?) ON CONFLICT (tenant) DO UPDATE"
            " SET epoch = max(floors.epoch, excluded.epoch), turns = max(floors.turns, excluded.turns)"
        ),
        (scope.tenant, epoch, turns),
    )


def _sessions(scope: Scope) -> Job[tuple[SessionKey, ...]]:
    narrower = " AND principal IN (?, ?)" if scope.names else ""
    rows = yield (
        f"SELECT owner FROM sessions WHERE tenant = ?{narrower} ORDER BY id",  # noqa: S608 - a constant
        (scope.tenant, *scope.names),
    )
    return tuple(_key(row[0]) for row in rows)


def _key(owner: str) -> SessionKey:
    tenant, channel, app, realm, conversation, thread, principal, kind = json.loads(owner)
    return SessionKey(
        tenant=TenantId(tenant),
        channel=channel,
        app=app,
        realm=realm,
        conversation=conversation,
        thread=thread,
        principal=PrincipalId(principal),
        kind=SenderKind(kind),
    )
