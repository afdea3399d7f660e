"""The bytes of a file, as the wall judges them: as text, or by their digest."""

import hashlib

# What no text holds. Bytes below the space are themselves wherever they stand in UTF-8.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f"))


def text_of(content: bytes) -> str | None:
    """Give bytes as the text they are, or None where they are something else."""
    # Not one by one: everybody waits while this runs, and a file may be long.
    if len(content.translate(None, _CONTROLS)) < len(content):
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def digest_of(content: bytes) -> str:
    """Give the SHA-256 by which a turn's own file is known again (`Act.opaque`), in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
