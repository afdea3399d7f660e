"""Codecs: runs of characters that stand for bytes, wherever they begin and however they are broken.

Where a run begins is not asked: a path, a word or a quotation mark may touch it. It is decoded at every
phase instead (four for base64, two for hex), and what is readable there is kept. Random bytes are rarely so:
six in a row are printable once in 380 times, and words that are no code hardly ever decode to such bytes.

A broken run is looked for near a token that no word looks like: a letter beside a digit, a capital inside.
"""

import binascii
import re
from collections.abc import Iterator

from firewall.detect.disguise.ascii85 import runs as ascii85_runs
from firewall.detect.disguise.radices import SHORTEST_HEX, read_base32, read_codes, read_hex
from firewall.detect.disguise.readings import BARRIER, Budget, Draft, Reader, Run
from firewall.detect.disguise.sight import Sight, classes, promising

# Tokens that no word looks like belong to one run across so many characters of other tokens and spaces.
GAP = 40
# So far beyond its first and its last such token may a broken run go on.
REACH = 24
_LONGEST_SHORT = 11
_SHORTEST_DEFLATED = 16
SCRAPS = "scraps"


# Letters beside digits, `aA`, `AAa` and eight capitals; the second for text that is read from its end, where
# every capitalised word would look like code. Both begin with what is rare, so that all else is skipped.
_EVIDENCE = (
    re.compile(rb"0(?:(?<=[aA]0)|[aA])|A(?:(?<=aA)|(?<=AA)a|A{7})"),
    re.compile(rb"0(?:(?<=[aA]0)|[aA])|A(?:a|(?<=aA)A|A{7})"),
)
_TOKEN = re.compile(rb"[aA0+]*+")
_ORDINARY = str.maketrans("-_", "+/")
_UNPADDED = re.compile(r"[^=]+")


def decoded(look: Sight, budget: Budget) -> Iterator[tuple[str, Draft]]:
    """Give what each codec reads, by its name, with the ways back to `flat`; may be empty drafts.

    Names may have a second word: what was `compressed`, and `scraps`, in which nothing further is to be read.
    """
    for via, read in (
        ("base64", _base64),
        ("hex", read_hex),
        ("base32", read_base32),
        ("base85", _base85),
        ("codes", read_codes),
    ):
        reader = Reader(budget)
        read(look, reader)
        yield via, reader.plain
        yield f"{via} {SCRAPS}", reader.scraps
        yield f"{via} compressed", reader.unpacked


def regions(look: Sight) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Give where broken runs may stand, with the tokens in them that no word looks like, in order."""
    tokens: list[tuple[int, int]] = []
    for token in _tokens(look.classes, look.backwards):
        if tokens and not _joined(look.classes, tokens[-1][1], token[0]):
            yield (*_widened(look.classes, tokens), tokens)
            tokens = []
        tokens.append(token)
    if tokens:
        yield (*_widened(look.classes, tokens), tokens)


def _tokens(kinds: bytes, backwards: bool) -> Iterator[tuple[int, int]]:
    evidence, position = _EVIDENCE[backwards], 0
    while found := evidence.search(kinds, position):
        edge = max(kinds.rfind(b" ", position, found.start()), kinds.rfind(b".", position, found.start()))
        end = _TOKEN.match(kinds, found.end())
        start, position = max(position, edge + 1), end.end() if end else found.end()
        yield start, position


def _joined(kinds: bytes, stop: int, start: int) -> bool:
    return start - stop <= GAP and b"." not in kinds[stop:start]


def _widened(kinds: bytes, tokens: list[tuple[int, int]]) -> tuple[int, int]:
    start, stop = tokens[0][0], tokens[-1][1]
    first = max(0, start - REACH)
    edge = kinds.find(b".", stop, stop + REACH)
    return max(first, kinds.rfind(b".", first, start) + 1), min(
        len(kinds), stop + REACH if edge < 0 else edge
    )


def _base64(look: Sight, reader: Reader) -> None:
    for start, stop, tokens in regions(look):
        origin = look.place(start)
        code = look.flat[origin : look.place(stop)].translate(_ORDINARY)
        runs = [found.span() for found in _UNPADDED.finditer(code)]
        for first, last in runs:
            _phases64(reader, code[first:last], origin + first)
        separator = BARRIER
        for token in tokens:
            separator = _tight64(look, reader, token, separator)


def _phases64(reader: Reader, code: str, origin: int) -> None:
    for phase in range(4):
        data = _bytes64(code[phase:])
        # Where 32 bytes and more are text from the first to the last, another phase holds accidents only.
        if reader.read(data, Run(origin + phase, origin + len(code), 3, 4)):
            return
        if not phase and len(code) >= _SHORTEST_DEFLATED:
            reader.headless(data, Run(origin, origin + len(code)))


def _tight64(look: Sight, reader: Reader, token: tuple[int, int], separator: str) -> str:
    """Read what stands between spaces and padding: few characters, or deflate, which must begin there."""
    start, stop = token
    for found in _UNPADDED.finditer(look.text[start:stop].translate(_ORDINARY)):
        size = len(found[0])
        if size <= _LONGEST_SHORT and size >= 4 and size % 4 != 1:
            origin = look.place(start + found.start())
            reader.strict(_bytes64(found[0]), Run(origin, origin + size, 3, 4), separator)
            separator = "\n"
        elif size >= _SHORTEST_DEFLATED:
            origin = look.place(start + found.start())
            reader.headless(_bytes64(found[0]), Run(origin, origin + size))
    return separator


def _bytes64(code: str) -> bytes:
    # One character over says nothing; two or three say one byte or two.
    whole = len(code) - (len(code) % 4 == 1)
    return binascii.a2b_base64(code[:whole] + "=" * (-whole % 4))


def _has_evidence(run: str) -> bool:
    return promising(classes(run))


def _base85(look: Sight, reader: Reader) -> None:
    for found in ascii85_runs(look.text, _has_evidence):
        origin = look.place(found.start) + found.place
        stop = origin + found.size
        run = (
            Run(origin, stop, 4, 5) if found.even else Run(origin, stop, max(1, len(found.data)), found.size)
        )
        reader.read(found.data, run, SHORTEST_HEX)
