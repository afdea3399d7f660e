"""Which violations a route asks for, and when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.core.ports import IdSource
from firewall.core.verdict import Severity
from partywall.alerts.outcome import Sender
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from vault.incidents import LEVELS, Wish
from vault.outbox import Violation
from vault.receivers import Receiver

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR_MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A configured route with its way out."""

    settings: AlertRoute
    sender: Sender
    receiver: Receiver

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.settings.name


def routes_of(
    settings: Sequence[AlertRoute],
    tenants: Sequence[TenantId],
    ids: IdSource,
    environment: Mapping[str, str],
) -> tuple[Route, ...]:
    """Make the configured routes.

    Args:
        settings: As configured.
        tenants: The configured tenants; empty if every realm is its own.
        ids: For digests of addresses, which may be secrets.
        environment: Where secrets are.

    Raises:
        ConfigError: Two routes have one name, a route asks for a tenant that is not configured, or as
            `sender_of`.
    """
    checked(settings, tenants)
    made: list[Route] = []
    for each in settings:
        sender = sender_of(each, environment)
        mark = ids.derived("receiver", each.kind, sender.address)
        receiver = Receiver(route=each.name, mark=mark, per_minute=each.per_minute)
        made.append(Route(settings=each, sender=sender, receiver=receiver))
    return tuple(made)


def checked(settings: Sequence[AlertRoute], tenants: Sequence[TenantId]) -> None:
    """Refuse routes of one name, and routes for tenants that do not exist: they would tell nobody.

    Raises:
        ConfigError: There is one.
    """
    names = [each.name for each in settings]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ConfigError(f"two alert routes are called {doubled}; name one of them otherwise")
    for each in settings:
        if tenants and not set(each.tenants) <= set(tenants):
            raise ConfigError(
                f"alert route {each.name} is for a tenant that is not configured; see [[tenant]]"
            )


def wishes(routes: Sequence[AlertRoute], violation: Violation, now_ms: int) -> tuple[Wish, ...]:
    """Give the routes that ask for a violation now."""
    return tuple(
        Wish(route=each.name, window_ms=int(each.group_s * 1000))
        for each in routes
        if asks(each, violation) and awake(each, now_ms)
    )


def asks(route: AlertRoute, violation: Violation) -> bool:
    """True if tenant, severity, layer and rule are what the route is for; an empty list is for all."""
    return (
        LEVELS.index(violation.severity) >= LEVELS.index(Severity(route.severity))
        and (not route.tenants or violation.tenant in route.tenants)
        and (not route.layers or violation.layer in route.layers)
        and (not route.rules or violation.rule in route.rules)
    )


def awake(route: AlertRoute, now_ms: int) -> bool:
    """True on the route's days, in its hours, in UTC; hours past midnight belong to the day they began."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    minute, day = now.hour * _HOUR_MINUTES + now.minute, now.weekday()
    if route.hours is not None:
        start, stop = (_minute(each) for each in route.hours.split("-"))
        if start < stop and not start <= minute < stop:
            return False
        if stop <= start:
            if stop <= minute < start:
                return False
            day = (day - 1) % 7 if minute < stop else day
    return not route.days or _DAYS[day] in route.days


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * _HOUR_MINUTES + int(minute)
