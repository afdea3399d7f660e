"""The laws of policies: whatever is added tightens, one no is a no, and no answer is a no.

`python -m tests.policies --count 100000` tries the same on as many sets as you have time for.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.verdict import Severity
from firewall.policy import cedar, policies
from firewall.policy.scope import SILENT, Opinion, together
from tests.policies.laws import broken, looser
from tests.policies.sets import expected, opinion, scoped, world

seeds = st.integers(min_value=0, max_value=2**48)
opinions = st.builds(
    Opinion,
    denied=st.none() | st.sampled_from(["tenant.a", "task.b"]),
    severity=st.sampled_from(list(Severity)),
    shadows=st.frozensets(st.sampled_from(["tenant.c", "task.d"])),
)


@given(seeds)
def test_every_law_holds_of_every_set(seed: int) -> None:
    assert list(broken(seed)) == []


@given(st.lists(opinions, max_size=4), opinions)
def test_one_more_opinion_never_loosens_and_loses_nothing_that_is_watched(
    several: list[Opinion], more: Opinion
) -> None:
    before, after = together(several), together([*several, more])
    assert not looser(after, before)
    assert after.shadows == before.shadows | more.shadows
    assert together([]) is SILENT


def test_the_laws_are_noticed_when_errors_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(cedar.Set):
        __slots__ = ()

        def answer(self, asked: cedar.Question) -> cedar.Answer:
            return super().answer(asked) or cedar.Answer(allowed=True, reasons=())

    monkeypatch.setattr("firewall.policy.scope.Set", Deaf)
    assert {fault for seed in range(300) for fault in broken(seed)} >= {
        "a rule that could not be evaluated let something pass"
    }


def test_the_laws_are_noticed_when_one_yes_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_of(several: list[Opinion]) -> Opinion:
        found = list(several)
        return next((each for each in found if each.denied is None), SILENT if not found else found[0])

    monkeypatch.setattr(policies, "together", any_of)
    assert {fault for seed in range(50) for fault in broken(seed)} >= {
        "a forbid did not win",
        "a scope loosened what another refuses",
    }


def test_the_laws_are_noticed_when_groups_of_actions_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cedar, "GROUPS", {})
    assert {fault for seed in range(400) for fault in broken(seed)} >= {"a forbid did not win"}


def test_the_sets_are_worth_trying() -> None:

    said: list[bool] = []
    for seed in range(300):
        rng = random.Random(seed)
        rules, of = scoped(rng), world(rng)
        wanted = expected(rules, of)
        assert (opinion(rules, of).denied is not None) == wanted.denied
        said.append(wanted.denied)
    assert 60 < sum(said) < 240
