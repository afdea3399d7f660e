"""Playing a plan: two worlds, byte against byte."""

from dataclasses import dataclass

from tests.noninterference.observation import Divergence, Observation, difference
from tests.noninterference.plans import Driver, Plan, drawn
from tests.noninterference.scheduling import Scheduler, played
from tests.noninterference.worlds import OBSERVED, OTHER, Hooks, World, seams


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one plan.

    Attributes:
        divergence: The first difference, allowed or not.
        leaked: How many of the other's values the observed actor saw without having named them.
        events: How many things were compared.
        bugs: Errors that are neither the wall's own nor cancellations.
    """

    plan: Plan
    divergence: Divergence | None
    leaked: int
    events: int
    bugs: tuple[str, ...]

    @property
    def diverged(self) -> bool:
        """True if the observed actor saw something of the other's, other than what a live index may show."""
        excused = self.divergence is None or (self.divergence.recorded and not self.plan.frozen)
        return not excused or bool(self.leaked)

    @property
    def allowed(self) -> bool:
        """True if nothing was seen of the other, and nothing crashed."""
        return not self.diverged and not self.bugs


def compared(plan: Plan, hooks: Hooks | None = None) -> Outcome:
    """Play both worlds of a plan and compare what the observed actor saw."""
    first, second = (observed(plan, side, hooks or Hooks()) for side in (0, 1))
    return Outcome(
        plan=plan,
        divergence=difference(first, second),
        leaked=_leaked(plan, first) + _leaked(plan, second),
        events=len(first.events),
        bugs=(*first.bugs, *second.bugs),
    )


def observed(plan: Plan, side: int, hooks: Hooks) -> Observation:
    """Play one world and give what the observed actor saw."""
    cancel = {OBSERVED: plan.cancel_observed, OTHER: plan.cancel_other[side]}
    scheduler = Scheduler(plan.seed * 2 + side, cancel, steady=OBSERVED)
    world = World(plan, side, scheduler, hooks)

    async def main() -> Observation:
        async with seams(world):
            return await world.play()

    return played(scheduler, main)


def _leaked(plan: Plan, seen: Observation) -> int:
    """Count the other's values among what was shown, but for those the observed actor or its model named.

    Where worlds are allowed to differ this is what holds still: no value of the other's is in them.
    """
    if plan.driver is not Driver.UNMEDIATED:
        return 0
    own = "\n".join(repr(step) for step in plan.observed)
    shown = "\n".join(event.data.decode() for event in seen.events)
    return sum(value in shown and value not in own for value in plan.planted)


def of_seed(seed: int) -> Outcome:
    """Draw a plan and play it."""
    return compared(drawn(seed))
