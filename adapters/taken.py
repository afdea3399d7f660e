"""Which deliveries have opened a turn: platforms deliver again what was not acknowledged in time."""

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

from firewall.core.ids import canonical
from firewall.core.message import Message

# Some hours of a busy bot; platforms try again for an hour at most, and an entry is a few hundred bytes.
_MOST = 20_000


class Taken:
    """The youngest deliveries of one application that have opened a turn; at most 20,000.

    What nobody vouches for is never known: a forged id must not make a true delivery a second one.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    @contextmanager
    def once(self, message: Message) -> Generator[bool]:
        """Say whether a delivery is new; it is forgotten if the block raises, so that it may come again."""
        where, who = message.conversation, message.sender
        key = canonical(where.app, where.realm, where.id, who.realm, who.id, message.delivery)
        if key in self._known:
            yield False
            return
        if who.verified:
            self._known[key] = None
        try:
            yield True
        except BaseException:
            self._known.pop(key, None)
            raise
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
