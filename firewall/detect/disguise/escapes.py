"""Escapes: characters written as something else among characters that stand as they are.

A text is read near its escapes only, so a page of a megabyte with a few of them costs little. A value that
is longer than what is read around an escape is still found in parts, here and in the text itself.
"""

import html
import json
import quopri
import re
import sys
from collections.abc import Callable
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from firewall.detect.disguise.readings import Budget, Draft, Run

# How much is read on each side of an escape.
AROUND = 1024

_Write: TypeAlias = Callable[[Draft, str, int], None]
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "a": "\a"}


class Escape(NamedTuple):
    """One way to write a character as something else.

    Attributes:
        via: Its name in `View.via`.
        sign: What stands in the text if it is there at all.
        pattern: A run of escapes.
        write: Writes what a run says.
    """

    via: str
    sign: str
    pattern: re.Pattern[str]
    write: _Write


def _percent(draft: Draft, run: str, origin: int) -> None:
    draft.octets(unquote_to_bytes(run), Run(origin, origin + len(run), 1, 3))


def _entity(draft: Draft, run: str, origin: int) -> None:
    draft.whole(html.unescape(run), origin, origin + len(run))


def _quoted(draft: Draft, run: str, origin: int) -> None:
    # A soft line break says nothing, which `quopri` does not see if spaces stand in it.
    if not run.endswith("\n"):
        draft.octets(quopri.decodestring(run.encode()), Run(origin, origin + len(run), 1, 3))


def _backslash(draft: Draft, run: str, origin: int) -> None:
    stop, kind = origin + len(run), run[1]
    if run.startswith("\\u{") or kind == "U":
        code = int(run[2:].strip("{}"), 16)
        draft.whole(chr(code) if code <= sys.maxunicode else run, origin, stop)
    elif kind == "u":
        # Two surrogates are one character, so a pair comes alone; elsewhere each escape is one.
        said = json.loads(f'"{run}"')
        draft.each(said, Run(origin, stop, 1, len(run) // len(said)))
    elif kind == "x":
        draft.octets(bytes.fromhex(run.replace("\\x", "")), Run(origin, stop, 1, 4))
    elif kind == "\\":
        draft.each(run[::2], Run(origin, stop, 1, 2))
    elif len(run) > len("\\n"):
        draft.octets(bytes(int(each, 8) for each in run[1:].split("\\")), Run(origin, stop, 1, 4))
    else:
        draft.whole(_SHORT.get(kind, kind), origin, stop)


ESCAPES = (
    Escape("percent", "%", re.compile(r"(?:%[0-9A-Fa-f]{2})++"), _percent),
    Escape(
        "entities",
        "&",
        re.compile(
            r"&(?:#[0-9]{1,7}+;?|#[xX][0-9A-Fa-f]{1,6}+;?|[A-Za-z][A-Za-z0-9]{1,31}+;|amp|lt|gt|quot)"
        ),
        _entity,
    ),
    Escape(
        "escapes",
        "\\",
        re.compile(
            r"\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}"
            r"|(?:\\u(?![dD][89a-fA-F])[0-9A-Fa-f]{4})++|\\u\{[0-9A-Fa-f]{1,6}\}|\\U[0-9A-Fa-f]{8}"
            r"|(?:\\x[0-9A-Fa-f]{2})++|(?:\\[0-3][0-7]{2})++|\\[\"'/nrtbfv0a]"
            # Nothing is hidden by a row of backslashes that no escape follows, as in drawings made of them.
            r"|(?<!\\)(?:\\\\)++(?=\\?[\"'/nrtbfvuUx0-9a])"
        ),
        _backslash,
    ),
    Escape("quoted-printable", "=", re.compile(r"(?:=[0-9A-F]{2})++|=[ \t]{0,8}\r?\n"), _quoted),
)


def written(text: str, escape: Escape, budget: Budget) -> Draft:
    """Give what a text says with one kind of escape undone; nothing where there is none."""
    draft = Draft(budget)
    done = 0
    last = -1
    for found in escape.pattern.finditer(text):
        start, stop = found.span()
        if last < 0 or start - last > 2 * AROUND:
            if last >= 0:
                draft.copy(text[done : last + AROUND], done)
                draft.part()
            done = max(0, start - AROUND)
        draft.copy(text[done:start], done)
        escape.write(draft, found[0], start)
        done = last = stop
    if last >= 0:
        draft.copy(text[done : last + AROUND], done)
    return draft
