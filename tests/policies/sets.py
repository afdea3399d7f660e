"""Random sets of policies, random cases, and what must come of both, told without Cedar.

A condition is made twice: as Cedar's text, and as a function of the case. So what is expected is computed by
some lines that share nothing with what is tried.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from firewall.core.identity import ConversationKind
from firewall.core.ids import TenantId
from firewall.core.label import audience_of
from firewall.core.subject import ArgumentKind, Subject
from firewall.core.verdict import Case
from firewall.policy.actions import ACTIONS, GROUPS, TOOL
from firewall.policy.cedar import Question
from firewall.policy.facts import questions
from firewall.policy.policies import agreed
from firewall.policy.rule import Rule, rules
from firewall.policy.scope import Level, Opinion, Scope
from tests.fakes.tenants import ACME, GLOBEX, every_kind, group, spec, tool_call, turn

LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A case, by what the random conditions speak of."""

    tenant: TenantId
    private: bool
    hour: int
    length: int
    action: str
    number: int | None

    @property
    def case(self) -> Case:
        """The case as a layer sees it."""
        of = turn("ann", self.tenant)
        if not self.private:
            place = replace(group("general", self.tenant), kind=ConversationKind.GROUP)
            of = turn("ann", self.tenant, place=place)
            assert of.audience == audience_of(of.principal, place, private=False)
        return Case(turn=of, subject=_subject(self))

    @property
    def question(self) -> Question:
        """What the policies are asked; the tool's call reaches for nothing, so there is one question."""
        (one,) = questions(self.case, self.hour * 3_600_000, lambda _: None)
        return one


def _subject(world: World) -> Subject:
    if world.action == "tool_call":
        given = {} if world.number is None else {"n": world.number}
        return tool_call(spec(n=ArgumentKind.TEXT), dict(given))
    names = ("inbound", "model_call", "model_reply", "", "tool_result", "outbound")
    kinds: dict[str, Subject] = dict(zip(names, every_kind("x" * world.length), strict=True))
    return kinds[world.action]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition: its text, what it says of a world (None: it fails), and where it may stand."""

    text: str
    holds: Callable[[World], bool | None]
    calls_only: bool = False


def _number(world: World, least: int) -> bool:
    return world.number is not None and world.number > least


def _overflows(world: World) -> bool | None:
    return False if world.number is None else None if world.number > 0 else world.number + LARGEST > LARGEST


CONDITIONS: Final = (
    Condition(text="true", holds=lambda _: True),
    Condition(text='context.tenant == "ACME"', holds=lambda world: world.tenant == ACME),
    Condition(text='principal in Tenant::"GLOBEX"', holds=lambda world: world.tenant == GLOBEX),
    Condition(text="context.audience.private", holds=lambda world: world.private),
    Condition(text="context.time.hour < 12", holds=lambda world: world.hour < 12),
    Condition(text="context.text.codepoints > 5", holds=lambda world: world.length > 5),
    Condition(
        text='context.numbers.hasTag("n") && context.numbers.getTag("n") > 3',
        holds=lambda world: _number(world, 3),
        calls_only=True,
    ),
    Condition(
        text=f'context.numbers.hasTag("n") && context.numbers.getTag("n") + {LARGEST} > {LARGEST}',
        holds=_overflows,
        calls_only=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A rule with what it says of a world."""

    rule: Rule
    condition: Condition

    def says(self, world: World) -> bool | None:
        """True or False, or None if it cannot be evaluated."""
        return self.condition.holds(world) if world.action in self.rule.actions else False


@cache
def _read(text: str) -> Rule:
    (one,) = rules(text, "drawn.cedar")
    return one


def drawn(rng: random.Random, number: int, effect: str | None = None) -> Drawn:
    """Draw one rule; equal texts are read once."""
    condition = rng.choice(CONDITIONS)
    names = ["tool_call"] if condition.calls_only else sorted(ACTIONS)
    heads = ["action == Action::{}", "action in [Action::{}]"]
    head = rng.choice(heads).format(f'"{rng.choice(names)}"')
    if not condition.calls_only and rng.random() < 0.4:
        head = rng.choice(["action", f'action in Action::"{TOOL}"'])
    effect = effect or rng.choice(["permit", "forbid", "forbid"])
    mode = '@mode("shadow") ' if rng.random() < 0.15 else ""
    duty = '@obligation("approve") ' if effect == "permit" and rng.random() < 0.3 else ""
    text = f'@id("r{number}") {mode}{duty}{effect}(principal, {head}, resource) when {{ {condition.text} }};'
    return Drawn(rule=_read(text), condition=condition)


def world(rng: random.Random) -> World:
    """Draw a world."""
    action = rng.choice(sorted(ACTIONS - GROUPS[TOOL] | {"tool_call"}))
    call = action == "tool_call"
    # A call's own text is its arguments', and a result has one row.
    length = {"tool_call": 0, "tool_result": 3}.get(action, rng.choice([1, 9]))
    return World(
        tenant=rng.choice([ACME, GLOBEX]),
        private=rng.random() < 0.5,
        hour=rng.randrange(24),
        length=length,
        action=action,
        number=rng.choice([None, -1, 2, 5]) if call else None,
    )


Scoped = dict[Level, list[Drawn]]


def scoped(rng: random.Random) -> Scoped:
    """Draw rules for some of the four scopes."""
    found: Scoped = {}
    for level in Level:
        if rng.random() < 0.6:
            found[level] = [drawn(rng, number) for number in range(rng.randint(1, 4))]
    return found


def opinion(wanted: Scoped, of: World) -> Opinion:
    """Ask what is tried."""
    return agreed(built(wanted), [of.question])


def built(wanted: Scoped) -> Sequence[Scope]:
    """Make the scopes."""
    return [
        Scope(level=level, rules=tuple(each.rule for each in found))
        for level, found in wanted.items()
        if found
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must come of it."""

    denied: bool
    duties: frozenset[str]


def expected(wanted: Scoped, of: World) -> Expected:
    """Say what must come of it, by the words of `docs/policy.md`."""
    denied, duties = False, set[str]()
    for level, found in wanted.items():
        acting = [each for each in found if not each.rule.shadow]
        plain = [each for each in acting if each.rule.duty is None]
        permits = [each for each in plain if each.rule.effect == "permit"]
        says = [each.says(of) for each in plain]
        forbidden = any(each.says(of) for each in plain if each.rule.effect == "forbid")
        unpermitted = bool(permits) and not any(each.says(of) for each in permits)
        asked = [each for each in acting if each.rule.duty is not None]
        no = None in says or forbidden or unpermitted
        denied = denied or no or None in [each.says(of) for each in asked]
        duties |= {f"{level}.{each.rule.id}" for each in asked if each.says(of) and not no}
    return Expected(denied=denied, duties=frozenset(duties))
