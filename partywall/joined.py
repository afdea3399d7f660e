"""What the texts of one reply say together: a value that is split over them stands in none of them whole.

The attack: a model is talked into giving half of somebody's value as its reasoning and half as its answer,
or into calling a tool with a list of letters. Each text passes by itself, and whoever gets the reply puts
them together. So the texts are asked about once more, one behind the other.

They are put together in four ways: all that a reply says, and only what stands in no key and no name, each
from the first to the last and from the last to the first, since reasoning comes before the answer in a stream
and behind it in a message. Where bytes in some code begin and end, their text may not tell; so texts that
stand next to each other and may hold code are put together in twos as well. Bare numbers are left out: the
digits of any table would be somebody's short code.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from firewall.core.subject import Leaf, Span
from firewall.detect.disguise.readings import BARRIER
from firewall.detect.disguise.views import undisguised

# What is split stands at the ends of texts: of longer ones only so many characters of each end are joined.
_EDGE = 2_048
# Up to so many characters all ways are one text; each of more is no longer than the reply is.
_TOGETHER = 100_000
_SLOT = "joined"


def joined(leaves: Sequence[Leaf]) -> Sequence[Leaf]:
    """Give the texts of a reply one behind the other, as texts that cannot be altered; none if there is one.

    Args:
        leaves: What the reply says, judged, in its order; a leaf is fixed if it is a key or a name.
    """
    said = [each for each in leaves if each.text and not (each.fixed and _is_number(each.text))]
    ways = dict.fromkeys(_ways([_edges(each.text) for each in said]))
    ways |= dict.fromkeys(_ways([_edges(each.text) for each in said if not each.fixed]))
    ways.pop("", None)
    together = sum(map(len, ways)) <= _TOGETHER
    texts = [BARRIER.join(ways)] if ways and together else list(ways)
    return [Leaf(slot=_SLOT, spans=(Span(text=each, source=None),), fixed=True) for each in texts]


def _ways(texts: Sequence[str]) -> Iterator[str]:
    if len(texts) > 1:
        yield "".join(texts)
        yield "".join(reversed(texts))
    if len(texts) > 2:
        # Every third pair, so that none of these is longer than all texts, with what stands between pairs.
        for pairs in (list(pairwise(texts)), list(pairwise(reversed(texts)))):
            for first in range(3):
                coded = [both for pair in pairs[first::3] if not undisguised(both := "".join(pair))]
                yield BARRIER.join(coded)


def _edges(text: str) -> str:
    return text if len(text) <= 2 * _EDGE else text[:_EDGE] + BARRIER + text[-_EDGE:]


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()
