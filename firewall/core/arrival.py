"""What a channel hands over when it takes a message on: the message, and where its answer goes."""

from collections.abc import Mapping
from dataclasses import dataclass

from firewall.core.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One delivery that a channel took on.

    Attributes:
        message: What was said.
        route: What the channel needs to answer it, by names of its own; ids and tokens, never content.
        said: What else tells a second delivery of the same words, where a platform delivers them under two
            delivery ids; None where only the delivery's own id does.
    """

    message: Message
    route: Mapping[str, str]
    said: str | None = None

    def __repr__(self) -> str:
        return f"Arrival({self.message!r})"
