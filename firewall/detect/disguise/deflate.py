"""Deflate: what was compressed, by gzip, by zlib or bare, spread out only as far as it may still be read.

The attacks: a few kilobytes that say gigabytes; a thousand headers that share their bytes, each of which
begins a stream that says much and then breaks; a stream whose check sum is wrong, which every tool unpacks
with a warning; and one inside the other without end. So what a stream said counts whether or not it ends
well, each try counts, and check sums do not.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

# The first bytes of gzip, and of zlib at its usual windows and levels.
_HEADER = re.compile(rb"\x1f\x8b\x08|[\x48\x58\x68\x78](?:\x01|\x5e|\x9c|\xda|\x89|\xc3|\x85|\x0d)")
_GZIP = 0x1F
_EXTRA, _NAME, _COMMENT, _CHECKED = 4, 8, 16, 2
_LONGEST_NAME = 65_536
# So much is read and written at once; of what stands before a fault no more than that is lost.
_FEED, _TAKE = 512, 256


class Inflated(NamedTuple):
    """What a stream says.

    Attributes:
        data: Its bytes, at most as many as were asked for.
        ended: True if it came to its own end.
    """

    data: bytes
    ended: bool = False


def bodies(data: bytes) -> Iterator[int]:
    """Give where deflate would begin behind each header in the bytes."""
    for found in _HEADER.finditer(data):
        start = found.start()
        body = _behind_gzip(data, start) if data[start] == _GZIP else _behind_zlib(data, start)
        if body is not None:
            yield body


def inflate(data: memoryview, most: int) -> Inflated:
    """Give what bare deflate says until it ends, breaks off, is wrong, or has said so many bytes."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    out = bytearray()
    with suppress(zlib.error):
        for start in range(0, len(data), _FEED):
            piece: bytes | memoryview = data[start : start + _FEED]
            while True:
                room = min(_TAKE, most - len(out))
                said = unpacker.decompress(piece, room)
                out += said
                if unpacker.eof or len(out) >= most:
                    return Inflated(bytes(out), ended=unpacker.eof)
                if len(said) < room:
                    break
                piece = unpacker.unconsumed_tail
    return Inflated(bytes(out))


def possible(data: bytes) -> bool:
    """True if the first block may be one of deflate: its kind is known, and a stored one says so twice."""
    kind = data[0] >> 1 & 3 if data else 3
    if kind == 0:
        return len(data) >= 5 and data[1] ^ data[3] == data[2] ^ data[4] == 0xFF
    return kind < 3


def _behind_zlib(data: bytes, start: int) -> int | None:
    return start + 2 if (data[start] << 8 | data[start + 1]) % 31 == 0 else None


def _behind_gzip(data: bytes, start: int) -> int | None:
    if start + 10 > len(data):
        return None
    flags, place = data[start + 3], start + 10
    if flags & _EXTRA:
        place += 2 + int.from_bytes(data[place : place + 2], "little")
    for named in (_NAME, _COMMENT):
        if flags & named:
            end = data.find(b"\0", place, place + _LONGEST_NAME)
            if end < 0:
                return None
            place = end + 1
    return place + 2 if flags & _CHECKED else place
