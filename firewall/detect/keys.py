"""Keys: values in a form in which equal values are equal text, to tell what a turn may read anyway."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from firewall.core.ports import Detector, Match
from firewall.core.steps import Steps, at_once
from firewall.detect.blocks import scanning
from firewall.detect.disguise.unmasked import unmasked
from firewall.detect.normal import PLAIN, SKELETON

_SPELLED = frozenset({"EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS"})


def key_of(kind: str, value: str) -> str:
    """Give the key of a value: equal for one value in two spellings.

    Punctuation tells two e-mail addresses apart, so it stays there; elsewhere only letters and digits count,
    and the kind does not: a number that is a phone number in one sentence is an id in another.
    """
    return PLAIN.fold(value).casefold() if kind in _SPELLED else SKELETON.fold(value)


class Keys:
    """The keys of typed values in texts, each text scanned once while it is remembered.

    Args:
        detector: What finds the values.
        capacity: How many texts are remembered, by digest; the least recently used goes first.
    """

    def __init__(self, detector: Detector, capacity: int = 1024) -> None:
        self._detector = detector
        self._capacity = capacity
        self._known: OrderedDict[bytes, frozenset[str]] = OrderedDict()

    def of(self, texts: Iterable[str]) -> frozenset[str]:
        """Give the keys of every typed value in these texts."""
        return at_once(self.reading(texts))

    def reading(self, texts: Iterable[str]) -> Steps[frozenset[str]]:
        """Do as `of`, in steps."""
        keys = set[str]()
        for text in texts:
            keys |= yield from self._of(text)
        return frozenset(keys)

    def _of(self, text: str) -> Steps[frozenset[str]]:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        known = self._known.get(digest)
        if known is None:
            known = frozenset(match.key for match in (yield from scanning(self._detector, text)))
            self._known[digest] = known
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        return known


def excused(matches: Iterable[Match], readable: Iterable[str], text: str) -> Sequence[Match]:
    """Drop the excerpts of a text that already stand, whole, in one that the turn may read.

    A sender who names a value that is in another tenant's vault has it; cutting it out of the answer would
    hide nothing and would tell them that it is somebody's. In which disguise either of them is makes no
    difference: else asking for it in another one would tell.
    """
    texts = list(readable)
    views = (view.text for each in texts for _, view in unmasked(each))
    known = "\0".join(SKELETON.fold(each) for each in (*texts, *views))
    return [match for match in matches if not any(form in known for form in _forms(match, text))]


def _forms(match: Match, text: str) -> Iterator[str]:
    """Give what a match says, and what it looks like unless that is nothing."""
    yield match.key
    looks = SKELETON.fold(text[match.start : match.stop])
    if looks:
        yield looks
