"""Laws of the gate and the rules for secrets: no gate misses, and what a glance skips holds nothing."""

import os
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from firewall.detect.detectors import All
from firewall.detect.secrets import gate as gates
from firewall.detect.secrets.detector import Matcher, SecretDetector, asked
from firewall.detect.secrets.gate import Plain, gate
from firewall.detect.secrets.rules import Rule
from firewall.detect.secrets.sight import sight
from firewall.detect.segments import bounds
from tests.fakes.rulepack import GATES, detector, shipped

# Asking pattern by pattern takes milliseconds a text: PARTYWALL_GATE_TEXTS=20000 asks of more.
TEXTS = int(os.environ.get("PARTYWALL_GATE_TEXTS", "2000"))
# What folds to ASCII, what stands beside a value, and what is neither letter nor digit.
ODD = "\u0130\u212a\u017f\u0131\u00e9\u4e09\u3002\uff21\u00a0\u2028\ud800\U0001f511\0\n\t .!?\"'`:=<>,;_-/\\"
NAMES = (
    "acme_token",
    "globex.secret",
    "API\u212aEY",
    "pa\u017f\u017fword",
    "ASANA",
    "L\u0130NEAR",
    "the key is",
)


def texts(rules: tuple[Rule, ...], count: int, seed: int) -> Iterator[str]:
    """Yield examples of the rules: cut, joined, changed in case and character, what is not ASCII between."""
    draw = random.Random(seed)
    examples = [text for rule in rules for text in (*rule.positive, *rule.negative)]
    for _ in range(count):
        parts: list[str] = []
        for _ in range(draw.randint(1, 3)):
            text = draw.choice(examples)
            match draw.randrange(6):
                case 0:
                    start = draw.randrange(len(text))
                    text = text[start : start + draw.randint(1, 90)]
                case 1:
                    place = draw.randrange(len(text))
                    text = text[:place] + draw.choice(ODD) + text[place + draw.randrange(2) :]
                case 2:
                    text = text.swapcase()
                case 3:
                    text = draw.choice(NAMES) + draw.choice((": ", "=", " ")) + text
                case _:
                    pass
            parts += (text, "".join(draw.choices(ODD, k=draw.randrange(3))))
        yield "".join(parts)


def test_both_gates_open_for_the_same_rules() -> None:
    patterns = [asked(rule) for rule in shipped()]
    plain, fast = Plain(patterns), gate(patterns, cache=GATES)
    opened = 0
    for text in texts(shipped(), TEXTS, seed=1):
        data = sight(text)
        hits = list(fast.hits(data))
        assert hits == list(plain.hits(data)), text
        opened += bool(hits)
    # The law would hold of texts without a secret as well, and say nothing.
    assert opened > TEXTS // 2


def test_the_gated_detector_finds_what_the_rules_find_one_by_one() -> None:
    matchers = [Matcher(rule) for rule in shipped()]
    for text in texts(shipped(), max(200, TEXTS // 10), seed=2):
        data = sight(text)
        found = {(m.start, m.stop) for m in detector().scan(text)}
        alone = {(matcher.rule.generic, span) for matcher in matchers for span in matcher.spans(text, data)}
        told = [span for generic, span in alone if not generic]
        assert found == {
            span
            for generic, span in alone
            if not (generic and any(start <= span[0] and span[1] <= stop for start, stop in told))
        }, text


def test_without_hyperscan_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = detector()
    monkeypatch.setattr(gates, "hyperscan", None)
    plain, found = SecretDetector(shipped()), 0
    for text in (
        *texts(shipped(), 400, seed=7),
        *(rule.positive[0].replace(" ", "\n") for rule in shipped()),
    ):
        wanted = list(fast.scan(text))
        assert list(plain.scan(text)) == wanted, text
        assert plain.excludes(text) is fast.excludes(text), text
        found += bool(wanted)
    assert found > 300


def test_a_glance_that_says_no_is_right_of_every_piece() -> None:
    draw = random.Random(3)
    excluded = 0
    for text in texts(shipped(), 5_000, seed=4):
        if detector().excludes(text):
            excluded += 1
            start = draw.randrange(len(text) + 1)
            stop = draw.randint(start, len(text))
            assert list(detector().scan(text[start:stop])) == [], text
    assert excluded > 100


def test_what_is_found_in_a_text_is_found_in_its_segments() -> None:
    together = All([detector()])
    for text in texts(shipped(), 500, seed=5):
        ends = [0, *bounds(text), len(text)]
        for match in together.scan(text):
            assert any(start <= match.start and match.stop <= stop for start, stop in pairwise(ends))


def test_each_rule_finds_the_same_among_few_and_among_many() -> None:
    few = SecretDetector(shipped()[:3])
    for text in texts(shipped()[:3], 300, seed=6):
        names = set(few.rules)
        assert {m for m in detector().scan(text) if m.rule in names} == set(few.scan(text)), text
