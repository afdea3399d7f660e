"""The table of budgets: what was measured beside its peer, and whether it is met."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    Attributes:
        budget: The budget's number, or nothing for a figure that only explains.
        what: Ours, over the peer.
        unit: Of `p50`, `p99` and `peer`.
        p50: Our median; nothing where it could not be measured here, and `what` says why.
        p99: Our 99th percentile, where there are single measurements.
        peer: The peer's median.
        ratio: Ours over the peer; for rates too.
        limit: What the ratio may be, or nothing.
        least: True if the limit is a lower one.
    """

    budget: str = ""
    what: str
    unit: str = ""
    p50: float | None = None
    p99: float | None = None
    peer: float | None = None
    limit: float | None = None
    least: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours over the peer."""
        return None if self.peer is None or self.p50 is None else self.p50 / self.peer

    @property
    def met(self) -> bool | None:
        """True if the budget is met; None where there is none."""
        if self.limit is None or self.ratio is None:
            return None
        return self.ratio >= self.limit if self.least else self.ratio <= self.limit

    def plain(self) -> dict[str, Any]:
        """Give the row for JSON."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def compared(
    ours: Sequence[float],
    peer: Sequence[float] | float | None,
    *,
    what: str,
    unit: str = "ms",
    budget: str = "",
    limit: float | None = None,
) -> Row:
    """Make the row of two sides that were measured in turn; a recorded peer is one number."""
    if isinstance(peer, Sequence):
        peer = statistics.median(peer)
    return Row(
        budget=budget,
        what=what,
        unit=unit,
        p50=statistics.median(ours),
        p99=percentile(ours, 99),
        peer=peer,
        limit=limit,
    )


def percentile(values: Sequence[float], rank: float) -> float:
    """Give the value that `rank` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * rank / 100) - 1)]


def drawn(rows: Sequence[Row], *, title: str) -> Table:
    """Draw the table."""
    table = Table(title=title, title_justify="left")
    table.add_column("budget", justify="right")
    table.add_column("ours / peer", overflow="fold")
    for name in ("p50", "p99", "peer", "ratio", "limit"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        table.add_row(
            row.budget,
            row.what,
            f"{_number(row.p50)} {row.unit}".strip(),
            _number(row.p99),
            _number(row.peer),
            _ratio(row.ratio),
            "" if row.limit is None else f"{'≥' if row.least else '≤'} {_ratio(row.limit)}",
            {True: "[green]met[/]", False: "[red]not met yet[/]", None: ""}[row.met],
        )
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    if value is None:
        return ""
    return _number(value) if value >= 1 else f"1/{1 / value:.3g}"
