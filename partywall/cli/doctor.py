"""`partywall doctor`: is this wall ours, whole, and able to serve?"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from firewall.core.errors import ConfigError, PartywallError, SchemaTooNew
from firewall.core.ids import TenantId
from partywall import doctor
from partywall.alerts.examining import examined
from partywall.cli.desk import AsJson, ConfigPath, Exit, configuration, give, opened, plain, run, say
from partywall.config import Config
from partywall.doctor import Check, State, failure, fault, ok, warning
from partywall.injections import examined as injections
from partywall.plugged.examining import examined as plug_ins
from partywall.plugged.examining import with_plugged
from partywall.policies import examined as policies
from partywall.supplied import examined as supplied
from sandbox.exchange import system_resolve
from vault.address import Address, is_server
from vault.ground import schema_of
from vault.migrations import migrations
from vault.open import Vault
from vault.sqlite import MEMORY

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAULT: "bold red"}
_AT_MOST = 20
_DISMISS = "look in the conversation whether it was answered, then `partywall inbox dismiss NUMBER`"
_LOOK = "look in the conversation whether it was done; it is not repeated by itself"


def examine(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Check the machine, the installation, the configuration and the state; change nothing.

    Ends with 1 if there is a fault. Warnings are for reading.
    """
    checks, loaded = run(_examined(config))
    layers = {} if loaded is None else with_plugged(doctor.layers(loaded.profile), loaded)
    if as_json:
        give(
            {
                "sound": doctor.sound(checks),
                "profile": None if loaded is None else loaded.profile.value,
                "layers": layers,
                "checks": [
                    {
                        "name": each.name,
                        "state": each.state.value,
                        "detail": each.detail,
                        "remedy": each.remedy,
                    }
                    for each in checks
                ],
            }
        )
    else:
        _print(checks, layers, "" if loaded is None else loaded.profile.value)
    if not doctor.sound(checks):
        raise typer.Exit(Exit.FAULT)


async def _examined(path: Path | None) -> tuple[list[Check], Config | None]:
    checks = await doctor.machine()
    try:
        config = configuration(path)
    except ConfigError as error:
        return [*checks, failure("configuration", error)], None
    checks.append(
        ok("configuration", f"profile {config.profile.value}, {len(config.tenants)} tenants configured")
    )
    checks += [
        *doctor.detectors(config),
        *injections(config),
        *supplied(config),
        *doctor.grants(config),
        doctor.served(config),
        *policies(config),
        *plug_ins(config),
        *doctor.key_file(config),
    ]
    checks += await examined(config.alerts, [TenantId(each.id) for each in config.tenants], system_resolve)
    return [*checks, *await _state(config)], config


async def _state(config: Config) -> list[Check]:
    """Look at the database, if there is one and it is of this program's schema."""
    where = config.store.path
    if where == MEMORY:
        return [ok("database", "in memory; ends with the bot's process")]
    if is_server(where):
        return await _on_server(config)
    if not _exists(where):
        return [ok("database", "none yet; the first start makes it")]
    return await _opened(config, _schema(Path(where)), "opens, and the master key fits")


async def _on_server(config: Config) -> list[Check]:
    try:
        shown = Address.of(config.store.path).shown
        version = await schema_of(config.store.path)
    except PartywallError as error:
        return [failure("database", error)]
    if version is None:
        return [ok("database", f"none yet on {shown}; the first start makes it")]
    return await _opened(config, _judged(version), f"opens on {shown}, and the master key fits")


async def _opened(config: Config, schema: Check, told: str) -> list[Check]:
    if schema.state is not State.OK:
        return [schema]
    try:
        async with opened(config) as vault:
            found = [*await _chains(vault), *await _effects(vault), *await _inbox(vault), *await _told(vault)]
    except PartywallError as error:
        return [schema, failure("database", error)]
    return [schema, ok("database", told), *found]


def _exists(where: str) -> bool:
    return Path(where).exists()


