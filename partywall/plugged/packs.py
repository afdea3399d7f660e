"""Rule packs of plug-ins: rules for secrets that a distribution ships, examined like an operator's file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType
from typing import cast

from firewall.core.errors import ConfigError
from firewall.detect.secrets.rules import Rule, load
from partywall.plugged.found import Plugin, find, loaded, made, options_of, refused
from partywall.settings.plugins import Plugins


def packs_of(plugins: Plugins) -> Sequence[Rule]:
    """Give the rules of the packs that a configuration names, in its order.

    Raises:
        ConfigError: A pack is missing or doubled, has no file, or a rule of it is wrong.
    """
    return [rule for name in plugins.rules for rule in _rules(find("rules", name), plugins)]


def _rules(plugin: Plugin, plugins: Plugins) -> Iterator[Rule]:
    found = loaded(plugin)
    with ExitStack() as stack:
        paths = (
            [stack.enter_context(as_file(each)) for each in _shipped(found)]
            if isinstance(found, ModuleType)
            else _paths(plugin, made(plugin, options_of(plugins, plugin.name)))
        )
        if not paths:
            raise refused(plugin, "has no file of rules")
        for path in paths:
            try:
                rules = load(path)
            except ConfigError as error:
                raise ConfigError(f"{plugin}: {error}") from error
            if not rules:
                raise refused(plugin, f"has no rule in {path.name}")
            yield from rules


def _shipped(package: ModuleType) -> Sequence[Traversable]:
    """Give the TOML files in the folder of a package."""
    if not hasattr(package, "__path__"):
        return ()
    found = (each for each in files(package).iterdir() if each.name.endswith(".toml"))
    return sorted(found, key=lambda each: each.name)


def _paths(plugin: Plugin, given: object) -> Sequence[Path]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise refused(plugin, "gives no list of files")
    try:
        return [Path(cast("str | Path", each)) for each in cast("Iterable[object]", given)]
    except Exception:  # noqa: BLE001  what it gives is iterated here, and may raise anything
        fault = "gives no list of files"
    raise refused(plugin, fault)
