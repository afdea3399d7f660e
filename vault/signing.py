"""The log's signing key, and the two forms in which it signs: notes and envelopes.

The key is drawn from the deployment's secret, which is sealed under the master key: a backup that opens signs
as before, and there is no second secret to keep. What the two forms sign begins with different words, so that
nothing signed as the one is ever taken for the other.

Source: c2sp.org/signed-note; DSSE 1.0 (its pre-authentication encoding); Ed25519, RFC 8032.
"""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firewall.core.ids import derived

_ED25519 = b"\x01"
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs for one deployment.

    Attributes:
        name: What the key is called, and where checkpoints say they come from.
        public: The public key's 32 bytes.
    """

    name: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def of(cls, secret: bytes) -> "Signer":
        """Draw the key from the deployment's secret."""
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(derived(secret, "log key")))
        public = private.public_key().public_bytes_raw()
        name = f"partywall/{hashlib.sha256(public).hexdigest()[:_NAME_DIGITS]}"
        return cls(name=name, public=public, _private=private)

    @property
    def key(self) -> str:
        """The public key as one line: what an auditor verifies with."""
        return f"{self.name}+{self._key_id.hex()}+{_coded(_ED25519 + self.public)}"

    def note(self, text: str) -> str:
        """Sign a text whose last line ends."""
        signature = self._private.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {_coded(self._key_id + signature)}\n"

    def envelope(self, kind: str, payload: bytes) -> dict[str, object]:
        """Sign bytes of this media type."""
        media = kind.encode()
        signed = b"DSSEv1 %d %b %d %b" % (len(media), media, len(payload), payload)
        return {
            "payload": _coded(payload),
            "payloadType": kind,
            "signatures": [
                {"keyid": hashlib.sha256(self.public).hexdigest(), "sig": _coded(self._private.sign(signed))}
            ],
        }

    @property
    def _key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
