"""What became of one attempt to tell operators something."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from vault.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The receiver took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """It did not arrive; it is tried again.

    Attributes:
        fault: What went wrong, in constant words; nothing that the receiver said.
        after_s: Seconds that the receiver asked for; None if it asked for none.
    """

    fault: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The receiver will never take this message."""

    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The receiver wants no messages any more."""

    fault: str


Outcome: TypeAlias = Sent | Later | Refused | Gone


class Sender(Protocol):
    """Tells one receiver."""

    @property
    def address(self) -> str:
        """What makes it this receiver and no other; may be a secret, so only digests of it are kept."""
        ...

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        ...

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Try once, within the route's time."""
        ...

    def close(self) -> None:
        """Take no more work; what is under way is cut off."""
        ...
