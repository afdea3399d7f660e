"""`partywall alerts`: whether operators are told, what they were told, and closing what is over."""

import os
from collections.abc import Mapping
from typing import Annotated

import typer

from firewall.core.errors import ConfigError, MisuseError, UnavailableError
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from partywall.alerts.keeping import DAY_MS
from partywall.alerts.outcome import Outcome, Sent
from partywall.alerts.routes import checked
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from partywall.cli.desk import (
    Absent,
    AsJson,
    ConfigPath,
    configuration,
    give,
    moment,
    opened,
    plain,
    run,
    say,
    show,
    warn,
)
from partywall.cli.reaching import remedy
from partywall.config import Config
from partywall.runtime import SystemClock
from vault.delivery import Delivery, DeliveryState
from vault.incidents import Verb

app = typer.Typer(no_args_is_help=True, help="What operators were told, and how to reach them.")

TenantName = Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's.")]
RouteName = Annotated[str | None, typer.Option("--route", "-r", help="Only this route's.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="The youngest so many.")]
_COLUMNS = ("at", "id", "incident", "route", "tenant", "rule", "severity", "verb", "state")
# What was opened for a test must not wake anybody later.
_TOLD: Mapping[Verb, str] = {"trigger": "first", "resolve": "closing"}
_DEAD = ("at", "id", "incident", "route", "tenant", "rule", "attempts", "fault")


@app.command("test")
def trial(
    route: Annotated[str, typer.Argument(help="A configured route.")], config: ConfigPath = None
) -> None:
    """Send one message that says it is a test, now, and say whether it arrived; nothing is written down."""
    loaded = configuration(config)
    checked(loaded.alerts, [TenantId(each.id) for each in loaded.tenants])
    settings = _named(loaded, route)
    incident = os.urandom(8).hex()
    for verb in _TOLD:
        outcome = run(_tested(settings, incident, verb))
        if not isinstance(outcome, Sent):
            left = "" if verb == "trigger" else f"; test incident {incident} stays open there"
            raise UnavailableError(
                f"route {route} did not take the {_TOLD[verb]} message ({outcome.fault}): "
                f"{remedy(outcome.fault)}{left}. Nothing is retried"
            )
    say(f"route {route} took the message")


@app.command("list")
def list_(
    tenant: TenantName = None,
    route: RouteName = None,
    state: Annotated[DeliveryState | None, typer.Option("--state", help="Only messages so far.")] = None,
    limit: Limit = 100,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the youngest messages to operators that match, oldest first."""
    _shown(configuration(config), state, tenant, route, limit, as_json, "No message matches.")


@app.command()
def dead(
    tenant: TenantName = None,
    route: RouteName = None,
    limit: Limit = 100,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """List the messages that never arrived; `alerts retry` sends them again."""
    _shown(configuration(config), DeliveryState.DEAD, tenant, route, limit, as_json, "No message is dead.")


@app.command()
def retry(
    delivery: Annotated[str | None, typer.Argument(help="A dead message's id, as lists show it.")] = None,
    route: Annotated[
        str | None, typer.Option("--route", "-r", help="All dead ones of this route; enables it again.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Have dead messages sent again, by the running bot or the next that starts."""
    loaded = configuration(config)
    count = run(_revived(loaded, delivery, route))
    if not count and route is None:
        raise Absent("no dead message of that id can be sent again; see `partywall alerts dead`")
    if not count and route is not None:
        # A route that is no longer configured may still have dead messages; a misspelt one has nothing.
        _named(loaded, route)
    say(f"{count} {'message is' if count == 1 else 'messages are'} due again")


@app.command()
def resolve(
    incident: Annotated[str, typer.Argument(help="The incident's id, as messages and lists show it.")],
    config: ConfigPath = None,
) -> None:
    """Close an incident on every route that was told of it; each is told that it is over."""
    closed = run(_closed(configuration(config), incident))
    if not closed:
        raise Absent(
            "no open incident has this id; `partywall alerts list` shows messages (msg_…) and their incidents"
        )
    for each in closed:
        say(f"incident {each} is closed")


@app.command()
def prune(
    keep_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Keep so many days; else alerts.keep_days.")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Remove messages that arrived and are older, and incidents that are closed; nothing waiting or dead."""
    loaded = configuration(config)
    days = keep_days or loaded.alert_keeping.keep_days
    if days is None:
        raise MisuseError("how long are messages kept? Set alerts.keep_days, or give --keep-days")
    count = run(_pruned(loaded, SystemClock().now_ms() - days * DAY_MS))
    say(f"{count} messages older than {days} days were removed. What waits or is dead stays.")


def _named(config: Config, route: str) -> AlertRoute:
    settings = next((each for each in config.alerts if each.name == route), None)
    if settings is None:
        names = ", ".join(each.name for each in config.alerts) or "none"
        raise ConfigError(f"no alert route of that name is configured; there are: {names}")
    return settings


async def _tested(settings: AlertRoute, incident: str, verb: Verb) -> Outcome:
    now_ms = SystemClock().now_ms()
    sender = sender_of(settings)
    try:
        return await sender.send(_trial(settings, incident, verb, now_ms), now_ms)
    finally:
        sender.close()


def _trial(settings: AlertRoute, incident: str, verb: Verb, now_ms: int) -> Delivery:
    return Delivery(
        id=f"msg_{os.urandom(16).hex()}",
        incident=incident,
        route=settings.name,
        tenant=TenantId("test"),
        layer="test",
        rule="alerts_test",
        verb=verb,
        kind=RecordKind.NOTICE,
        severity=Severity.INFO,
        ref=Ref("test"),
        preview="",
        count=1,
        first_ms=now_ms,
        last_ms=now_ms,
        at_ms=now_ms,
        due_ms=now_ms,
        state=DeliveryState.SENDING,
        attempts=1,
        fault="",
    )


def _shown(
    config: Config,
    state: DeliveryState | None,
    tenant: str | None,
    route: str | None,
    limit: int,
    as_json: bool,
    empty: str,
) -> None:
    found, disabled = run(_listed(config, state, tenant, route, limit))
    rows = [_row(each) for each in found]
    if as_json:
        give(rows)
    else:
        columns = _DEAD if state is DeliveryState.DEAD else _COLUMNS
        show("Messages to operators", columns, rows, empty=empty)
        for text in sorted({each.fault for each in found if each.state is DeliveryState.DEAD}):
            say(f"- {plain(text)}: {remedy(text)}")
    for name in disabled:
        warn(f"route {plain(name)} is disabled: its receiver is gone; see `partywall alerts retry --route`")


async def _listed(
    config: Config, state: DeliveryState | None, tenant: str | None, route: str | None, limit: int
) -> tuple[tuple[Delivery, ...], tuple[str, ...]]:
    async with opened(config) as vault:
        whose = None if tenant is None else TenantId(tenant)
        found = await vault.deliveries.listed(state=state, tenant=whose, route=route, limit=limit)
        return found, await vault.deliveries.disabled()


async def _revived(config: Config, delivery: str | None, route: str | None) -> int:
    async with opened(config) as vault:
        return await vault.deliveries.revive(id=delivery, route=route)


async def _closed(config: Config, incident: str) -> tuple[str, ...]:
    async with opened(config) as vault:
        return await vault.deliveries.close(incident)


async def _pruned(config: Config, before_ms: int) -> int:
    count, after = 0, 0
    async with opened(config) as vault:
        while True:
            done = await vault.deliveries.prune(before_ms, after=after)
            count += done.count
            if done.after is None:
                return count
            after = done.after


def _row(delivery: Delivery) -> dict[str, object]:
    return {
        "at": moment(delivery.at_ms),
        "id": delivery.id,
        "incident": delivery.incident,
        "route": delivery.route,
        "tenant": delivery.tenant,
        "verb": delivery.verb,
        "layer": delivery.layer,
        "rule": delivery.rule,
        "severity": delivery.severity.value,
        "violations": delivery.count,
        "ref": delivery.ref,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due": moment(delivery.due_ms),
        "fault": delivery.fault,
    }
