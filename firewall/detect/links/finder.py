"""Finder: every stretch of a text that some chat client would fetch or make clickable.

Clients disagree about where a link begins and ends, and an attacker lives in the difference. So this is no
parser of one client's markup: it sees whatever any of them would, and a link reaches as far as the greediest
of them takes it, to the next space or angle bracket. A link that is cut too long costs some words; one that
is judged too short is read by its client as another one.

Each segment is looked at by itself (see `segments`), so that a stream is cut as its whole would be.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from firewall.detect.links.domains import linked
from firewall.detect.links.forms import forms
from firewall.detect.segments import bounds

# No link is without one of these signs, directly before something. Spelt for speed.
_SIGN = re.compile(r"[.:\\&](?=[^\s.])|//|\]\(")
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.\-])([A-Za-z0-9+.\-]++):([/\\]*+)(?=[^\s<>])")
_DOTTED = re.compile(r"(?<![\w\-])[\w\-]++(?:\.[\w\-]++)++")
# Where a client that knows no other letters than ASCII's lets one begin.
_BEHIND = re.compile(r"(?<=[^\x00-\x7f])[A-Za-z0-9_\-]++(?:\.[\w\-]++)++")
_RUN = re.compile(r"[^\s<>]*")
_REST = re.compile(r"\.?(:[0-9]{1,5}(?![0-9]))?((?:[/?#\\][^\s<>]*)?)")
# To whom slashes, backslashes and none at all are the same.
_SPECIAL = frozenset({"http", "https", "ftp", "ftps", "ws", "wss", "file"})
# Links without slashes, wherever they stand; and those that are so in angle brackets.
_OPAQUE = frozenset({"mailto", "javascript", "vbscript", "magnet", "view-source"})
_BRACKETED = frozenset({"tel", "sms", "callto", "facetime", "skype", "xmpp", "sip", "data", "geo"})
_DATA = re.compile(r"(?i)data:[a-z]+/[a-z0-9.+-]+[;,]")
_BEGINS = re.compile(r"[\w\[@%]")
# What stands before a destination: a Markdown link or image, a definition, an attribute, a function of CSS.
_INLINE = re.compile(r"\]\([ \t]{0,8}<?$")
# A destination that is left to the next line.
_LEFT = re.compile(r"\]\([ \t]{0,8}<?\s*$")
# One without a scheme of its own.
_RELATIVE = re.compile(r"(?:\][(:][ \t]{0,8}<?|=[ \t]{0,8}[\"']?)(?=[/\\]{2}[^\s<>])")
# The same with a host in which no name is seen, such as a number in whatever notation: it counts anywhere.
_NUMBER = r"(?:0x[0-9a-f]*+|[0-9]++)"
_UNNAMED = re.compile(
    rf"(?i)(?=[/\\]{{2}}(?:(?:[^\s<>/?#\\@]*+@)?"
    rf"(?:\[[0-9a-f:.]++\]|{_NUMBER}(?:\.{_NUMBER})++|0x[0-9a-f]++|[0-9]{{8,}}+)\.?(?::[0-9]++)?[/?#\\]"
    r"|[^\s<>/?#\\%]*+%[0-9a-f]{2}|[a-z0-9.\-]++[\u3002\uff61]))"
)
# A name before an `@` may hold spaces and angle brackets to some reader, so that what looks like a host of
# the list is none. Markdown's `(<…>)` and quotation marks reach to the closing one, over line breaks too.
_NAMED = re.compile(
    r"(?:[A-Za-z0-9+.\-]++:)?[/\\]*+[^ \t-\r/?#@&]*+(?:[@&](?=[^\s<>])|(?<=[\u3002\uff01\uff1f])\Z)"
)
_WORDS = re.compile(r"[^<>]*+>")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9+.\-]++:)?[/\\]*+[^/?#\\]*+")
_ENCLOSED = re.compile(r"(?i)(?:^|\]\(|\]:)\s{0,8}(<)$|(?:^|=|\burl\()\s{0,8}([\"'])$")
_CODE = re.compile(r"`+[^`]*`+")
_OPENS = re.compile(r"(?<!\\)\[")
_DEFINED = re.compile(r"\]:[ \t]{0,8}<?$")
_ATTRIBUTE = re.compile(r"(?i)\b([a-z]{1,16})[ \t]{0,8}=[ \t]{0,8}[\"']?$")
_CSS = re.compile(r"(?i)\burl\([ \t]{0,8}[\"']?$")
_HREF = "href"
_NAMES = frozenset({_HREF, "src", "srcset", "poster", "background", "data", "action", "formaction", "cite"})
_LOOK_BACK = 40
_WORDS_BACK = 1_000
# A line of more links is cut from there on: looking at each would take the square of their number.
_MOST = 64
# Marks that end a sentence or a piece of markup rather than a link.
_ENDS = ".,;:!?'\")]}*_~`|"
# Inside a link that may stand, another one begins only behind a mark that could have ended the first.
_INNER = re.compile(r"[A-Za-z0-9_=/%&?#+.~@:\-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A stretch `[start, stop)` that is to be cut if the link may not stand.

    Attributes:
        url: The link as the greediest client takes it.
        fetched: True if a client may fetch it without being asked to.
    """

    start: int
    stop: int
    url: str
    fetched: bool = False

    def __repr__(self) -> str:
        return f"Link([{self.start}, {self.stop}), fetched={self.fetched})"


