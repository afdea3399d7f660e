"""A URL that a model wrote, as the one host, port and request that it means. Pure.

Parsers disagree about odd URLs, and an attacker lives in the difference: one parser checks a host, another
connects to a different one. Here every odd URL is refused, so that all parsers agree on what is left:
printable characters without space or backslash, a scheme, `//`, a name, maybe a port, a path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from sandbox.errors import EgressFault, EgressRefused

Scheme = Literal["http", "https"]

_URL_CODEPOINTS_MAX = 8192
_HOST_BYTES_MAX = 253
_DEFAULT_PORTS: dict[str, int] = {"http": 80, "https": 443}
_SCHEMES: dict[str, Scheme] = {"http": "http", "https": "https"}
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?:#.*)?")
_AUTHORITY = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What some resolver reads as a number: 127.1, 0x7f.1, 017700000001. Source: WHATWG URL, "ends in a number".
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRINTABLE_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one request goes. The host is a lower-case ASCII name, never an address."""

    scheme: Scheme
    host: str
    port: int
    request: str
    """Path and query as sent in the request line; begins with `/`."""

    @property
    def host_header(self) -> str:
        """The name as the server expects it: with the port unless it is the scheme's own."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be equal for headers to be sent again after a redirect."""
        return (self.scheme, self.host, self.port)

    @property
    def url(self) -> str:
        """The canonical form of the URL, without a fragment."""
        return f"{self.scheme}://{self.host_header}{self.request}"


def parse_url(text: str) -> Target:
    """Read a URL so that nobody can read it differently.

    Raises:
        EgressRefused: It is malformed or ambiguous, carries credentials, or its host is a number.
    """
    if len(text) > _URL_CODEPOINTS_MAX or not _is_plain(text):
        raise EgressRefused(EgressFault.MALFORMED)
    match = _URL.fullmatch(text)
    if match is None:
        raise EgressRefused(EgressFault.MALFORMED)
    scheme = _SCHEMES.get(match["scheme"].lower())
    if scheme is None:
        raise EgressRefused(EgressFault.SCHEME)
    host, port = _authority(match["authority"])
    rest = match["rest"] if match["rest"].startswith("/") else "/" + match["rest"]
    request = quote(rest, safe=_PRINTABLE_ASCII)
    return Target(
        scheme=scheme, host=host, port=_DEFAULT_PORTS[scheme] if port is None else port, request=request
    )


def is_host_name(text: str) -> bool:
    """Tell whether this is a lower-case ASCII host name that no resolver reads as a number."""
    labels = text.split(".")
    plain = len(text) <= _HOST_BYTES_MAX and all(_LABEL.fullmatch(label) for label in labels)
    return plain and not _is_numeric(labels)


def _is_plain(text: str) -> bool:
    """Refuse what urllib, browsers or curl would drop, fold or end a line at."""
    return text.isprintable() and " " not in text and "\\" not in text


def _authority(text: str) -> tuple[str, int | None]:
    if "@" in text:
        raise EgressRefused(EgressFault.CREDENTIALS)
    if text.startswith("["):
        raise EgressRefused(EgressFault.NUMERIC_HOST)
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise EgressRefused(EgressFault.MALFORMED)
    host = _canonical_host(match["host"])
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        raise EgressRefused(EgressFault.PORT)
    return host, port


def _canonical_host(text: str) -> str:
    """Give the ASCII form of a name, refusing names that only become one by folding.

    The attack: circled letters, full-width dots and the like fold to another name (or to an address) in
    one library and not in another. A name passes only if it is already what its ASCII form stands for.
    """
    lowered = text.lower()
    try:
        host = lowered if lowered.isascii() else lowered.encode("idna").decode("ascii")
        unfolded = lowered if lowered.isascii() else host.encode("ascii").decode("idna")
    except UnicodeError:
        raise EgressRefused(EgressFault.MALFORMED) from None
    if _is_numeric(host.split(".")):
        raise EgressRefused(EgressFault.NUMERIC_HOST)
    if unfolded != lowered or not is_host_name(host):
        raise EgressRefused(EgressFault.MALFORMED)
    return host


def _is_numeric(labels: list[str]) -> bool:
    """Only the last label decides, as in every resolver; a trailing dot does not hide it."""
    last = labels[-1] or (labels[-2] if len(labels) > 1 else "")
    return _NUMERIC_LABEL.fullmatch(last) is not None
