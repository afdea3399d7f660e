"""Replies to be streamed: speech with values of every kind in it, written out and disguised; two tenants.

What ACME's Ann keeps for herself must not reach GLOBEX's Bob; what Bob may read must.
"""

import base64
import codecs
import random
from collections.abc import Callable, Mapping
from typing import Final

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.detect.excerpts.index import Excerpts

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, BOB = PrincipalId("ann"), PrincipalId("bob")
FOR_BOB: Final = Audience(
    tenant=GLOBEX, principal=BOB, person=True, room=None, private=True, members_only=False
)
SPEECH: Final = (
    "The quarterly numbers of the northern plant fell short. Please tell nobody before Friday\n"
    "at noon, not even Zed, because the buyers from the coast would walk away at once."
)
CODE: Final = "kx7-Q2 99"
BOBS: Final = "Bob keeps seventeen green umbrellas in the cellar below the bakery on the corner."
TYPED: Final = (
    "ann.smith@example.com", "212-555-0147", "+44 20 7946 0958", "4111 1111 1111 1111", "536-90-4399",
    "GB82 WEST 1234 5698 7654 32", "192.168.13.7", "AB-12345", "AKIAQ3EGZ7D2K4LMNB5T", "1234567",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "password = 'Tr0ub4dor&3xY9'",
)  # fmt: skip
_WORDS: Final = (
    "the plan moves on while every team reads its own notes about what should happen next and who will write "
    "it down before the end of this week so that nobody has to ask again"
)
_ODD: Final = (
    "\u200b", "e\u0301", "\u00ad", "\r\n", "\t", "\u3002", "[", "[REDACTED:ID]", "[REDACTED:", "\n", "\n\n",
    " ", ". ", "12", "kx7", "Q299", "=", "%", "&#", "\\u00",
    "```", "- ", "| a | b |\n", "\U0001f642", "\ufeff",
)  # fmt: skip
DISGUISES: Final[Mapping[str, Callable[[str], str]]] = {
    "none": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "full width": lambda text: "".join(
        chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text
    ),
    "zero width": "\u200b".join,
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
}
# Mirrors are looked through for what is known to be somebody's, not for kinds of value.
MIRRORS: Final = frozenset({"rot13", "reversed"})


def planted() -> Excerpts:
    """Give an index that knows Ann's words and code, and what Bob may read, which begins like Ann's."""
    index = Excerpts()
    anns = Owned(tenant=ACME, readers=Principals(ids=frozenset({ANN})))
    bobs = Owned(tenant=GLOBEX, readers=Principals(ids=frozenset({BOB})))
    index.learn(SPEECH, anns)
    index.learn(CODE, anns, whole=True)
    index.learn(BOBS, bobs)
    index.learn(SPEECH[:45], bobs)
    return index


def reply(rng: random.Random) -> str:
    """Draw a reply of up to about a thousand characters."""
    return "".join(_scrap(rng) for _ in range(rng.randrange(1, 14)))


def _scrap(rng: random.Random) -> str:
    kind = rng.randrange(10)
    if kind < 3:
        words = " ".join(rng.choices(_WORDS.split(), k=rng.randrange(1, 14)))
        return words.capitalize() + rng.choice((". ", ".\n", "\n", " ", "? ", ", "))
    if kind < 6:
        return rng.choice(("", " ", "\n")) + hidden(rng)[1] + rng.choice(("", " ", ". ", "\n"))
    if kind < 8:
        start = rng.randrange(len(SPEECH))
        return SPEECH[start : start + rng.randrange(5, 90)]
    if kind == 8:
        return rng.choice((BOBS, BOBS[:40], CODE, *TYPED))
    return "".join(rng.choices(_ODD, k=rng.randrange(1, 5)))


def hidden(rng: random.Random) -> tuple[str, str]:
    """Draw something that must not leave, and how it is written."""
    value = rng.choice((CODE, SPEECH[60:110], *TYPED))
    names = [name for name in DISGUISES if value in (CODE, SPEECH[60:110]) or name not in MIRRORS]
    return value, DISGUISES[rng.choice(names)](value)


def chunks(rng: random.Random, text: str) -> list[str]:
    """Cut a text as a model's stream would: tokens of a few characters, single ones, or large blocks."""
    longest = rng.choice((1, 3, 6, 6, 20, 200))
    out: list[str] = []
    place = 0
    while place < len(text):
        step = rng.randrange(1, longest + 1)
        out.append(text[place : place + step])
        place += step
    return out
