"""Messages whose sender asks, in words, for an answer that nobody else sees."""

import re
from collections.abc import Collection

# What such a message begins with, mentions of the bot aside.
PRIVATELY = ("/private", "private:")
# How platforms write a mention; a thousand of them are no message.
_MENTION = re.compile(r"(?:\s*(?:<@[^<>\s]{1,64}>|@\w{1,64})[\s,:]*){0,10}")


def asked_privately(text: str, words: Collection[str] = PRIVATELY) -> bool:
    """True if a text begins with one of these words, in any case, as a word of its own.

    It is fixed when the message arrives, so that nothing a model says makes an answer more public.
    """
    found = _MENTION.match(text)
    said = text[found.end() if found is not None else 0 :].lstrip().casefold()
    return any(said.startswith(word.casefold()) and _ends(said[len(word) :], word) for word in words if word)


def _ends(rest: str, word: str) -> bool:
    return not word[-1].isalnum() or not rest[:1].isalnum()
