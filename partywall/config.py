"""The configuration: one TOML file, checked whole before anything is opened."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from adapters.privately import PRIVATELY
from firewall.core.errors import ConfigError
from firewall.core.identity import SenderKind
from partywall.alerts.settings import AlertRoute
from partywall.config_faults import line_of, malformed, remedy
from vault.address import has_password

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Profile(StrEnum):
    """How strictly detection judges; structural isolation is on in all four."""

    STRICT = "strict"
    STANDARD = "standard"
    LIGHT = "light"
    OBSERVE = "observe"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Realm(_Section):
    """A platform's unit, or one conversation of it, that belongs to a tenant."""

    channel: str = Field(min_length=1)
    realm: str = Field(min_length=1)
    conversation: str | None = None


class ToolGrants(_Section):
    """What one tenant's bot may do beyond its declared, harmless tools."""

    grants: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    only: frozenset[str] | None = None


class Tenant(_Section):
    """One tenant: its name, the realms that belong to it, and its grants."""

    id: str = Field(min_length=1, max_length=200)
    realms: tuple[Realm, ...] = ()
    tools: ToolGrants = ToolGrants()


class Store(_Section):
    """Where state is kept: a file, a PostgreSQL server, or `:memory:`, which ends with the process."""

    path: str = ".partywall/partywall.db"
    master_key_file: str | None = None
    synchronous: Annotated[str, Field(pattern="^(FULL|NORMAL)$")] = "FULL"

    @field_validator("path")
    @classmethod
    def _without_password(cls, path: str) -> str:
        if has_password(path):
            raise ValueError("leave the password out; PGPASSWORD or PGPASSFILE in the environment gives it")
        return path


class RecordKeeping(_Section):
    """How long records are kept; their receipts stay for ever."""

    keep_days: int | None = Field(default=None, ge=1, le=36_500)


class FileArea(_Section):
    """Where compartments are, how much each may hold, and which trees everybody may read."""

    path: str = ".partywall/files"
    workspace: str = "/"
    shared: Mapping[str, str] = {}
    max_bytes: int = Field(default=100_000_000, gt=0)
    max_entries: int = Field(default=10_000, gt=0)
    max_file_bytes: int = Field(default=20_000_000, gt=0)


# What people send each other. Archives and programs are not among it.
_SENT = (
    *("text/*", "image/*", "audio/*", "video/*", "application/pdf", "application/json", "application/rtf"),
    *("application/vnd.openxmlformats-officedocument.*", "application/vnd.oasis.opendocument.*"),
    *("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"),
)


class FilesIn(_Section):
    """Files that come with messages: how many, how long, and which media types, by what their bytes are."""

    max_count: int = Field(default=10, ge=0, le=100)
    max_bytes: int = Field(default=10_000_000, gt=0)
    types: tuple[str, ...] = _SENT


class Limits(_Section):
    """Bounds; every time is in seconds."""

    turn_timeout_s: Seconds = 300.0
    turn_idle_s: Seconds = 10.0
    session_wait_s: Seconds = 60.0
    layer_cpu_s: Seconds = 2.0
    model_timeout_s: Seconds = 120.0
    tool_timeout_s: Seconds = 60.0
    drain_s: Seconds = 30.0
    exec_timeout_s: Seconds = 30.0
    fetch_timeout_s: Seconds = 20.0
    turns_at_once: int = Field(default=64, gt=0, le=10_000)
    turns_a_tenant: int = Field(default=16, gt=0, le=10_000)
    waiting_a_tenant: int = Field(default=1_000, gt=0)
    waiting_in_all: int = Field(default=100_000, gt=0)
    threads_a_tenant: int = Field(default=4, gt=1, le=64)
    max_text_bytes: int = Field(default=1_000_000, gt=0)
    max_result_bytes: int = Field(default=1_000_000, gt=0)
    max_rounds: int = Field(default=8, gt=0, le=100)
    max_tokens_a_turn: int = Field(default=200_000, gt=0)


class Pii(_Section):
    """Presidio: which entities, how sure, in which languages, with which NLP engine."""

    entities: tuple[str, ...] | None = None
    threshold: float = Field(default=0.35, ge=0, le=1)
    languages: tuple[str, ...] = ("en",)
    nlp: Mapping[str, Any] | None = None


