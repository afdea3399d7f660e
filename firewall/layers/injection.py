"""Injection: words of others that want to command the assistant, told by how they look.

What a message says, quotes and brings along, and what a tool returns, is scored by signs, and by a classifier
and a model where the operator has them; the highest score counts. This is never the
wall: an instruction can always be put in words that look like nothing. What a turn may see is decided by
labels, whoever talks the model into asking. So by default this layer only records, and changes no byte.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial

from firewall.core.errors import ServiceUnavailable
from firewall.core.label import Operator
from firewall.core.subject import Leaf, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Severity, Verdict
from firewall.detect.injection.eyes import Eye
from firewall.detect.injection.heuristics import Seen
from firewall.threads import Threads

SHADOW_FAILED = "shadow_failed"
# Longer text is looked at in a thread: the loop belongs to everybody.
_LONG = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """Records, or denies, text that looks like an injection.

    Attributes:
        heuristics: Score a text by signs, and by a classifier where there is one.
        model: Scores a text in a thread, however short it is: a model takes its time.
        threads: Where long texts are looked at, each tenant's in its own share. Not those of the tools: a
            tool that hangs must not keep a message from being judged.
        threshold: The least score that counts, 0 to 1.
        shadow: True only records what would have been denied.
    """

    heuristics: Eye
    threads: Threads
    threshold: float
    model: Eye | None = None
    shadow: bool = True
    name: str = "injection"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.INBOUND, SubjectKind.TOOL_RESULT})

    async def judge(self, case: Case) -> Verdict:
        """Deny what reaches the threshold, or could not be examined; in shadow, record it."""
        try:
            findings = [found async for found in self._found(case)]
        except Exception:
            if not self.shadow:
                raise
            return Allow(findings=(Finding(rule=SHADOW_FAILED, leaf=0, start=0, stop=0, shadow=True),))
        if self.shadow or not findings:
            return Allow(findings=tuple(findings))
        return Deny(
            reason=ReasonCode.INJECTION,
            rule=findings[0].rule,
            severity=Severity.MEDIUM,
            findings=tuple(findings),
        )

    async def _found(self, case: Case) -> AsyncIterator[Finding]:
        for index, each in _foreign(case.subject.leaves):
            text = each.text
            try:
                seen = await self._seen(case, text)
            except ServiceUnavailable:
                # Too large or too deep to be examined is not the same as harmless.
                seen = Seen(score=1.0, family="unexamined", stop=len(text))
            if seen.score >= self.threshold:
                yield Finding(
                    rule=f"injection.{seen.family}",
                    leaf=index,
                    start=seen.start,
                    stop=seen.stop,
                    shadow=self.shadow,
                )

    async def _seen(self, case: Case, text: str) -> Seen:
        look = partial(self.heuristics.see, text)
        seen = look() if len(text) <= _LONG else await self.threads.whole(case.tenant, look)
        # What is sure already needs no model to be surer.
        if self.model is None or seen.score >= self.threshold:
            return seen
        other = await self.threads.whole(case.tenant, partial(self.model.see, text))
        return max(seen, other, key=lambda each: each.score)


def _foreign(leaves: tuple[Leaf, ...]) -> Iterator[tuple[int, Leaf]]:
    """Give what people and tools wrote; what an operator registered commands by right."""
    for index, each in enumerate(leaves):
        own = all(span.source is not None and isinstance(span.source.label, Operator) for span in each.spans)
        if each.text and not own:
            yield index, each
