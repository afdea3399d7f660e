"""A value that an operator keeps for a tenant."""

from dataclasses import dataclass

from firewall.core.label import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One vault entry as its reader sees it; `repr` shows no value."""

    name: str
    value: str
    label: Label

    def __repr__(self) -> str:
        return f"Entry({len(self.value)} code points)"
