"""Stops the bot from promising in the company's name what only people may promise."""

from collections.abc import Mapping
from typing import cast

from partywall.plugins import Allow, Case, Deny, ReasonCode, Severity, SubjectKind, Verdict


class Promises:
    """A layer: names of its rules, the kinds it watches, and `judge`."""

    rules = ("promise",)
    watches = frozenset({SubjectKind.OUTBOUND})

    def __init__(self, phrases: tuple[str, ...]) -> None:
        self._phrases = phrases

    async def judge(self, case: Case) -> Verdict:
        """Deny what promises something; say nothing of all else."""
        said = " ".join(leaf.text for leaf in case.subject.leaves).casefold()
        if any(phrase in said for phrase in self._phrases):
            return Deny(reason=ReasonCode.PLUGIN_DENIED, rule="promise", severity=Severity.LOW)
        return Allow()


def make(options: Mapping[str, object]) -> Promises:
    """Make the layer of `[plugins.options.acme-promises]`."""
    return Promises(tuple(phrase.casefold() for phrase in cast("list[str]", options["phrases"])))
