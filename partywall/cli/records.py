"""`partywall violations`, `tenants` and `why`: what was written down, and what to do about it."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from firewall.core.errors import MisuseError
from firewall.core.ids import Ref, TenantId
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.cli.filters import located, narrowed
from partywall.cli.remedies import remedy
from partywall.config import Config
from partywall.exports import Format, Stream, sink
from vault.chain import PAGE
from vault.ledger import Filter, Stored

app = typer.Typer(no_args_is_help=True, help="What the wall refused, cut or dropped.")

_COLUMNS = ("id", "at", "tenant", "kind", "layer", "rule", "severity", "count", "subject", "ref")
FIELDS = (
    *(
        "id",
        "at",
        "tenant",
        "principal",
        "conversation",
        "session",
        "turn",
        "trace",
        "ref",
        "seq",
        "subject",
        "allowed",
    ),
    *(
        "reason",
        "kind",
        "mode",
        "layer",
        "rule",
        "severity",
        "violation",
        "count",
        "slot",
        "preview",
        "touched",
    ),
)


@app.command("list")
@narrowed
def list_(
    where: Filter,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    after: Annotated[
        int | None, typer.Option(min=0, help="Go on behind the record of this id; else the youngest.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the youngest violations that match, or those behind `--after`, oldest first."""
    found = [row(each) for each in run(_page(configuration(config), where, after, limit))]
    if as_json:
        give(found)
        return
    show("Violations", _COLUMNS, found, empty="No violation matches.")
    if after is not None and len(found) == limit:
        say(f"There may be more: --after {found[-1]['id']}")


@app.command()
@narrowed
def export(
    where: Filter,
    form: Annotated[Format, typer.Option("--format", help="jsonl, csv or parquet.")] = Format.JSONL,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new file, for its owner only; else standard output."),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Give every violation that matches, oldest first, as JSON lines, CSV or Parquet."""
    if output is None and form is Format.PARQUET:
        raise MisuseError("Parquet is not for a terminal: name a new file with --output")
    loaded = configuration(config)
    with _target(output) as stream, sink(form, stream, FIELDS) as taker:
        run(_each(loaded, where, lambda stored: taker.put(row(stored))))


def tenants(config: ConfigPath = None, as_json: AsJson = False) -> None:
    """List the tenants that were seen or are configured."""
    loaded = configuration(config)
    rows = run(_tenants(loaded))
    if as_json:
        give(rows)
    else:
        columns = ("tenant", "configured", "principals", "first", "last")
        show("Tenants", columns, rows, empty="No tenant was seen yet, and none is configured.")


def why(
    ref: Annotated[str, typer.Argument(help="The reference that a refusal names.")],
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Explain a reference: layer, rule, subject, whose turn it was, and the remedy; never any text."""
    found = run(_why(configuration(config), ref))
    if not found:
        raise Absent("nothing is on record under this reference; copy it whole, or name the bot's --config")
    rows = [{**row(each), "remedy": remedy(each.record.kind, each.reason)} for each in found]
    if as_json:
        give(rows)
        return
    first = found[0]
    say(f"Reference {ref}: {'allowed' if all(each.allowed for each in found) else 'refused'}")
    show("Turn", ("tenant", "principal", "session", "turn", "at"), [row(first)], empty="")
    columns = ("subject", "layer", "kind", "rule", "severity", "count", "slot", "preview")
    show("Records", columns, rows, empty="")
    for text in dict.fromkeys(str(each["remedy"]) for each in rows):
        say(f"- {text}")


def row(stored: Stored) -> dict[str, object]:
    """Give a record as JSON, files and tables show it: ids, rules, lengths and marks, never any text."""
    record = stored.record
    shown: dict[str, object] = {
        "id": stored.id,
        "at": moment(stored.at_ms),
        "tenant": stored.tenant,
        "principal": stored.principal,
        "conversation": stored.conversation,
        "session": stored.session,
        "turn": stored.turn,
        "trace": stored.trace,
        "ref": stored.ref,
        "seq": stored.seq,
        "subject": stored.subject.value,
        "allowed": stored.allowed,
        "reason": None if stored.reason is None else stored.reason.value,
        "kind": record.kind.value,
        "mode": stored.mode.value,
        "layer": record.layer,
        "rule": record.rule,
        "severity": record.severity.value,
        "violation": record.violation,
        "count": record.count,
        "slot": record.slot,
        "preview": record.preview,
        "touched": list(record.touched),
    }
    return shown


class _Screen:
    def write(self, data: bytes) -> int:
        """Write to standard output, wherever that goes."""
        return sys.stdout.write(data.decode())


@contextmanager
def _target(output: Path | None) -> Generator[Stream]:
    if output is None:
        yield _Screen()
        return
    try:
        stream = os.fdopen(_made(output), "wb")
    except OSError as error:
        raise MisuseError(
            f"the file cannot be made ({error.strerror}); name one that is not there yet"
        ) from error
    with stream:
        yield stream


def _made(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)


async def _page(config: Config, where: Filter, after: int | None, limit: int) -> tuple[Stored, ...]:
    async with opened(config) as vault:
        narrow = located(where, vault)
        if after is None:
            return await vault.records.youngest(narrow, limit)
        found: list[Stored] = []
        while len(found) < limit:
            least = min(limit - len(found), PAGE)
            more = await vault.records.violations(narrow, after=after, limit=least)
            found += more
            if len(more) < least:
                break
            after = more[-1].id
        return tuple(found)


async def _each(config: Config, where: Filter, take: Callable[[Stored], object]) -> None:
    async with opened(config) as vault:
        async for stored in vault.records.export(located(where, vault)):
            take(stored)


async def _tenants(config: Config) -> list[dict[str, object]]:
    async with opened(config) as vault:
        seen = {each.tenant: each for each in await vault.tenants.list()}
    named = {each.id for each in config.tenants}
    rows: list[dict[str, object]] = []
    for name in sorted({*seen, *named}):
        each = seen.get(TenantId(name))
        rows.append(
            {
                "tenant": name,
                "configured": name in named,
                "principals": 0 if each is None else each.principals,
                "first": None if each is None else moment(each.first_ms),
                "last": None if each is None else moment(each.last_ms),
            }
        )
    return rows


async def _why(config: Config, ref: str) -> tuple[Stored, ...]:
    async with opened(config) as vault:
        return await vault.records.why(Ref(ref))
