"""Glances: whether any of a few characters stands in a text, told many times faster than by an expression."""

import re


class Glance:
    """Tells at once that none of some characters stands in a text.

    Args:
        inside: The inside of a character class, as `re` reads it.
    """

    def __init__(self, inside: str) -> None:
        self._search = re.compile(f"[{inside}]").search
        self._others = bytes(code for code in range(128) if not self._search(chr(code)))

    def excludes(self, text: str) -> bool:
        """True if none of them stands in the text."""
        if text.isascii():
            return not text.encode("ascii").translate(None, self._others)
        return self._search(text) is None
