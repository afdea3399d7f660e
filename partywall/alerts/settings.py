"""Routes of alerts as the configuration has them."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

_Variable = Annotated[str, Field(pattern="^[A-Z_][A-Z0-9_]*$")]
_Address = Annotated[str, Field(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$")]
_Day = Annotated[str, Field(pattern="^(mon|tue|wed|thu|fri|sat|sun)$")]
_LEVELS = "^(info|low|medium|high|critical)$"
_HOURS = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$"
# What each kind cannot do without; a route that could never deliver is a configuration that does not load.
_NEEDED = {
    "pagerduty": ("keys_env",),
    "slack_webhook": ("url_env",),
    "slack": ("keys_env", "channel"),
    "discord": ("url_env",),
    "email": ("host", "sender", "to"),
    "webhook": ("keys_env",),
}
KINDS = tuple(_NEEDED)


class AlertKeeping(BaseModel):
    """How long messages that arrived are kept, and incidents once they are closed; all others stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_days: int | None = Field(default=None, ge=1, le=36_500)


class AlertRoute(BaseModel):
    """One way to tell operators: what goes there, how it is grouped, and where it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$")
    kind: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$")
    options: Mapping[str, JsonValue] = {}
    tenants: tuple[str, ...] = ()
    severity: Annotated[str, Field(pattern=_LEVELS)] = "medium"
    layers: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    hours: Annotated[str, Field(pattern=_HOURS)] | None = None
    days: tuple[_Day, ...] = ()
    group_s: float = Field(default=300.0, gt=0, le=86_400)
    per_minute: int = Field(default=30, gt=0, le=1_000)
    timeout_s: float = Field(default=15.0, gt=0, le=60)
    private: bool = False
    url: Annotated[str, Field(pattern="^https?://")] | None = None
    url_env: _Variable | None = None
    keys_env: tuple[_Variable, ...] = ()
    channel: Annotated[str, Field(pattern="^[A-Z0-9]+$")] | None = None
    host: str | None = None
    port: int = Field(default=587, gt=0, le=65_535)
    tls: Annotated[str, Field(pattern="^(starttls|tls)$")] = "starttls"
    user: str | None = None
    sender: _Address | None = None
    to: tuple[_Address, ...] = ()

    @model_validator(mode="after")
    def _deliverable(self) -> Self:
        missing = [each for each in _NEEDED.get(self.kind, ()) if not getattr(self, each)]
        if missing:
            raise ValueError(f"a route of kind {self.kind} needs {missing[0]}")
        plugged = self.kind not in KINDS
        if (plugged or self.kind == "webhook") and (self.url is None) == (self.url_env is None):
            raise ValueError(f"a route of kind {self.kind} needs either url or url_env")
        if self.options and not plugged:
            raise ValueError("options are for the kinds of plug-ins")
        if self.user is not None and len(self.keys_env) != 1:
            raise ValueError("a user needs keys_env with the one variable of the password")
        if self.kind in ("pagerduty", "slack") and len(self.keys_env) != 1:
            raise ValueError(f"a route of kind {self.kind} has one variable in keys_env")
        return self
