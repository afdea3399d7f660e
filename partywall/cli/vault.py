"""`partywall vault`: what operators keep for a tenant, and for which readers."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from firewall.core.errors import MisuseError
from firewall.core.ids import TenantId
from firewall.core.label import Owned, Readers
from firewall.detect.excerpts.index import Excerpts
from partywall.cli import readers as forms
from partywall.cli.desk import (
    Absent,
    AsJson,
    ConfigPath,
    configuration,
    give,
    known_tenant,
    moment,
    opened,
    plain,
    run,
    say,
    show,
    warn,
)
from partywall.cli.imports import Format, ImportFault, Pair, format_of, pairs
from partywall.config import Config
from vault.entries import MAX_VALUE_CODEPOINTS

app = typer.Typer(no_args_is_help=True, help="What operators keep for a tenant, and who may read it.")
_STDIN = Path("-")
_MAX_VALUE_BYTES = 4 * MAX_VALUE_CODEPOINTS
_FLOOR = (
    "too short or too ordinary to be recognised inside other text: the vault still gives it to its readers "
    "only, but a model that names it by itself is not stopped"
)

TenantName = Annotated[
    str, typer.Option("--tenant", "-t", help="Whose entries; `partywall tenants` lists them.")
]
ReaderForms = Annotated[
    list[str], typer.Option("--readers", "-r", help=f"Who may read it; no default. {forms.FORMS}")
]
Name = Annotated[str, typer.Argument(help="The entry's name.")]


@app.command()
def add(
    name: Name,
    tenant: TenantName,
    readers: ReaderForms,
    value_file: Annotated[
        Path | None, typer.Option(help="Read the value from this file; `-` is standard input.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Keep a value. It comes from a file, standard input or a prompt, never from the command line."""
    loaded = configuration(config)
    owner, allowed = known_tenant(loaded, tenant), forms.parsed(readers)
    value = _value(value_file)
    run(_add(loaded, owner, name, value, allowed))
    if not Excerpts().keeps(value):
        warn(f"the value is {_FLOOR}")
    say("Kept. A bot that is running recognises it elsewhere too, from its next turn on.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or text; see docs/cli.md.")],
    tenant: TenantName,
    readers: ReaderForms,
    form: Annotated[
        Format | None, typer.Option("--format", help="If the file's ending does not say it.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Names the values of a text file: PREFIX-LINE.")] = "line",
    config: ConfigPath = None,
) -> None:
    """Keep every value of a file for the same readers, 500 at a time."""
    loaded = configuration(config)
    owner, allowed = known_tenant(loaded, tenant), forms.parsed(readers)
    chosen = form or format_of(file)
    try:
        size = file.stat().st_size
        with file.open("rb") as stream, _bar() as bar:
            task = bar.add_task("importing", total=size)
            source = _Watched(
                pairs(stream, chosen, prefix=prefix, read=lambda n: bar.update(task, completed=n))
            )
            total = run(_import(loaded, owner, source, allowed))
    except OSError as error:
        raise MisuseError(f"the file cannot be read ({error.strerror})") from error
    say(f"{total} entries kept.")
    if source.below:
        warn(f"{source.below} of the values are {_FLOOR}")