def _schema(path: Path) -> Check:
    """Read the schema's version past the stores, which would migrate the file: a look must not change it."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        # Of the driver's error only its name: its text may hold what was read.
        return fault(
            "schema", f"cannot be read ({type(error).__name__})", "check the file, or restore a backup"
        )
    return _judged(version)


def _judged(version: int) -> Check:
    known = len(migrations())
    if version > known:
        text = f"the database has schema {version}, this program knows {known}"
        return failure("schema", SchemaTooNew(f"{text}; upgrade the program, or restore the older backup"))
    if version < known:
        text = f"schema {version}; the next start brings it to {known}, which cannot be undone"
        return warning("schema", text, "back up first: docs/operations/upgrade.md")
    return ok("schema", f"version {version}")


async def _chains(vault: Vault) -> list[Check]:
    """Follow every tenant's chain of receipts to its head."""
    checks: list[Check] = []
    count = 0
    tenants = await vault.tenants.list()
    for each in tenants:
        try:
            count += await vault.records.verify(each.tenant)
        except PartywallError as error:
            checks.append(
                fault(
                    "receipts",
                    f"tenant {each.tenant!r}: {error}",
                    "restore a backup and look who wrote the file",
                )
            )
    try:
        log = await vault.checkpoints.verify()
    except PartywallError as error:
        return [*checks, fault("receipts", str(error), "restore a backup and look who wrote the file")]
    text = f"{count} receipts of {len(tenants)} tenants follow each other, {log.checkpoints} checkpoints hold"
    return checks or [ok("receipts", text)]


async def _effects(vault: Vault) -> list[Check]:
    """List what may or may not have been done when a process died; nothing of it is repeated by itself."""
    unresolved = await vault.effects.unresolved()
    checks = [
        warning("effects", f"{each.kind} of tenant {each.tenant!r} (ref {each.ref}): outcome unknown", _LOOK)
        for each in unresolved[:_AT_MOST]
    ]
    if len(unresolved) > _AT_MOST:
        checks.append(warning("effects", f"and {len(unresolved) - _AT_MOST} more of unknown outcome", _LOOK))
    return checks or [ok("effects", "every intent has an outcome")]


async def _inbox(vault: Vault) -> list[Check]:
    """List what may or may not have been answered when a process died; it is not answered again by itself."""
    unknown = await vault.inbox.unknown()
    checks = [
        warning(
            "inbox", f"message {each.n} of tenant {each.tenant!r} (ref {each.ref}): maybe answered", _DISMISS
        )
        for each in unknown[:_AT_MOST]
    ]
    if len(unknown) > _AT_MOST:
        checks.append(warning("inbox", f"and {len(unknown) - _AT_MOST} more, maybe answered", _DISMISS))
    return checks or [ok("inbox", "every message that was begun is answered")]


async def _told(vault: Vault) -> list[Check]:
    """Say which messages to operators never arrived, and which routes are off."""
    checks = [
        warning(
            "messages",
            f"route {route}: switched off, because its receiver wants no more",
            f"give it another address, or `partywall alerts retry --route {route}`",
        )
        for route in await vault.deliveries.disabled()
    ]
    for route, count in sorted((await vault.deliveries.dead()).items()):
        look = f"`partywall alerts dead --route {route}` says why; then `alerts retry --route {route}`"
        checks.append(warning("messages", f"route {route}: {count} never arrived", look))
    return checks or [ok("messages", "no message to operators is dead")]


def _print(checks: list[Check], layers: dict[str, str], profile: str) -> None:
    console = Console(file=sys.stdout)
    table = Table(title="Partywall", title_justify="left")
    for column in ("", "check", "found", "remedy"):
        table.add_column(column, overflow="fold")
    for each in checks:
        state = Text(each.state.value, style=_STYLES[each.state])
        table.add_row(state, Text(each.name), Text(plain(each.detail)), Text(plain(each.remedy)))
    console.print(table)
    if layers:
        shown = Table(title=f"Layers under the profile {profile}", title_justify="left")
        shown.add_column("layer")
        shown.add_column("does")
        for layer, does in layers.items():
            shown.add_row(layer, does)
        console.print(shown)
    counts = {state: sum(each.state is state for each in checks) for state in State}
    say(f"{counts[State.FAULT]} faults, {counts[State.WARNING]} warnings.")
