"""The bot that a configuration describes: its agent, its channels, and the secrets they need."""

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from adapters.channels import Channel
from firewall.core.errors import ConfigError
from partywall.bot import AgentFunction, Bot
from partywall.installed import Installed
from partywall.settings.bots import DiscordBot, ServedBot, SlackBot, TelegramBot
from partywall.wall import Wall

# Each channel's client takes long to import, so it is loaded when it is configured, and nowhere else.
_CHANNELS: Mapping[str, tuple[str, str]] = {
    "slack": ("adapters.slack.channel", "SlackChannel"),
    "telegram": ("adapters.telegram.channel", "TelegramChannel"),
    "discord": ("adapters.discord.channel", "DiscordChannel"),
}


def bot_of(wall: Wall, environment: Mapping[str, str] = os.environ) -> Bot:
    """Make the bot that the wall's configuration describes; nothing is connected yet.

    Args:
        wall: Not opened yet.
        environment: Where secrets are, by the names the configuration gives.

    Raises:
        ConfigError: No channel is configured, a secret or a channel's library is missing, or the agent
            cannot be loaded.
    """
    settings = wall.config.bot
    channels = [
        *_made("slack", settings, settings.slack, partial(_slack, wall), environment),
        *_made("telegram", settings, settings.telegram, _telegram, environment),
        *_made("discord", settings, settings.discord, _discord, environment),
    ]
    if not channels:
        raise ConfigError("no channel is configured: add [bot.slack], [bot.telegram] or [bot.discord]")
    return Bot(wall, _agent(wall, settings), channels)


def _agent(wall: Wall, settings: ServedBot) -> AgentFunction:
    if settings.agent is None:
        if wall.config.model is None:
            raise ConfigError("no model is named: set `model`, or `bot.agent` to an agent of your own")
        return wall.agent(system=settings.system, tools=settings.tools)
    module, name = settings.agent.split(":")
    try:
        found: object = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"bot.agent: {settings.agent} cannot be loaded ({type(error).__name__})") from error
    if not callable(found):
        raise ConfigError(f"bot.agent: {settings.agent} is no function")
    return cast("AgentFunction", found)


def _made(
    name: str,
    served: ServedBot,
    settings: SlackBot | TelegramBot | DiscordBot | None,
    arguments: Callable[[Any, Mapping[str, str]], dict[str, Any]],
    environment: Mapping[str, str],
) -> list[Channel]:
    if settings is None:
        return []
    given = arguments(settings, environment) | {"privately": served.privately}
    module, kind = _CHANNELS[name]
    try:
        made: Channel = getattr(importlib.import_module(module), kind)(**given)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"[bot.{name}] needs the extra `{name}`: pip install 'partywall[{name}]'"
        ) from error
    return [made]


def _slack(wall: Wall, settings: SlackBot, environment: Mapping[str, str]) -> dict[str, Any]:
    if settings.app_token_env is None and settings.signing_secret_env is None:
        raise ConfigError("[bot.slack] needs app_token_env (Socket Mode) or signing_secret_env (HTTP)")
    given = _installations(wall, settings, environment) or _tokens(settings, environment)
    given |= {"host": settings.host, "port": settings.port}
    if settings.app_token_env is not None:
        return given | {"app_token": _secret(environment, settings.app_token_env)}
    return given | {"signing_secret": _secret(environment, str(settings.signing_secret_env))}


def _tokens(settings: SlackBot, environment: Mapping[str, str]) -> dict[str, Any]:
    tokens = {team: _secret(environment, name) for team, name in settings.teams.items()}
    return {"tokens": tokens or _secret(environment, settings.token_env)}


def _installations(wall: Wall, settings: SlackBot, environment: Mapping[str, str]) -> dict[str, Any]:
    if settings.client_id is None:
        if settings.client_secret_env is not None or settings.scopes or settings.redirect_uri is not None:
            raise ConfigError("[bot.slack] scopes and client_secret_env are for installations: add client_id")
        return {}
    if settings.client_secret_env is None:
        raise ConfigError("[bot.slack] client_id needs client_secret_env; both stand in the app's settings")
    if not settings.scopes:
        raise ConfigError('[bot.slack] client_id needs scopes, such as ["chat:write", "im:history"]')
    if settings.teams:
        raise ConfigError("[bot.slack] has teams and client_id; remove teams, and install the app in each")
    return {
        "installations": Installed(wall),
        "client_id": settings.client_id,
        "client_secret": _secret(environment, settings.client_secret_env),
        "scopes": settings.scopes,
        "redirect_uri": settings.redirect_uri or "",
    }


def _telegram(settings: TelegramBot, environment: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {"token": _secret(environment, settings.token_env)}
    if settings.webhook_url is None:
        return given
    if settings.secret_token_env is None:
        raise ConfigError(
            "[bot.telegram] a webhook needs secret_token_env; without one anybody can post to it"
        )
    secret = _secret(environment, settings.secret_token_env)
    place = {"host": settings.host, "port": settings.port}
    return given | {"webhook_url": settings.webhook_url, "secret_token": secret, **place}


def _discord(settings: DiscordBot, environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        "token": _secret(environment, settings.token_env),
        "answers": settings.answers,
        "commands": dict(settings.commands) or None,
    }


def _secret(environment: Mapping[str, str], name: str) -> str:
    found = environment.get(name, "")
    if not found:
        raise ConfigError(f"the environment variable {name} is not set")
    return found
