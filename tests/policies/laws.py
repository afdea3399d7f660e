"""The laws of policies, tried on one random set: each returns what is wrong, or nothing."""

import random
from collections.abc import Iterator

from firewall.policy.scope import Level, Opinion
from tests.policies.sets import Drawn, Scoped, World, drawn, expected, opinion, scoped, world


def looser(after: Opinion, before: Opinion) -> bool:
    """True if something passes, or passes on fewer conditions, that did not before."""
    if before.denied is not None:
        return after.denied is None
    return after.denied is None and not before.duties <= after.duties


def broken(seed: int) -> Iterator[str]:
    """Draw a set and a world from a seed, and name every law that does not hold of them."""
    rng = random.Random(seed)
    rules, of = scoped(rng), world(rng)
    before, wanted = opinion(rules, of), expected(rules, of)
    if (before.denied is not None) != wanted.denied:
        yield "it is decided otherwise than the rules say"
    asked = frozenset(rule for _, rule in before.duties)
    if before.denied is None and asked != wanted.duties:
        yield "other obligations than the rules ask for"
    level = rng.choice(list(Level))
    more = drawn(rng, 99)
    after = opinion(_with(rules, level, more), of)
    if looser(after, before) and not _widens(rules, level, more):
        yield "a rule that was added loosened"
    if more.rule.shadow and (after.denied, after.duties) != (before.denied, before.duties):
        yield "a watched rule changed something"
    others = {each: found for each, found in rules.items() if each != level}
    alone = opinion(others, of)
    if alone.denied is not None and after.denied is None:
        yield "a scope loosened what another refuses"
    if looser(before, alone):
        yield "a scope that was added loosened"
    if any(each.says(of) for each in _forbids(rules)) and before.denied is None:
        yield "a forbid did not win"
    if _fails(rules, of) and before.denied is None:
        yield "a rule that could not be evaluated let something pass"


def _with(rules: Scoped, level: Level, more: Drawn) -> Scoped:
    return {**rules, level: [*rules.get(level, []), more]}


def _widens(rules: Scoped, level: Level, more: Drawn) -> bool:
    """True for a permit beside permits of its scope: it is one more thing on a list that is there already."""
    listed = [each for each in rules.get(level, []) if _lists(each)]
    return bool(listed) and _lists(more)


def _lists(each: Drawn) -> bool:
    rule = each.rule
    return rule.effect == "permit" and rule.duty is None and not rule.shadow


def _forbids(rules: Scoped) -> list[Drawn]:
    every = [each for found in rules.values() for each in found]
    return [each for each in every if each.rule.effect == "forbid" and not each.rule.shadow]


def _fails(rules: Scoped, of: World) -> bool:
    acting = [each for found in rules.values() for each in found if not each.rule.shadow]
    return any(each.says(of) is None for each in acting)
