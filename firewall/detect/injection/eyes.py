"""Who says how much a text looks like an injection; of several, the one that is surest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from firewall.detect.injection.heuristics import NOTHING, Seen


class Eye(Protocol):
    """Says how much a text looks like an injection. For several threads."""

    def see(self, text: str) -> Seen:
        """Give the score of a text and where it comes from.

        Raises:
            ServiceUnavailable: It is too large to be examined, or the answer says nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surest:
    """Asks several and gives the highest score; what one could not examine counts as not examined.

    Attributes:
        eyes: In the order in which they are asked; of equal scores the first one's stands.
    """

    eyes: Sequence[Eye]

    def see(self, text: str) -> Seen:
        """Give what the surest one saw."""
        return max((eye.see(text) for eye in self.eyes), key=lambda seen: seen.score, default=NOTHING)
