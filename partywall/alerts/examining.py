"""Whether alert routes could deliver: their variables, addresses and TLS, looked at without telling anybody.

Nothing is sent, and no value of a variable is shown: a webhook's address is a secret too.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from partywall.alerts.outcome import Sender
from partywall.alerts.post import inside
from partywall.alerts.routes import checked
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from partywall.doctor import Check, fault, ok, warning
from sandbox.addresses import is_public

_RESOLVE_TIMEOUT_S = 5.0
_IMPLICIT_PORT, _SUBMISSION_PORTS = 465, (25, 587)
Resolve = Callable[[str, int], Sequence[str]]


async def examined(
    settings: Sequence[AlertRoute],
    tenants: Sequence[TenantId],
    resolve: Resolve,
    environment: Mapping[str, str] = os.environ,
) -> list[Check]:
    """Check every configured route.

    Args:
        settings: The routes.
        tenants: The configured tenants; empty if every realm is its own.
        resolve: Gives the addresses of a host and port, or raises `OSError`.
        environment: Where secrets are.
    """
    if not settings:
        return [ok("alerts", "no route: nobody is told; `partywall violations list` shows what happened")]
    try:
        checked(settings, tenants)
    except ConfigError as error:
        return [fault("alerts", str(error), "correct [[alert]]; the bot does not start like this")]
    return [each for route in settings async for each in _route(route, resolve, environment)]


async def _route(route: AlertRoute, resolve: Resolve, environment: Mapping[str, str]) -> AsyncIterator[Check]:
    missing = [name for name in _variables(route) if not environment.get(name)]
    if missing:
        yield fault(
            "alerts",
            f"route {route.name}: not set in this environment: {', '.join(missing)}",
            "set it where the bot runs, and run the doctor there; without it the bot does not start",
        )
        return
    try:
        sender = sender_of(route, environment)
    except ConfigError as error:
        yield fault("alerts", f"route {route.name}: {error}", "correct it; the bot does not start like this")
        return
    try:
        found = [*_habits(route, sender), *await _reached(route, sender, resolve)]
    finally:
        sender.close()
    for each in found:
        yield each
    if not found:
        yield ok("alerts", f"route {route.name}: ready; `partywall alerts test {route.name}` sends a message")


def _variables(route: AlertRoute) -> Iterator[str]:
    if route.url_env is not None:
        yield route.url_env
    # Mail without a user logs in nowhere, so what it names is not read.
    if route.kind != "email" or route.user is not None:
        yield from route.keys_env


def _habits(route: AlertRoute, sender: Sender) -> Iterator[Check]:
    """Say what works and should not stay, or will not work though it loads."""
    if route.kind != "email":
        if sender.address.startswith("http://"):
            yield warning(
                "alerts", f"route {route.name}: http, so the network reads along", "give the receiver https"
            )
        return
    if route.tls == "starttls" and route.port == _IMPLICIT_PORT:
        yield warning("alerts", f"route {route.name}: port 465 has TLS from the start", 'set tls = "tls"')
    if route.tls == "tls" and route.port in _SUBMISSION_PORTS:
        yield warning(
            "alerts", f"route {route.name}: port {route.port} begins without TLS", 'set tls = "starttls"'
        )


async def _reached(route: AlertRoute, sender: Sender, resolve: Resolve) -> list[Check]:
    """Ask for the host's addresses, as sending does, and say which it would refuse."""
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await asyncio.to_thread(resolve, *sender.endpoint)
    except (OSError, UnicodeError, TimeoutError):
        found = ()
    return list(_admitted(route, found))


def _admitted(route: AlertRoute, found: Sequence[str]) -> Iterator[Check]:
    addresses = [ip_address(each) for each in found]
    if not addresses:
        yield warning(
            "alerts",
            f"route {route.name}: its host has no address from here",
            "check the name, and the DNS of the machine on which the bot runs",
        )
    elif not all(map(inside, addresses)):
        yield fault(
            "alerts",
            f"route {route.name}: its host is at an address of the link, where nothing is ever sent",
            "name another host",
        )
    elif not route.private and not all(map(is_public, addresses)):
        yield fault(
            "alerts",
            f"route {route.name}: its host is at an address inside, so nothing would be sent",
            "set private = true if the receiver is yours; else find out who answers for this name",
        )
