"""Laws of links: nothing is left that a client would link, and a stream is cut as its whole."""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from linkify_it import LinkifyIt  # type: ignore[import-untyped]  # it ships no types
from markdown_it import MarkdownIt

from firewall.core.match import Match
from firewall.detect.links.finder import links
from firewall.detect.links.hosts import HostList
from firewall.detect.marker import LINK, redacted
from firewall.detect.segments import bounds
from firewall.detect.stream import Holdback

EXAMPLES = int(os.environ.get("PARTYWALL_LINKS", "12"))
LISTED = HostList(names=("docs.example.org", ".example.net"))
HOSTS = [
    *("evil.com", "x.evil.net", "kelp.evil.de", "docs.example.org.evil.com", "docs.example.org@evil.com"),
    *(
        "1.2.3.4",
        "0x7f000001",
        "2130706433",
        "[::1]",
        "evil.com.",
        "evil.com:8080",
        "ev\u0456l.com",
        "xn--80ak6aa92e.com",
    ),
    *("docs.example.org", "a.example.net"),
]
SCHEMES = ["https://", "http://", "HTTPS://", "https:\\\\", "ftp://", "//", "tg://", "https:/", ""]
TAILS = ["", "/", "/a/b?d=kelp", "?d=kelp", "#kelp", "/%6b%65", "/(x)", "/x_y*z*", "/a,b;c", "/x."]
WRITINGS = [
    *(
        "{}",
        "({})",
        "<{}>",
        "[t]({})",
        "![a]({})",
        '[t]({} "title")',
        "[t](<{}>)",
        "[![a]({})]({})",
        "[t]: {}",
    ),
    *(
        '<a href="{}">t</a>',
        "<img src='{}'>",
        "**{}**",
        "_{}_",
        "see {}, or",
        "<{}|words>",
        "`{}`",
        "|{}|",
        '"{}"',
    ),
]
DISGUISES: list[Callable[[str], str]] = [
    str,
    lambda url: url.replace(".", "\uff0e"),
    lambda url: url.replace(".", "&#46;"),
    lambda url: url.replace(":", "&colon;").replace("/", "&sol;"),
    lambda url: url.replace(".", "\\."),
    "\u200b".join,
    str.upper,
]


def address(disguise: Callable[[str], str], *parts: str) -> str:
    return disguise("".join(parts))


def written(form: str, url: str) -> str:
    return form.replace("{}", url)


URL = st.builds(
    address,
    st.sampled_from(DISGUISES),
    st.sampled_from(SCHEMES),
    st.sampled_from(HOSTS),
    st.sampled_from(TAILS),
)
WRITTEN = st.builds(written, st.sampled_from(WRITINGS), URL)
FILLER = st.sampled_from(
    [" ", "\n", " and so on. Then ", "a harmless sentence that is long enough. And ", "![a](", "](", " ) "]
)
TEXT = st.lists(WRITTEN | FILLER, max_size=8).map("".join)
# What has no scheme and no host is a place of the page itself.
_ELSEWHERE = re.compile(r"(?i)[a-z][a-z0-9+.-]*:|[/\\]{2}")
MARKDOWN = MarkdownIt("commonmark")
AUTOLINKS: Any = LinkifyIt(options={"fuzzy_ip": True})


def scan(text: str) -> Sequence[Match]:
    return [
        Match(start=one.start, stop=one.stop, kind=LINK, rule="link")
        for one in links(text)
        if not LISTED.admits(one.url)
    ]


def clean(text: str) -> str:
    return redacted(text, scan(text))[0]


def followed(text: str) -> list[str]:
    """Every address that markdown-it or linkify would link to; addresses of nowhere else are none."""
    found: list[str] = [one.url for one in AUTOLINKS.match(text) or () if one.schema != "mailto:"]
    for block in MARKDOWN.parse(text):
        for token in block.children or ():
            found += [str(token.attrs[name]) for name in ("href", "src") if name in token.attrs]
    return [url for url in found if _ELSEWHERE.match(url)]


@settings(max_examples=EXAMPLES * 5)
@given(text=TEXT)
def test_nothing_is_left_that_a_client_would_link_to_a_host_outside_of_the_list(text: str) -> None:
    left = clean(text)
    assert [url for url in followed(left) if not LISTED.admits(url)] == [], left


@settings(max_examples=EXAMPLES * 2)
@given(text=TEXT)
def test_what_was_cut_is_cut_for_good(text: str) -> None:
    once = clean(text)
    assert clean(once) == once


@settings(max_examples=EXAMPLES * 3)
@given(text=TEXT, size=st.integers(1, 40))
def test_a_stream_is_cut_as_its_whole(text: str, size: int) -> None:
    stream = Holdback(scan)
    pieces = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(pieces) + stream.finish() == clean(text)


@settings(max_examples=EXAMPLES * 2)
@given(text=st.text(max_size=200))
def test_every_text_can_be_looked_at(text: str) -> None:
    assert all(0 <= one.start < one.stop <= len(text) for one in links(text))


@settings(max_examples=EXAMPLES * 2)
@given(text=TEXT)
def test_no_link_crosses_the_end_of_a_segment(text: str) -> None:
    ends = bounds(text)
    assert not any(one.start < end < one.stop for one in links(text) for end in ends)