def glance(text: str) -> bool:
    """False only if there is no link in the text, nor in any piece of it."""
    return not text.isascii() or _SIGN.search(text) is not None


def links(text: str, *, pipes: bool = False) -> Sequence[Link]:
    """Find every link, in order of start; may overlap.

    Args:
        text: What would be shown.
        pipes: True where `<address|words>` is a link, as on Slack; elsewhere a bar is part of an address.
    """
    if not glance(text):
        return ()
    found: set[Link] = set()
    for start, stop in pairwise((0, *bounds(text), len(text))):
        segment = text[start:stop]
        if glance(segment):
            for shown, way in forms(segment):
                for each in _bounded(_Look(shown, pipes=pipes).links(), len(shown)):
                    first, last = way(each.start, each.stop)
                    found.add(
                        Link(start=start + first, stop=start + last, url=each.url, fetched=each.fetched)
                    )
    return sorted(found, key=lambda link: (link.start, link.stop, link.url))


def _bounded(found: Iterator[Link], size: int) -> Iterator[Link]:
    first = size
    for number, link in enumerate(found):
        if number == _MOST:
            # Those that follow may begin before it, but not before the first.
            yield Link(start=first, stop=size, url="", fetched=True)
            return
        first = min(first, link.start)
        yield link


class _Look:
    """One look at one form of a segment."""

    def __init__(self, text: str, *, pipes: bool) -> None:
        self._text = text
        self._pipes = pipes
        self._runs: list[tuple[int, int]] = []

    def links(self) -> Iterator[Link]:
        if ":" in self._text:
            for found in _SCHEME.finditer(self._text):
                if self._is_link(found[1].lower(), found) and not self._inner(found.start()):
                    yield self._whole(found.start())
        yield from self._relative()
        for dotted in (_DOTTED,) if self._text.isascii() else (_DOTTED, _BEHIND):
            for found in dotted.finditer(self._text):
                link = self._domain(*found.span())
                if link is not None:
                    yield link
        left = _LEFT.search(self._text)
        if left is not None and _is_image(self._text, left.start() + 1):
            yield Link(start=left.start() + 1, stop=left.start() + 2, url="", fetched=True)

    def _relative(self) -> Iterator[Link]:
        """Give the links that begin with two slashes."""
        for found in _RELATIVE.finditer(self._text):
            if found[0][0] == "]" or _attribute(self._text[max(0, found.end() - _LOOK_BACK) : found.end()]):
                yield self._whole(found.end())
        for found in _UNNAMED.finditer(self._text):
            if not self._inner(found.start()):
                yield self._whole(found.start())

    def _inner(self, start: int) -> bool:
        """True for what is a piece of a link that was found before."""
        if not any(first < start < last for first, last in self._runs):
            return False
        return _INNER.match(self._text, start - 1) is not None

    def _is_link(self, scheme: str, found: re.Match[str]) -> bool:
        text, slashes = self._text, found[2]
        if slashes.startswith("//"):
            return True
        if scheme in _SPECIAL:
            return slashes != "" or _BEGINS.match(text, found.end()) is not None
        if scheme in _OPAQUE or _DATA.match(text, found.start()):
            return True
        before = text[max(0, found.start() - _LOOK_BACK) : found.start()]
        if before.endswith("<"):
            return scheme in _BRACKETED or (self._pipes and text[found.end()] != ":")
        return _INLINE.search(before) is not None or _attribute(before) is not None

    def _whole(self, start: int) -> Link:
        stop = self._run(start)
        if self._pipes and self._text[start - 1 : start] == "<":
            bar = self._text.find("|", start, stop)
            # What is never closed is no link of Slack's own, and its bar may be a piece of a name.
            stop = bar if bar >= 0 and _WORDS.match(self._text, bar) is not None else stop
        self._runs.append((start, stop))
        return self._placed(start, stop)

    def _run(self, start: int) -> int:
        """Give where a link ends; the attack is `](<https://allowed.example @16909060/?d=…>)`."""
        text = self._text
        stop = _stop(_RUN, text, start)
        enclosed = _ENCLOSED.search(text[max(0, start - _LOOK_BACK) : start])
        if enclosed is not None:
            closing = text.find(enclosed[2] or ">", start)
            closing = len(text) if closing < 0 else closing
            return closing if min(_stop(_AUTHORITY, text, start), closing) > stop else stop
        named = _stop(_NAMED, text, start)
        bracketed = text[start - 1 : start] == "<" and text[stop : stop + 1] == ">"
        return _stop(_RUN, text, named) if named > stop and not bracketed else stop

    def _domain(self, start: int, stop: int) -> Link | None:
        text = self._text
        while start < stop and text[start] in "_-":
            start += 1
        rest = _REST.match(text, stop)
        if rest is None or not rest[0].strip(_ENDS):
            while stop > start and text[stop - 1] in "_-":
                stop -= 1
        port = rest is not None and rest[1] is not None
        more = rest is not None and rest[2].strip(_ENDS + "?/#\\") != ""
        slash = rest is not None and rest[2].startswith(("/", "\\"))
        before = text[max(0, start - 2) : start]
        if (before.endswith("@") and not (more or slash)) or self._inner(start):
            return None
        twice = len(before) == 2 and not before.strip("/\\")
        if before.endswith(("/", "\\")) and not twice:
            # A piece of a path; no client begins there.
            return None
        if not linked(text[start:stop].split("."), port=port, rest=more or slash):
            return None
        end = rest.end() if rest is not None and (port or more or slash) else stop
        # Two slashes are cut as well: they would make an address of a marker.
        start -= 2 * twice
        self._runs.append((start, end))
        return self._placed(start, end, bare=end == stop)

    def _placed(self, start: int, stop: int, *, bare: bool = False) -> Link:
        """Make the link of a run, with the marks around it that would make a link of what is left."""
        text = self._text
        while stop > start + 1 and text[stop - 1] in _ENDS:
            stop -= 1
        # At most three of the marks behind it are no part of it to whoever compares it.
        tail = _RUN.match(text, stop)
        marks = tail[0] if tail is not None else ""
        if self._pipes and text[start - 1 : start] == "<":
            marks = marks.partition("|")[0]
        url = text[start:stop] + ("" if bare or len(marks) <= 3 else marks)
        before = text[max(0, start - _LOOK_BACK) : start]
        first, last = self._around(before, start, stop)
        return Link(start=first, stop=last, url=url, fetched=self._fetched(before, start))

    def _around(self, before: str, start: int, stop: int) -> tuple[int, int]:
        """Take the marks along that would leave `[words](…)`, `[words]: …` or `<…>` behind."""
        text = self._text
        opening = _INLINE.search(before) or _DEFINED.search(before)
        if opening is not None:
            start -= len(before) - opening.start() - 1
        elif before.endswith("<"):
            start -= 1
        if text[start] in "<:(" and text[stop : stop + 1] in (">", "|"):
            stop += 1
        if text[start] == "(" and text[stop : stop + 1] == ")":
            stop += 1
        return start, stop

    def _fetched(self, before: str, start: int) -> bool:
        """True for an image, or where it cannot be told from one within the segment."""
        if _DEFINED.search(before) or _CSS.search(before):
            return True
        inline = _INLINE.search(before)
        if inline is not None:
            return _is_image(self._text, start - len(before) + inline.start() + 1)
        return _attribute(before) not in (None, _HREF)


def _stop(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found is not None else start


def _is_image(text: str, stop: int) -> bool:
    """True for words in brackets that are, or may be, an image's, which may begin in a line above."""
    before = text[max(0, stop - _WORDS_BACK) : stop]
    bare = _CODE.sub("", before)
    return "![" in before or any(len(_OPENS.findall(each)) < each.count("]") for each in (before, bare))


def _attribute(before: str) -> str | None:
    """Give the attribute of HTML that a destination is the value of."""
    found = _ATTRIBUTE.search(before)
    name = found[1].lower() if found is not None else ""
    return name if name in _NAMES else None
