"""Tools that say what their arguments are: `python examples/declared_tools.py`. No model is needed.

A path arrives opened in the caller's own compartment, the tenant is filled in by the wall, and a command is
refused until an operator grants it.
"""

import asyncio
from pathlib import Path

import partywall as pw

ORDERS = {"acme": ["ORD-48213"], "globex": ["ORD-90077"]}
CONFIG = {
    "tenant": [
        {"id": "acme", "realms": [{"channel": "slack", "realm": "T-ACME"}]},
        {"id": "globex", "realms": [{"channel": "slack", "realm": "T-GLOBEX"}]},
    ]
}

wall = pw.open(CONFIG)


@wall.tool
async def save(path: pw.WritePath, text: pw.Text) -> str:
    """Write a file."""
    await asyncio.to_thread(Path(path).write_text, text, encoding="utf-8")
    return "saved"


@wall.tool
async def load(path: pw.ReadPath) -> str:
    """Read a file."""
    return await asyncio.to_thread(Path(path).read_text, encoding="utf-8")


@wall.tool
async def orders(tenant: pw.CurrentTenant) -> list[str]:
    """List the orders of whoever asks; no model can say for whom."""
    return ORDERS[tenant]


async def tried(team: str, *calls: tuple[str, dict[str, str]]) -> list[str]:
    """Make tool calls as a model would, in a turn of somebody of this team."""
    message = pw.message("Go on.", channel="slack", realm=team, sender="U-1", conversation="D-1")
    results: list[str] = []
    async with wall.turn(message) as turn:
        for name, arguments in calls:
            try:
                results.append(await turn.call_tool(name, arguments))
            except pw.Denied as denied:
                results.append(denied.reason)
    return results


async def main() -> list[str]:
    """Let two teams use the same tools and give what they got."""
    async with wall:
        acme = await tried(
            "T-ACME", ("save", {"path": "june.txt", "text": "We buy the mill."}), ("orders", {})
        )
        globex = await tried(
            "T-GLOBEX",
            ("load", {"path": "/june.txt"}),
            ("orders", {}),
            ("orders", {"tenant": "acme"}),
            ("exec", {"command": "cat /june.txt"}),
        )
        return [*acme, *globex]


if __name__ == "__main__":
    print("\n".join(asyncio.run(main())))
