"""Forms: a text as its readers undo it before they look for links, and the way back.

A client drops what is invisible and folds full-width letters; Telegram's and Slack's markup undo HTML
entities, and Markdown takes a backslash before a mark away.
"""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import TypeAlias

from firewall.detect.normal import PLAIN

_ESCAPE = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});?|\\([!-/:-@\[-`{-~])"
)
Way: TypeAlias = Callable[[int, int], tuple[int, int]]


def forms(text: str) -> Iterator[tuple[str, Way]]:
    """Give a text as it stands, and as its readers undo it where that differs; each with the way back."""
    yield text, _same
    plain, back = text, _same
    if not text.isascii() or not text.isprintable():
        normal = PLAIN.normal(text)
        if normal.text != text:
            plain, back = normal.text, normal.span
            yield plain, back
    if "&" in plain or "\\" in plain:
        undone, way = _undone(plain)
        if undone != plain:
            yield undone, _joined(way, back)


def _same(start: int, stop: int) -> tuple[int, int]:
    return start, stop


def _joined(first: Way, second: Way) -> Way:
    return lambda start, stop: second(*first(start, stop))


def _undone(text: str) -> tuple[str, Way]:
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    position = 0
    for found in _ESCAPE.finditer(text):
        pieces.append(text[position : found.start()])
        places += ((index, index + 1) for index in range(position, found.start()))
        # What an entity stands for may be invisible or full-width itself.
        says = PLAIN.fold(found[1] or unescape(found[0]))
        pieces.append(says)
        places += [found.span()] * len(says)
        position = found.end()
    pieces.append(text[position:])
    places += ((index, index + 1) for index in range(position, len(text)))
    return "".join(pieces), lambda start, stop: (places[start][0], places[stop - 1][1])
