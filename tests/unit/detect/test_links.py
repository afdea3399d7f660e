"""Links: what a client would fetch or make clickable is seen, and what only looks like it is not."""

import pytest

from firewall.core.match import Match
from firewall.detect.links.finder import glance, links
from firewall.detect.links.hosts import HostList, host_of, key_of, listable
from firewall.detect.marker import LINK, redacted


def cut(text: str, *, pipes: bool = False) -> str:
    found = links(text, pipes=pipes)
    return redacted(text, [Match(start=one.start, stop=one.stop, kind=LINK, rule="link") for one in found])[0]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("![a](https://evil.example/?d=1)", "![a][REDACTED:LINK]"),
        ("[t](evil.example/x)", "[t][REDACTED:LINK]"),
        ("[t](//evil.example/x)", "[t][REDACTED:LINK]"),
        ("[t](//2130706433/x)", "[t][REDACTED:LINK]"),
        ("[t](foo:bar)", "[t][REDACTED:LINK]"),
        ("[t]: https://evil.example", "[t][REDACTED:LINK]"),
        ("<https://evil.example/x>", "[REDACTED:LINK]"),
        ("see https://evil.example/x, now", "see [REDACTED:LINK], now"),
        ("evil.example/x", "[REDACTED:LINK]"),
        ("evil.com. (www.evil.museum)", "[REDACTED:LINK]. ([REDACTED:LINK])"),
        ("a.b.c.user.id", "[REDACTED:LINK]"),
        ("41111111.user.id", "[REDACTED:LINK]"),
        ("main.py?d=1", "[REDACTED:LINK]"),
        ("10.0.0.1:80", "[REDACTED:LINK]"),
        ("https://good.example@evil.example/", "[REDACTED:LINK]"),
        ("https:\\\\evil.example/x", "[REDACTED:LINK]"),
        ("https:evil", "[REDACTED:LINK]"),
        ("tg://resolve?domain=x", "[REDACTED:LINK]"),
        ("mailto:a@b.example", "[REDACTED:LINK]"),
        ("javascript:alert", "[REDACTED:LINK]"),
        ("data:text/html,hi", "[REDACTED:LINK]"),
        ('<a href="http://0x7f000001/">x</a>', '<a href="[REDACTED:LINK]">x</a>'),
        ("<img src='//1.2.3.4/x'>", "<img src='[REDACTED:LINK]'>"),
        ("ev\u200bil.example/x", "[REDACTED:LINK]"),
        ("\uff45\uff56\uff49\uff4c\uff0e\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45/x", "[REDACTED:LINK]"),
        ("https&#58;//evil&#46;example/q", "[REDACTED:LINK]"),
        ("evil\\.example/x", "[REDACTED:LINK]"),
        ("bob@evil.example/x", "bob@[REDACTED:LINK]"),
        ("<http://evil.example>(//16909060/x)", "[REDACTED:LINK]([REDACTED:LINK])"),
        ("https://a.example\u2003@16909060/x", "[REDACTED:LINK]"),
        ("[t](https://a.example<@16909060/x)", "[t][REDACTED:LINK]"),
        ("[t](<https://a.example @16909060/x>)", "[t][REDACTED:LINK]"),
        ("[t]:\n<https://a.example @16909060/x>", "[t]:\n[REDACTED:LINK]"),
        ('<img src=\n"https://a.example @16909060/x">', '<img src=\n"[REDACTED:LINK]">'),
        ("url('https://a.example @16909060/x')", "url('[REDACTED:LINK]')"),
        ("@import '//0x1.2/x'", "@import '[REDACTED:LINK]'"),
        ("[t]: //evil%2eexample/x", "[t][REDACTED:LINK]"),
        ("![a](\nx", "![a][REDACTED:LINK]\nx"),
    ],
)
def test_what_some_client_links_is_cut(text: str, left: str) -> None:
    assert cut(text) == left
    assert cut(left) == left, "what is left is no link"


