"""Given links: those that stand, whole, in what a turn may read, and that no model put together.

A model can say nothing by a link that it repeats. What it wrote itself before, in a reply or to a tool, is
none of them: a tool that gives back what it was given would make any address a given one.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from firewall.core.message import Origin, Part
from firewall.detect.links.finder import links
from firewall.detect.links.hosts import key_of

_MODELS = frozenset({Origin.MODEL, Origin.CALL})
_SENDERS = frozenset({Origin.SENDER, Origin.QUOTED, Origin.FILE, Origin.OPERATOR})


class Given:
    """The links of texts, each text looked at once while it is remembered.

    Args:
        tools: True if what tools gave counts.
        phrases: Texts of the operator, which always count.
        capacity: How many texts are remembered, by digest; the least recently used goes first.
    """

    def __init__(self, *, tools: bool, phrases: Iterable[str] = (), capacity: int = 1024) -> None:
        self._counted = _SENDERS | {Origin.TOOL} if tools else _SENDERS
        self._capacity = capacity
        self._known: OrderedDict[tuple[bytes, bool], frozenset[str]] = OrderedDict()
        self._always = frozenset[str]().union(*(self._of(phrase, pipes=False) for phrase in phrases))

    def keys(self, read: Iterable[Part], *, pipes: bool) -> frozenset[str]:
        """Give the keys of every link that was given.

        Args:
            read: What the turn may read, oldest first: whoever wrote a link first decides.
            pipes: As for `links`.
        """
        given, made = set(self._always), set[str]()
        for part in read:
            if part.origin in _MODELS:
                made |= self._of(part.text, pipes=pipes) - given
            elif part.origin in self._counted:
                given |= self._of(part.text, pipes=pipes) - made
        return frozenset(given)

    def _of(self, text: str, *, pipes: bool) -> frozenset[str]:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        known = self._known.get((digest, pipes))
        if known is None:
            known = frozenset(key_of(link.url) for link in links(text, pipes=pipes))
            self._known[digest, pipes] = known
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        self._known.move_to_end((digest, pipes))
        return known
