"""Base85 in both its alphabets, which take in nearly every character there is.

So it is looked for only where a token, a quotation mark or a sign such as `=` begins it, and read on only if
its first eight bytes are readable.
"""

import base64
import re
from collections.abc import Callable, Iterator

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
_ALPHABETS: tuple[tuple[re.Pattern[str], Callable[[str], bytes]], ...] = (
    (re.compile(r"[0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]+"), base64.b85decode),
    # `z` and `y` shorten zeros and spaces, which would put the way back out of step.
    (re.compile(r"[!-u]+"), base64.a85decode),
)


def symbolic(text: str) -> bool:
    """True if there are some signs in it that words have no use for."""
    return len(text.encode("ascii", "replace").translate(None, _USUAL)) >= _FEW


def runs(text: str, evident: Callable[[str], bool]) -> Iterator[tuple[int, bytes, int]]:
    """Give where each run starts in the text, its bytes, and how many characters without whitespace it has.

    Args:
        text: Whatever it is.
        evident: Says whether a token may be code at all.
    """
    for token in _tokens(text):
        run = "".join(token[0].split())
        if _SYMBOL.search(run) is None or not (symbolic(run) or evident(run)):
            continue
        # A line break stands behind the first line, and heads are looked for there only.
        line = token[0].split(maxsplit=1)[0]
        for place in _heads(line):
            for body, data in _readings(run[place:]):
                yield token.start() + place, data, len(body)


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
        places.add(found.end())
        if len(places) > _HEADS:
            break
    return sorted(places)


def _readings(run: str) -> Iterator[tuple[str, bytes]]:
    for alphabet, decode in _ALPHABETS:
        found = alphabet.match(run)
        sample = _decoded(decode, run[:_SAMPLE]) if found and found.end() >= _SAMPLE else None
        if found is None or sample is None or _READABLE.match(sample) is None:
            continue
        bodies = {found[0], found[0].partition("~>")[0], found[0].rstrip(_CLOSING)}
        for body in sorted(bodies, key=len):
            yield body, _longest(decode, body)


def _longest(decode: Callable[[str], bytes], body: str) -> bytes:
    """Decode as far as it can be decoded."""
    out: list[bytes] = []
    for start in range(0, len(body), _BLOCK):
        block = body[start : start + _BLOCK]
        data = _decoded(decode, block)
        if data is None:
            groups = (_decoded(decode, block[place : place + 5]) for place in range(0, len(block), 5))
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
