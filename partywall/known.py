"""Deliveries that are not answered yet, found by the message they brought, whatever session it opens."""

from collections.abc import Sequence

from firewall.core.identity import Conversation
from firewall.core.ids import MessageId
from firewall.core.message import Message
from vault.inbox import Accepted

# A place without its thread, and the platform's id of the message there.
_Name = tuple[str, str, str, str, str]


class Known:
    """What a bot took on, in case it is edited or taken back before it is answered."""

    def __init__(self) -> None:
        self._open: dict[_Name, list[Accepted]] = {}

    def add(self, message: Message, accepted: Accepted) -> None:
        """Know a delivery by its message."""
        self._open.setdefault(_name(message.conversation, message.id), []).append(accepted)

    def drop(self, message: Message, accepted: Accepted) -> None:
        """Forget a delivery that is answered."""
        name = _name(message.conversation, message.id)
        left = [each for each in self._open.pop(name, ()) if each.n != accepted.n]
        if left:
            self._open[name] = left

    def of(self, place: Conversation, id: MessageId) -> Sequence[Accepted]:
        """Give the deliveries of one message, oldest first; may be empty."""
        return tuple(self._open.get(_name(place, id), ()))


def _name(place: Conversation, id: MessageId) -> _Name:
    return (place.channel, place.app, place.realm, place.id, id)
