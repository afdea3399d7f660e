"""`partywall installations`: the workspaces that installed the app by themselves."""

from typing import Annotated

import typer

from firewall.core.ids import TenantId
from firewall.core.installation import InstallationKey
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.config import Config
from vault.installations import Listed

app = typer.Typer(no_args_is_help=True, help="The workspaces that installed the app by themselves.")

_COLUMNS = ("team", "enterprise", "tenant", "at", "installer", "scopes", "app")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the installations, oldest first; never a token."""
    owner = None if tenant is None else TenantId(tenant)
    rows = [_row(each) for each in run(_listed(configuration(config), owner))]
    if as_json:
        give(rows)
    else:
        show("Installations", _COLUMNS, rows, empty="No workspace has installed the app.")


@app.command()
def remove(
    team: Annotated[str, typer.Argument(help="The workspace, as `installations list` shows it.")],
    config: ConfigPath = None,
) -> None:
    """Delete a workspace's tokens; a running bot stops serving it at once. Slack is not told."""
    count = run(_removed(configuration(config), team))
    say(f"{count} installations removed; the workspace can install the app again.")


async def _listed(config: Config, tenant: TenantId | None) -> tuple[Listed, ...]:
    async with opened(config) as vault:
        return await vault.installations.list(tenant)


async def _removed(config: Config, team: str) -> int:
    async with opened(config) as vault:
        keys: list[InstallationKey] = [
            each.key for each in await vault.installations.list() if each.key.team == team
        ]
        if not keys:
            raise Absent(f"no installation of {team!r} is kept; see `partywall installations list`")
        return sum([await vault.installations.delete(key) for key in keys])


def _row(listed: Listed) -> dict[str, object]:
    return {
        "team": listed.key.team,
        "enterprise": listed.key.enterprise,
        "tenant": listed.tenant,
        "at": moment(listed.at_ms),
        "installer": listed.installer,
        "scopes": list(listed.scopes),
        "app": listed.key.app,
    }
