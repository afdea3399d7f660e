"""Data keys: one per tenant under the master key, one per principal under the tenant's.

Destroying a tenant's row in `keys` makes everything under it unreadable, wherever a copy of the data lies.
"""

from firewall.core.errors import IntegrityError, KeyMismatch
from firewall.core.ids import PrincipalId, TenantId, canonical
from vault.crypto import KEY_BYTES, Key, Master, Random
from vault.job import Job

_MAX_CACHED = 4_096
_TABLE = "keys"


class Keyring:
    """Gives data keys by owner or by id; all of its verbs are jobs.

    Which key is current is read from the database each time. Only what an id unwraps to is cached, and ids
    are never used twice, so neither a rollback nor another process's rotation can leave a wrong key here.
    """

    def __init__(self, master: Master, random: Random) -> None:
        self._master = master
        self._random = random
        self._cached: dict[tuple[str, str], Key] = {}

    def seal(self, key: Key, plaintext: bytes, *, table: str, row: str, tenant: TenantId) -> bytes:
        """Encrypt for one row."""
        return key.seal(plaintext, table=table, row=row, tenant=tenant, random=self._random)

    def open(self, key: str, sealed: bytes, *, table: str, row: str, tenant: TenantId) -> Job[bytes]:
        """Decrypt one row with the key it names.

        Raises:
            IntegrityError: The key is gone or another tenant's, or the value was altered or moved.
        """
        opener = yield from self.by_id(tenant, key)
        return opener.open(sealed, table=table, row=row, tenant=tenant)

    def current(self, tenant: TenantId, principal: PrincipalId | None) -> Job[Key]:
        """Give the key that new data of this owner is sealed with; make it if there is none (in writes)."""
        rows = yield (
            "SELECT id FROM keys WHERE tenant = ? AND principal IS ? AND current = 1",
            (tenant, principal),
        )
        if rows:
            return (yield from self.by_id(tenant, rows[0][0]))
        return (yield from self.made(tenant, principal))

    def made(self, tenant: TenantId, principal: PrincipalId | None) -> Job[Key]:
        """Make a new current key for an owner that has none."""
        key_id, material = self._random(16).hex(), self._random(KEY_BYTES)
        parent = None if principal is None else (yield from self.current(tenant, None))
        wrapped = self._wrapped(material, key_id, tenant, principal, parent)
        yield (
            "INSERT INTO keys (id, tenant, principal, parent, wrapped, current) VALUES (?, ?, ?, ?, ?, 1)",
            (key_id, tenant, principal, parent.id if parent else None, wrapped),
        )
        return Key(key_id, material)

    def by_id(self, tenant: TenantId, key_id: str) -> Job[Key]:
        """Give a key by its id, which must be this tenant's."""
        cached = self._cached.get((tenant, key_id))
        if cached is not None:
            return cached
        key = Key(key_id, (yield from self._material(tenant, key_id)))
        if len(self._cached) >= _MAX_CACHED:
            self._cached.clear()
        self._cached[tenant, key_id] = key
        return key

    def replaced(self, tenant: TenantId) -> Job[tuple[str, ...]]:
        """Give the tenant a new key and wrap its principals' keys with it; give the ids of the old ones.

        The old keys stay until nothing is sealed with them (`destroyed`).
        """
        yield (
            "UPDATE keys SET current = 0 WHERE tenant = ? AND principal IS NULL AND current = 1",
            (tenant,),
        )
        new = yield from self.made(tenant, None)
        rows = yield ("SELECT id, principal FROM keys WHERE tenant = ? AND principal IS NOT NULL", (tenant,))
        for key_id, principal in rows:
            material = yield from self._material(tenant, key_id)
            wrapped = self._wrapped(material, key_id, tenant, principal, new)
            yield ("UPDATE keys SET parent = ?, wrapped = ? WHERE id = ?", (new.id, wrapped, key_id))
        old = yield (
            "SELECT id FROM keys WHERE tenant = ? AND principal IS NULL AND current = 0",
            (tenant,),
        )
        return tuple(row[0] for row in old)

    def destroyed(self, tenant: TenantId, key_id: str) -> Job[None]:
        """Destroy a replaced key; the database refuses while anything is still sealed with it."""
        yield ("DELETE FROM keys WHERE tenant = ? AND id = ? AND current = 0", (tenant, key_id))
        self._cached.pop((tenant, key_id), None)

    def _material(self, tenant: TenantId, key_id: str) -> Job[bytes]:
        rows = yield ("SELECT tenant, principal, parent, wrapped FROM keys WHERE id = ?", (key_id,))
        if not rows or rows[0][0] != tenant:
            raise IntegrityError(f"key {key_id} does not exist for the tenant whose data names it")
        _, principal, parent, wrapped = rows[0]
        wrapping = self._master.wrapping if parent is None else (yield from self.by_id(tenant, parent))
        return wrapping.open(wrapped, table=_TABLE, row=canonical(key_id, principal), tenant=tenant)

    def _wrapped(
        self,
        material: bytes,
        key_id: str,
        tenant: TenantId,
        principal: PrincipalId | None,
        parent: Key | None,
    ) -> bytes:
        wrapping = parent or self._master.wrapping
        row = canonical(key_id, principal)
        return wrapping.seal(material, table=_TABLE, row=row, tenant=tenant, random=self._random)


def deployment_secret(master: Master, random: Random) -> Job[bytes]:
    """Give the secret that ids and compartments are derived from; make it in a new database.

    Raises:
        KeyMismatch: The database was made with another master key.
    """
    stored: dict[str, bytes] = dict(
        (yield ("SELECT name, value FROM meta WHERE name IN ('check', 'secret')", ()))
    )
    if not stored:
        secret = random(KEY_BYTES)
        wrapped = master.wrapping.seal(secret, table="meta", row="secret", tenant="", random=random)
        yield ("INSERT INTO meta (name, value) VALUES ('check', ?), ('secret', ?)", (master.check, wrapped))
        return secret
    if not master.recognises(stored.get("check", b"")):
        raise KeyMismatch(
            "this is not the master key the database was made with; "
            "put the right master.key in its place, or open a copy from the same backup"
        )
    return master.wrapping.open(stored.get("secret", b""), table="meta", row="secret", tenant="")
