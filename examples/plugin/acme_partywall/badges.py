"""Finds the codes on ACME's badges, such as EMP:QKZVWM."""

import re
from collections.abc import Mapping, Sequence

from partywall.plugins import Match


class Badges:
    """A detector: names of its rules, and `scan`."""

    rules = ("badge",)

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._pattern = re.compile(rf"\b{re.escape(prefix)}:[A-Z]{{6}}\b")

    def excludes(self, text: str) -> bool:
        """True if there is no badge in this text nor in any piece of it; a detector may do without this."""
        return self._prefix not in text

    def scan(self, text: str) -> Sequence[Match]:
        """Find every badge; the text is one line or sentence."""
        return [
            Match(start=found.start(), stop=found.end(), kind="ID", rule="badge")
            for found in self._pattern.finditer(text)
        ]


def make(options: Mapping[str, object]) -> Badges:
    """Make the detector of `[plugins.options.acme-badges]`."""
    return Badges(str(options.get("prefix", "EMP")))
