"""`partywall violations prune`: records that are older than the configuration keeps them."""

from typing import Annotated

import typer

from firewall.core.errors import MisuseError
from partywall.cli.desk import ConfigPath, configuration, opened, run, say
from partywall.config import Config
from partywall.runtime import SystemClock

_DAY_MS = 86_400_000


def prune(
    keep_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Keep so many days; else records.keep_days.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Remove the records that are older; their receipts stay, and a receipt says what was removed."""
    loaded = configuration(config)
    days = keep_days or loaded.records.keep_days
    if days is None:
        raise MisuseError("how long are records kept? Set records.keep_days, or give --keep-days")
    count = run(_pruned(loaded, SystemClock().now_ms() - days * _DAY_MS))
    say(f"{count} records older than {days} days were removed. Their receipts stay, and one says so.")


async def _pruned(config: Config, before_ms: int) -> int:
    async with opened(config) as vault:
        return await vault.records.prune(before_ms)
