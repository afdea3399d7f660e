"""The configuration: one TOML file, checked whole before anything is opened."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from firewall.core.errors import ConfigError
from firewall.core.identity import SenderKind
from partywall.alerts.settings import KINDS as ALERT_KINDS
from partywall.alerts.settings import AlertKeeping, AlertRoute
from partywall.config_faults import line_of, malformed, remedy
from partywall.settings.bots import ServedBot
from partywall.settings.detection import (
    Injections,
    LinkHosts,
    Links,
    Oracle,
    Pii,
    PublicText,
    Secrets,
    TenantPii,
)
from partywall.settings.plugins import Plugins
from partywall.settings.policy import PolicyFiles, Ruled
from partywall.settings.section import Section
from vault.address import has_password

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Profile(StrEnum):
    """How strictly detection judges; structural isolation is on in all four."""

    STRICT = "strict"
    STANDARD = "standard"
    LIGHT = "light"
    OBSERVE = "observe"


class Realm(Section):
    """A platform's unit, or one conversation of it, that belongs to a tenant."""

    channel: str = Field(min_length=1)
    realm: str = Field(min_length=1)
    conversation: str | None = None


class ToolGrants(Section):
    """What one tenant's bot may do beyond its declared, harmless tools."""

    grants: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    only: frozenset[str] | None = None
    carry: frozenset[str] = frozenset()


class Tenant(Section):
    """One tenant: its name, the realms that belong to it, its grants, and what it wants otherwise."""

    id: str = Field(min_length=1, max_length=200)
    realms: tuple[Realm, ...] = ()
    tools: ToolGrants = ToolGrants()
    links: LinkHosts = LinkHosts()
    pii: TenantPii = TenantPii()
    policy: PolicyFiles = PolicyFiles()


class Store(Section):
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


class RecordKeeping(Section):
    """How long records are kept; their receipts stay for ever."""

    keep_days: int | None = Field(default=None, ge=1, le=36_500)


class FileArea(Section):
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


class FilesIn(Section):
    """Files that come with messages: how many, how long, and which media types, by what their bytes are."""

    max_count: int = Field(default=10, ge=0, le=100)
    max_bytes: int = Field(default=10_000_000, gt=0)
    types: tuple[str, ...] = _SENT


class Limits(Section):
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


class Config(Section):
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
    links: Links = Links()
    oracle: Oracle = Oracle()
    pii: Pii = Pii()
    secrets: Secrets = Secrets()
    injection: Injections = Injections()
    excerpts: PublicText = PublicText()
    plugins: Plugins = Plugins()
    policy: Ruled = Ruled()
    bot: ServedBot = ServedBot()
    alerts: tuple[AlertRoute, ...] = Field(default=(), alias="alert")
    alert_keeping: AlertKeeping = Field(default=AlertKeeping(), alias="alerts")


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
        _kinds(config, text)
        return config
    # Not chained: the validator's error repeats the value.
    raise fault


def _kinds(config: Config, text: str) -> None:
    for number, route in enumerate(config.alerts):
        if route.kind not in {*ALERT_KINDS, *config.plugins.alerts}:
            raise ConfigError(
                f"alert.{number}.kind: must be one of {', '.join(ALERT_KINDS)}, or a name in plugins.alerts",
                line=line_of(text, ("alert", str(number), "kind")),
            )


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
