"""The way out of each kind of route, made from its settings and the secrets that they name."""

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from firewall.core.errors import ConfigError
from partywall.alerts import discord
from partywall.alerts.hook import ChatHook
from partywall.alerts.mail import Mail, MailServer
from partywall.alerts.outcome import Sender
from partywall.alerts.pagerduty import URL as PAGERDUTY
from partywall.alerts.pagerduty import PagerDuty
from partywall.alerts.post import Post
from partywall.alerts.settings import AlertRoute
from partywall.alerts.signing import Key
from partywall.alerts.webhook import Webhook
from partywall.plugged.alert import PluggedSender, kind_of

_SLACK_URL = "https://slack.com/api/chat.postMessage"


def sender_of(route: AlertRoute, environment: Mapping[str, str] = os.environ) -> Sender:
    """Make the way to a route's receiver; nothing is connected yet.

    Raises:
        ConfigError: A secret or a library is missing, or an address or a key cannot be one.
    """
    return _KINDS.get(route.kind, _plugged)(route, environment)


def _pagerduty(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    return PagerDuty(_post(route, environment, PAGERDUTY), secret(environment, route.keys_env[0]))


def _webhook(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    keys = [Key.of(secret(environment, each)) for each in route.keys_env]
    return Webhook(_post(route, environment), keys)


def _discord(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    return ChatHook(_post(route, environment), discord.message)


def _slack_webhook(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    return ChatHook(_post(route, environment), _slack().message)


def _slack_channel(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    token = secret(environment, route.keys_env[0])
    made: Sender = _slack().SlackChannel(_post(route, environment, _SLACK_URL), token, route.channel)
    return made


def _email(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    server = MailServer(
        host=str(route.host),
        port=route.port,
        implicit=route.tls == "tls",
        private=route.private,
        timeout_s=route.timeout_s,
        user=route.user,
        password="" if route.user is None else secret(environment, route.keys_env[0]),
    )
    return Mail(server, str(route.sender), route.to)


def _plugged(route: AlertRoute, environment: Mapping[str, str]) -> Sender:
    keys = [secret(environment, each) for each in route.keys_env]
    # Half of the route's time for making the message, half for sending it.
    half = route.model_copy(update={"timeout_s": route.timeout_s / 2})
    plugin, own = kind_of(route.kind, route.options, keys)
    return PluggedSender(plugin, own, _post(half, environment), half.timeout_s)


_KINDS: Mapping[str, Callable[[AlertRoute, Mapping[str, str]], Sender]] = {
    "pagerduty": _pagerduty,
    "slack_webhook": _slack_webhook,
    "slack": _slack_channel,
    "discord": _discord,
    "email": _email,
    "webhook": _webhook,
}


def _post(route: AlertRoute, environment: Mapping[str, str], otherwise: str = "") -> Post:
    url = secret(environment, route.url_env) if route.url_env else route.url or otherwise
    return Post(url, private=route.private, timeout_s=route.timeout_s)


def _slack() -> Any:  # noqa: ANN401 - a module, loaded only where a route needs its library
    try:
        return importlib.import_module("partywall.alerts.slack")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "an alert route to Slack needs the extra `slack`: pip install 'partywall[slack]'"
        ) from error


def secret(environment: Mapping[str, str], name: str) -> str:
    """Give what a variable holds.

    Raises:
        ConfigError: It is not set, or empty.
    """
    found = environment.get(name, "")
    if not found:
        raise ConfigError(f"the environment variable {name} is not set")
    return found
