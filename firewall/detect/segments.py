"""Segments: the stretches of a text that a typed value stays inside of.

A segment ends after a line break, after an ideographic full stop, or between two sentences: three lower-case
letters, a full stop, spaces, and a letter. No e-mail address, number or id of ours crosses such a place, and
since every detector is shown one segment at a time, what it finds cannot depend on anything outside. This is
what makes redacting a stream equal to redacting the whole: a segment that is complete is decided.

Code that is wrapped is the exception: a line break behind a line that ends in code, or behind the soft
break of quoted-printable, is no end, so that what the code says is read across its lines. After some thousand
characters such a line break is one again, since what has not ended is held back from a stream.
"""

import re

# Each end is decided by the characters that lead to it and one letter after them, so the ends found in a
# prefix of a text are ends of the text. That is why a gap between sentences holds no line break. The pattern
# begins with the marks themselves, so that the engine can skip everything else.
_END = re.compile(
    r"[\n\u3002\uff01\uff1f.!?]"
    r"(?:(?<![.!?])|(?<=[a-z]{3}[.!?])[\"')\]]{0,8}[ \t]{1,8}(?=[^\W\d_]))"
)


# Lines of digits alone are no code, and there may be many of them.
_WRAPPED = re.compile(
    r"(?:(?:[^\n]*[ \t>:])?(?=[0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{16,}={0,6}|[^\n]*=)[ \t\r]*\n"
)
_LONGEST = 4_096


def bounds(text: str) -> list[int]:
    """Give the offsets at which segments end, in order, without 0 and without the end of the text."""
    ends = [found.end() for found in _END.finditer(text) if found.end() < len(text)]
    return ends if "\n" not in text else _unwrapped(text, ends)


def _unwrapped(text: str, ends: list[int]) -> list[int]:
    """Leave out the ends inside of wrapped code."""
    left: list[int] = []
    line = segment = 0
    for end in ends:
        wrapped = text[end - 1] == "\n" and end - segment <= _LONGEST and _WRAPPED.fullmatch(text, line, end)
        line = end
        if not wrapped:
            left.append(end)
            segment = end
    return left
