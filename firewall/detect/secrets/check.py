"""What is wrong with a set of rules: examples that fail, and rules that say the same twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firewall.core.errors import ServiceUnavailable
from firewall.detect.secrets.detector import Matcher
from firewall.detect.secrets.engines import linear
from firewall.detect.secrets.rules import Rule
from firewall.detect.secrets.sight import sight


class Trouble(StrEnum):
    """What may be wrong."""

    POSITIVE = "positive_missed"
    NEGATIVE = "negative_found"
    TIMEOUT = "timeout"
    SAME_ID = "same_id"
    SAME_PATTERN = "same_pattern"
    SUBSET = "subset"
    OVERLAP = "overlap"
    NOT_LINEAR = "not_linear"


# Two rules may well know one value, and a bounded rule is bounded: worth a look, not wrong.
NOTES = frozenset({Trouble.SUBSET, Trouble.OVERLAP, Trouble.NOT_LINEAR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, or worth a look.

    Attributes:
        trouble: What it is.
        rule: Id of the rule.
        source: File of the rule.
        other: Id of the second rule, or empty.
        number: Which of the examples, from 1; 0 if it is none.
    """

    trouble: Trouble
    rule: str
    source: str
    other: str = ""
    number: int = 0

    @property
    def fault(self) -> bool:
        """True if it must be mended."""
        return self.trouble not in NOTES


def examples(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Try every example on its own rule: a positive must be found by it, a negative must not."""
    for rule in rules:
        matcher = Matcher(rule)
        for texts, wanted, trouble in (
            (rule.positive, True, Trouble.POSITIVE),
            (rule.negative, False, Trouble.NEGATIVE),
        ):
            for number, text in enumerate(texts, 1):
                found = _finds(matcher, text)
                if found is None:
                    yield Problem(trouble=Trouble.TIMEOUT, rule=rule.id, source=rule.source, number=number)
                elif found != wanted:
                    yield Problem(trouble=trouble, rule=rule.id, source=rule.source, number=number)


def problems(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Find everything that is wrong or worth a look, examples included."""
    yield from examples(rules)
    yield from _twice(rules)
    yield from _overlaps(rules)
    for rule in rules:
        if not linear(rule.pattern, caseless=rule.caseless):
            yield Problem(trouble=Trouble.NOT_LINEAR, rule=rule.id, source=rule.source)


def _twice(rules: Sequence[Rule]) -> Iterator[Problem]:
    ids: set[str] = set()
    patterns: dict[tuple[str, bool, str, str], str] = {}
    for rule in rules:
        if rule.id in ids:
            yield Problem(trouble=Trouble.SAME_ID, rule=rule.id, source=rule.source, other=rule.id)
        ids.add(rule.id)
        form = (rule.pattern, rule.caseless, rule.edge, rule.validator)
        first = patterns.setdefault(form, rule.id)
        if first != rule.id:
            yield Problem(trouble=Trouble.SAME_PATTERN, rule=rule.id, source=rule.source, other=first)


def _overlaps(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Find rules whose positive examples another rule finds as well, other than the generic ones."""
    matchers = [Matcher(rule) for rule in rules if not rule.generic]
    for rule in rules:
        shared: defaultdict[str, int] = defaultdict(int)
        for text in rule.positive:
            for matcher in matchers:
                if matcher.rule.id != rule.id and _finds(matcher, text):
                    shared[matcher.rule.id] += 1
        for other, count in sorted(shared.items()):
            trouble = Trouble.SUBSET if count == len(rule.positive) else Trouble.OVERLAP
            yield Problem(trouble=trouble, rule=rule.id, source=rule.source, other=other)


def _finds(matcher: Matcher, text: str) -> bool | None:
    try:
        return next(matcher.spans(text, sight(text)), None) is not None
    except ServiceUnavailable:
        return None
