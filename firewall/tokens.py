"""What a placeholder looks like: letters and digits alone, so that it survives a model, Markdown and HTML.

`PwEmailAddress7f3k9q2mv0x1a`: two letters that begin every one, the kind, and 13 characters that nobody can
guess. It is told by those alone, in whatever case, so a model that writes it in capitals has still said it.
"""

import re
from collections.abc import Iterator

from firewall.detect.marker import KINDS, OTHER

PREFIX = "Pw"
# Crockford's: no two of them look alike. 10 characters stand for the value, 3 for its spelling.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
STEM, MARK = 10, 3
BODY = STEM + MARK
_NAMES = {kind: "".join(word.title() for word in kind.split("_")) for kind in KINDS}
_HEADS = tuple(sorted(f"{PREFIX}{name}".casefold() for name in _NAMES.values()))
LONGEST = max(map(len, _HEADS)) + BODY
_TOKEN = re.compile(f"(?:{'|'.join(_HEADS)})([{ALPHABET}]{{{BODY}}})", re.IGNORECASE | re.ASCII)
_BEGINS = re.compile(PREFIX, re.IGNORECASE | re.ASCII)
_MAY_BEGIN = re.compile(PREFIX[0], re.IGNORECASE | re.ASCII)


def token(kind: str, body: str) -> str:
    """Give the placeholder of this kind; a kind that is not in `marker.KINDS` is shown as `Other`."""
    return f"{PREFIX}{_NAMES[kind if kind in _NAMES else OTHER]}{body}"


def characters(digest: str, count: int) -> str:
    """Give so many characters for a digest in hexadecimal digits, five bits each; at most 50."""
    number = int(digest, 16)
    return "".join(ALPHABET[number >> 5 * index & 31] for index in range(count))


def tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Give everything that looks like a placeholder, by its start, its stop and its body; may overlap."""
    # At every beginning: one that is forged must not hide another that begins inside it.
    for begun in _BEGINS.finditer(text):
        found = _TOKEN.match(text, begun.start())
        if found is not None:
            yield found.start(), found.end(), found[1].lower()


def undecided(text: str) -> int:
    """Give where the end of a text begins that more text could make a placeholder; its length if nowhere."""
    for found in _MAY_BEGIN.finditer(text, max(0, len(text) - LONGEST + 1)):
        end = text[found.start() :]
        if end.isascii() and _could_grow(end.lower()):
            return found.start()
    return len(text)


def _could_grow(end: str) -> bool:
    return any(
        head.startswith(end)
        or (
            end.startswith(head)
            and len(end) < len(head) + BODY
            and all(char in ALPHABET for char in end[len(head) :])
        )
        for head in _HEADS
    )
