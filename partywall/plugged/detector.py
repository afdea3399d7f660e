"""Detectors of plug-ins: what they find counts as far as it is well-formed; else the text is refused.

A plug-in finds stretches and names their kinds. The key of a value, by which the wall tells what a turn may
read anyway, is the wall's own: a plug-in that gave every value the same key would excuse every other one's.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from threading import local
from typing import Final, TypeVar, cast

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Detector, Match
from firewall.detect.detectors import Glances
from firewall.detect.keys import key_of
from firewall.detect.marker import EXCERPT, LINK
from partywall.plugged.found import Plugin, find, made, options_of, refused
from partywall.plugged.lane import Failed, Lane
from partywall.settings.plugins import Plugins

T = TypeVar("T")
RULE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_KIND: Final = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
# Kinds that mean what only the wall can know.
_OURS: Final = frozenset({EXCERPT, LINK, "FOREIGN"})
_MOST_RULES: Final = 1_000


class PluggedDetector:
    """A plug-in's detector, held to what a detector promises; for several threads.

    Args:
        plugin: Where it comes from.
        own: What the plug-in made.
        limit_s: Longest time for one call, and for all calls of one step of an event loop, in seconds.
        monotonic: Seconds since some start.

    Raises:
        ConfigError: It is no detector.
    """

    def __init__(
        self,
        plugin: Plugin,
        own: object,
        *,
        limit_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        rules = rules_of(own)
        if rules is None or not callable(getattr(own, "scan", None)):
            raise refused(plugin, "is no detector: it needs `rules`, names of its rules, and `scan(text)`")
        self._own = cast(Detector, own)
        self._glances = own if isinstance(own, Glances) else None
        self._named: Mapping[str, str] = {each: f"plugin.{plugin.name}.{each}" for each in rules}
        self._who = str(plugin)
        self._lane = Lane(self._who)
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._step = _Step()

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return tuple(self._named.values())

    def excludes(self, text: str) -> bool:
        """True only if the plug-in says so; see `detectors.Glances`."""
        glances = self._glances
        return glances is not None and self._within(lambda: glances.excludes(text) is True)

    def scan(self, text: str) -> Sequence[Match]:
        """Find what the plug-in finds, in order of start; may overlap.

        Raises:
            ServiceUnavailable: It failed, took too long, or gave what is no finding in this text.
        """
        found = self._within(lambda: list(self._found(text)))
        return sorted(found, key=lambda match: (match.start, match.stop, match.rule))

    def _found(self, text: str) -> Iterator[Match]:
        most = len(text) * len(self._named)
        for match in islice(self._own.scan(text), most + 1):
            most -= 1
            if most < 0 or not self._sound(match, len(text)):
                raise Failed
            key = key_of(match.kind, text[match.start : match.stop]) or text[match.start : match.stop]
            rule = self._named[match.rule]
            yield Match(
                start=match.start, stop=match.stop, kind=match.kind, rule=rule, key=key, score=match.score
            )

    def _sound(self, match: object, length: int) -> bool:
        # Its own types exactly: what looks like a number to us may be another one when it is used.
        return (
            type(match) is Match
            and type(match.start) is int
            and type(match.stop) is int
            and 0 <= match.start < match.stop <= length
            and type(match.kind) is str
            and _KIND.fullmatch(match.kind) is not None
            and match.kind not in _OURS
            and type(match.rule) is str
            and match.rule in self._named
            and type(match.score) in (int, float)
            and 0 <= match.score <= 1
        )

    def _within(self, call: Callable[[], T]) -> T:
        """Call it for no longer than what is left of this step of the event loop, which waits meanwhile.

        A text is shown piece by piece: with a limit for each piece alone, one that takes a while over every
        piece of a long text would stop the bot for as long as it likes.
        """
        left = self._limit_s - self._step.spent
        if left <= 0:
            raise ServiceUnavailable(f"{self._who} took too long over one text; nothing was passed")
        began = self._monotonic()
        try:
            return self._lane.run(call, left)
        finally:
            self._step.charge(self._monotonic() - began)


class _Step(local):
    """What was spent since this thread's event loop last had its turn; nothing where there is no loop."""

    spent: float = 0.0

    def charge(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if not self.spent:
            loop.call_soon(self._forget)
        self.spent += seconds

    def _forget(self) -> None:
        self.spent = 0.0


def rules_of(own: object) -> Sequence[str] | None:
    """Give the rules that a plug-in declares, or None if it declares none as it must."""
    try:
        declared: object = getattr(own, "rules", None)
        rules = tuple(islice(cast("Sequence[object]", declared), _MOST_RULES))
    except Exception:  # noqa: BLE001  a property of its own may raise anything
        return None
    if not rules or isinstance(declared, str) or not all(type(each) is str for each in rules):
        return None
    named = cast("tuple[str, ...]", rules)
    return named if all(map(RULE.fullmatch, named)) else None


def detectors_of(plugins: Plugins, *, limit_s: float) -> Sequence[Detector]:
    """Make the detectors that a configuration names, in its order.

    Args:
        plugins: What is configured.
        limit_s: At most so long, in seconds, whatever `plugins.timeout_s` says: the event loop waits.

    Raises:
        ConfigError: One is missing, doubled, or cannot be made.
    """
    return [
        PluggedDetector(
            plugin,
            made(plugin, options_of(plugins, plugin.name)),
            limit_s=min(plugins.timeout_s, limit_s),
        )
        for plugin in (find("detectors", name) for name in plugins.detectors)
    ]
