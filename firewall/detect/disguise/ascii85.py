"""Base85 in both its alphabets, which take in nearly every character there is.

So it is read where a token, a quotation mark or a sign such as `=` begins it, if its first eight bytes are
readable; and where other words are glued to its front, from the first of three groups that may be text: a
group that says four characters of ASCII begins with one of thirty-one characters.
"""

import base64
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

# A token, and those on the lines that follow it if nothing else stands on them.
_TOKEN = re.compile(r"[!-~]{10,}+(?:\r?\n[!-~]{10,}+)*+")
_HEAD = re.compile(r"^[\"'`(\[{<]*+~?|[\"'`=:(>~]")
# Nothing of the kind stands in words, paths and addresses.
# Base64 has none of these, and a few of them are what makes a token of no letters code.
_SYMBOL = re.compile(r"[^A-Za-z0-9+/=_-]")
_RARE = b"#$%&*+;<=>@[\\]^`{|}~"
_USUAL = bytes(code for code in range(256) if code not in _RARE)
_FEW = 3
_CLOSING = ".,;:!?)]}'\"`>"
_PRINTED = bytes(ord("x" if ord("!") <= code <= ord("~") else " ") for code in range(256))
_TEN = b"x" * 10
_HEADS = 16
_SAMPLE = 10
_BLOCK = 320
_READABLE = re.compile(rb"[\t\n\r -~\x80-\xff]{8}|\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_GROUP = 5
# From 0x20202020 // 85**4 to 0x7e7e7e7e // 85**4 is the first digit of a group of readable ASCII.
_FIRST = slice(10, 41)
_GROUPS = re.compile(rb"f{3,}+")
_SOME = re.compile(rb"f[fc]{4}f[fc]{4}f")
# What stands before two groups that are all text.
_OTHER = re.compile(rb"(?:(?![\t\n\r -~]{8}).{1,4})*+", re.DOTALL)


class _Alphabet(NamedTuple):
    """One of the two: what a run of it is, its first eight bytes, how it is decoded, and its characters.

    `kinds` has `f` for what begins a group of readable ASCII, `c` for other code, and nothing for all else.
    """

    run: re.Pattern[str]
    head: re.Pattern[str]
    decode: Callable[[str], bytes]
    kinds: bytes


def _kinds(digits: str) -> bytes:
    first = digits[_FIRST]
    return bytes(
        ord("f") if chr(code) in first else ord("c" if chr(code) in digits else " ") for code in range(256)
    )


_RFC1924 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"
_ASCII85 = "".join(map(chr, range(ord("!"), ord("u") + 1)))
_ALPHABETS = (
    _Alphabet(
        run=re.compile(r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+"),
        head=re.compile(r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{10}"),
        decode=base64.b85decode,
        kinds=_kinds(_RFC1924),
    ),
    # `z` and `y` shorten zeros and spaces, which puts the way back out of step: see `_shortened`.
    _Alphabet(
        run=re.compile(r"[!-u]+"),
        head=re.compile(r"(?:[!-u]{5}|[zy]){2}"),
        decode=partial(base64.a85decode, foldspaces=True),
        kinds=_kinds(_ASCII85),
    ),
)
_SHORT = re.compile(r"[!-u]+|[zy]")
_ZEROS = re.compile(r"z*+")


class Read(NamedTuple):
    """What a run says.

    Attributes:
        start: Where the token begins in the text.
        place: How many characters without whitespace stand in the token before the run.
        size: How many characters without whitespace it has.
        data: What it says.
        even: True if every five characters say four bytes.
    """

    start: int
    place: int
    size: int
    data: bytes
    even: bool = True


def symbolic(text: str) -> bool:
    """True if there are some signs in it that words have no use for."""
    return len(text.encode("ascii", "replace").translate(None, _USUAL)) >= _FEW


def runs(text: str, evident: Callable[[str], bool]) -> Iterator[Read]:
    """Give what each run says, in no order; some may be given twice.

    Args:
        text: Whatever it is.
        evident: Says whether a token may be code at all.
    """
    for token in _tokens(text):
        run = "".join(token[0].split())
        if _SYMBOL.search(run) is None or not (symbolic(run) or evident(run)):
            continue
        # A line break stands behind the first line, and heads are looked for there only.
        heads = _heads(token[0].split(maxsplit=1)[0])
        for place in heads:
            yield from _headed(token.start(), run, place)
        yield from _glued(token.start(), run, {0, *heads})


def _tokens(text: str) -> Iterator[re.Match[str]]:
    # A search in bytes of two kinds skips the words many times faster than the expression does.
    kinds = text.encode("ascii", "replace").translate(_PRINTED) if text.isascii() else b""
    if not kinds:
        yield from _TOKEN.finditer(text)
        return
    position = kinds.find(_TEN)
    while position >= 0:
        token = _TOKEN.match(text, position)
        if token is None:
            return
        yield token
        position = kinds.find(_TEN, token.end())


def _heads(line: str) -> list[int]:
    places = {0}
    for found in _HEAD.finditer(line):
        # Zeros at the beginning say nothing.
        zeros = _ZEROS.match(line, found.end())
        places.add(zeros.end() if zeros else found.end())
        if len(places) > _HEADS:
            break
    return sorted(places)


def _headed(start: int, run: str, place: int) -> Iterator[Read]:
    """Read a run from a place where it may begin."""
    for alphabet in _ALPHABETS:
        if not _readable(alphabet, run, place):
            continue
        found = alphabet.run.match(run, place)
        body = found[0] if found else ""
        for each in sorted({body, body.partition("~>")[0], body.rstrip(_CLOSING)} - {""}, key=len):
            yield Read(start, place, len(each), _longest(alphabet.decode, each))
        if alphabet is _ALPHABETS[-1]:
            yield from _shortened(start, run, place, alphabet.decode)


def _shortened(start: int, run: str, place: int, decode: Callable[[str], bytes]) -> Iterator[Read]:
    """Read across the signs that stand for four zeros or spaces: all as one, and behind each of them."""
    out: list[bytes] = []
    at, signs = place, 0
    while (found := _SHORT.match(run, at)) is not None:
        data = _longest(decode, found[0])
        signs += found[0] in "zy"
        out.append(data)
        if signs and found[0] not in "zy":
            yield Read(start, at, len(found[0]), data)
        at = found.end()
        # The signs stand between groups; inside of one they end the run.
        if found[0] not in "zy" and (len(found[0]) % _GROUP or len(data) != len(found[0]) // _GROUP * 4):
            break
    if signs:
        yield Read(start, place, at - place, b"".join(out), even=False)


def _glued(start: int, run: str, heads: set[int]) -> Iterator[Read]:
    """Read from the first of some groups that are text, in whatever step they are."""
    for alphabet in _ALPHABETS:
        kinds = run.encode("ascii", "replace").translate(alphabet.kinds)
        # Most tokens hold no three such groups in any step, which one search tells.
        for phase in range(_GROUP if _SOME.search(kinds) else 0):
            done = stop = 0
            for found in _GROUPS.finditer(kinds[phase::_GROUP]):
                place, last = (phase + group * _GROUP for group in found.span())
                if place >= stop:
                    stop = _end(kinds, place)
                text = _longest(alphabet.decode, run, max(place, done), min(last, stop))
                before = _OTHER.match(text)
                skipped = before.end() // 4 * _GROUP if before else 0
                place = max(place, done) + skipped
                if place >= min(last, stop) - _GROUP:
                    continue
                # Each step is read once: what is read goes on to where it is no code any more.
                data = _longest(alphabet.decode, run, place, stop)
                done = place + -(-len(data) // 4) * _GROUP
                if place not in heads:
                    yield Read(start, place, stop - place, data)


def _end(kinds: bytes, place: int) -> int:
    found = kinds.find(b" ", place)
    return len(kinds) if found < 0 else found


def _readable(alphabet: _Alphabet, run: str, place: int) -> bool:
    head = alphabet.head.match(run, place)
    sample = _decoded(alphabet.decode, head[0]) if head else None
    return sample is not None and _READABLE.match(sample) is not None


def _longest(decode: Callable[[str], bytes], body: str, start: int = 0, stop: int = sys.maxsize) -> bytes:
    """Decode as far as it can be decoded."""
    out: list[bytes] = []
    for place in range(start, min(stop, len(body)), _BLOCK):
        block = body[place : min(place + _BLOCK, stop)]
        data = _decoded(decode, block)
        if data is None:
            groups = (_decoded(decode, block[each : each + _GROUP]) for each in range(0, len(block), _GROUP))
            for group in groups:
                if group is None:
                    break
                out.append(group)
            break
        out.append(data)
    return b"".join(out)


def _decoded(decode: Callable[[str], bytes], code: str) -> bytes | None:
    try:
        return decode(code)
    except ValueError:
        return None
