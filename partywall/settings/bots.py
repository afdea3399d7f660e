"""Bots that `partywall serve` runs, by platform."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from adapters.privately import PRIVATELY
from partywall.settings.section import Section

# A secret stands in the environment, never in the file: a setting names the variable.
Variable = Annotated[str, Field(pattern="^[A-Z_][A-Z0-9_]*$")]
Port = Annotated[int, Field(ge=0, le=65_535)]


class SlackBot(Section):
    """The bot on Slack: by Socket Mode with an app token, else by signed HTTP events.

    With a client id, workspaces install the app by themselves, and no token is named here.
    """

    token_env: Variable = "SLACK_BOT_TOKEN"  # noqa: S105  the name of a variable
    teams: Mapping[str, Variable] = {}
    app_token_env: Variable | None = None
    signing_secret_env: Variable | None = None
    client_id: Annotated[str, Field(pattern=r"^[\w.-]+$")] | None = None
    client_secret_env: Variable | None = None
    scopes: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.:-]*$")], ...] = ()
    redirect_uri: Annotated[str, Field(pattern=r"^https://[^\s\"<>]+$")] | None = None
    host: str = "127.0.0.1"
    port: Port = 3000


class TelegramBot(Section):
    """The bot on Telegram: polling, or behind a webhook with its secret token."""

    token_env: Variable = "TELEGRAM_TOKEN"  # noqa: S105  the name of a variable
    webhook_url: str | None = None
    secret_token_env: Variable | None = None
    host: str = "127.0.0.1"
    port: Port = 8443


class DiscordBot(Section):
    """The bot on Discord: what it answers in guilds, and its slash commands by name."""

    token_env: Variable = "DISCORD_TOKEN"  # noqa: S105  the name of a variable
    answers: Annotated[str, Field(pattern="^(mentions|all)$")] = "mentions"
    commands: Mapping[str, str] = {}


class ServedBot(Section):
    """What `partywall serve` runs: an agent of yours, or the default one with a prompt and tools."""

    agent: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    system: str | None = None
    tools: tuple[str, ...] = ()
    privately: tuple[str, ...] = PRIVATELY
    slack: SlackBot | None = None
    telegram: TelegramBot | None = None
    discord: DiscordBot | None = None
