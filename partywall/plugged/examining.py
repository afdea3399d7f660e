"""Whether the plug-ins of a configuration can be loaded: as the wall would, one by one, for the doctor."""

from collections.abc import Callable, Iterator, Mapping

from firewall.core.errors import ConfigError
from partywall.config import Config, Profile
from partywall.doctor import Check, fault, ok
from partywall.plugged.detector import detectors_of
from partywall.plugged.found import digest_of, find, options_of
from partywall.plugged.layer import layers_of
from partywall.plugged.packs import packs_of
from partywall.settings.plugins import Plugins

_REMEDY = "correct it, or remove its name from [plugins]; the bot does not start like this"
_SHOWN = 12


def examined(config: Config) -> Iterator[Check]:
    """Check every plug-in that is named; each is imported and made as at a start.

    Kinds of alerts are only found here: what a route makes of one is checked with the route.
    """
    named = list(config.plugins.named())
    if not named:
        yield ok("plug-ins", "none is named, so none is loaded")
        return
    if config.profile is Profile.LIGHT and (config.plugins.detectors or config.plugins.rules):
        yield fault("plug-ins", "the profile light uses neither detectors nor rules of plug-ins", _REMEDY)
    for kind, name in named:
        try:
            yield _made(config, kind, name)
        except ConfigError as error:
            yield fault("plug-ins", str(error), _REMEDY)


def _made(config: Config, kind: str, name: str) -> Check:
    plugin = find(kind, name)
    options = options_of(config.plugins, name)
    alone = Plugins.model_validate(
        {kind: (name,), "options": {name: options} if kind != "alerts" and options else {}}
    )
    count = _MAKING[kind](alone)
    told = f", {count} rules" if kind == "rules" else ""
    digest = digest_of(options)[:_SHOWN] if options else "none"
    return ok("plug-ins", f"{kind} {name}: {plugin.distribution} {plugin.version}, options {digest}{told}")


_MAKING: Mapping[str, Callable[[Plugins], int]] = {
    "detectors": lambda plugins: len(detectors_of(plugins, limit_s=plugins.timeout_s)),
    "rules": lambda plugins: len(packs_of(plugins)),
    "layers": lambda plugins: len(layers_of(plugins)),
    "alerts": lambda plugins: len(plugins.alerts),
}


def with_plugged(layers: Mapping[str, str], config: Config) -> dict[str, str]:
    """Put the layers of plug-ins where they stand: before the last one, redaction."""
    plugged = {
        f"plugin.{name}": "denies, cuts and records as the plug-in says" for name in config.plugins.layers
    }
    last = dict(list(layers.items())[-1:])
    return {**{name: does for name, does in layers.items() if name not in last}, **plugged, **last}
