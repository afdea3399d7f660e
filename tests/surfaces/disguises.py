"""Ways to write a value so that it does not look like itself; each can be undone without a key."""

import base64
import codecs
import gzip
import html
import json
import textwrap
import zlib
from collections.abc import Callable, Mapping
from typing import Final

_HOMOGLYPHS: Final = str.maketrans("aceopxyiABCEHKMOPTX", "асеорхуіАВСЕНКМОРТХ")
_LEET: Final = str.maketrans("oieast", "01345$")
_LINE = 12


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(_base64(text * 2), 16))


DISGUISES: Final[Mapping[str, Callable[[str], str]]] = {
    "identity": str,
    "upper case": str.upper,
    "base64": _base64,
    "base64 url-safe": lambda text: base64.urlsafe_b64encode(f"?{text}~~".encode()).decode().rstrip("="),
    "base64 in short lines": _wrapped,
    "base64 twice": lambda text: _base64(_base64(text)),
    "base64 thrice": lambda text: _base64(_base64(_base64(text))),
    "base64 of utf-16": lambda text: _packed(text.encode("utf-16-le")),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "ascii85": lambda text: base64.a85encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":"),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent twice": lambda text: "".join(f"%25{byte:02X}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "entities in hex": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "escapes in hex": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "decimal codes": lambda text: " ".join(str(ord(char)) for char in text),
    "decimal codes, commas": lambda text: ", ".join(str(ord(char)) for char in text),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "gzip in base64": lambda text: _packed(gzip.compress(text.encode(), mtime=0)),
    "zlib in base64": lambda text: _packed(zlib.compress(text.encode())),
    "json in a string": lambda text: json.dumps(json.dumps({"k": text})),
    "html of percent": lambda text: html.escape("".join(f"%{byte:02x}" for byte in text.encode())),
    "full-width": _wide,
    "homoglyphs": lambda text: text.translate(_HOMOGLYPHS),
    "zero-width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "combining marks": lambda text: "".join(f"{char}\u0301" for char in text),
    "tag characters": lambda text: "".join(chr(0xE0000 + ord(char)) for char in text),
    "bidi": lambda text: "\u202e" + "\u2066".join(text) + "\u202c",
    "spaces between": " ".join,
    "dots between": ".".join,
    "line wraps": lambda text: "\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE)),
    "reversed": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "leet": lambda text: text.translate(_LEET),
}
