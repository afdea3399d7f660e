"""Ids: opaque, compared byte by byte, and never joined by hand.

Every id is a `NewType` over `str`, so a bare string never names a tenant. Ids are never folded, trimmed or
normalised: two that differ in case or Unicode form are two ids, because platforms hand out such pairs.
"""

import hashlib
import hmac
import json
import re
from typing import NewType

from firewall.core.errors import BadIdentifier

TenantId = NewType("TenantId", str)
PrincipalId = NewType("PrincipalId", str)
SessionId = NewType("SessionId", str)
TurnId = NewType("TurnId", str)
MessageId = NewType("MessageId", str)
PartId = NewType("PartId", str)
CallId = NewType("CallId", str)
Ref = NewType("Ref", str)

MAX_ID_CODEPOINTS = 512
# Not as ASCII: two lone surrogates and the one character they would be have the same escapes.
_ENCODED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
# What programs write where an id is missing. Accepting one would pour everybody who lacks an id into one
# bucket, which is how empty scopes came to widen access in four of the systems before us.
_PLACEHOLDERS = frozenset(
    {"null", "nil", "none", "undefined", "nan", "default", "[object object]", "[object undefined]"}
)
# Control characters, and halves of a character.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def checked(text: object, *, what: str) -> str:
    """Return `text` unchanged if it can name something, else refuse.

    Args:
        text: The value as the platform gave it.
        what: The field's name, for the error; never the value.

    Raises:
        BadIdentifier: Not a string, empty, only whitespace, over 512 code points, a placeholder such as
            `null`, or with control characters or lone surrogates.
    """
    if not isinstance(text, str):
        raise BadIdentifier(f"{what} must be text, not {type(text).__name__}")
    if not text.strip():
        raise BadIdentifier(f"{what} is empty; an empty id would name everybody who lacks one")
    if len(text) > MAX_ID_CODEPOINTS:
        raise BadIdentifier(f"{what} has {len(text)} code points; at most {MAX_ID_CODEPOINTS} are accepted")
    if text.strip().casefold() in _PLACEHOLDERS:
        raise BadIdentifier(f"{what} is a placeholder for a missing id")
    if _UNFIT.search(text):
        raise BadIdentifier(f"{what} holds control characters or lone surrogates")
    return text


def canonical(*fields: str | None) -> str:
    """Give one text for these fields that no other fields share.

    JSON escapes what it joins, so `("a:b", "c")` and `("a", "b:c")` stay apart, and `None` is not `""`.

    Source: RFC 8259.
    """
    return _ENCODED(fields)


def derived(secret: bytes, purpose: str, *fields: str | None) -> str:
    """Give 64 hex digits that stand for these fields and tell nothing about them.

    Args:
        secret: The deployment's derivation key, at least 16 bytes.
        purpose: What the result is for; results of two purposes never meet.
        fields: What is being named, in order.

    Source: HMAC-SHA256, RFC 2104. The result is a hash, never a truncation of an id (a truncated id once
    gave every session of a gateway the same cache key).
    """
    message = canonical(purpose, *fields).encode("utf-8", "surrogatepass")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
