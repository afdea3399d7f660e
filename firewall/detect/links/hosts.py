"""Hosts: which one a URL means, whoever reads it, and whether it is on a list.

Parsers disagree about odd URLs, so a host is told only where all of them agree: plain `http` or `https`, two
slashes, letters, digits and dashes, maybe a port. A name before an `@`, a percent sign, a letter beyond
ASCII, an address in whatever notation or a backslash make no host, and what has none is on no list.
"""

import re
from dataclasses import dataclass
from html import escape, unescape

_WEB = re.compile(r"(?i)(?:https?://)?([^/?#]*)")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: `127.1` and `0x7f.1` are addresses to some resolver.
_HOST = re.compile(rf"((?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?)(?::[0-9]{{1,5}})?")
_LISTED = re.compile(rf"\*|\.?(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_SPLIT = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)?([^/?#\\]*)(.*)", re.DOTALL)
EVERY = "*"


def listable(host: str) -> bool:
    """True for what may stand in a list: `*`, `example.org`, or `.example.org` for what is below it."""
    return _LISTED.fullmatch(host) is not None


def host_of(url: str) -> str | None:
    """Give the one host that a web address means, in lower case; None if readers could differ about it."""
    found = _WEB.match(url)
    authority = found[1].lower() if found is not None else ""
    host = _HOST.fullmatch(authority)
    return None if host is None else host[1]


def key_of(url: str) -> str:
    """Give a URL in a form in which two spellings that say the same to every server are equal.

    The attack: a page gives an address of a hundred like letters, and the model writes some of them as
    entities, or in capitals before the `@`. To who does not undo that, each is one bit of what is private.
    So an address is undone only where all of it is written as one program would write it.
    """
    found = _SPLIT.fullmatch(_unmarked(_unescaped(url)))
    if found is None:
        return url
    scheme, authority, rest = found.groups()
    host = authority if "@" in authority else authority.lower()
    return f"{(scheme or 'https://').lower()}{host}{'' if rest == '/' else rest}"


def _unescaped(url: str) -> str:
    plain = unescape(url)
    return plain if escape(plain, quote=False) == url else url


def _unmarked(url: str) -> str:
    """Undo what the channels do so that nobody is called by an answer: a space of no width after each `@`."""
    return url.replace("@\u200b", "@") if url.count("@\u200b") == url.count("@") else url


@dataclass(frozen=True, slots=True, kw_only=True)
class HostList:
    """Hosts that links may lead to.

    Attributes:
        names: `example.org` for that host, `.example.org` for every host below it, `*` for all.
    """

    names: tuple[str, ...] = ()

    @property
    def every(self) -> bool:
        """True if nothing is to be looked at."""
        return EVERY in self.names

    def admits(self, url: str) -> bool:
        """True if the URL means a host of the list to whoever reads it."""
        host = host_of(url)
        return host is not None and any(
            host == name or (name.startswith(".") and host.endswith(name)) for name in self.names
        )
