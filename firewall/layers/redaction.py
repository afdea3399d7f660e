"""Layer 3, the second wall: values and excerpts that the first wall should never have let this far.

Two questions, asked of every text but the sender's own message:

* Does it hold a typed value (an e-mail address, a card number, an order id) that stands nowhere in what this
  turn may read? Then it is cut out by its type, whether or not anybody owns it: the marker is no oracle.
* Does it hold an excerpt of somebody else's text? In text that nothing accounts for, the excerpt is cut out.
  In text that must not be altered, or that carries an operator's name, the whole subject is denied.

What goes out or into a tool in several texts is looked at once more together: an excerpt that several of them
make up denies the whole subject.

Text of parts that this turn may read is not asked about: a claim never takes away what its reader may read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from firewall.core.ids import TenantId
from firewall.core.label import Owned
from firewall.core.ports import Detector, ExcerptIndex, Match
from firewall.core.steps import Steps, at_once, paced
from firewall.core.subject import Leaf, Span, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Redact, Verdict
from firewall.detect.blocks import scanning
from firewall.detect.judged import Judged
from firewall.detect.keys import Keys, excused
from firewall.detect.marker import marker
from firewall.detect.together import together

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
        judged: Remembers in which texts nothing was found; None if nothing is remembered.
        rules: Stands for the rules of the detector; with others, nothing that was remembered counts.
        names: Finds the names that a tenant has listed, by tenant.
        shadow: True only records what would have been done; not one byte changes.
    """

    excerpts: ExcerptIndex
    detector: Detector
    keys: Keys
    judged: Judged | None = None
    rules: str = ""
    names: Mapping[TenantId, Detector] = field(default_factory=dict[TenantId, Detector])
    shadow: bool = False
    name: str = "redaction"
    watches: frozenset[SubjectKind] = frozenset(SubjectKind) - {SubjectKind.INBOUND}

    async def judge(self, case: Case) -> Verdict:
        """Ask for every foreign or unreadable value to be cut, or deny where it cannot be."""
        try:
            return await paced(self._judged(case))
        except Exception:
            if not self.shadow:
                raise
            return Allow(findings=(Finding(rule=SHADOW_FAILED, leaf=0, start=0, stop=0, shadow=True),))

    def _judged(self, case: Case) -> Steps[Verdict]:
        redactions: list[Redact] = []
        findings: list[Finding] = []
        clean: list[str] = []
        for index, each in enumerate(case.subject.leaves):
            for match, foreign in (yield from self._matches(case, each, clean)):
                findings.append(_finding(match, index, foreign=foreign, shadow=self.shadow))
                if self.shadow:
                    continue
                if foreign and (each.fixed or _accounted(each, match)):
                    return Deny(reason=ReasonCode.FOREIGN_EXCERPT, findings=tuple(findings))
                redactions.append(_redact(match, index, foreign=foreign))
        split = yield from self._split(case, redactions)
        if split is not None:
            findings.append(split)
            if not self.shadow:
                return Deny(reason=ReasonCode.FOREIGN_EXCERPT, findings=tuple(findings))
        if self.judged is not None and not findings:
            # Of what is cut or denied nothing is remembered: only a text that passes as it stands.
            for text in clean:
                self.judged.passed(case.turn, self.rules, text)
        return Allow(findings=tuple(findings), obligations=tuple(redactions))

    def _split(self, case: Case, cuts: Sequence[Redact]) -> Steps[Finding | None]:
        """Find somebody else's text that stands in several leaves together, once these cuts are made."""
        whole = together(case.subject, ((each.leaf, each.start, each.stop) for each in cuts))
        if whole is None:
            return None
        found = yield from self.excerpts.finding(whole.text, case.turn.audience)
        for match in excused(found, (part.text for part in case.read), whole.text) if found else ():
            stretch = whole.crossed(match)
            if stretch is not None:
                leaf, start, stop = stretch
                over = replace(match, start=start, stop=stop)
                return _finding(over, leaf, foreign=True, shadow=self.shadow)
        return None

    def matches(self, case: Case, each: Leaf) -> Sequence[tuple[Match, bool]]:
        """Find what must not stand in one leaf, and whether it is known to be somebody else's."""
        return at_once(self._matches(case, each, []))

    def _matches(self, case: Case, each: Leaf, clean: list[str]) -> Steps[Sequence[tuple[Match, bool]]]:
        """Do as `matches`, in steps; a text without any typed value is added to `clean`."""
        text = each.text
        if not text or all(_readable(span) for span in each.spans):
            return ()
        typed = yield from self._typed(case, each, clean)
        foreign = yield from self.excerpts.finding(text, case.turn.audience)
        # A sender who names somebody's value has it already; cutting it would hide nothing and would tell
        # them that it is somebody's.
        left = excused(foreign, (part.text for part in case.read), text) if foreign else ()
        return [*((_alike(match, typed), True) for match in left), *((match, False) for match in typed)]

    def _typed(self, case: Case, each: Leaf, clean: list[str]) -> Steps[Sequence[Match]]:
        """Find the typed values of a leaf that this turn may not read."""
        if case.subject.kind not in _TYPED or each.fixed:
            return ()
        named = self._named(case, each)
        if self.judged is not None and self.judged.knows(case.turn, self.rules, each.text):
            return named
        found = yield from scanning(self.detector, each.text)
        if not found:
            clean.append(each.text)
            return named
        readable = yield from self.keys.reading(part.text for part in case.read)
        typed = [match for match in found if match.key not in readable and not _accounted(each, match)]
        return [*named, *typed]

    def _named(self, case: Case, each: Leaf) -> Sequence[Match]:
        """Find the names that the turn's own tenant has listed, and no other's."""
        names = self.names.get(case.tenant)
        found = () if names is None else names.scan(each.text)
        if not found:
            return ()
        readable = excused(found, (part.text for part in case.read), each.text)
        return [match for match in readable if not _accounted(each, match)]


def _alike(foreign: Match, typed: Sequence[Match]) -> Match:
    """Give the match the marker that it would have if nobody owned it.

    A value that goes for its type is gone either way. If its marker said whether the index knows it too,
    whoever has addresses written, one after the other, would read off which of them are somebody's.
    """
    over = (each for each in typed if each.start <= foreign.start and foreign.stop <= each.stop)
    found = max(over, key=lambda each: each.stop - each.start, default=None)
    return foreign if found is None else replace(foreign, kind=found.kind)


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
