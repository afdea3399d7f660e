"""What a file is, told by its bytes; what its sender says of it is believed among kinds of text only."""

import mimetypes
import re
from typing import Any

import filetype  # type: ignore[import-untyped]  # it has no types

from adapters.content import text_of

BINARY = "application/octet-stream"
_PLAIN = "text/plain"
# Kinds of text that a claim may choose among. Not HTML and SVG: whoever opens such a file runs it.
_TEXTS = frozenset(
    {
        *("application/json", "application/xml", "text/calendar", "text/csv", "text/markdown", "text/plain"),
        *("text/tab-separated-values", "text/x-python", "text/xml", "text/yaml"),
    }
)
# The library's own table and not the machine's, so that a name does not depend on where it was given.
_TYPES = mimetypes.MimeTypes()
# Python 3.11 knows no ending for what phones record and send.
_TYPES.add_type("audio/ogg", ".ogg")
_TYPES.add_type("image/webp", ".webp")
_CLAIM = re.compile(r"[a-z]+/[a-z0-9.+-]+")


def media_type(content: bytes, claimed: str) -> str:
    """Give the media type of a file: what its first bytes say, unless all of it is text."""
    untyped: Any = filetype
    found: str | None = untyped.guess_mime(content)
    # `BM` and `ID3` begin words, too; what is an application's is so whatever it is written in.
    if text_of(content) is None or (found or "").startswith("application/"):
        return found or BINARY
    bare = claimed.partition(";")[0].strip().lower()
    return bare if bare in _TEXTS and _CLAIM.fullmatch(bare) else _PLAIN


def extension(kind: str) -> str:
    """Give the ending of a file's name for a media type, or nothing where there is none."""
    return _TYPES.guess_extension(kind) or ""
