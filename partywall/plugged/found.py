"""Plug-ins by their entry points: the ones that the configuration names, and no others.

The attack: a distribution that nobody chose comes along with another one, and its code runs in the wall. So a
group is never walked through: a name from the configuration is looked up, and exactly one distribution must
offer it. What a plug-in says when it fails is not repeated: it may hold its options.
"""

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from firewall.core.errors import ConfigError
from partywall.settings.plugins import Plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plug-in that is installed; none of its code has run.

    Attributes:
        kind: `detectors`, `rules`, `layers` or `alerts`.
        name: The name of its entry point.
        distribution: What offers it.
        version: The distribution's version.
        point: The entry point itself.
    """

    kind: str
    name: str
    distribution: str
    version: str
    point: EntryPoint

    def __str__(self) -> str:
        return f"the plug-in {self.name!r} ({self.kind}) of {self.distribution} {self.version}"


def find(kind: str, name: str) -> Plugin:
    """Find the one plug-in of this name; nothing of it is imported.

    Raises:
        ConfigError: No distribution offers it, or two do.
    """
    group = f"partywall.{kind}"
    points = list(entry_points(group=group, name=name))
    if not points:
        raise ConfigError(
            f"plugins.{kind}: no installed distribution offers {name!r} in the group {group}; "
            "install the one that does, or remove the name"
        )
    if len(points) > 1:
        offering = " and ".join(sorted(_distribution(each)[0] for each in points))
        raise ConfigError(f"plugins.{kind}: {offering} both offer {name!r}; uninstall one of them")
    point = points[-1]
    distribution, version = _distribution(point)
    return Plugin(kind=kind, name=name, distribution=distribution, version=version, point=point)


def loaded(plugin: Plugin) -> object:
    """Import what the entry point names.

    Raises:
        ConfigError: It cannot be imported.
    """
    try:
        made: object = plugin.point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it raises, the wall stays closed
        fault = type(error).__name__
    else:
        return made
    # Not chained: its text may hold anything.
    raise ConfigError(f"{plugin} cannot be imported ({fault}); update it, or remove its name")


def made(plugin: Plugin, options: Mapping[str, object], *more: object) -> object:
    """Call what the entry point names with a copy of its options, and give what it made.

    Raises:
        ConfigError: It cannot be imported or called, or it raised.
    """
    maker = loaded(plugin)
    if not callable(maker):
        raise refused(plugin, "is nothing that can be called with its options")
    try:
        return maker(copy.deepcopy(dict(options)), *more)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it raises, the wall stays closed
        fault = type(error).__name__
    raise refused(plugin, f"could not be made ({fault})")


def refused(plugin: Plugin, fault: str) -> ConfigError:
    """Give the error that says why a plug-in keeps the wall closed."""
    return ConfigError(f"{plugin} {fault}; see docs/plugins.md, check its options, or remove its name")


def options_of(plugins: Plugins, name: str) -> Mapping[str, Any]:
    """Give the options of a name, which may be none."""
    return plugins.options.get(name, {})


def digest_of(options: Mapping[str, object]) -> str:
    """Give 64 hex digits that stand for these options, in whatever order they were written."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()


def identities(plugins: Plugins) -> Sequence[Mapping[str, str]]:
    """Say which plug-ins take part, for the policy's digest; nothing of them is imported.

    Raises:
        ConfigError: As `find`.
    """
    return [
        {
            "kind": kind,
            "name": name,
            "distribution": found.distribution,
            "version": found.version,
            "options": digest_of(options_of(plugins, name)),
        }
        for kind, name in plugins.named()
        for found in (find(kind, name),)
    ]


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return ("an unnamed distribution", "?") if point.dist is None else (point.dist.name, point.dist.version)
