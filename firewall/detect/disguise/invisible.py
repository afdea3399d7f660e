"""Text in characters that nobody sees: tags, variation selectors and bits of zero width."""

import re
from collections.abc import Iterator

from firewall.detect.disguise.readings import Budget, Draft, Reader, Run

_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_TAG = 0xE0000
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}+")
_FIRST, _SECOND = 0xFE00, 0xE0100
_BITS = re.compile("[\u200b\u200c\u200d\u2060\ufeff]{24,}+")
_SHORTEST = 3


def hidden(text: str, budget: Budget) -> Iterator[tuple[str, Draft]]:
    """Give what each way of hiding shows, by its name; may be empty drafts. For text that is not ASCII."""
    tags = Draft(budget)
    for found in _TAGS.finditer(text):
        tags.part()
        tags.each("".join(chr(ord(char) - _TAG) for char in found[0]), Run(*found.span()))
    yield "tags", tags
    selectors, bits = Reader(budget), Reader(budget)
    for found in _SELECTORS.finditer(text):
        selectors.read(bytes(map(_octet, found[0])), Run(*found.span()), _SHORTEST)
    yield "selectors", selectors.plain
    yield "selectors scraps", selectors.scraps
    yield "selectors compressed", selectors.unpacked
    for found in _BITS.finditer(text):
        _read_bits(found[0], found.start(), bits)
    yield "zero-width", bits.plain
    yield "zero-width scraps", bits.scraps
    yield "zero-width compressed", bits.unpacked


def _octet(char: str) -> int:
    code = ord(char)
    return code - _FIRST if code < _SECOND else code - _SECOND + 16


def _read_bits(run: str, origin: int, bits: Reader) -> None:
    """Read a run of two characters, either of which may stand for one; a third may part the octets."""
    kinds = sorted(set(run), key=run.count, reverse=True)
    if not 2 <= len(kinds) <= 3:
        return
    stride = 8 if len(kinds) == 2 else 9
    for one in kinds[:2]:
        octets = (run[start : start + 8] for start in range(0, len(run) - 7, stride))
        data = bytes(
            sum((char == one) << (7 - place) for place, char in enumerate(octet)) for octet in octets
        )
        bits.read(data, Run(origin, origin + len(run), 1, stride), _SHORTEST)
