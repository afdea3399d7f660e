"""The form in which texts and signs of injection are compared: small letters without marks, as UTF-8.

Every character of the text gives at most one of the form, so a place in the form is a place in the text. A
Latin or Greek letter loses its accent; a look-alike from another alphabet becomes the Latin letter that it
imitates, but only inside a word that also has Latin letters: words in that alphabet are compared as they are.
"""

import re
import unicodedata
from dataclasses import dataclass

from firewall.detect.normal import PLAIN, SKELETON

# A Latin letter directly beside one of another alphabet: nobody writes so who means what is seen.
_MIXED = re.compile(r"(?=\w*[A-Za-z])(?=\w*[^\W\x00-\u024f])[\w]{2,40}")
_CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\r") + b"\x7f"


class _Bare(dict[int, str | None]):
    """A table for `str.translate` that fills itself: small letters, and Latin ones without accents."""

    def __missing__(self, codepoint: int) -> str | None:
        plain = PLAIN[codepoint] or ""
        bare = "".join(map(_bare, plain)) or None
        self[codepoint] = bare
        return bare


_QUOTES = dict.fromkeys("\u2018\u2019\u201b\u00b4\u02bc", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u00ab\u00bb", '"'
)


def _bare(char: str) -> str:
    if char in _QUOTES:
        return _QUOTES[char]
    first = unicodedata.normalize("NFD", char)[0]
    if first.isascii():
        return first.lower()
    if "\u0370" <= first <= "\u03ff":
        return first.lower()
    lower = char.lower()
    return lower if len(lower) == 1 else char


_BARE = _Bare()


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in the form in which it is compared.

    Attributes:
        original: The text.
        text: The form.
        data: The form as bytes, which is what patterns are looked for in.
    """

    original: str
    text: str
    data: bytes

    def __repr__(self) -> str:
        return f"Folded({len(self.text)} characters)"

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the stretch of the original that these bytes came from."""
        first = len(self.data[:start].decode("utf-8", "ignore"))
        last = max(first, len(self.data[:stop].decode("utf-8", "ignore")) - 1)
        if len(self.text) == len(self.original):
            return first, last + 1
        starts = [place for place, char in enumerate(self.original) for _ in _BARE[ord(char)] or ""]
        return starts[first], starts[last] + 1


def folded(text: str) -> Folded:
    """Give the form of a text; what nobody sees is gone, and what looks Latin among Latin letters is."""
    if text.isascii():
        data = text.lower().encode("ascii")
        clean = data.translate(None, _CONTROLS)
        return Folded(text, clean.decode("ascii"), clean)
    # Lone surrogates fold to nothing, so the form can always be written as UTF-8.
    form = unmixed(text).translate(_BARE)
    return Folded(text, form, form.encode("utf-8", "ignore"))


def unmixed(text: str) -> str:
    """Undo look-alikes inside words that also have Latin letters; as many characters as before."""
    return _MIXED.sub(lambda found: "".join(map(_latin, found.group())), text)


def _latin(char: str) -> str:
    if char.isascii():
        return char
    plain = SKELETON[ord(char)] or ""
    return plain if len(plain) == 1 and plain.isascii() else char
