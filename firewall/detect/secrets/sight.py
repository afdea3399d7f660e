"""What engines for patterns are shown: the text as ASCII, one byte for one code point.

Every engine sees the same bytes, so two engines cannot differ over Unicode, and an offset in the bytes is the
offset in the text. Letters that fold to an ASCII letter become that letter: U+0130 would else match `i` for
one engine and not for the next. What is not ASCII becomes a question mark, which belongs to no token.
"""

_FOLDED = (
    *(("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"), ("\u212a", "k")),
    *(("\u0085", "\n"), ("\u2028", "\n"), ("\u2029", "\n"), ("\u00a0", " "), ("\u3000", " ")),
)


def sight(text: str) -> bytes:
    """Give the bytes that stand for a text, exactly as many as it has code points."""
    if not text.isascii():
        # One search for each letter: `str.translate` asks for every character and takes far longer.
        for letter, plain in _FOLDED:
            text = text.replace(letter, plain)
    return text.encode("ascii", "replace")
