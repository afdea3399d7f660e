"""Texts in which nobody is called by name."""

import re
from typing import Final

# What Telegram looks for by itself in a text without markup: it notifies whoever has the name. In an address
# of mail, what stands before the sign keeps it from being a name.
_NAME: Final = re.compile(r"(?<![A-Za-z0-9_])@(?=\w)")
_APART: Final = "@\u200b"
# It looks like the sign and is none; for a text that has no room for one more code point after each.
_ALIKE: Final = "\uff20"


def harmless(text: str, max_units: int) -> str:
    """Give the same text with nobody called: an `@name` in it notifies no person and no group.

    Args:
        text: What is about to be shown, without markup.
        max_units: Longest text that is shown, in UTF-16 units; what was no longer stays no longer.
    """
    calm = _NAME.sub(_APART, text)
    return calm if _units(calm) <= max_units else _NAME.sub(_ALIKE, text)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
