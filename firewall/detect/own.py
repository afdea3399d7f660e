"""Typed values that are somebody's own: personal data and secrets, each stretch of a text once.

Structural ids are none: an order number says nothing about anybody to a provider, and a model that cannot
read one cannot say which of two orders is meant.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from firewall.core.errors import ServiceUnavailable
from firewall.core.ids import TenantId
from firewall.core.ports import Detector, Match
from firewall.detect.marker import OTHER, merged

_NOBODYS = "identifier."


def kept(_tenant: TenantId) -> "OwnValues | None":
    """Replace nothing of any tenant's."""
    return None


class OwnValues:
    """The values in texts, each text scanned once while it is remembered.

    Args:
        detector: What finds them.
        capacity: How many texts are remembered, by digest; the least recently used goes first.
    """

    def __init__(self, detector: Detector, capacity: int = 1024) -> None:
        self._detector = detector
        self._capacity = capacity
        self._known: OrderedDict[bytes, tuple[Match, ...]] = OrderedDict()

    def of(self, text: str) -> Sequence[Match]:
        """Give every value of a text, in order, none of which overlaps another.

        A text that cannot be examined is one value as a whole: unseen, nothing in it may be told.
        """
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._known[digest] = self._found(text)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(digest)
        return known

    def _found(self, text: str) -> tuple[Match, ...]:
        try:
            found = self._detector.scan(text)
        except ServiceUnavailable:
            return (Match(start=0, stop=len(text), kind=OTHER, rule="pii.unexamined", key=text),)
        return merged(match for match in found if not match.rule.startswith(_NOBODYS))
