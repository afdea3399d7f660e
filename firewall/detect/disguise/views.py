"""Disguise: every reading of the runs in a text that say something else than what they look like.

A view is such a reading. What is found in it, by whatever detector, is found in the text: `span` tells which
stretch of the text to cut out. Views are read for views again, so base64 of percent of gzip is undone; and
text written from its end, in rot13, or with digits for letters is a view as well.

Nothing is passed because it is too large or too deep to be examined: that is an error, and whoever asked
denies. What is not well-formed is no reading and no error.

Each reading depends on its own run alone, which is what makes streams possible: see `breaks`.
"""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from firewall.core.errors import ServiceUnavailable
from firewall.detect.disguise.ascii85 import symbolic
from firewall.detect.disguise.codecs import SCRAPS, decoded
from firewall.detect.disguise.escapes import ESCAPES, written
from firewall.detect.disguise.invisible import hidden
from firewall.detect.disguise.readings import Budget, Draft, Way
from firewall.detect.disguise.sight import classes, promising, sight
from firewall.detect.normal import PLAIN

REVERSED, ROT13, LEET = "reversed", "rot13", "leet"
MIRRORS = frozenset({REVERSED, ROT13, LEET})
_LEAVES = ((LEET,), (SCRAPS,))
_MODES = frozenset({SCRAPS, "compressed"})
# Digits and signs that are read as letters; what holds digits of its own is not found this way.
_LEET = str.maketrans("013457@$", "oieastas")
_LEET_SIGNS = (b"a0", b"0a", b"A0", b"0A")
_CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\r") + b"\x7f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is examined before a text counts as too deep or too large.

    Attributes:
        depth: How many codecs one inside the other; the mirrors do not count.
        times: How many code points the readings may have, for each of the text,
        extra: and how many more.
        views: How many views there may be.
    """

    depth: int = 8
    times: int = 8
    extra: int = 65_536
    views: int = 4_096


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One reading of runs in a text.

    Attributes:
        text: What they say; readings of different runs are kept apart by `readings.BARRIER`.
        via: What was undone, outermost first. The last of them may be one of `MIRRORS`.
    """

    text: str
    via: tuple[str, ...] = ()
    parent: "View | None" = None
    way: Way | None = None

    def __repr__(self) -> str:
        return f"View({len(self.text)} characters, via={self.via})"

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Give the smallest stretch of the original text that holds what `[start, stop)` was read from."""
        if self.way is not None:
            start, stop = self.way.span(start, stop)
        return (start, stop) if self.parent is None else self.parent.span(start, stop)

    def made(self, text: str, way: Way | None, *via: str) -> "View":
        """Give a view of this view."""
        return View(text=text, via=(*self.via, *via), parent=self, way=way)


def views(text: str, limits: Limits = LIMITS, *, mirrors: bool = True) -> Sequence[View]:
    """Give every reading of runs in a text, outer ones first; of most texts only the mirrors.

    Args:
        text: What is read.
        limits: How much of it.
        mirrors: False leaves out what is read from its end, in rot13, or with digits for letters.

    Raises:
        ServiceUnavailable: There is more than `limits` allow to examine.
    """
    return _Search(text, limits, mirrors=mirrors).run() if text else ()


def undisguised(text: str) -> bool:
    """True only if no run in this text, nor in any piece of it, has a reading other than a mirror."""
    signs = any(escape.sign in text for escape in ESCAPES)
    return text.isascii() and not signs and not symbolic(text) and not promising(classes(text))


class _Backwards:
    """The way back from text that is read from its end."""

    def __init__(self, length: int) -> None:
        self._length = length

    def span(self, start: int, stop: int) -> tuple[int, int]:
        return self._length - stop, self._length - start


class _Search:
    def __init__(self, text: str, limits: Limits, *, mirrors: bool) -> None:
        self._limits = limits
        self._mirrors = mirrors
        self._budget = Budget(limits.times * len(text) + limits.extra)
        self._found = [View(text=text)]
        self._seen: set[tuple[str, int, int, bool]] = set()
        # Mirrors of text that holds nothing to decode; they do not either.
        self._idle: set[int] = set()

    def run(self) -> Sequence[View]:
        for view in self._found:
            if view.via[-1:] not in _LEAVES and id(view) not in self._idle:
                self._expand(view)
        return self._found[1:]

    def _expand(self, view: View) -> None:
        if not view.text.isascii():
            for via, draft in hidden(view.text, self._budget):
                self._decoded(view, via, draft)
        base = _plain(view)
        kinds = classes(base.text)
        promise = promising(kinds) or symbolic(base.text)
        signs = [escape for escape in ESCAPES if escape.sign in base.text]
        for escape in signs:
            self._decoded(base, escape.via, written(base.text, escape, self._budget))
        if promise:
            look = sight(base.text, kinds, backwards=REVERSED in view.via)
            flat = base.made(look.flat, look)
            for via, draft in decoded(look, self._budget):
                self._decoded(flat, via, draft)
        if self._mirrors:
            self._mirror(base, kinds, idle=not (promise or signs))

    def _mirror(self, base: View, kinds: bytes, *, idle: bool) -> None:
        text = base.text
        # Of the two orders in which both can be undone one is enough.
        if REVERSED not in base.via and base.via[-1:] != (ROT13,):
            mirror = base.made(text[::-1], _Backwards(len(text)), REVERSED)
            self._keep(mirror, idle=idle)
            if idle and ROT13 not in base.via:
                self._keep(mirror.made(codecs.encode(mirror.text, "rot13"), None, ROT13), idle=True)
        if ROT13 not in base.via:
            self._keep(base.made(codecs.encode(text, "rot13"), None, ROT13), idle=idle)
        if "@" in text or "$" in text or any(sign in kinds for sign in _LEET_SIGNS):
            self._keep(base.made(text.translate(_LEET), None, LEET), idle=True)

    def _decoded(self, parent: View, via: str, draft: Draft) -> None:
        if not draft:
            return
        view = parent.made(draft.text(), draft.way(), *via.split())
        if _depth(view) > self._limits.depth:
            raise ServiceUnavailable(
                f"a text holds more than {self._limits.depth} encodings one inside the other, which is too "
                "deep to examine; nothing of it is let through. Ask for it without the encodings"
            )
        identity = _identity(view)
        if identity not in self._seen:
            self._seen.add(identity)
            self._keep(view, idle=False)

    def _keep(self, view: View, *, idle: bool) -> None:
        if len(self._found) > self._limits.views:
            raise ServiceUnavailable(
                f"a text can be read in more than {self._limits.views} ways, which is too much to examine; "
                "nothing of it is let through. Ask for it in smaller pieces, or without the encodings"
            )
        self._found.append(view)
        if idle:
            self._idle.add(id(view))


def _plain(view: View) -> View:
    """Give the view as a reader sees it: full-width letters and what is invisible are no part of a run."""
    if view.text.isascii() and len(view.text.encode().translate(None, _CONTROLS)) == len(view.text):
        return view
    return view.made(PLAIN.fold(view.text), PLAIN.back(view.text))


def _depth(view: View) -> int:
    return sum(via not in MIRRORS | _MODES for via in view.via)


def _identity(view: View) -> tuple[str, int, int, bool]:
    """Tell readings apart; the same words read from another place are another reading."""
    first, last = view.span(0, 1), view.span(len(view.text) - 1, len(view.text))
    return view.text, first[0], last[1], REVERSED in view.via