# A secret stands in the environment, never in the file: a setting names the variable.
Variable = Annotated[str, Field(pattern="^[A-Z_][A-Z0-9_]*$")]
Port = Annotated[int, Field(ge=0, le=65_535)]


class SlackBot(_Section):
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


class TelegramBot(_Section):
    """The bot on Telegram: polling, or behind a webhook with its secret token."""

    token_env: Variable = "TELEGRAM_TOKEN"  # noqa: S105  the name of a variable
    webhook_url: str | None = None
    secret_token_env: Variable | None = None
    host: str = "127.0.0.1"
    port: Port = 8443


class DiscordBot(_Section):
    """The bot on Discord: what it answers in guilds, and its slash commands by name."""

    token_env: Variable = "DISCORD_TOKEN"  # noqa: S105  the name of a variable
    answers: Annotated[str, Field(pattern="^(mentions|all)$")] = "mentions"
    commands: Mapping[str, str] = {}


class ServedBot(_Section):
    """What `partywall serve` runs: an agent of yours, or the default one with a prompt and tools."""

    agent: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] | None = None
    system: str | None = None
    tools: tuple[str, ...] = ()
    privately: tuple[str, ...] = PRIVATELY
    slack: SlackBot | None = None
    telegram: TelegramBot | None = None
    discord: DiscordBot | None = None


class Config(_Section):
    """Everything an operator can set; nothing here is ever shared between tenants by accident."""

    profile: Profile = Profile.STANDARD
    model: str | None = None
    serve: frozenset[SenderKind] = frozenset({SenderKind.HUMAN})
    prompts: tuple[str, ...] = ()
    tenants: tuple[Tenant, ...] = Field(default=(), alias="tenant")
    store: Store = Store()
    records: RecordKeeping = RecordKeeping()
    files: FileArea = FileArea()
    attachments: FilesIn = FilesIn()
    limits: Limits = Limits()
    pii: Pii = Pii()
    bot: ServedBot = ServedBot()
    alerts: tuple[AlertRoute, ...] = Field(default=(), alias="alert")


def load(source: str | Path | Mapping[str, object] | None) -> Config:
    """Read a configuration from a file, a mapping, or nothing (safe defaults).

    Raises:
        ConfigError: It is no TOML, a key is unknown, doubled or of the wrong type, or two tenants claim one
            realm; the message names the line, where there is one, and the remedy.
    """
    if source is None:
        return Config()
    if isinstance(source, Mapping):
        return _checked(dict(source), "")
    try:
        text = Path(source).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration file cannot be read ({error.strerror}); `partywall init` writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the configuration file is not UTF-8 text") from error
    return parse(text)


def parse(text: str) -> Config:
    """Read a configuration from TOML text. Raises as `load` does."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = malformed(str(error), text)
    else:
        return _checked(tree, text)
    # Not chained: the parser's error carries the whole file, which may name what is nobody's business.
    raise fault


def _checked(tree: dict[str, Any], text: str) -> Config:
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = tuple(str(step) for step in first["loc"])
        fault = ConfigError(remedy(where, first), line=line_of(text, where))
    else:
        _disjoint(config, text)
        return config
    # Not chained: the validator's error repeats the value.
    raise fault


def _disjoint(config: Config, text: str) -> None:
    names: set[str] = set()
    realms: set[tuple[str, str, str | None]] = set()
    for number, tenant in enumerate(config.tenants):
        here = ("tenant", str(number))
        if tenant.id in names:
            raise ConfigError(
                f"two tenants are called {tenant.id!r}; name one of them otherwise",
                line=line_of(text, (*here, "id")),
            )
        names.add(tenant.id)
        for realm in tenant.realms:
            claimed = (realm.channel, realm.realm, realm.conversation)
            if claimed in realms:
                raise ConfigError(
                    f"a realm of tenant {tenant.id!r} is another tenant's already; a realm has one tenant",
                    line=line_of(text, (*here, "realms")),
                )
            realms.add(claimed)
