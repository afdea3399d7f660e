"""Validators: what a value of some format must be beyond its shape; each one says what it rests on.

A validator is asked about the secret alone. One that raises counts as agreed (`holds`): a value that breaks
the check is not shown to be harmless.
"""

import base64
import binascii
import hashlib
import json
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import unquote

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_POLYMOD = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6
_WIF_BYTES = (33, 34)
_WIF_VERSIONS = frozenset({0x80, 0xEF})
_SHA256_BYTES = 32
_TELEGRAM_BITS = 52
_DISCORD_EPOCH_BITS = 64
_VARIED = 8
_PLACEHOLDER = re.compile(
    r"(?i)^(?:.*(?:example|placeholder|changeme|change[_-]me|redacted|dummy|insert[_-]|replace[_-]|your[_-]?"
    r"|my[_-]?(?:secret|token|key|pass)|enter[_-]|todo|fixme|foobar|\.\.\.|xxxx|\*\*\*|<|>|\{\{|\}\}|\$\{|\$\().*"
    r"|pass(?:word|wd)?|secret|token|username|user|none|null|nil|true|false|undefined|empty|hidden|default|test"
    r"|hunter2|\W*|(.)\1*|[$%@].*)$"
)
_REFERENCE = re.compile(
    r"^(?:[a-zA-Z_][\w]*(?:\.|::|->|\()|[./~\\]|[a-z][a-z0-9+.-]*://|\$|%\w+%|@\w|env[.:])"
)


def entropy(text: str) -> float:
    """Give Shannon's entropy of the characters of a text, in bits a character; 0 for none."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def aws_key_id(value: str) -> bool:
    """True if what follows the prefix is base32, which holds the account's number."""
    return re.fullmatch(r"[A-Z2-7]{16}", value[4:]) is not None


def azure_sas(value: str) -> bool:
    """True if the signature is the base64 of an HMAC-SHA256."""
    return len(base64.b64decode(unquote(value), validate=True)) == _SHA256_BYTES


def base58check(value: str) -> bool:
    """True if the last four bytes are the double SHA-256 of the others. Source: Bitcoin, base58check."""
    return _base58(value) is not None


def wif(value: str) -> bool:
    """True if the value is a private key in Bitcoin's wallet import format, with its checksum."""
    content = _base58(value)
    return content is not None and len(content) in _WIF_BYTES and content[0] in _WIF_VERSIONS


def bech32(value: str) -> bool:
    """True if the checksum over prefix and data holds. Source: BIP-173."""
    prefix, mark, data = value.lower().rpartition("1")
    words = [_BECH32.index(char) for char in data]
    check = 1
    for word in [*(ord(char) >> 5 for char in prefix), 0, *(ord(char) & 31 for char in prefix), *words]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ word
        for bit, generator in enumerate(_BECH32_POLYMOD):
            check ^= generator if top >> bit & 1 else 0
    return bool(mark) and check == 1


def crc32_base62(value: str) -> bool:
    """True if the last six characters are the CRC-32 of what stands between prefix and them, in base 62.

    Source: GitHub, "Behind GitHub's new authentication token formats"; npm took the same form.
    """
    body = value.split("_", 1)[1]
    text, number = body[-_CHECKSUM:], zlib.crc32(body[:-_CHECKSUM].encode("ascii"))
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits == text


def discord(value: str) -> bool:
    """True if the first part is the base64 of a number, the id of the bot."""
    first = value.split(".", 1)[0]
    number = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    return number.isdigit() and int(number) < 1 << _DISCORD_EPOCH_BITS


def telegram(value: str) -> bool:
    """True if the part before the colon can be the id of a bot: at most 52 bits. Source: Telegram Bot API."""
    number = value.split(":", 1)[0]
    return not number.startswith("0") and int(number) < 1 << _TELEGRAM_BITS


def jwt(value: str) -> bool:
    """True if the first part is the base64url of a JSON object. Source: RFC 7515, section 3."""
    first = value.split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError:
        return False
    return isinstance(header, dict)


def basic_auth(value: str) -> bool:
    """True if the value is the base64 of a name, a colon and a password. Source: RFC 7617."""
    try:
        return b":" in base64.b64decode(
            value + "=" * (-len(value) % 4), altchars=b"-_" if {*"-_"} & {*value} else None
        )
    except binascii.Error:
        return False


def pypi(value: str) -> bool:
    """True if the value is a macaroon of version 2 that names its location."""
    body = value.removeprefix("pypi-")
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).startswith(b"\x02\x01\x08")


def mixed(value: str) -> bool:
    """True if the value has capital letters, small letters and digits, as drawn tokens of its length have."""
    return all(re.search(kind, value) for kind in ("[A-Z]", "[a-z]", "[0-9]"))


def letters_digits(value: str) -> bool:
    """True if the value has letters and digits."""
    return all(re.search(kind, value) for kind in ("[A-Za-z]", "[0-9]"))


def varied(value: str) -> bool:
    """True if the value has a digit and eight different characters, and is no placeholder."""
    return len(set(value)) >= _VARIED and re.search("[0-9]", value) is not None and not_placeholder(value)


def not_placeholder(value: str) -> bool:
    """True if the value does not say that somebody is to put the real one there."""
    return _PLACEHOLDER.match(value) is None


def not_reference(value: str) -> bool:
    """True if the value is neither a placeholder nor the name of a variable, a path or an address."""
    return not_placeholder(value) and _REFERENCE.match(value) is None


def password(value: str) -> bool:
    """True if the value is made as passwords are: letters with digits, or many digits; no version."""
    if not not_reference(value) or re.fullmatch(r"v?[0-9]+(?:[.:-][0-9]+)+[a-z]{0,3}[0-9]*", value):
        return False
    return letters_digits(value) or re.fullmatch(r"[0-9]{10,}", value) is not None


VALIDATORS: Final[Mapping[str, Callable[[str], bool]]] = {
    check.__name__: check
    for check in (
        aws_key_id, azure_sas, base58check, wif, bech32, crc32_base62, discord, telegram, jwt, basic_auth,
        pypi, mixed, letters_digits, varied, not_placeholder, not_reference, password,
    )
}  # fmt: skip


def holds(check: Callable[[str], bool], value: str) -> bool:
    """Ask a validator; one that raises agrees, so that a fault of ours lets nothing through."""
    try:
        return check(value)
    except Exception:  # noqa: BLE001  (fail closed: whatever went wrong, the value is treated as a secret)
        return True


def _base58(value: str) -> bytes | None:
    number = 0
    for char in value:
        number = number * 58 + _BASE58.index(char)
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    content = b"\0" * (len(value) - len(value.lstrip("1"))) + content
    body, check = content[:-4], content[-4:]
    return body if hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4] == check else None
