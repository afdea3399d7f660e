"""Egress: a tool that reaches outside carries nothing private that its sender does not ask it to carry.

The attack: a page that the model has read tells it to fetch `https://allowed.example/?d=…` with something of
the sender's own files, history or vault in the query. The host may be granted, the data may even be the
sender's own; yet they did not ask for it to be sent. So what such a tool is given is compared with the
message that the call answers, and with that alone.

An address that stands whole in what the turn was given, and that no model put together, may be called:
nothing is said by repeating it.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from firewall.core.ids import TenantId
from firewall.core.label import Operator
from firewall.core.message import Origin, Part
from firewall.core.ports import Detector
from firewall.core.steps import Steps, paced
from firewall.core.subject import ArgumentKind, SubjectKind, ToolCall, ToolSpec
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Verdict
from firewall.detect.blocks import BLOCK, scanning
from firewall.detect.copied import copies
from firewall.detect.disguise.unmasked import unmasked
from firewall.detect.keys import Keys
from firewall.detect.links.given import Given
from firewall.detect.links.hosts import key_of
from firewall.detect.normal import SKELETON

SHADOW_FAILED = "shadow_failed"
PIPES = "slack"
# Words in the name of a tool that say it reaches outside. Those that run commands have no network.
_NETWORK = frozenset(
    {
        *("ssh", "scp", "sftp", "ftp", "telnet", "nc", "ncat", "netcat", "socat", "curl", "wget", "fetch"),
        *("http", "https", "webhook", "socket", "browse", "browser", "download", "upload", "request"),
    }
)
# A shorter value stands in a long address by accident.
_SHORTEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """Denies private data in the arguments of tools that reach outside.

    Attributes:
        detector: Finds typed values.
        keys: The same detector's view of what the turn may read, remembered by text.
        given: Knows what addresses a turn was given.
        word: Gives the word that puts a tool's name into a dangerous class, or None.
        carry: Tools that may carry private data, by tenant.
        phrases: Texts of the operator, which are nobody's.
        shadow: True only records what would have been denied.
    """

    detector: Detector
    keys: Keys
    given: Given
    word: Callable[[str], str | None]
    carry: Mapping[TenantId, frozenset[str]] = field(default_factory=dict[TenantId, frozenset[str]])
    phrases: tuple[str, ...] = ()
    shadow: bool = False
    name: str = "egress"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.TOOL_CALL})

    async def judge(self, case: Case) -> Verdict:
        """Deny a call that carries what its sender's message does not say."""
        try:
            carried = await paced(self._carried(case))
        except Exception:
            if not self.shadow:
                raise
            return Allow(findings=(Finding(rule=SHADOW_FAILED, leaf=0, start=0, stop=0, shadow=True),))
        if carried is None:
            return Allow()
        rule, leaf = carried
        size = len(case.subject.leaves[leaf].text) if case.subject.leaves else 0
        finding = Finding(rule=rule, leaf=leaf, start=0, stop=size, shadow=self.shadow)
        if self.shadow:
            return Allow(findings=(finding,))
        return Deny(reason=ReasonCode.PRIVATE_EGRESS, rule=rule, findings=(finding,))

    def _carried(self, case: Case) -> Steps[tuple[str, int] | None]:
        """Give the rule that was broken and the leaf it was broken in."""
        call = case.subject
        if not isinstance(call, ToolCall) or call.spec is None or not self._reaches(call.spec):
            return None
        if call.name in self.carry.get(case.tenant, frozenset()):
            return None
        private = [part.text for part in case.read if _private(part, call)]
        own = [*(part.text for part in call.said), *self.phrases]
        said = yield from self.keys.reading(own)
        known = {SKELETON.fold(key) for key in (yield from self.keys.reading(private)) - said}
        given = self.given.keys(case.read, pipes=case.turn.key.channel == PIPES)
        for index, each in enumerate(call.leaves):
            if key_of(each.text) in given:
                continue
            # A piece of a value that the message says is one as well: `=20` before it may be read as a space.
            found = yield from scanning(self.detector, each.text)
            if any(not any(match.key in one for one in said) for match in found):
                return "egress.value", index
            rule = yield from _copied(each.text, known, private, own)
            if rule is not None:
                return rule, index
        # A card's number is one in JSON, too. Any number looks like somebody's, so only those known count.
        digits = SKELETON.fold(" ".join(_numbers(call.arguments)))
        if any(len(key) >= _SHORTEST and key in digits for key in known):
            return "egress.value", 0
        return None

    def _reaches(self, spec: ToolSpec) -> bool:
        """True if the tool takes an address, or its name says that it reaches outside."""
        return ArgumentKind.URL in spec.arguments.values() or self.word(spec.name) in _NETWORK


def _copied(text: str, known: set[str], private: Sequence[str], own: Sequence[str]) -> Steps[str | None]:
    """Give the rule that some reading of a text breaks, by what it holds of these values and texts."""
    for reading in _readings(text):
        if len(reading) > BLOCK:
            yield
        looks = SKELETON.fold(reading)
        if any(len(key) >= _SHORTEST and key in looks for key in known):
            return "egress.value"
        if copies(reading, private, own):
            return "egress.text"
    return None


def _private(part: Part, call: ToolCall) -> bool:
    """True for what is neither everybody's, nor the message that is answered, nor a model's own words."""
    if isinstance(part.label, Operator) or part.origin in (Origin.MODEL, Origin.CALL, Origin.NAME):
        return False
    return all(part.id != each.id for each in call.said)


def _numbers(value: object) -> Iterator[str]:
    """Give the bare numbers of the arguments, in their order."""
    if isinstance(value, Mapping):
        for each in cast("Mapping[str, object]", value).values():
            yield from _numbers(each)
    elif isinstance(value, tuple):
        for each in cast("tuple[object, ...]", value):
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _readings(text: str) -> Iterator[str]:
    yield text
    yield text[::-1]
    yield codecs.encode(text, "rot13")
    for _, view in unmasked(text):
        yield view.text
