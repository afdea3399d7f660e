"""Needs: what every value of a kind holds, asked of a text before a recogniser of Presidio, which costs more.

A need never misses: it is read off the patterns themselves and kept under their digest, so patterns of
another version or of the operator have no need and are always looked for. Any character beyond ASCII stands
for any letter or digit, since engines differ over Unicode: U+0130 is an `i` for one and none for the next.
What holds for a text holds for each piece of it, so a need looks at nothing outside of what it asks for.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from firewall.detect.pii import dialling

_WIDE: Final = r"\u0080-\U0010ffff"
DIGITS: Final = r"\d"
_DIGIT: Final = f"[0-9{_WIDE}]"
_WORD: Final = f"[0-9A-Za-z_{_WIDE}]"
_FOUR: Final = f"{_WORD}{{4}}"
_GROUP: Final = f"[- ]?{_DIGIT}{{3}}{_DIGIT}?"
# One expression for each first character: the engine skips to it.
_DOTTED: Final = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_DOT: Final = re.compile(rf"\.{_WORD}{{2}}")
_LINK: Final = r"\.[0-9A-Za-z_]{2}"
_COLONS: Final = re.compile(r":(?::|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What every value of a kind holds.

    Attributes:
        first: The inside of a character class of which every value holds one; asked for all kinds at once.
        met: Says of a text if it may hold a value; False only if it holds none, nor does any piece of it.
        gate: Patterns that say the same of a text in ASCII, for `gate.apart`; none if `met` has to be asked.
        in_prose: Those of them that can match in prose (`prose.is_prose`).
    """

    first: str
    met: Callable[[str], object]
    gate: tuple[str, ...] = ()
    in_prose: tuple[str, ...] = ()


def _need(first: str, pattern: str, gate: str = "") -> Need:
    return Need(first=first, met=re.compile(pattern).search, gate=(gate or pattern.replace(_WIDE, ""),))


# By the digest of a recogniser's patterns. Each need begins with a rare character, so that the search skips
# all others; what stands before it is looked back at.
_KNOWN: Final = {
    # EmailRecognizer
    "3240bafbb576dccb": _need("@", f"@(?<=[!-~{_WIDE}]@){_WORD}", "[!-~]@[0-9A-Za-z_]"),
    # CreditCardRecognizer
    "07774a06a81ee9b4": _need("0-9", f"[13456]{_DIGIT}{{3}}" + _GROUP * 2 + f"[- ]?{_DIGIT}{{3}}"),
    # IbanRecognizer
    "9c51957a10ba2216": _need(
        "0-9",
        f"[0-9](?<=[A-Za-z{_WIDE}]{{2}}[0-9])[0-9][ -]?{_FOUR}[ -]?{_FOUR}",
        "[A-Za-z]{2}[0-9]{2}[ -]?[0-9A-Za-z_]{4}[ -]?[0-9A-Za-z_]{4}",
    ),
    # UsSsnRecognizer
    "7cfaa2ece5717c45": _need("0-9", "[0-9][0-9]{2}[- .]?[0-9]{2}[- .]?[0-9]{4}"),
    # IpRecognizer: three full stops between digits, two colons, or three with what may be hexadecimal
    "b4b564208e249f56": Need(
        first="0-9:",
        met=lambda text: _DOTTED.search(text) or _COLONS.search(text),
        gate=(_DOTTED.pattern, _COLONS.pattern),
        in_prose=(_COLONS.pattern,),
    ),
    # CryptoRecognizer
    "dce7d45960a7a237": _need("0-9", f"[13]{_WORD}{{25}}"),
    # UrlRecognizer
    "e3274fa9ac8d656a": Need(first=".", met=_DOT.search, gate=(_LINK,), in_prose=(_LINK,)),
}


def need_of(patterns: Sequence[tuple[int, str]]) -> Need | None:
    """Give what every value of these patterns holds, by their flags and text; None if that is not known."""
    return _KNOWN.get(_digest(patterns))


def numbers(regions: Sequence[str]) -> Need:
    """Give what every telephone number of these regions holds."""
    # Asked for now, since the plans of all countries are read for it.
    fewest = dialling.fewest_of(regions)
    return Need(first=DIGITS, met=lambda text: dialling.may_hold(text, fewest))


def words(terms: Sequence[str]) -> Need:
    """Give what a text holds that holds one of these terms, in whatever case."""
    # A letter whose case is told differently by two engines stands for any character.
    plain = ["".join(re.escape(char) if char.isascii() else "." for char in term) for term in terms]
    wide = re.sub(
        "[A-Za-z]", lambda letter: f"[{letter[0].lower()}{letter[0].upper()}{_WIDE}]", "|".join(plain)
    )
    return Need(first=r"\s\S", met=re.compile(wide, re.DOTALL).search)


def _digest(patterns: Sequence[tuple[int, str]]) -> str:
    digest = hashlib.blake2b(digest_size=8, person=b"partywall needs")
    for flags, pattern in patterns:
        digest.update(b"%d %s\0" % (flags, pattern.encode("utf-8", "surrogatepass")))
    return digest.hexdigest()
