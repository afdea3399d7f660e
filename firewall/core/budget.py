"""How often one principal may see that the excerpt index knew something."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a principal may spend before everything is refused.

    Attributes:
        findings: Different foreign texts whose finding may show, at least 1.
        window_ms: Over how long they are counted, in milliseconds, > 0.
        hold_ms: For how long a principal is held who would see one more, in milliseconds, > 0.
    """

    findings: int
    window_ms: int
    hold_ms: int
