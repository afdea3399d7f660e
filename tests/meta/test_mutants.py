"""Every guard is needed: switched off, it turns the scenario that is named for it red."""

import pytest

from tests.noninterference.mutants import MUTANTS, Mutant, Scenario

SEED = 5
SCENARIOS = tuple(dict.fromkeys(mutant.killed_by for mutant in MUTANTS))


@pytest.mark.parametrize("scenario", [pytest.param(each, id=each.__name__) for each in SCENARIOS])
def test_a_scenario_holds_while_every_guard_is_on(scenario: Scenario) -> None:
    outcome = scenario(SEED)
    assert outcome.allowed, outcome
    assert outcome.events > 0


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(each, id=f"{each.name} - killed by {each.killed_by.__name__}") for each in MUTANTS],
)
def test_a_guard_that_is_switched_off_turns_its_scenario_red(mutant: Mutant) -> None:
    assert mutant.fires(SEED), f"{mutant.killed_by.__name__} does not notice that {mutant.name!r} is off"


def test_a_guard_that_was_switched_off_is_on_again_afterwards() -> None:
    for mutant in MUTANTS:
        before: list[object] = [vars(owner)[name] for owner, name, _ in mutant.swaps]
        with mutant.applied():
            assert [vars(owner)[name] for owner, name, _ in mutant.swaps] == [new for *_, new in mutant.swaps]
        assert [vars(owner)[name] for owner, name, _ in mutant.swaps] == before


def test_every_layer_has_a_mutant() -> None:
    layers = {mutant.name.removeprefix("layer ") for mutant in MUTANTS if mutant.name.startswith("layer ")}
    assert layers == {
        *("tenant_boundary", "tool_denial", "storage_sandbox", "history_reset", "accounting", "redaction"),
        "policy",
    }
