"""Which records a command is about: one set of options for `violations list`, `export` and `summary`."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any

import typer

from firewall.core.errors import MisuseError
from firewall.core.ids import PrincipalId, Ref, SessionId, TenantId, TurnId
from firewall.core.label import Room
from firewall.core.receipt import Mode, RecordKind
from firewall.core.subject import SubjectKind
from firewall.core.verdict import ReasonCode, Severity
from firewall.marks import conversation_of
from partywall.cli.readers import parsed
from partywall.runtime import SystemClock
from vault.filters import Filter
from vault.open import Vault

_AGO = re.compile(r"(\d{1,6})([mhd])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PLACE = "/"


def wanted(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only this principal's, as lists show it.")] = None,
    conversation: Annotated[
        str | None,
        typer.Option(
            help="Only this conversation's: as lists show it, or CHANNEL/APP/REALM/CONVERSATION[/THREAD]."
        ),
    ] = None,
    session: Annotated[str | None, typer.Option(help="Only this session's.")] = None,
    turn: Annotated[str | None, typer.Option(help="Only this turn's.")] = None,
    trace: Annotated[str | None, typer.Option(help="Only those of turns in this trace.")] = None,
    ref: Annotated[str | None, typer.Option(help="Only those of this reference.")] = None,
    subject: Annotated[
        SubjectKind | None, typer.Option(help="Only those about this kind of subject.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Only this layer's, such as redaction.")] = None,
    reason: Annotated[ReasonCode | None, typer.Option(help="Only refusals for this reason.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule's, such as foreign_history.")] = None,
    kind: Annotated[RecordKind | None, typer.Option(help="Only records of this kind.")] = None,
    mode: Annotated[Mode | None, typer.Option(help="Only enforced rules, or only watched ones.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="Only this severe and above.")] = None,
    touched: Annotated[
        str | None, typer.Option(help="Only judgements that concern the value with this mark.")
    ] = None,
    preview: Annotated[
        str | None, typer.Option(help="Only those of exactly this kind and length, such as 'exec, 4'.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Only those that concern at least so many.")
    ] = None,
    receipt: Annotated[
        int | None, typer.Option(min=1, help="Only those of the receipt of this number.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only since then: 30m, 24h, 7d, or 2026-01-31T12:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only before then, written as --since.")] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Every record, also those that are no violation, such as own data masked."
        ),
    ] = False,
) -> Filter:
    """Read the options; a conversation that is named by its place is looked up once the vault is open."""
    now_ms = SystemClock().now_ms()
    # Nothing that is only watched is a violation, so whoever asks for it asks for the rest too.
    rest = everything or mode is Mode.SHADOW or kind is RecordKind.SHADOW
    return Filter(
        tenant=None if tenant is None else TenantId(tenant),
        principal=None if principal is None else PrincipalId(principal),
        conversation=conversation,
        session=None if session is None else SessionId(session),
        turn=None if turn is None else TurnId(turn),
        trace=trace,
        ref=None if ref is None else Ref(ref),
        subject=subject,
        layer=layer,
        reason=reason,
        rule=rule,
        kind=kind,
        mode=mode,
        severity=severity,
        touched=touched,
        preview=preview,
        count=count,
        receipt=receipt,
        since_ms=None if since is None else moment_ms(since, now_ms),
        until_ms=None if until is None else moment_ms(until, now_ms),
        violation=None if rest else True,
    )


def narrowed(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command every option of `wanted` in the place of its first parameter, the filter."""
    options = inspect.signature(wanted).parameters
    _, *own = inspect.signature(command).parameters.values()

    @wraps(command)
    def asked(**given: Any) -> None:
        where = wanted(**{name: given.pop(name) for name in options})
        command(where, **given)

    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*options.values(), *own)]
    # Typer reads both: which options there are, and of which type each is.
    asked.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    asked.__annotations__ = {each.name: each.annotation for each in keywords}
    return asked


def located(where: Filter, vault: Vault) -> Filter:
    """Give the filter with its conversation as records have it, where it is named by its place.

    Raises:
        MisuseError: The place is malformed, or no tenant is named.
    """
    if where.conversation is None or _PLACE not in where.conversation:
        return where
    if where.tenant is None:
        raise MisuseError("a place belongs to a tenant: name it with --tenant")
    room = parsed([f"room:{where.conversation}"])
    if not isinstance(room, Room):
        raise MisuseError("a conversation is CHANNEL/APP/REALM/CONVERSATION[/THREAD], each percent-encoded")
    return replace(where, conversation=conversation_of(vault.ids, where.tenant, room))


def moment_ms(text: str, now_ms: int) -> int:
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
        raise MisuseError("a moment is 30m, 24h, 7d, or a date such as 2026-01-31T12:00:00Z") from error
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
