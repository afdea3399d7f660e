"""Layers of plug-ins: they may deny, cut and record; anything else that they answer denies.

They stand after every structural layer and before redaction, which has the last look. A plug-in can only
tighten: no path of its own, no dropped history, no reason that means what only the wall can know, and no text
in the place of what it cuts but a marker. It judges in a thread of its own, so one that never comes back
denies this turn and keeps nobody else waiting.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, cast

from firewall.core.ports import Layer
from firewall.core.subject import SubjectKind
from firewall.core.verdict import (
    Allow,
    Case,
    Deny,
    Finding,
    Obligation,
    ReasonCode,
    RecordViolation,
    Redact,
    SeekApproval,
    Severity,
    Verdict,
)
from firewall.detect.marker import pieces
from partywall.plugged.detector import rules_of
from partywall.plugged.found import Plugin, find, made, options_of, refused
from partywall.plugged.lane import Failed, Lane
from partywall.settings.plugins import Plugins

_MOST_COUNTED = 1_000


class Judge(Protocol):
    """A layer as a plug-in makes it; the wall names it `plugin.` and the name of its entry point."""

    @property
    def rules(self) -> Sequence[str]:
        """Names of its rules; what it answers names no other."""
        ...

    @property
    def watches(self) -> frozenset[SubjectKind]:
        """The kinds it looks at; it is not asked about others."""
        ...

    async def judge(self, case: Case) -> Verdict:
        """Say yes, with what must be cut or recorded, or no by `ReasonCode.PLUGIN_DENIED`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PluggedLayer:
    """A plug-in's layer, held to what it may say.

    Attributes:
        name: What records call it.
        watches: As the plug-in said when it was made.
        rules: Its own names of its rules, and what records call them.
        own: What the plug-in made.
        lane: Where it judges.
        limit_s: Longest time for one judgement, in seconds.
    """

    name: str
    watches: frozenset[SubjectKind]
    rules: Mapping[str, str]
    own: Judge
    lane: Lane
    limit_s: float

    async def judge(self, case: Case) -> Verdict:
        """Give the plug-in's verdict.

        Raises:
            ServiceUnavailable: It failed, took too long, or its verdict is none; the stack denies.
        """
        return await self.lane.wait(partial(self._judged, case), self.limit_s)

    def _judged(self, case: Case) -> Verdict:
        verdict: object = asyncio.run(_asked(self.own, case, self.limit_s))
        if type(verdict) is Deny:
            return self._deny(verdict, case)
        if type(verdict) is not Allow:
            raise Failed
        findings = tuple(self._finding(each, case) for each in verdict.findings)
        return Allow(
            findings=findings,
            obligations=tuple(self._obligation(each, case) for each in verdict.obligations),
        )

    def _deny(self, verdict: Deny, case: Case) -> Deny:
        if verdict.reason is not ReasonCode.PLUGIN_DENIED or type(verdict.severity) is not Severity:
            raise Failed
        notices = tuple(self._obligation(each, case) for each in verdict.obligations)
        if not all(isinstance(each, RecordViolation) for each in notices):
            raise Failed
        return Deny(
            reason=ReasonCode.PLUGIN_DENIED,
            rule=self._rule(verdict.rule),
            severity=verdict.severity,
            findings=tuple(self._finding(each, case) for each in verdict.findings),
            obligations=notices,
        )

    def _finding(self, found: object, case: Case) -> Finding:
        if type(found) is not Finding or found.foreign:
            raise Failed
        _inside(found, case)
        return replace(found, rule=self._rule(found.rule), shadow=bool(found.shadow))

    def _obligation(self, wanted: object, case: Case) -> Obligation:
        # Not among them: `RewritePath` and `ResetHistory`, which would change what is read and written.
        if type(wanted) is Redact:
            _inside(wanted, case)
            # A marker that held text of its own would be words that nobody judged.
            if wanted.foreign or not wanted.marker or pieces(wanted.marker):
                raise Failed
            return replace(wanted, rule=self._rule(wanted.rule))
        if type(wanted) is RecordViolation:
            counted = type(wanted.count) is int and 1 <= wanted.count <= _MOST_COUNTED
            if not counted or type(wanted.severity) is not Severity:
                raise Failed
            return replace(wanted, rule=self._rule(wanted.rule))
        if type(wanted) is SeekApproval:
            return SeekApproval(rule=self._rule(wanted.rule))
        raise Failed

    def _rule(self, rule: object) -> str:
        if type(rule) is not str or rule not in self.rules:
            raise Failed
        return self.rules[rule]


async def _asked(own: Judge, case: Case, limit_s: float) -> object:
    # What its tasks raise would be logged by the loop, with its text.
    asyncio.get_running_loop().set_exception_handler(_silent)
    # Whoever waits for the thread stops as well; by this one the thread is free again.
    async with asyncio.timeout(limit_s):
        return await own.judge(case)


def _silent(_loop: object, _context: object) -> None:
    pass


def _inside(found: Finding | Redact, case: Case) -> None:
    leaves = case.subject.leaves
    numbers = (found.leaf, found.start, found.stop)
    if not all(type(each) is int for each in numbers) or not 0 <= found.leaf < len(leaves):
        raise Failed
    if not 0 <= found.start < found.stop <= len(leaves[found.leaf].text):
        raise Failed


def layers_of(plugins: Plugins) -> Sequence[Layer]:
    """Make the layers that a configuration names, in its order.

    Raises:
        ConfigError: One is missing, doubled, or cannot be made.
    """
    found = (find("layers", name) for name in plugins.layers)
    return [_layer(each, made(each, options_of(plugins, each.name)), plugins.timeout_s) for each in found]


def _layer(plugin: Plugin, own: object, limit_s: float) -> Layer:
    rules, watches = rules_of(own), _watches(own)
    if rules is None or not watches or not callable(getattr(own, "judge", None)):
        raise refused(
            plugin, "is no layer: it needs `rules`, `watches`, subject kinds, and `async judge(case)`"
        )
    name = f"plugin.{plugin.name}"
    return PluggedLayer(
        name=name,
        watches=watches,
        rules={each: f"{name}.{each}" for each in rules},
        own=cast(Judge, own),
        lane=Lane(str(plugin)),
        limit_s=limit_s,
    )


def _watches(own: object) -> frozenset[SubjectKind]:
    try:
        watched: frozenset[Any] = frozenset(cast("Any", own).watches)
    except Exception:  # noqa: BLE001  a property of its own may raise anything
        return frozenset()
    return watched if all(type(each) is SubjectKind for each in watched) else frozenset()