def test_slacks_links_are_cut_with_their_brackets() -> None:
    assert cut("<https://evil.example/x|here> ok", pipes=True) == "[REDACTED:LINK]here> ok"
    assert links("<https://a.example/x|y>", pipes=True)[0].url == "https://a.example/x"
    assert links("<https://a.example/x|y>")[0].url == "https://a.example/x|y"
    assert links("<https://a.example|@16909060/x", pipes=True)[0].url == "https://a.example|@16909060/x"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "main.py:12",
            "Node.js",
            "e.g. this",
            "1.2.3",
            "done.Now",
            "user.id",
            "asp.net",
            "README.md",
            "a/b/links.py",
        ),
        *(
            "and/or",
            "std::vector<std::string>",
            "12:30",
            "note:this",
            "http: x",
            "x/evil.com/y",
            "bob@evil.com",
            "1.2.3.4",
        ),
        *(
            "arr[i](x)",
            "app.run(1)",
            "Tel: 5",
            "C:\\dir",
            "[12:30]: fine",
            "a... b",
            "3.5/2",
            "message.chat.id",
        ),
    ],
)
def test_what_no_client_links_or_says_nothing_stays(text: str) -> None:
    assert not links(text)


@pytest.mark.parametrize(
    ("text", "fetched"),
    [
        ("![a](https://x.example/)", True),
        ("[a](https://x.example/)", False),
        ("words] of a line above](https://x.example/)", True),
        ("`[` ](https://x.example/)", True),
        ("\\[ ](https://x.example/)", True),
        ("[a]: https://x.example/", True),
        ("<img src=https://x.example/>", True),
        ("<a href=https://x.example/>", False),
        ("url(https://x.example/)", True),
        ("https://x.example/", False),
    ],
)
def test_what_is_fetched_unasked_is_told_from_what_is_clicked(text: str, fetched: bool) -> None:
    assert any(one.fetched for one in links(text)) == fetched


def test_more_links_in_a_line_than_are_looked_at_are_cut_together() -> None:
    assert cut("https://x.example/ " * 100).count("REDACTED") == 1
    assert cut("https://x.example/\n" * 100).count("REDACTED") == 100


def test_a_link_that_may_stand_hides_no_other_one() -> None:
    inner = [one.url for one in links("https://docs.example.org/x)[b](https://evil.example/y)")]
    assert "https://evil.example/y" in inner
    assert len(links("https://docs.example.org/?to=https://evil.example/y")) == 1
    assert len(links("https://docs.example.org/\u4e2dhttps://evil.example/y")) == 2
    assert "www.evil.example/y" in [
        one.url for one in links("https://docs.example.org/\u4e2dwww.evil.example/y")
    ]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://docs.example.org@evil.example",
            "https://evil.example/docs.example.org",
            "https:docs.example.org",
        ),
        *(
            "https://docs.example.org\\@evil.example",
            "https://xdocs.example.org",
            "https://docs.example.org.evil.example",
        ),
        *(
            "https://docs%2Eexample.org",
            "ftp://docs.example.org",
            "https://docs.example.org:x/",
            "//docs.example.org",
        ),
        *(
            "https://d\u043ecs.example.org",
            "https://docs.example.org),x.evil.example/",
            "tg://docs.example.org",
            "",
        ),
    ],
)
def test_a_host_that_readers_could_differ_about_is_on_no_list(url: str) -> None:
    assert not HostList(names=("docs.example.org", ".docs.example.net")).admits(url)


def test_hosts_of_the_list_and_below_it_are_admitted() -> None:
    listed = HostList(names=("docs.example.org", ".example.net"))
    assert all(
        map(
            listed.admits,
            [
                "https://DOCS.example.org/x?y",
                "http://docs.example.org:8080",
                "docs.example.org/x",
                "https://a.b.example.net",
            ],
        )
    )
    assert not listed.admits("https://example.net")
    assert host_of("https://127.0.0.1/") is None
    assert all(map(listable, ["*", ".example.org", "example.org"]))
    assert not any(map(listable, ["https://example.org", "Example.org", ".", "1.2.3.4", "example"]))


def test_two_spellings_of_one_address_have_one_key() -> None:
    assert key_of("HTTPS://A.example/") == key_of("a.example") == "https://a.example"
    assert key_of("https://a.example/X") != key_of("https://a.example/x")
    assert key_of("https://a.example/?b&amp;c@\u200bd") == key_of("https://a.example/?b&c@d")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://Ab@a.example/", "https://aB@a.example/"),
        ("https://a.example/&lowbar;", "https://a.example/_"),
        ("https://a.example/?b&c&amp;d", "https://a.example/?b&c&d"),
        ("https://a.example/@\u200bb@c", "https://a.example/@b@c"),
        ("https://a.example/&#97;", "https://a.example/a"),
    ],
)
def test_two_addresses_that_differ_to_some_server_have_two_keys(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


def test_a_plain_text_is_told_at_a_glance() -> None:
    assert not glance("The numbers of the plant fell short. Tell nobody: not even Zed.")
