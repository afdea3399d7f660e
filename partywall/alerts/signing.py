"""Signatures of webhooks, as Standard Webhooks 1.0 has them: `v1` by HMAC-SHA256, `v1a` by Ed25519.

Source: the specification of Standard Webhooks, version 1.0.0.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firewall.core.errors import ConfigError

_SHARED, _SECRET = "whsec_", "whsk_"
_SHARED_BYTES = range(24, 65)
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One signing key: bytes that are shared, or the secret half of a pair."""

    shared: bytes | None = field(default=None, repr=False)
    pair: Ed25519PrivateKey | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str) -> "Key":
        """Read `whsec_…` or `whsk_…`.

        Raises:
            ConfigError: It is neither, or of the wrong length; it is not repeated.
        """
        prefix = next((each for each in (_SHARED, _SECRET) if text.startswith(each)), None)
        raw = b"" if prefix is None else _decoded(text.removeprefix(prefix))
        if prefix == _SHARED and len(raw) in _SHARED_BYTES:
            return cls(shared=raw)
        if prefix == _SECRET and len(raw) in (_SEED_BYTES, 2 * _SEED_BYTES):
            pair = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
            if raw[_SEED_BYTES:] in (b"", pair.public_key().public_bytes_raw()):
                return cls(pair=pair)
        raise ConfigError(
            "a signing key is whsec_ with 24 to 64 bytes in base64, or whsk_ with an Ed25519 key in base64"
        )

    def sign(self, content: bytes) -> str:
        """Give the signature with its version."""
        if self.pair is not None:
            return f"v1a,{base64.b64encode(self.pair.sign(content)).decode()}"
        mac = hmac.new(self.shared or b"", content, hashlib.sha256).digest()
        return f"v1,{base64.b64encode(mac).decode()}"


def headers(keys: Sequence[Key], message: str, at_s: int, body: bytes) -> dict[str, str]:
    """Give the three headers of an attempt; every key signs, so that receivers change keys when they like.

    Args:
        keys: The key, and while it is being replaced the one before it too.
        message: Id of the message; the same each time it is sent.
        at_s: Seconds since 1970 of this attempt.
        body: As it is sent, byte for byte.
    """
    content = f"{message}.{at_s}.".encode() + body
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(key.sign(content) for key in keys),
    }


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
