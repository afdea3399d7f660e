"""A few seeds of non-interference, in every test run; `make ni N=20000` plays the rest."""

import json

import pytest

from tests.noninterference.__main__ import main
from tests.noninterference.mutants import MUTANTS
from tests.noninterference.observation import Observation, difference
from tests.noninterference.plans import Bot, Difference, Driver, drawn
from tests.noninterference.play import observed, of_seed
from tests.noninterference.runs import run
from tests.noninterference.worlds import Hooks

SEEDS = 12
_MANY = 400


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nobody_sees_anything_that_depends_on_somebody_else(seed: int) -> None:
    outcome = of_seed(seed)
    assert outcome.allowed, outcome
    assert outcome.events > 0


def test_a_seed_plays_the_same_world_again() -> None:
    plan = drawn(11)
    assert difference(observed(plan, 0, Hooks()), observed(plan, 0, Hooks())) is None


def test_the_seeds_reach_every_bot_driver_difference_and_disturbance() -> None:
    plans = [drawn(seed) for seed in range(_MANY)]
    assert {(plan.bot, plan.driver, plan.difference) for plan in plans} == {
        (bot, driver, kind) for bot in Bot for driver in Driver for kind in Difference
    }
    assert any(plan.restart for plan in plans)
    assert any(plan.cancel_observed for plan in plans)
    assert any(plan.cancel_other[0] for plan in plans)
    assert {plan.same_tenant for plan in plans} == {True, False}
    assert {plan.frozen for plan in plans} == {True, False}
    assert any(plan.full for plan in plans)


def test_one_byte_is_a_difference() -> None:
    first, second = Observation(), Observation()
    for each in (first, second):
        each.note("reply", "the same")
    assert difference(first, second) is None
    second.note("reply", "more")
    found = difference(first, second)
    assert found is not None
    assert (found.index, found.first, found.recorded) == (1, "nothing", False)


def test_a_difference_is_excused_only_by_a_record_of_its_own_turn() -> None:
    first, second = Observation(excerpts={3}), Observation()
    for each, text in ((first, "a"), (second, "b")):
        each.turn = 2
        each.note("reply", text)
    found = difference(first, second)
    assert found is not None
    assert not found.recorded
    second.excerpts = {2}
    assert (again := difference(first, second)) is not None
    assert again.recorded


def test_a_crash_in_both_worlds_is_a_failure() -> None:
    seen = Observation()
    seen.failed(TypeError("broken"))
    assert seen.bugs == ["TypeError: broken"]


def test_every_run_fires_every_control(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = MUTANTS[:3]
    monkeypatch.setattr("tests.noninterference.runs.MUTANTS", some)
    code = main(["--count", "1", "--jobs", "1", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["guards_controlled"] == len(some)
    assert (code, report["divergences"], report["controls_silent"]) == (0, 0, [])


def test_a_control_that_stays_silent_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    toothless = tuple(type(each)(name=each.name, swaps=(), killed_by=each.killed_by) for each in MUTANTS[:1])
    monkeypatch.setattr("tests.noninterference.runs.MUTANTS", toothless)
    total, _ = run(1, 0, 1)
    assert total.silent == [toothless[0].name]
