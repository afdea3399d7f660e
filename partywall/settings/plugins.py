"""Plug-ins of other distributions: which are loaded, with which options."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from partywall.settings.section import Section

PluginName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
KINDS = ("detectors", "rules", "layers", "alerts")


class Plugins(Section):
    """Names of entry points; what is installed and not named here is never loaded."""

    detectors: tuple[PluginName, ...] = ()
    rules: tuple[PluginName, ...] = ()
    layers: tuple[PluginName, ...] = ()
    alerts: tuple[PluginName, ...] = ()
    timeout_s: float = Field(default=2.0, gt=0, le=60)
    options: Mapping[str, Mapping[str, JsonValue]] = {}

    def named(self) -> Iterator[tuple[str, str]]:
        """Give the kind and the name of every plug-in, in the order of the configuration."""
        lists = (self.detectors, self.rules, self.layers, self.alerts)
        return ((kind, name) for kind, names in zip(KINDS, lists, strict=True) for name in names)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        named = list(self.named())
        doubled = next((kind for kind, name in named if named.count((kind, name)) > 1), None)
        if doubled is not None:
            raise ValueError(f"a name stands twice in plugins.{doubled}")
        if not set(self.options) <= {name for kind, name in named if kind != "alerts"}:
            raise ValueError(
                "options for a plug-in that is not named; the options of an alert stand in its [[alert]]"
            )
        return self
