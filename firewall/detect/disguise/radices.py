"""Bytes in hex, in base32, and as the decimal codes of characters."""

import base64
import re

from firewall.detect.disguise.readings import Reader, Run
from firewall.detect.disguise.sight import LEAST_DIGITS, Sight, only

SHORTEST_HEX = 5
_LEAST_CODES = 3
_ALNUM = re.compile(rb"[aA0]*+")
_DIGITED = re.compile(rb"0(?:(?<=a0)|a)")
_HEX = re.compile(r"[0-9A-Fa-f]{10,}+")
_HEX_TIGHT = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{6,11}+(?![0-9A-Za-z])")
_HEX_MARKED = re.compile(
    r"0[xX][0-9A-Fa-f]{2}([,;:|-]?)0[xX][0-9A-Fa-f]{2}(?:\1(?:0[xX])[0-9A-Fa-f]{2})++"
    r"|[0-9A-Fa-f]{2}([,;:|_.-])[0-9A-Fa-f]{2}(?:\2[0-9A-Fa-f]{2})++"
)
_PAIR = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{2})")
# A full stop may end the sentence before, or stand in a number.
_CODES = re.compile(r"[0-9](?<![0-9][0-9])(?<![0-9]\.[0-9])[0-9]{0,6}+(?:[\s,;|]{1,3}+[0-9]{1,7}+)++")
_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(r"[0-9]+")
_BASE32_UPPER = re.compile(r"[A-Z2-7](?<![A-Za-z0-9][A-Z2-7])[A-Z2-7]{7,}+(?![A-Za-z0-9])")
_BASE32_LOWER = re.compile(r"[a-z2-7]{8,}")
_BASE32_BROKEN = re.compile(r"[A-Z2-7]{16,}+")
_BASE32_TAILS = (0, 2, 4, 5, 7)
_HEX_CLASSES = only(b"0123456789abcdefABCDEF", b",;:|_.-")
_BASE32_CLASSES = only(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def read_hex(look: Sight, reader: Reader) -> None:
    """Read runs of hex digits, alone or with one sign between every two."""
    if b"0" not in look.classes:
        return
    # A search in bytes of few kinds is many times faster than an expression, and mostly it is all.
    kinds = look.flat.encode("ascii", "replace").translate(_HEX_CLASSES)
    if b"xxxxxx" in kinds:
        _hex_runs(look, reader)
    if b"xx:xx:xx" in kinds or "0x" in look.flat or "0X" in look.flat:
        _hex_marked(look, reader)


def _hex_runs(look: Sight, reader: Reader) -> None:
    for found in _HEX_TIGHT.finditer(look.text):
        if len(found[0]) % 2 == 0 and _DIGIT.search(found[0]):
            origin = look.place(found.start())
            reader.strict(bytes.fromhex(found[0]), Run(origin, origin + len(found[0]), 1, 2))
    for found in _HEX.finditer(look.flat):
        if _DIGIT.search(found[0]) is None:
            continue
        for phase in range(2):
            digits = found[0][phase:]
            data = bytes.fromhex(digits[: len(digits) & ~1])
            reader.read(data, Run(found.start() + phase, found.end(), 1, 2), SHORTEST_HEX)


def _hex_marked(look: Sight, reader: Reader) -> None:
    for found in _HEX_MARKED.finditer(look.flat):
        pairs = "".join(_PAIR.findall(found[0]))
        run = Run(found.start(), found.end(), 1, -(-len(found[0]) // (len(pairs) // 2)))
        reader.read(bytes.fromhex(pairs), run, 3)


def read_base32(look: Sight, reader: Reader) -> None:
    """Read base32 in capitals, broken as well, and in small letters."""
    if b"xxxxxxxx" not in look.flat.encode("ascii", "replace").translate(_BASE32_CLASSES):
        _lower32(look, reader)
        return
    for found in _BASE32_UPPER.finditer(look.text):
        _read32(reader, found[0], look.place(found.start()))
    _lower32(look, reader)
    if look.flat != look.text:
        for found in _BASE32_BROKEN.finditer(look.flat):
            if _DIGIT.search(found[0]):
                _read32(reader, found[0], found.start())


def _lower32(look: Sight, reader: Reader) -> None:
    """Read what is in small letters and holds a digit, which no word does."""
    position = 0
    while found := _DIGITED.search(look.classes, position):
        end = _ALNUM.match(look.classes, found.end())
        stops = (look.classes.rfind(kind, position, found.start()) for kind in (b" ", b".", b"+"))
        start, position = max(position, max(stops) + 1), end.end() if end else found.end()
        run = look.text[start:position]
        if _BASE32_LOWER.fullmatch(run):
            _read32(reader, run.upper(), look.place(start))


def _read32(reader: Reader, code: str, origin: int) -> None:
    whole = len(code)
    while whole % 8 not in _BASE32_TAILS:
        whole -= 1
    data = base64.b32decode(code[:whole] + "=" * (-whole % 8))
    reader.read(data, Run(origin, origin + whole, 5, 8), SHORTEST_HEX)


def read_codes(look: Sight, reader: Reader) -> None:
    """Read the decimal codes of characters, with little between them."""
    if look.classes.count(b"0") < LEAST_DIGITS:
        return
    for found in _CODES.finditer(look.text):
        said: list[tuple[str, int, int]] = []
        for number in _NUMBER.finditer(found[0]):
            code = int(number[0])
            char = chr(code) if code < 0x110000 else "\0"
            if char.isprintable() or char in "\t\n\r":
                said.append((char, found.start() + number.start(), found.start() + number.end()))
            else:
                _write_codes(look, reader, said)
                said = []
        _write_codes(look, reader, said)


def _write_codes(look: Sight, reader: Reader, said: list[tuple[str, int, int]]) -> None:
    digits = sum(stop - start for _, start, stop in said)
    if len(said) < _LEAST_CODES or digits < LEAST_DIGITS:
        return
    reader.plain.part()
    for char, start, stop in said:
        origin = look.place(start)
        reader.plain.whole(char, origin, origin + stop - start)
