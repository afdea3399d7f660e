"""The budget of the one bit that the excerpt index gives away: whoever spends it is held.

Whether a text is cut depends on what others said. So each cut and each refusal tells its reader that the text
is somebody's. The attack is somebody who has a model write one guess after the other, or ten thousand in one
answer, and reads off which is cut. Two judges bound that:

* `Budgeted` stands around the redaction layer. Before anything of a verdict shows, each different foreign
  text in it is paid for, durably. What cannot be paid for is refused whole: a text with fifty hits tells no
  more than one with a single hit too many.
* `Oracle` refuses everything to a principal who is held, before any other layer looks at what it is.

What counts is what its reader sees and could have steered: a finding of which some character stands on no
record, so that a model, a tool or the bot itself has made it. An operator's own text, which somebody may have
repeated in order to have it found, costs its readers nothing. Nor does what is cut for its type as well: it
would be cut in the same way if nobody owned it.

Source: docs/adr/0012-oracle-budget.md
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from firewall.core.budget import Allowance
from firewall.core.ids import canonical
from firewall.core.ports import BudgetStore, IdSource, Layer
from firewall.core.subject import Leaf, Span, SubjectKind, with_leaves
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Severity, Verdict

# Guesses that stand side by side and are all right are one finding. So a long one is paid for by its length:
# about a sentence each.
STRETCH = 64
_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Refuses whatever a held principal wants.

    Attributes:
        budgets: Knows who is held.
    """

    budgets: BudgetStore
    name: str = "oracle"
    watches: frozenset[SubjectKind] = frozenset(SubjectKind)

    async def judge(self, case: Case) -> Verdict:
        """Deny if the turn's principal is held."""
        principal = case.turn.principal
        if await self.budgets.held(principal.tenant, principal.id):
            # Operators were paged when the hold began.
            return Deny(reason=ReasonCode.ORACLE_SUSPECTED, rule="held", severity=Severity.LOW)
        return Allow()


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgeted:
    """A redaction layer whose foreign findings are paid for before they show.

    Attributes:
        redaction: Finds and decides.
        budgets: Counts, durably.
        allowance: What each principal has.
        ids: Draws marks, so that no text is kept.
    """

    redaction: Layer
    budgets: BudgetStore
    allowance: Allowance
    ids: IdSource

    @property
    def name(self) -> str:
        """The redaction layer's own, whose place in the stack this is."""
        return self.redaction.name

    @property
    def watches(self) -> frozenset[SubjectKind]:
        """What the redaction layer watches."""
        return self.redaction.watches

    async def judge(self, case: Case) -> Verdict:
        """Judge as the redaction layer does, or deny if its reader would learn too much by that."""
        verdict = await self.redaction.judge(case)
        joint = await self._joint(case, verdict)
        said = [each for each in verdict.findings if each is not joint]
        marks = sorted({*self._marks(case, said), *self._together(case, joint)})
        if not marks or await self.budgets.spend(case.turn, marks, self.allowance):
            return verdict
        return Deny(
            reason=ReasonCode.ORACLE_SUSPECTED,
            severity=Severity.CRITICAL,
            findings=verdict.findings,
        )

    async def _joint(self, case: Case, verdict: Verdict) -> Finding | None:
        """Give the finding that refuses several texts for what only all of them say.

        The attack: half of a guess in each, the longer one the same every time, so that paying for it pays
        for all of them.
        """
        found = [each for each in verdict.findings if each.foreign and not each.shadow]
        if not found or not isinstance(verdict, Deny):
            return None
        where = case.subject.leaves[found[-1].leaf]
        text = where.text[found[-1].start : found[-1].stop]
        alone = replace(where, spans=(Span(text=text, source=None),))
        again = await self.redaction.judge(replace(case, subject=with_leaves(case.subject, (alone,))))
        return None if any(each.foreign for each in again.findings) else found[-1]

    def _together(self, case: Case, joint: Finding | None) -> Iterator[str]:
        """Give the mark of all that a subject says, which tells no more than one bit by being refused."""
        if joint is not None:
            said = canonical(*(each.text for each in case.subject.leaves))
            yield self.ids.derived("foreign together", case.tenant, said)[:_DIGITS]

    def _marks(self, case: Case, findings: Sequence[Finding]) -> Iterator[str]:
        for each in findings:
            if not each.foreign or each.shadow or any(_covers(other, each) for other in findings):
                continue
            where = case.subject.leaves[each.leaf]
            if _steered(where, each):
                # As it stands, code point by code point. Folded, guesses in letters that nobody sees would
                # all be nothing, in base64 some would be alike, and who has paid for one had the rest free.
                text = where.text[each.start : each.stop]
                for start in range(0, len(text), STRETCH):
                    piece = text[start : start + STRETCH]
                    yield self.ids.derived("foreign finding", case.tenant, piece)[:_DIGITS]


def _covers(other: Finding, each: Finding) -> bool:
    """True if this is cut for its type anyway."""
    return (
        not other.foreign
        and other.leaf == each.leaf
        and other.start <= each.start
        and each.stop <= other.stop
    )


def _steered(where: Leaf, finding: Finding) -> bool:
    """True if some character of the finding stands on no record."""
    offset = 0
    for span in where.spans:
        stop = offset + len(span.text)
        if span.source is None and offset < finding.stop and finding.start < stop:
            return True
        offset = stop
    return False
