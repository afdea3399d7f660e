"""A clock that stands still until it is told to move, and what can be done in no time at all."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits, without a loop: thousands of examples of a law are then cheap."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        value: T = stop.value
        return value
    coroutine.close()
    raise AssertionError("it waited for something")


@dataclass(slots=True)
class FrozenClock:
    """Implements `Clock`; a test moves each of its hands by itself."""

    at_ms: int = 1_700_000_000_000
    at_s: float = 1_000.0
    burnt_s: float = 0.0

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_s

    def cpu_s(self) -> float:
        return self.burnt_s

    def pass_s(self, seconds: float) -> None:
        """Let time pass in which nobody computes."""
        self.at_s += seconds
        self.at_ms += int(seconds * 1000)

    def burn_s(self, seconds: float) -> None:
        """Spend processor time of this thread."""
        self.burnt_s += seconds
