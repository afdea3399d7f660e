"""`partywall inbox`: what a process that died may or may not have answered."""

from typing import Annotated

import typer

from firewall.core.ids import TenantId
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.config import Config
from vault.inbox import Unknown

app = typer.Typer(no_args_is_help=True, help="What a process that died may have answered.")

_COLUMNS = ("number", "at", "tenant", "ref")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the messages that may have been answered, oldest first; none is answered again by itself."""
    rows = [_row(each) for each in run(_unknown(configuration(config), tenant))]
    if as_json:
        give(rows)
    else:
        show("Maybe answered", _COLUMNS, rows, empty="Every message that was begun is answered.")


@app.command()
def dismiss(
    number: Annotated[int, typer.Argument(help="As `inbox list` shows it.")], config: ConfigPath = None
) -> None:
    """Take a message off the list, for you have looked; what it said is erased from the inbox."""
    run(_dismissed(configuration(config), number))
    say(f"message {number} is closed")


async def _unknown(config: Config, tenant: str | None) -> tuple[Unknown, ...]:
    async with opened(config) as vault:
        return await vault.inbox.unknown(None if tenant is None else TenantId(tenant))


async def _dismissed(config: Config, number: int) -> None:
    async with opened(config) as vault:
        if not await vault.inbox.dismiss(number):
            raise Absent(f"no message {number} is listed; see `partywall inbox list`")


def _row(unknown: Unknown) -> dict[str, object]:
    return {
        "number": unknown.n,
        "at": moment(unknown.at_ms),
        "tenant": unknown.tenant,
        "ref": unknown.ref,
    }
