"""Sealing: AES-256-GCM under keys that hang from one master key.

The master key never seals data: HKDF makes of it one key that wraps the tenants' keys and one value to check
it by. A sealed value is bound to its table, row, tenant and key, so that a copy put elsewhere does not open.

Source: AES-GCM, NIST SP 800-38D (96-bit random nonces, at most 2^32 seals a key); HKDF, RFC 5869.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firewall.core.errors import IntegrityError, KeyMismatch
from firewall.core.ids import canonical

KEY_BYTES = 32
NONCE_BYTES = 12

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value stands; it opens nowhere else."""

    table: str
    row: str
    tenant: str
    key: str

    @property
    def bound(self) -> bytes:
        """The additional authenticated data: injective, so that no two places share it."""
        return canonical(self.table, self.row, self.tenant, self.key).encode("utf-8", "surrogatepass")


class Key:
    """A key in memory; `repr` shows its id only."""

    __slots__ = ("_cipher", "id")

    def __init__(self, key_id: str, material: bytes) -> None:
        if len(material) != KEY_BYTES:
            raise IntegrityError(f"key {key_id} has {len(material)} bytes instead of {KEY_BYTES}")
        self.id = key_id
        self._cipher = AESGCM(material)

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def seal(self, plaintext: bytes, *, table: str, row: str, tenant: str, random: Random) -> bytes:
        """Encrypt for one place; a fresh nonce stands in front."""
        nonce = random(NONCE_BYTES)
        place = Place(table=table, row=row, tenant=tenant, key=self.id)
        return nonce + self._cipher.encrypt(nonce, plaintext, place.bound)

    def open(self, sealed: bytes, *, table: str, row: str, tenant: str) -> bytes:
        """Decrypt what was sealed for this place.

        Raises:
            IntegrityError: It was altered, moved, or sealed with another key.
        """
        place = Place(table=table, row=row, tenant=tenant, key=self.id)
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.bound)
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(f"a sealed value in `{table}` was altered or moved") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Master:
    """What the master key is used for: wrapping keys, and being recognised.

    Attributes:
        wrapping: Wraps tenants' keys and the deployment's secret.
        check: Recognises the master key and reveals nothing about it.
    """

    wrapping: Key
    check: bytes

    def __repr__(self) -> str:
        return "Master()"

    @classmethod
    def of(cls, material: bytes) -> "Master":
        """Derive both uses from the master key.

        Raises:
            KeyMismatch: It is not 32 bytes long.
        """
        if len(material) != KEY_BYTES:
            raise KeyMismatch(f"the master key has {len(material)} bytes; {KEY_BYTES} are needed")
        wrapping = Key("master", _expanded(material, b"partywall/1/wrap"))
        return cls(wrapping=wrapping, check=_expanded(material, b"partywall/1/check"))

    def recognises(self, check: bytes) -> bool:
        """True if this is the master key the database was made with."""
        return hmac.compare_digest(self.check, check)


def _expanded(material: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(material)
