"""Marks: what stands for a value in a record, so that the same value found twice can be seen as the same.

A mark is drawn from the deployment's secret, the tenant and the value. Without the secret nobody finds a
short value by trying, and one value in two tenants has two marks: no list shows what two tenants share.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from firewall.core.ids import TenantId
from firewall.core.label import Room
from firewall.core.ports import IdSource

MAX_MARKS = 32
_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Marks the values of one tenant."""

    ids: IdSource
    tenant: TenantId

    def of(self, values: Iterable[str]) -> tuple[str, ...]:
        """Give the marks of the different values, in order, of the first 32 of them."""
        different = islice(dict.fromkeys(values), MAX_MARKS)
        return tuple(self.ids.derived("touched", self.tenant, value)[:_DIGITS] for value in different)


def conversation_of(ids: IdSource, tenant: TenantId, room: Room) -> str:
    """Give 32 hex digits that stand for a place in one tenant, whoever speaks there.

    The place itself is not written down: a direct chat's id names a person, and records outlive people's
    wish to be forgotten.
    """
    place = (room.channel, room.app, room.realm, room.conversation, room.thread)
    return ids.derived("conversation", tenant, *place)[:_DIGITS]
