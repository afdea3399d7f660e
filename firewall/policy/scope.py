"""A scope: the rules of one level, asked together; and what several of them say when all must agree.

Each scope is asked by itself, and what any of them refuses is refused. So a lower scope can only take away: a
permit in it is one voice more that has to agree, never one that could outvote a voice above it. A scope that
holds permits allows nothing else; one that holds forbids alone says nothing of what they do not match; one
without rules says nothing at all.

An obligation stands apart from both: where its rule matches, it is added. So whatever is added to a scope,
but for a permit beside permits of the same scope, can only tighten (`tests/property/test_policy_laws.py`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from firewall.core.verdict import Severity
from firewall.policy.actions import ACTIONS
from firewall.policy.cedar import Answer, Question, Set
from firewall.policy.rule import Duty, Effect, Rule, unique


class Level(StrEnum):
    """Where a rule stands; the widest first."""

    DEPLOYMENT = "deployment"
    TENANT = "tenant"
    CONVERSATION = "conversation"
    TASK = "task"


# No rule can have such a name: those have a dot where this has a colon.
_UNPERMITTED = "unpermitted"
_FAILED = "failed"
SHADOW_FAILED = "shadow_failed"
_REST = "permit(principal, action, resource);"
_GRAVITY = {each: number for number, each in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What scopes say to one question, or to several.

    Attributes:
        denied: The rule that refuses, or None.
        failed: True if a rule could not be evaluated, which is a refusal.
        severity: How urgent the refusal is.
        duties: What must happen, by the rules that ask for it.
        shadows: Rules that are only watched and would have refused, or asked for something.
    """

    denied: str | None = None
    failed: bool = False
    severity: Severity = Severity.INFO
    duties: frozenset[tuple[Duty, str]] = frozenset()
    shadows: frozenset[str] = frozenset()


SILENT = Opinion()


def together(opinions: Iterable[Opinion]) -> Opinion:
    """Give one opinion that refuses whatever any of these refuses; the gravest of the refusals names it."""
    whole = SILENT
    for each in opinions:
        graver = _GRAVITY[each.severity] > _GRAVITY[whole.severity]
        first = whole.denied is None or (each.denied is not None and graver)
        whole = Opinion(
            denied=each.denied if first else whole.denied,
            failed=each.failed if first else whole.failed,
            severity=each.severity if first else whole.severity,
            duties=whole.duties | each.duties,
            shadows=whole.shadows | each.shadows,
        )
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """The rules of one scope that one action can match, parsed."""

    deciding: Set | None
    duties: Set | None
    watched: Set | None
    watched_duties: Set | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The rules of one level, ready to be asked.

    Attributes:
        level: Which level.
        rules: In the order of their files.
        watching: True if every rule is only watched, whatever its own mode.

    Raises:
        ConfigError: Two rules have one id.
    """

    level: Level
    rules: tuple[Rule, ...]
    watching: bool = False
    _slices: Mapping[str, _Slice] = field(init=False, repr=False)
    _known: Mapping[str, Rule] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        unique(self.rules)
        rules = [replace(each, shadow=True) for each in self.rules] if self.watching else self.rules
        object.__setattr__(self, "_known", {each.id: each for each in rules})
        object.__setattr__(self, "_slices", {action: _sliced(rules, action) for action in ACTIONS})

    @property
    def acts(self) -> bool:
        """True if a rule of it is more than watched."""
        return any(not each.shadow for each in self._known.values())

    def opinion(self, asked: Question) -> Opinion:
        """Say what this scope says to a question; whatever cannot be evaluated refuses."""
        part = self._slices[asked.action]
        decided = self._decided(part, asked)
        return replace(decided, shadows=self._watched(part, asked, denied=decided.denied is not None))

    def _decided(self, part: _Slice, asked: Question) -> Opinion:
        answer = None
        if part.deciding is not None:
            answer = part.deciding.answer(asked)
            if answer is None:
                return self._failed()
        if answer is not None and not answer.allowed:
            if not answer.reasons:
                return Opinion(denied=f"{self.level}:{_UNPERMITTED}", severity=Severity.MEDIUM)
            # In the order of the file: Cedar's own order of reasons is another one each time.
            found = [each for each in self._known.values() if each.id in answer.reasons]
            first = max(found, key=lambda each: _GRAVITY[each.severity])
            return Opinion(denied=self._name(first.id), severity=first.severity)
        if part.duties is None:
            return SILENT
        wanted = part.duties.answer(asked)
        return self._failed() if wanted is None else Opinion(duties=self._duties(wanted.reasons))

    def _watched(self, part: _Slice, asked: Question, *, denied: bool) -> frozenset[str]:
        """Give the watched rules that would have had it otherwise."""
        found: set[str] = set()
        if part.watched is not None:
            found |= self._otherwise(part.watched.answer(asked), denied=denied)
        if part.watched_duties is not None:
            wanted = part.watched_duties.answer(asked)
            found |= {SHADOW_FAILED} if wanted is None else set(map(self._name, wanted.reasons))
        return frozenset(found)

    def _otherwise(self, answer: Answer | None, *, denied: bool) -> set[str]:
        if answer is None:
            return {SHADOW_FAILED}
        if answer.allowed and not denied:
            return set()
        if not answer.allowed and not answer.reasons and not denied:
            return {f"{self.level}:{_UNPERMITTED}"}
        return {self._name(each) for each in answer.reasons if self._known[each].shadow}

    def _duties(self, reasons: Iterable[str]) -> frozenset[tuple[Duty, str]]:
        known = (self._known[each] for each in reasons)
        return frozenset((each.duty, self._name(each.id)) for each in known if each.duty is not None)

    def _failed(self) -> Opinion:
        return Opinion(denied=f"{self.level}:{_FAILED}", failed=True, severity=Severity.HIGH)

    def _name(self, rule: str) -> str:
        return f"{self.level}.{rule}"


def _sliced(rules: Sequence[Rule], action: str) -> _Slice:
    acting = [each for each in rules if each.duty is None and not each.shadow]
    watched = [each for each in rules if each.duty is None]
    changed = any(action in each.actions for each in watched if each.shadow)
    return _Slice(
        deciding=_deciding(acting, action),
        duties=_parsed([each for each in rules if each.duty is not None and not each.shadow], action),
        # A watched permit would close its whole scope, so it is news where it does not match as well.
        watched=_deciding(watched, action) if changed or _closed(watched) != _closed(acting) else None,
        watched_duties=_parsed([each for each in rules if each.duty is not None and each.shadow], action),
    )


def _closed(rules: Iterable[Rule]) -> bool:
    return any(each.effect is Effect.PERMIT for each in rules)


def _deciding(rules: Sequence[Rule], action: str) -> Set | None:
    texts = [each.text for each in rules if action in each.actions]
    if _closed(rules):
        return Set("\n".join(texts))
    return Set("\n".join([*texts, _REST])) if texts else None


def _parsed(rules: Sequence[Rule], action: str) -> Set | None:
    texts = [each.text for each in rules if action in each.actions]
    return Set("\n".join(texts)) if texts else None
