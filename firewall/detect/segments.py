"""Segments: the stretches of a text that a typed value stays inside of.

A segment ends after a line break, after an ideographic full stop, or between two sentences: three lower-case
letters, a full stop, spaces, and a letter. No e-mail address, number or id of ours crosses such a place, and
since every detector is shown one segment at a time, what it finds cannot depend on anything outside. This is
what makes redacting a stream equal to redacting the whole: a segment that is complete is decided.
"""

import re

# Each end is decided by the characters that lead to it and one letter after them, so the ends found in a
# prefix of a text are ends of the text. That is why a gap between sentences holds no line break. The pattern
# begins with the marks themselves, so that the engine can skip everything else.
_END = re.compile(
    r"[\n\u3002\uff01\uff1f.!?]"
    r"(?:(?<![.!?])|(?<=[a-z]{3}[.!?])[\"')\]]{0,8}[ \t]{1,8}(?=[^\W\d_]))"
)


def bounds(text: str) -> list[int]:
    """Give the offsets at which segments end, in order, without 0 and without the end of the text."""
    return [found.end() for found in _END.finditer(text) if found.end() < len(text)]
