"""Interactions and the tokens they are answered by: who asked, and where the answers stand."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from firewall.core.identity import Conversation
from firewall.core.ids import PrincipalId

# A token is good for fifteen minutes; an older one that was pushed out is refused, not guessed.
MOST: Final = 20_000
EPHEMERAL: Final = 64


@dataclass(slots=True, kw_only=True)
class Asked:
    """One interaction, and how far it has been answered.

    Attributes:
        number: Its id.
        token: What authorizes its answers.
        place: Where they stand.
        who: Who asked.
        answered: True once the first answer was sent.
        hidden: True if the first answer is seen by who asked alone.
        waiting: True while it only says that the bot thinks; what is said next takes its place.
    """

    number: str
    token: str
    place: Conversation
    who: PrincipalId
    answered: bool = False
    hidden: bool = False
    waiting: bool = False

    def __repr__(self) -> str:
        return f"Asked({self.number})"


class Desk:
    """The interactions that one client was given, the youngest."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Asked] = OrderedDict()

    def add(self, asked: Asked) -> Asked:
        """Keep one."""
        self._open[asked.token] = asked
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return asked

    def find(self, token: object) -> Asked | None:
        """Give the one with this token."""
        return self._open.get(str(token))
