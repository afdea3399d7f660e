"""Layer 3, the second wall: values and excerpts that the first wall should never have let this far.

Two questions, asked of every text but the sender's own message:

* Does it hold a typed value (an e-mail address, a card number, an order id) that stands nowhere in what this
  turn may read? Then it is cut out by its type, whether or not anybody owns it: the marker is no oracle.
* Does it hold an excerpt of somebody else's text? In text that nothing accounts for, the excerpt is cut out.
  In text that must not be altered, or that carries an operator's name, the whole subject is denied.

Text of parts that this turn may read is not asked about: a claim never takes away what its reader may read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firewall.core.label import Owned
from firewall.core.ports import Detector, ExcerptIndex, Match
from firewall.core.subject import Leaf, Span, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Redact, Verdict
from firewall.detect.keys import Keys, excused
from firewall.detect.marker import marker

SHADOW_FAILED = "shadow_failed"
# Typed values are cut from what is shown. A prompt holds only what the turn may read, and a tool's result is
# itself something the turn may read.
_TYPED = frozenset({SubjectKind.MODEL_REPLY, SubjectKind.OUTBOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """Cuts out what does not belong to the audience.

    Attributes:
        excerpts: Knows whose text is whose.
        detector: Finds typed values.
        keys: The same detector's view of what the turn may read, remembered by text.
        shadow: True only records what would have been done; not one byte changes.
    """

    excerpts: ExcerptIndex
    detector: Detector
    keys: Keys
    shadow: bool = False
    name: str = "redaction"
    watches: frozenset[SubjectKind] = frozenset(SubjectKind) - {SubjectKind.INBOUND}

    async def judge(self, case: Case) -> Verdict:
        """Ask for every foreign or unreadable value to be cut, or deny where it cannot be."""
        try:
            return self._judged(case)
        except Exception:
            if not self.shadow:
                raise
            return Allow(findings=(Finding(rule=SHADOW_FAILED, leaf=0, start=0, stop=0, shadow=True),))

    def _judged(self, case: Case) -> Verdict:
        redactions: list[Redact] = []
        findings: list[Finding] = []
        for index, each in enumerate(case.subject.leaves):
            for match, foreign in self.matches(case, each):
                findings.append(_finding(match, index, foreign=foreign, shadow=self.shadow))
                if self.shadow:
                    continue
                if foreign and (each.fixed or _accounted(each, match)):
                    return Deny(reason=ReasonCode.FOREIGN_EXCERPT, findings=tuple(findings))
                redactions.append(_redact(match, index, foreign=foreign))
        return Allow(findings=tuple(findings), obligations=tuple(redactions))

    def matches(self, case: Case, each: Leaf) -> Iterator[tuple[Match, bool]]:
        """Find what must not stand in one leaf, and whether it is known to be somebody else's."""
        text = each.text
        if not text or all(_readable(span) for span in each.spans):
            return
        foreign = self.excerpts.find(text, case.turn.audience)
        if foreign:
            # A sender who names somebody's value has it already; cutting it would hide nothing and would
            # tell them that it is somebody's.
            for match in excused(foreign, (part.text for part in case.read)):
                yield match, True
        if case.subject.kind in _TYPED and not each.fixed:
            typed = self.detector.scan(text)
            if typed:
                readable = self.keys.of(part.text for part in case.read)
                for match in typed:
                    if match.key not in readable and not _accounted(each, match):
                        yield match, False


def _readable(span: Span) -> bool:
    """True for a part of this session; the layers before have compared its label with the audience."""
    return span.source is not None and isinstance(span.source.label, Owned)


def _accounted(each: Leaf, match: Match) -> bool:
    """True if every character of the match comes from a part that was judged before."""
    offset = 0
    for span in each.spans:
        if span.source is None and offset < match.stop and match.start < offset + len(span.text):
            return False
        offset += len(span.text)
    return True


def _finding(match: Match, index: int, *, foreign: bool, shadow: bool) -> Finding:
    return Finding(
        rule=match.rule, leaf=index, start=match.start, stop=match.stop, foreign=foreign, shadow=shadow
    )


def _redact(match: Match, index: int, *, foreign: bool) -> Redact:
    return Redact(
        rule=match.rule,
        leaf=index,
        start=match.start,
        stop=match.stop,
        marker=marker(match.kind),
        foreign=foreign,
    )
