"""`partywall erase`: all that is kept of one person, or of a tenant that leaves."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from firewall.core.errors import MisuseError, StoreUnavailable
from firewall.core.ids import PrincipalId, TenantId, canonical
from firewall.core.label import Principals
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, opened, run, say, show, warn
from partywall.cli.readers import parsed
from partywall.config import Config
from partywall.runtime import compartments_of
from vault.erasure import Erased
from vault.open import Vault

_FORM = "principal:"
_IN_USE = "a process has the database open; stop the bot and every other command, then erase again"
_MEANWHILE = (
    "erased, but a process opened the database meanwhile and may know by heart what it read; start it again"
)


def erase(
    tenant: Annotated[str, typer.Argument(help="The tenant, as `partywall tenants` lists it.")],
    principal: Annotated[
        str | None,
        typer.Argument(
            help="The person, as `partywall violations list` shows it or as principal:CHANNEL/REALM/SENDER."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole tenant, which leaves.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Erase what is kept of one person in a tenant, or of a whole tenant. Stop the bot first."""
    if (principal is None) != everything:
        raise MisuseError("name one person, or give --all for the whole tenant")
    loaded, whose, who = configuration(config), TenantId(tenant), _named(principal)
    counts = run(_counted(loaded, whose, who, live=dry_run))
    found = None
    if not dry_run:
        # Also where nothing is left: an erasure that was interrupted is ended by saying it again.
        if counts and not yes:
            _shown(counts)
            _asked()
        found = run(_erased(loaded, whose, who))
    if not counts:
        raise Absent(
            "nothing is kept of them; `partywall tenants` and `violations list` show what they are called"
        )
    _told(dict(found.counts) if found else counts, found, as_json=as_json)


def _named(principal: str | None) -> PrincipalId | None:
    if principal is None or not principal.startswith(_FORM):
        return None if principal is None else PrincipalId(principal)
    readers = parsed([principal])
    if not isinstance(readers, Principals):
        raise MisuseError("a person is written principal:CHANNEL/REALM/SENDER, each percent-encoded")
    (found,) = readers.ids
    return found


def _asked() -> None:
    if not typer.confirm("Erase all of this? Nothing brings it back", err=True):
        raise Absent("nothing was erased")


async def _counted(
    config: Config, tenant: TenantId, principal: PrincipalId | None, *, live: bool
) -> dict[str, int]:
    async with opened(config) as vault:
        if not live and await vault.erasure.in_use():
            raise StoreUnavailable(_IN_USE)
        counts = await vault.erasure.count(tenant, principal)
        files = await _files(config, vault, await _owners(vault, tenant, principal), remove=False)
    return counts | ({"files": files} if files else {})


async def _erased(config: Config, tenant: TenantId, principal: PrincipalId | None) -> Erased | None:
    async with opened(config) as vault:
        if await vault.erasure.in_use():
            raise StoreUnavailable(_IN_USE)
        # First the files, which are found by the sessions: an interrupted erasure can be said again.
        files = await _files(config, vault, await _owners(vault, tenant, principal), remove=True)
        found = await vault.erasure.erase(tenant, principal, files=files)
        if await vault.erasure.in_use():
            raise StoreUnavailable(_MEANWHILE)
    return found


async def _owners(vault: Vault, tenant: TenantId, principal: PrincipalId | None) -> list[bytes]:
    """Name the compartments: each person's private one, and one for each room where the person spoke."""
    keys = await vault.erasure.sessions(tenant, principal)
    rooms = {
        (each.principal, "room", each.channel, each.app, each.realm, each.conversation, each.thread)
        for each in keys
    }
    people = {each.principal for each in keys}
    if principal is not None:
        people.add(principal)
    names = {canonical(tenant, *room) for room in rooms} | {
        canonical(tenant, one, "private") for one in people
    }
    return [each.encode() for each in sorted(names)]


async def _files(config: Config, vault: Vault, owners: Sequence[bytes], *, remove: bool) -> int:
    if not Path(config.files.path).exists():  # noqa: ASYNC240 - one look, and nothing else runs here
        return 0

    def walked() -> int:
        compartments = compartments_of(config, vault.secret)
        try:
            count = sum(compartments.count(each) for each in owners)
            for each in owners if remove else ():
                compartments.erase(each)
        finally:
            compartments.close()
        return count

    return await asyncio.to_thread(walked)


def _told(counts: dict[str, int], found: Erased | None, *, as_json: bool) -> None:
    if as_json:
        shown: dict[str, object] = {"erased": found is not None, "counts": counts}
        give(shown if found is None else {**shown, "chain": found.chain, "rewritten": found.rewritten})
    else:
        _shown(counts)
    if found is None:
        return
    if not as_json:
        say(f"Erased. The receipts verify as before; what was done is a receipt of the chain {found.chain}.")
    if not found.rewritten:
        warn("the server overwrites what was deleted with its next VACUUM FULL and when its WAL is recycled")
    warn("backups that were made before still hold it, and `partywall restore` brings it back")


def _shown(counts: dict[str, int]) -> None:
    rows = [{"kind": kind, "count": count} for kind, count in sorted(counts.items())]
    show("Kept", ("kind", "count"), rows, empty="Nothing is kept.")
