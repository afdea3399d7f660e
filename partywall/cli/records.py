"""`partywall violations`, `tenants` and `why`: what was written down, and what to do about it."""

import json
import os
import re
import sys
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firewall.core.errors import MisuseError
from firewall.core.ids import PrincipalId, Ref, TenantId
from firewall.core.receipt import RecordKind
from partywall.cli.desk import Absent, AsJson, ConfigPath, configuration, give, moment, opened, run, say, show
from partywall.cli.remedies import remedy
from partywall.config import Config
from partywall.runtime import SystemClock
from vault.ledger import Filter, Stored

app = typer.Typer(no_args_is_help=True, help="What the wall refused, cut or dropped.")

TenantName = Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")]
PrincipalName = Annotated[
    str | None, typer.Option("--principal", help="Only this principal's, as lists show it.")
]
Layer = Annotated[str | None, typer.Option("--layer", help="Only this layer's, such as redaction.")]
Rule = Annotated[str | None, typer.Option("--rule", help="Only this rule's, such as foreign_history.")]
Kind = Annotated[RecordKind | None, typer.Option("--kind", help="Only records of this kind.")]
RefOption = Annotated[str | None, typer.Option("--ref", help="Only those of this reference.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Only since then: 30m, 24h, 7d, or 2026-01-31T12:00:00Z.")
]
Everything = Annotated[
    bool,
    typer.Option("--all", help="Every record, also those that are no violation, such as own data masked."),
]
_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_COLUMNS = ("id", "at", "tenant", "kind", "layer", "rule", "severity", "count", "subject", "ref")


@app.command("list")
def list_(
    tenant: TenantName = None,
    principal: PrincipalName = None,
    layer: Layer = None,
    rule: Rule = None,
    kind: Kind = None,
    ref: RefOption = None,
    since: Since = None,
    everything: Everything = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The youngest so many.")] = 100,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the youngest violations that match, oldest first."""
    where = _filter(tenant, principal, layer, rule, kind, ref, since, everything)
    found: deque[dict[str, object]] = deque(maxlen=limit)
    run(_each(configuration(config), where, lambda stored: found.append(row(stored))))
    if as_json:
        give(list(found))
    else:
        show("Violations", _COLUMNS, found, empty="No violation matches.")


@app.command()
def export(
    tenant: TenantName = None,
    principal: PrincipalName = None,
    layer: Layer = None,
    rule: Rule = None,
    kind: Kind = None,
    ref: RefOption = None,
    since: Since = None,
    everything: Everything = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new file, for its owner only; else standard output."),
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Give every violation that matches as JSON lines, oldest first."""
    where = _filter(tenant, principal, layer, rule, kind, ref, since, everything)
    loaded = configuration(config)
    try:
        target = (
            nullcontext(sys.stdout) if output is None else os.fdopen(_made(output), "w", encoding="ascii")
        )
    except OSError as error:
        raise MisuseError(
            f"the file cannot be made ({error.strerror}); name one that is not there yet"
        ) from error
    with target as stream:
        run(_each(loaded, where, lambda stored: stream.write(json.dumps(row(stored)) + "\n")))


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
    """Give a record as JSON and tables show it: ids, rules and lengths, never any text."""
    record = stored.record
    return {
        "id": stored.id,
        "at": moment(stored.at_ms),
        "tenant": stored.tenant,
        "principal": stored.principal,
        "session": stored.session,
        "turn": stored.turn,
        "ref": stored.ref,
        "seq": stored.seq,
        "subject": stored.subject.value,
        "allowed": stored.allowed,
        "reason": None if stored.reason is None else stored.reason.value,
        "kind": record.kind.value,
        "layer": record.layer,
        "rule": record.rule,
        "severity": record.severity.value,
        "violation": record.violation,
        "count": record.count,
        "slot": record.slot,
        "preview": record.preview,
    }


def since_ms(text: str, now_ms: int) -> int:
    """Read a moment: so long ago (`30m`, `24h`, `7d`) or ISO 8601, in UTC where no zone is given.

    Raises:
        MisuseError: It is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, now_ms - int(ago[1]) * _UNIT_MS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise MisuseError("--since is 30m, 24h, 7d, or a date such as 2026-01-31T12:00:00Z") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _filter(
    tenant: str | None,
    principal: str | None,
    layer: str | None,
    rule: str | None,
    kind: RecordKind | None,
    ref: str | None,
    since: str | None,
    everything: bool,
) -> Filter:
    return Filter(
        tenant=None if tenant is None else TenantId(tenant),
        principal=None if principal is None else PrincipalId(principal),
        layer=layer,
        rule=rule,
        kind=kind,
        ref=None if ref is None else Ref(ref),
        since_ms=None if since is None else since_ms(since, SystemClock().now_ms()),
        violation=None if everything else True,
    )


def _made(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)


async def _each(config: Config, where: Filter, take: Callable[[Stored], object]) -> None:
    async with opened(config) as vault:
        async for stored in vault.records.export(where):
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
