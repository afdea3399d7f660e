"""Ids that are the same in every run: derived from a fixed secret, and randomness that counts."""

from dataclasses import dataclass

from firewall.core.ids import derived

SECRET = bytes(range(32))


@dataclass(slots=True)
class CountedIds:
    """Implements `IdSource`."""

    secret: bytes = SECRET
    drawn: int = 0

    def derived(self, purpose: str, *fields: str | None) -> str:
        return derived(self.secret, purpose, *fields)

    def random(self, count: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")
