"""Domains: which dotted words a client makes a link although no scheme stands before them.

Telegram does so for every name under a top-level domain. Many of these are also endings of files (`main.py`),
fields (`user.id`) or words after a missing space (`done.Now`). Such a word stays unless it could carry
something: a path, a query, a port, many labels, long labels or digits. Nothing follows such a name, no client
fetches it by itself, and who owns it had to register it beforehand.
"""

import re
from collections.abc import Sequence
from pathlib import Path

# Source: Public Suffix List of 2026, its top level only, with the reserved names of RFC 2606 and RFC 6761.
TLDS = frozenset(Path(__file__).with_name("tlds.txt").read_text(encoding="utf-8").split())
# Those that people mean as addresses even where nothing follows.
_LOUD = frozenset(
    {
        *("com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "xyz", "online", "site", "icu"),
        *("club", "vip", "mobi", "asia", "onion", "example", "top", "shop", "dev", "app", "cloud", "page"),
    }
)
# Country codes that are endings of files, names of fields, or words.
_WORDS = frozenset(
    {
        *(
            "py",
            "md",
            "rs",
            "sh",
            "pl",
            "so",
            "ps",
            "cc",
            "mm",
            "ml",
            "mk",
            "am",
            "as",
            "at",
            "be",
            "by",
            "do",
        ),
        *(
            "id",
            "in",
            "io",
            "is",
            "it",
            "me",
            "my",
            "no",
            "to",
            "us",
            "pm",
            "st",
            "ne",
            "gt",
            "lt",
            "la",
            "cm",
        ),
        *(
            "tf",
            "vi",
            "al",
            "ag",
            "tm",
            "sc",
            "pt",
            "nr",
            "im",
            "ms",
            "so",
            "va",
            "ad",
            "ga",
            "mo",
            "br",
            "hr",
        ),
    }
)
# Names of products that look like hosts.
_PRODUCTS = frozenset({"asp.net", "vb.net", "ado.net"})
_LONGEST, _DIGITS, _MOST_LABELS = 15, 3, 3
_NUMBER = re.compile(r"[0-9]{1,3}")
_BYTE = 255


def linked(labels: Sequence[str], *, port: bool, rest: bool) -> bool:
    """Say whether a dotted word is a link.

    Args:
        labels: Its words.
        port: Whether a port follows.
        rest: Whether a path, a query or a fragment follows.
    """
    if all(_NUMBER.fullmatch(each) and int(each) <= _BYTE for each in labels):
        return len(labels) == _MOST_LABELS + 1 and (port or rest)
    last = labels[-1].casefold()
    if last not in TLDS and not last.startswith("xn--"):
        return False
    return rest or labels[0].casefold() == "www" or not _quiet(labels, last, port=port)


def _quiet(labels: Sequence[str], last: str, *, port: bool) -> bool:
    """True for a word that may be something else, and is too short to carry much."""
    if len(labels) > _MOST_LABELS or max(map(len, labels)) > _LONGEST:
        return False
    if sum(char.isdigit() for label in labels for char in label) > _DIGITS:
        return False
    if ".".join(labels).casefold() in _PRODUCTS:
        return not port
    country = len(last) == 2
    if not last.isascii() or last in _LOUD or (country and last not in _WORDS):
        # `done.Now` lacks a space; an address ends in one case.
        return len(labels) == 2 and labels[-1].istitle() and not port
    # `main.py:12` is a line of a file.
    return not port or (country and len(labels) == 2)
