"""Secrets: keys, tokens and passwords, by the forms that providers give them and the names before them.

A text goes through one gate for all rules. Only where it opens does an engine look for the rule that may
match, and a value counts if its entropy and its validator say so. Every rule stays inside one segment. A
private key spans lines: the line it begins with and each of its lines of 60 or more characters of base64 are
found by themselves, so a key is cut out line by line, and its last, shorter line stays.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.keys import key_of
from firewall.detect.secrets.engines import DEFAULT_TIMEOUT_S, Finder, SlowPattern, Span, finder
from firewall.detect.secrets.gate import Gate, Pattern, apart, gate
from firewall.detect.secrets.rules import EDGES, Rule, packs
from firewall.detect.secrets.sight import sight
from firewall.detect.secrets.stretch import STRETCH, unstretched
from firewall.detect.secrets.validators import VALIDATORS, entropy, holds


class Matcher:
    """Finds what one rule finds; compiled when it is first asked."""

    def __init__(self, rule: Rule, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.rule = rule
        self._timeout_s = timeout_s
        self._finder: Finder | None = None

    def spans(self, text: str, data: bytes) -> Iterator[Span]:
        """Give the values in a text, in order, not overlapping; `data` is its `sight`."""
        if self._finder is None:
            rule = self.rule
            self._finder = finder(
                rule.pattern, caseless=rule.caseless, edge=EDGES[rule.edge], timeout_s=self._timeout_s
            )
        try:
            for start, stop in self._finder.spans(data):
                if self._counts(text[start:stop]):
                    yield start, stop
        except SlowPattern as error:
            raise ServiceUnavailable(
                f"the rule {self.rule.id!r} of {self.rule.source} took too long on one text, which was "
                "refused; write it without look-arounds and references back, so that RE2 takes it "
                "(`partywall rules check` names the rules that are not linear)"
            ) from error

    def _counts(self, value: str) -> bool:
        valid = not self.rule.validator or holds(VALIDATORS[self.rule.validator], value)
        if self.rule.confirms:
            # Whoever changes one character of a token has broken its checksum and shown it all the same.
            return (bool(self.rule.validator) and valid) or entropy(value) >= self.rule.entropy
        return valid and entropy(value) >= self.rule.entropy


class SecretDetector:
    """Finds secrets by rules; implements `ports.Detector` and `detectors.Glances`. For several threads.

    Args:
        rules: What is looked for; the shipped packs by default.
        cache: A folder of this user alone for the compiled gate; None compiles it each time, which takes
            seconds.
        timeout_s: Longest time for one rule that is not linear on one text, in seconds.

    Raises:
        ConfigError: Two rules have one id.
    """

    def __init__(
        self,
        rules: Sequence[Rule] | None = None,
        *,
        cache: Path | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        rules = packs() if rules is None else rules
        twice = sorted(each for each, count in Counter(rule.id for rule in rules).items() if count > 1)
        if twice:
            raise ConfigError(
                f"two rules for secrets have the id {twice[0]!r}; `partywall rules check` lists them"
            )
        self._matchers = [Matcher(rule, timeout_s) for rule in rules]
        self._gate = _Gates([asked(rule) for rule in rules], cache)

    @property
    def rules(self) -> Sequence[str]:
        """The rules that are live."""
        return tuple(_named(matcher.rule) for matcher in self._matchers)

    def excludes(self, text: str) -> bool:
        """True only if there is no secret in this text or in any piece of it; see `detectors.Glances`."""
        return not self._gate.opens(sight(text))

    @property
    def prose_gates(self) -> Sequence[Gate]:
        """One of them opens for prose that may hold a secret; see `prose.Proseless`."""
        return self._gate.stretch, self._gate.short

    def scan(self, text: str) -> Sequence[Match]:
        """Find every secret, in order of start; may overlap.

        Raises:
            ServiceUnavailable: A rule that is not linear took longer than `timeout_s`.
        """
        data = sight(text)
        found = [
            (matcher.rule, span)
            for number in self._gate.hits(data)
            for matcher in (self._matchers[number],)
            for span in matcher.spans(text, data)
        ]
        told = [span for rule, span in found if not rule.generic]
        matches = [
            _match(rule, text, span)
            for rule, span in found
            if not (rule.generic and any(start <= span[0] and span[1] <= stop for start, stop in told))
        ]
        return sorted(matches, key=lambda match: (match.start, match.stop, match.rule))


class _Gates:
    """One gate for all patterns, and one for the few that match where there is no `STRETCH`."""

    def __init__(self, patterns: Sequence[Pattern], cache: Path | None) -> None:
        self._all: Gate = gate(patterns, cache=cache)
        self._numbers = unstretched([each.regex for each in patterns], cache)
        self.short: Gate = gate([patterns[number] for number in self._numbers], cache=cache)
        self.stretch = apart([STRETCH])

    def hits(self, data: bytes) -> Sequence[int]:
        """Give the numbers of the patterns that may match, in order."""
        if self.stretch.opens(data):
            return self._all.hits(data)
        return [self._numbers[hit] for hit in self.short.hits(data)]

    def opens(self, data: bytes) -> bool:
        """True if any of the patterns may match."""
        return (self._all if self.stretch.opens(data) else self.short).opens(data)


def asked(rule: Rule) -> Pattern:
    """Give what a gate asks for on behalf of a rule."""
    return Pattern(
        regex=rule.gate, caseless=rule.caseless or rule.gate != rule.pattern, keywords=rule.keywords
    )


def _named(rule: Rule) -> str:
    return f"secret.{rule.id}"


def _match(rule: Rule, text: str, span: Span) -> Match:
    start, stop = span
    key = key_of(rule.kind, text[start:stop])
    return Match(start=start, stop=stop, kind=rule.kind, rule=_named(rule), key=key)
