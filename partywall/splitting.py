"""Long answers in pieces that a platform takes."""

import unicodedata

# Where a text is best cut, best first; what is looked for lies in the second half of what fits.
_BREAKS = ("\n\n", "\n", ". ", " ")
_JOINER = "\u200d"


def units(text: str) -> int:
    """Count a text as the strictest platforms do: in UTF-16 units, so that an emoji may count as two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def pieces(text: str, most: int) -> list[str]:
    """Split a text into pieces of at most `most` UTF-16 units, in order; none is empty or only white space.

    Nothing but white space at the cuts is lost. A piece ends at a paragraph, a line, a sentence or a word
    where one ends in its second half, and never between a character and what combines with it.
    """
    found: list[str] = []
    rest = text
    # What has too many characters has too many units, and need not be counted again for every piece.
    while len(rest) > most or units(rest) > most:
        at = _cut(rest, most)
        found.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    found.append(rest)
    return [piece for piece in found if piece.strip()]


def _cut(text: str, most: int) -> int:
    fits = _fitting(text, most)
    for mark in _BREAKS:
        at = text.rfind(mark, fits // 2, fits)
        if at >= 0:
            return at + len(mark)
    at = fits
    while at > 1 and (unicodedata.combining(text[at]) or _JOINER in text[at - 1 : at + 1]):
        at -= 1
    return at if at > 1 else fits


def _fitting(text: str, most: int) -> int:
    """Count the code points from the beginning that fit, at least one."""
    left = most
    for at, each in enumerate(text):
        left -= 2 if each > "\uffff" else 1
        if left < 0:
            return max(1, at)
    return len(text)
