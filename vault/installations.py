"""Installations: the bot token of each workspace, sealed under the tenant that owns the workspace."""

import json
from dataclasses import dataclass

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId, checked, derived
from firewall.core.installation import Installation, InstallationKey
from firewall.core.ports import Clock
from vault.codec import installation_bytes, installation_from
from vault.database import Database
from vault.job import Job, Row, Rows
from vault.keys import Keyring
from vault.tenants import noted
from vault.writer import Writer

TABLE = "installations"
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An installation as an operator's list shows it: no token, and nothing was decrypted for it."""

    key: InstallationKey
    tenant: TenantId
    bot_user: str
    scopes: tuple[str, ...]
    installer: str
    at_ms: int


class Installations:
    """The installations of one deployment; each is found by its key, without a look at the others."""

    def __init__(
        self, database: Database, writer: Writer, keyring: Keyring, *, secret: bytes, clock: Clock
    ) -> None:
        self._database = database
        self._writer = writer
        self._keyring = keyring
        self._secret = secret
        self._clock = clock

    async def save(self, tenant: TenantId, installation: Installation) -> None:
        """Keep an installation, durably, in the place of an older one of the same workspace.

        Args:
            tenant: Who owns the workspace; its key seals the tokens.
            installation: What the workspace gave out.

        Raises:
            MisuseError: An id can name nothing, or there is no token.
        """
        checked(tenant, what="tenant")
        for what, field in zip(("app", "enterprise", "team"), installation.key.fields, strict=True):
            if field is not None:
                checked(field, what=what)
        if not installation.token:
            raise MisuseError("an installation has a token")
        at_ms = self._clock.now_ms()
        await self._writer.submit(tenant, lambda: self._saved(tenant, installation, at_ms))

    async def find(self, tenant: TenantId, key: InstallationKey) -> Installation | None:
        """Give the installation of a workspace, if this tenant owned the workspace when it was installed.

        Raises:
            IntegrityError: It was altered or moved, or the tenant's key is gone.
        """
        return await self._database.read(lambda: self._found(tenant, key))

    async def list(self, tenant: TenantId | None = None) -> tuple[Listed, ...]:
        """Give all installations without their tokens, oldest first; of all tenants if None."""
        return tuple(_listed(row) for row in await self._database.read(lambda: _rows(tenant)))

    async def delete(self, key: InstallationKey, *, until_ms: int | None = None) -> bool:
        """Delete an installation, durably; False if there is none.

        Args:
            key: Which it is.
            until_ms: Only if it was made no later than this, in milliseconds since 1970.
        """
        row = self._row(key)
        return await self._writer.submit("", lambda: _deleted(row, until_ms))

    def _row(self, key: InstallationKey) -> str:
        return derived(self._secret, "installation", *key.fields)

    def _saved(self, tenant: TenantId, installation: Installation, at_ms: int) -> Job[None]:
        yield from noted(tenant, None, None, at_ms)
        key, row = installation.key, self._row(installation.key)
        sealer = yield from self._keyring.current(tenant, None)
        data = installation_bytes(installation)
        sealed = self._keyring.seal(sealer, data, table=TABLE, row=row, tenant=tenant)
        shown = (installation.bot_user, json.dumps(installation.scopes), installation.installer)
        yield ("DELETE FROM installations WHERE row = ?", (row,))
        yield (
            (
                "INSERT INTO installations"
                " (row, tenant, app, enterprise, team, bot_user, scopes, installer, at_ms, key, sealed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ),
            (row, tenant, *key.fields, *shown, installation.at_ms, sealer.id, sealed),
        )

    def _found(self, tenant: TenantId, key: InstallationKey) -> Job[Installation | None]:
        row = self._row(key)
        rows = yield (
            "SELECT key, sealed FROM installations WHERE row = ? AND tenant = ?",
            (row, tenant),
        )
        if not rows:
            return None
        sealer, sealed = rows[0]
        # Sealed for this very row, whose name is made of the key: it is of no other workspace.
        data = yield from self._keyring.open(sealer, sealed, table=TABLE, row=row, tenant=tenant)
        return installation_from(data)


def resealed(keyring: Keyring, tenant: TenantId, old: str) -> Job[int]:
    """Seal the next installations that still hang from a replaced key anew, and count them."""
    rows = yield (
        "SELECT row, sealed FROM installations WHERE tenant = ? AND key = ? LIMIT ?",
        (tenant, old, PAGE),
    )
    key = yield from keyring.current(tenant, None)
    for row, sealed in rows:
        data = yield from keyring.open(old, sealed, table=TABLE, row=row, tenant=tenant)
        fresh = keyring.seal(key, data, table=TABLE, row=row, tenant=tenant)
        yield ("UPDATE installations SET key = ?, sealed = ? WHERE row = ?", (key.id, fresh, row))
    return len(rows)


def _deleted(row: str, until_ms: int | None) -> Job[bool]:
    rows = yield (
        "DELETE FROM installations WHERE row = ? AND (? IS NULL OR at_ms <= ?) RETURNING row",
        (row, until_ms, until_ms),
    )
    return bool(rows)


def _rows(tenant: TenantId | None) -> Job[list[Row]]:
    rows: Rows = yield (
        (
            "SELECT app, enterprise, team, tenant, bot_user, scopes, installer, at_ms FROM installations"
            " WHERE ? IS NULL OR tenant = ? ORDER BY at_ms, row"
        ),
        (tenant, tenant),
    )
    return rows


def _listed(row: Row) -> Listed:
    app, enterprise, team, tenant, bot_user, scopes, installer, at_ms = row
    return Listed(
        key=InstallationKey(app=app, enterprise=enterprise, team=team),
        tenant=TenantId(tenant),
        bot_user=bot_user,
        scopes=tuple(json.loads(scopes)),
        installer=installer,
        at_ms=at_ms,
    )
