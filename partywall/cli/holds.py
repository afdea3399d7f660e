"""`partywall holds`: principals to whom everything is refused, because they may be asking an oracle."""

from typing import Annotated

import typer

from firewall.core.ids import Ref, TenantId
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.config import Config
from vault.budgets import Hold

app = typer.Typer(no_args_is_help=True, help="Principals to whom everything is refused for a while.")

_COLUMNS = ("ref", "at", "until", "tenant", "principal")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List who is held, oldest first; `partywall why REF` tells what led to it."""
    rows = [_row(each) for each in run(_held(configuration(config), tenant))]
    if as_json:
        give(rows)
    else:
        show("Held", _COLUMNS, rows, empty="Nobody is held.")


@app.command()
def release(
    ref: Annotated[str, typer.Argument(help="As `holds list` shows it.")], config: ConfigPath = None
) -> None:
    """Release a principal, for you have looked; what they had spent is forgotten, and a receipt says so."""
    hold = run(_released(configuration(config), ref))
    say(f"released; the receipt stands in the chain of tenant {hold.tenant}")


async def _held(config: Config, tenant: str | None) -> tuple[Hold, ...]:
    async with opened(config) as vault:
        return await vault.budgets.list(None if tenant is None else TenantId(tenant))


async def _released(config: Config, ref: str) -> Hold:
    async with opened(config) as vault:
        found = await vault.budgets.release(Ref(ref))
    if found is None:
        raise Absent("nobody is held under that reference; see `partywall holds list`")
    return found


def _row(hold: Hold) -> dict[str, object]:
    return {
        "ref": hold.ref,
        "at": moment(hold.at_ms),
        "until": moment(hold.until_ms),
        "tenant": hold.tenant,
        "principal": hold.principal,
    }
