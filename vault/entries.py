"""Vault entries: values that operators keep for a tenant, each for the readers they named."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId, checked
from firewall.core.label import Audience, Owned, Readers
from firewall.core.ports import Clock, Entry
from vault.database import Database
from vault.installations import resealed
from vault.job import Job
from vault.keys import Keyring
from vault.shelf import PAGE, Shelf
from vault.writer import Writer

MAX_NAME_CODEPOINTS = 512
MAX_VALUE_CODEPOINTS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An entry as an operator's list shows it: no value, only its length."""

    name: str
    readers: Readers
    codepoints: int
    at_ms: int


def _silent(_: int) -> None:
    """Show no progress."""


class Entries:
    """The vault store; implements `VaultStore` and the verbs of operators."""

    def __init__(
        self, database: Database, writer: Writer, keyring: Keyring, *, secret: bytes, clock: Clock
    ) -> None:
        self._database = database
        self._writer = writer
        self.keyring = keyring
        self._shelf = Shelf(keyring=keyring, secret=secret)
        self._clock = clock

    async def lookup(self, audience: Audience, name: str) -> Entry | None:
        """Give the entry of this name that the whole audience may read.

        Of several, the one with the fewest readers. One that exists for others is None, as if it did not.
        """
        return await self._database.read(lambda: self._shelf.found(audience, name))

    async def names(self, audience: Audience) -> Sequence[str]:
        """Give the names the whole audience may read, sorted; at most the first 1,000 that were added."""
        return sorted(await self._database.read(lambda: self._shelf.names(audience)))

    async def add(self, tenant: TenantId, name: str, value: str, readers: Readers) -> None:
        """Keep a value for these readers, in the place of an older one of the same name and readers.

        Args:
            tenant: Whose it is. A value that two tenants own is two entries.
            name: At most 512 code points, not empty.
            value: At most 1,000,000 code points.
            readers: Who may read it; there is no default.

        Raises:
            MisuseError: The name or the value has no acceptable length.
        """
        await self.import_many(tenant, [(name, value)], readers)

    async def import_many(
        self,
        tenant: TenantId,
        pairs: Iterable[tuple[str, str]],
        readers: Readers,
        *,
        progress: Callable[[int], None] = _silent,
    ) -> int:
        """Keep many values for the same readers and count them; what was counted stays if a later one fails.

        Args:
            tenant: Whose they are.
            pairs: Names and values, consumed 500 at a time.
            readers: Who may read them.
            progress: Told the number kept so far after each 500.
        """
        checked(tenant, what="tenant")
        source, total = iter(pairs), 0
        while page := tuple(islice(source, PAGE)):
            for name, value in page:
                _measured(name, value)
            await self._writer.submit(
                tenant, partial(self._shelf.put, tenant, page, readers, self._clock.now_ms())
            )
            total += len(page)
            progress(total)
        return total

    async def list(self, tenant: TenantId) -> AsyncIterator[Listed]:
        """Give what a tenant keeps, oldest first, without values."""
        checked(tenant, what="tenant")
        after = 0
        while page := await self._database.read(partial(self._shelf.page, tenant, after)):
            for row_id, at_ms, codepoints, entry in page:
                if isinstance(entry.label, Owned):
                    readers = entry.label.readers
                    yield Listed(name=entry.name, readers=readers, codepoints=codepoints, at_ms=at_ms)
                after = row_id

    async def show(self, tenant: TenantId, name: str) -> tuple[Entry, ...]:
        """Give every entry of this name, whoever may read it, oldest first; for operators only."""
        checked(tenant, what="tenant")
        return tuple(await self._database.read(lambda: self._shelf.named(tenant, name)))

    async def remove(self, tenant: TenantId, name: str) -> int:
        """Delete every entry of this name of this tenant and count them."""
        checked(tenant, what="tenant")
        return await self._writer.submit(tenant, lambda: self._shelf.removed(tenant, name))

    async def rotate(self, tenant: TenantId, *, progress: Callable[[int], None] = _silent) -> int:
        """Give the tenant a new key, seal its entries and installations anew, destroy the old key.

        Counts the entries.
        Everything stays readable meanwhile. After an interruption, calling it again finishes the work.
        """
        checked(tenant, what="tenant")
        total = 0
        for old in await self._writer.submit(tenant, lambda: self.keyring.replaced(tenant)):
            while count := await self._writer.submit(tenant, partial(self._shelf.resealed, tenant, old)):
                total += count
                progress(total)
            while await self._writer.submit(tenant, partial(resealed, self.keyring, tenant, old)):
                pass
            await self._writer.submit(tenant, partial(self._destroyed, tenant, old))
        return total

    def _destroyed(self, tenant: TenantId, old: str) -> Job[None]:
        yield from self.keyring.destroyed(tenant, old)


def _measured(name: str, value: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_CODEPOINTS:
        raise MisuseError(f"an entry's name has 1 to {MAX_NAME_CODEPOINTS} code points, not {len(name)}")
    if not value or len(value) > MAX_VALUE_CODEPOINTS:
        raise MisuseError(f"an entry's value has 1 to {MAX_VALUE_CODEPOINTS} code points, not {len(value)}")
