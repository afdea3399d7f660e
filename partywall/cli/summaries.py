"""`partywall violations summary`: which rules, layers and senders, and when."""

from enum import StrEnum
from typing import Annotated

import typer

from partywall.cli.desk import AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.cli.filters import located, narrowed
from partywall.config import Config
from vault.ledger import Filter
from vault.summaries import Summary, Width

_BAR = 40
_SHOWN = 48


class By(StrEnum):
    """The step of the trend."""

    HOUR = "hour"
    DAY = "day"


@narrowed
def summary(
    where: Filter,
    by: Annotated[By, typer.Option(help="The step of the trend, in UTC.")] = By.DAY,
    top: Annotated[int, typer.Option(min=1, max=1_000, help="So many of each list.")] = 10,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Count the violations that match: by rule, layer, severity and sender, and over time."""
    width = Width[by.name]
    found = run(_summary(configuration(config), where, top, width))
    if as_json:
        give(_tree(found))
        return
    say(f"{found.total} records match.")
    if not found.total:
        return
    tree = _tree(found)
    for name in ("rules", "layers", "severities"):
        show(
            name.capitalize(),
            (name[:-1] if name != "severities" else "severity", "count"),
            tree[name],
            empty="",
        )
    show("Senders", ("tenant", "principal", "count"), tree["senders"], empty="")
    show(f"By {by.value}", (by.value, "count", "trend"), bars(found.trend, width), empty="")


def _tree(found: Summary) -> dict[str, list[dict[str, object]]]:
    return {
        "rules": [{"rule": name, "count": n} for name, n in found.rules],
        "layers": [{"layer": name, "count": n} for name, n in found.layers],
        "severities": [{"severity": name, "count": n} for name, n in found.severities],
        "senders": [
            {"tenant": who.tenant, "principal": who.principal, "count": n} for who, n in found.senders
        ],
        "trend": [{"at": moment(at_ms), "count": n} for at_ms, n in found.trend],
    }


def bars(trend: tuple[tuple[int, int], ...], width: Width) -> list[dict[str, object]]:
    """Give the youngest 48 steps, those without a record too, each with a bar in proportion."""
    counts = dict(trend)
    last = trend[-1][0]
    first = max(trend[0][0], last - (_SHOWN - 1) * width)
    steps = [(at_ms, counts.get(at_ms, 0)) for at_ms in range(first, last + 1, width)]
    most = max(n for _, n in steps)
    return [
        {
            width.name.lower(): moment(at_ms)[: 10 if width is Width.DAY else 16],
            "count": n,
            "trend": "█" * -(-n * _BAR // most),
        }
        for at_ms, n in steps
    ]


async def _summary(config: Config, where: Filter, top: int, width: Width) -> Summary:
    async with opened(config) as vault:
        return await vault.records.summary(located(where, vault), top=top, width=width)
