"""What a detector found: a stretch of a text, without its words."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A stretch of a text, `[start, stop)` in code points, and the rule that found it.

    Attributes:
        kind: What it is, for the marker (`EMAIL_ADDRESS`, `excerpt`).
        rule: Stable name of the rule.
        key: The value in a form in which equal values are equal text; never written down.
        score: How sure the rule is, 0 to 1; two matches that differ in it alone are one.
    """

    start: int
    stop: int
    kind: str
    rule: str
    key: str = ""
    score: float = field(default=1.0, compare=False)

    def __repr__(self) -> str:
        return f"Match({self.rule}, [{self.start}, {self.stop}))"
