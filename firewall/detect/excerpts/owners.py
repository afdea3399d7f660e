"""Who knows a piece of text: owners, and the set of them that a fingerprint points to."""

from dataclasses import dataclass
from itertools import islice

from firewall.core.ids import TenantId
from firewall.core.label import Owned

# No number of any text.
NONE = (1 << 32) - 1


@dataclass(slots=True, eq=False)
class Owner:
    """One label's share of the index: its first and last text, and how much all take. Equal only to itself.

    Attributes:
        label: Whose the texts are and who may read them.
        whole: True for values that are looked for whole, which speech never pushes out.
        oldest: The number of its oldest text (`Texts`), or `NONE`.
        youngest: The number of its youngest.
        codepoints: The length of its texts together.
    """

    label: Owned
    whole: bool
    oldest: int = NONE
    youngest: int = NONE
    codepoints: int = 0


class Holders:
    """The owners that know one piece of text, by tenant, oldest tenant first; each counted."""

    __slots__ = ("_tenants",)

    def __init__(self) -> None:
        self._tenants: dict[TenantId, dict[Owner, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._tenants)

    def add(self, owner: Owner) -> None:
        """Count that this owner knows the text once more."""
        owners = self._tenants.setdefault(owner.label.tenant, {})
        owners[owner] = owners.get(owner, 0) + 1

    def remove(self, owner: Owner) -> None:
        """Count that this owner knows the text once less."""
        owners = self._tenants[owner.label.tenant]
        owners[owner] -= 1
        if not owners[owner]:
            del owners[owner]
        if not owners:
            del self._tenants[owner.label.tenant]

    def includes(self, owner: Owner) -> bool:
        """True if this owner knows the text."""
        return owner in self._tenants.get(owner.label.tenant, ())

    def tenants(self, limit: int) -> list[TenantId]:
        """Give the tenants that know it, oldest first, at most `limit`."""
        return list(islice(self._tenants, limit))