@app.command("list")
def list_(tenant: TenantName, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List a tenant's entries with their readers and lengths, never their values."""
    loaded = configuration(config)
    rows = run(_listed(loaded, known_tenant(loaded, tenant)))
    if as_json:
        give(rows)
    else:
        show("Entries", ("name", "readers", "codepoints", "at"), rows, empty="This tenant has no entries.")


@app.command("show")
def show_(name: Name, tenant: TenantName, config: ConfigPath = None, as_json: AsJson = False) -> None:
    """Print the values of the entries of one name, whoever may read them: in clear, on purpose."""
    loaded = configuration(config)
    rows = run(_shown(loaded, known_tenant(loaded, tenant), name))
    if not rows:
        raise Absent("this tenant has no entry of that name; `partywall vault list` gives the names")
    if as_json:
        give(rows)
        return
    for row in rows:
        value = str(row["value"])
        # A terminal obeys what it is shown; a pipe gets the value as it is.
        say("\n".join(map(plain, value.split("\n"))) if sys.stdout.isatty() else value)


@app.command()
def remove(name: Name, tenant: TenantName, config: ConfigPath = None) -> None:
    """Delete every entry of one name of a tenant."""
    loaded = configuration(config)
    count = run(_removed(loaded, known_tenant(loaded, tenant), name))
    if not count:
        raise Absent("this tenant has no entry of that name; `partywall vault list` gives the names")
    say(f"{count} entries removed. A running bot still recognises them elsewhere until its next start.")


@app.command("rotate-key")
def rotate_key(tenant: TenantName, config: ConfigPath = None) -> None:
    """Give a tenant a new key, seal its entries anew, and destroy the old key; a running bot goes on."""
    loaded = configuration(config)
    count = run(_rotated(loaded, known_tenant(loaded, tenant)))
    say(
        f"{count} entries sealed anew; the old key is destroyed. "
        "Back up again: older backups need the older key."
    )


class _Watched:
    """Pairs on their way, counting those whose value cannot be recognised elsewhere."""

    def __init__(self, source: Iterator[Pair]) -> None:
        self._source = source
        self._keeps = Excerpts().keeps
        self.below = 0

    def __iter__(self) -> Iterator[Pair]:
        for name, value in self._source:
            self.below += not self._keeps(value)
            yield name, value


def _bar() -> Progress:
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True)


def _value(file: Path | None) -> str:
    """Get a value, never from an argument: those are seen by everybody here, and kept by the shell."""
    if file is None and sys.stdin.isatty():
        answer: str = typer.prompt("Value", hide_input=True, confirmation_prompt=True)
        return answer
    try:
        if file is None or file == _STDIN:
            raw = sys.stdin.buffer.read(_MAX_VALUE_BYTES + 2)
        else:
            with file.open("rb") as stream:
                raw = stream.read(_MAX_VALUE_BYTES + 2)
    except OSError as error:
        raise MisuseError(f"the value's file cannot be read ({error.strerror})") from error
    problem = ""
    value = ""
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        problem = "the value is not UTF-8 text, or it is too long"
    if problem:
        raise MisuseError(problem)
    # The line break with which editors and `echo` end a file.
    return value.removesuffix("\n").removesuffix("\r")


async def _add(config: Config, tenant: TenantId, name: str, value: str, readers: Readers) -> None:
    async with opened(config, make=True) as vault:
        await vault.entries.add(tenant, name, value, readers)


async def _import(config: Config, tenant: TenantId, source: _Watched, readers: Readers) -> int:
    kept = 0

    def progress(count: int) -> None:
        nonlocal kept
        kept = count

    async with opened(config, make=True) as vault:
        try:
            return await vault.entries.import_many(tenant, iter(source), readers, progress=progress)
        except ImportFault as fault:
            stand = f"{kept} entries before it stand" if kept else "nothing was kept"
            problem = f"{fault.problem}; {stand}. Mend the file and import it again: same names are replaced"
            raise ImportFault(problem, line=fault.line) from fault


async def _listed(config: Config, tenant: TenantId) -> list[dict[str, object]]:
    async with opened(config) as vault:
        return [
            {
                "name": each.name,
                "readers": forms.written(each.readers),
                "codepoints": each.codepoints,
                "at": moment(each.at_ms),
            }
            async for each in vault.entries.list(tenant)
        ]


async def _shown(config: Config, tenant: TenantId, name: str) -> list[dict[str, object]]:
    async with opened(config) as vault:
        return [
            {"name": each.name, "readers": forms.written(each.label.readers), "value": each.value}
            for each in await vault.entries.show(tenant, name)
            if isinstance(each.label, Owned)
        ]


async def _removed(config: Config, tenant: TenantId, name: str) -> int:
    async with opened(config) as vault:
        return await vault.entries.remove(tenant, name)


async def _rotated(config: Config, tenant: TenantId) -> int:
    async with opened(config) as vault:
        return await vault.entries.rotate(tenant)
