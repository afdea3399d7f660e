"""What a text says in a mirror: from its end, in rot13, with digits for letters, or with letters set apart.

Two of the four are there for every text, so all that can be is done on bytes, and the slow questions are
asked only where a fast one did not already say no.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from firewall.detect.injection.folding import Folded, folded

_ROT13: Final = bytes(ord(codecs.encode(chr(code), "rot13")) if code < 128 else code for code in range(256))
_DIGITS: Final = "013457@$"
_LEET: Final = str.maketrans(_DIGITS, "oieastas")
_LEET_BYTES: Final = bytes(_LEET.get(code, code) for code in range(256))
# A letter, digits, a letter; said such that the search can run from digit to digit.
_LEETED = re.compile(r"[0134@$57](?<=[a-z].)[0134@$57]*[a-z]")
APART = re.compile(r"(?<!\w)\w(?:[ .*_-]\w){6,}(?!\w)|(?<!\w)\w(?:[ .*_-]{1,3}\w){11,}(?!\w)")
_APART_ONE = re.compile(r"(?<=\w)[ .*_-](?=\w(?:[ .*_-]|\Z))")
# Five inside of such a row, and the same where letters, separators and all else are each one byte.
_ROW = re.compile(r"[ .*_-]\w(?:[ .*_-]{1,3}\w){4}[ .*_-]")
_ROW_OF_KINDS = re.compile(rb"-a-(?:-{0,2}a-){4}")
_KINDS: Final = bytes(
    ord("-" if chr(code) in " .*-" else "a" if chr(code).isalnum() else ",") for code in range(128)
).ljust(256, b",")


def mirrors(plain: Folded) -> Iterator[bytes]:
    """Give, in the form of `folding`, what the form of a text says in each mirror that it may have."""
    if plain.text.isascii():
        yield plain.data[::-1]
        yield plain.data.translate(_ROT13)
    else:
        yield folded(plain.text[::-1]).data
        yield folded(codecs.encode(plain.text, "rot13")).data
    if leeted(plain):
        yield (
            plain.data.translate(_LEET_BYTES)
            if plain.text.isascii()
            else folded(plain.text.translate(_LEET)).data
        )
    if maybe_apart(plain) and APART.search(plain.text):
        yield folded(APART.sub(lambda found: _APART_ONE.sub("", found.group()), plain.text)).data


def leeted(plain: Folded) -> bool:
    """True if digits stand for letters in a word."""
    return _LEETED.search(plain.text) is not None


def maybe_apart(plain: Folded) -> bool:
    """True if letters may stand apart; false only where `APART` finds nothing."""
    # An underscore is a letter and a separator.
    if plain.text.isascii() and b"_" not in plain.data:
        return _ROW_OF_KINDS.search(plain.data.translate(_KINDS)) is not None
    return _ROW.search(plain.text) is not None
