"""A wall on which every enforcement event can happen: its settings, its tools, its two tenants' people."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import partywall as pw
from firewall.core.ids import TenantId, canonical
from firewall.core.message import Attachment, Message
from partywall.wall import Wall

ACME, GLOBEX = TenantId("ACME"), TenantId("GLOBEX")
OUTSIDER = TenantId(canonical("slack", "OTHER"))
PROMPT = "You are Otto."
FRAMED = "Look at this first: {doc}"
PLANTED = "the tulip of 7391 opens the meadow door behind the old mill by the river"
KEY_VARIABLE = "HOOK_KEY"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS: Mapping[str, object] = {
    "profile": "light",
    "prompts": [PROMPT, FRAMED],
    "serve": ["human", "webhook"],
    "limits": {"max_text_bytes": 5_000},
    "attachments": {"max_count": 1, "max_bytes": 1_000},
    "tenant": [
        {"id": ACME, "realms": [{"channel": "slack", "realm": ACME}], "tools": {"grants": ["sweep"]}},
        {"id": GLOBEX, "realms": [{"channel": "slack", "realm": GLOBEX}]},
    ],
}


def routes(url: str, **more: object) -> list[dict[str, object]]:
    """A route that hears everything of everybody, one of ACME's grave matters, one of GLOBEX alone."""
    ours = {"kind": "webhook", "keys_env": [KEY_VARIABLE], "private": True, **more}
    named: tuple[dict[str, object], ...] = (
        {"name": "all", "severity": "info"},
        {"name": "grave", "severity": "high", "tenants": [ACME]},
        {"name": "theirs", "severity": "info", "tenants": [GLOBEX]},
    )
    return [{**ours, **each, "url": f"{url}/{each['name']}"} for each in named]


def acmes(text: str = "hi", **more: Any) -> Message:
    return _said(text, ACME, "ann", **more)


def globexs(text: str = "hi", **more: Any) -> Message:
    return _said(text, GLOBEX, "bob", **more)


def _said(text: str, tenant: TenantId, name: str, **more: Any) -> Message:
    given: dict[str, Any] = {
        "channel": "slack",
        "realm": tenant,
        "sender": name,
        "conversation": f"D-{name}",
        **more,
    }
    return pw.message(text, **given)


def with_files(*attachments: Attachment) -> Message:
    return acmes(attachments=attachments)


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def plants(wall: Wall) -> None:
    """GLOBEX says what is nobody else's; no event comes of it."""
    async with wall.turn(globexs(PLANTED)):
        pass


def furnish(wall: Wall) -> None:
    """Declare one tool for each way to be refused."""

    @wall.tool(reads="public")
    async def sweep(command: pw.Command) -> str:
        return command

    @wall.tool(reads="public")
    async def select(query: pw.Query) -> str:
        return query

    @wall.tool(reads="public")
    async def weather(url: pw.Url) -> str:
        return url

    @wall.tool(reads="public")
    async def lookup(text: str) -> str:
        return text

    @wall.tool
    async def orders(text: pw.Text, tenant: pw.CurrentTenant) -> str:
        return f"{tenant}: {text}"

    @wall.tool(reads="own", owner="tenant")
    async def rows(owner: pw.Text) -> list[dict[str, str]]:
        return [{"tenant": owner, "value": "7391"}]

    @wall.tool(reads="public")
    async def count(text: pw.Text) -> int:
        return cast("int", text)

    @wall.tool
    async def salary(principal: pw.CurrentPrincipal) -> str:
        return principal
