from dataclasses import replace
from functools import partial

import pytest

from firewall.detect.secrets import check as rulecheck
from firewall.detect.secrets.check import Trouble, examples, problems
from firewall.detect.secrets.detector import Matcher
from firewall.detect.secrets.rules import Rule
from tests.fakes.rulepack import shipped

ACME = Rule(
    id="acme",
    provider="ACME",
    description="Badge",
    pattern="acme_[0-9]{4}",
    gate="acme_[0-9]{4}",
    caseless=False,
    keywords=(),
    edge="word",
    kind="SECRET",
    validator="",
    confirms=False,
    entropy=0.0,
    generic=False,
    positive=("acme_1234",),
    negative=("acme_12",),
    source="own.toml",
)
GLOBEX = replace(
    ACME, id="globex", pattern="globex_[0-9]{4}", positive=("globex_1234",), negative=("globex",)
)


def troubles(*rules: Rule) -> list[tuple[Trouble, str, str]]:
    return [(problem.trouble, problem.rule, problem.other) for problem in problems(rules)]


def test_sound_rules_have_no_trouble() -> None:
    assert troubles(ACME, GLOBEX) == []


def test_every_example_of_the_shipped_rules_holds() -> None:
    assert list(examples(shipped())) == []


def test_the_shipped_rules_have_no_fault() -> None:
    assert [problem for problem in problems(shipped()) if problem.fault] == []


@pytest.mark.parametrize(
    ("rule", "trouble"),
    [
        (replace(ACME, positive=("acme_12",)), Trouble.POSITIVE),
        (replace(ACME, negative=("acme_1234",)), Trouble.NEGATIVE),
    ],
)
def test_an_example_that_fails_is_a_fault(rule: Rule, trouble: Trouble) -> None:
    (problem,) = examples([rule, GLOBEX])
    assert (problem.trouble, problem.rule, problem.number, problem.fault) == (trouble, "acme", 1, True)


def test_an_example_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = replace(
        ACME, pattern=r"(?=x)(?:(x+)x+)+\1y", positive=("x" * 200 + "z y",), negative=("b",), edge="none"
    )
    monkeypatch.setattr(rulecheck, "Matcher", partial(Matcher, timeout_s=0.02))
    assert troubles(slow, GLOBEX) == [(Trouble.TIMEOUT, "acme", ""), (Trouble.NOT_LINEAR, "acme", "")]


def test_one_id_or_one_pattern_twice_is_a_fault() -> None:
    assert (Trouble.SAME_ID, "acme", "acme") in troubles(ACME, ACME)
    again = replace(ACME, id="again")
    assert (Trouble.SAME_PATTERN, "again", "acme") in troubles(ACME, again)


def test_a_rule_that_another_covers_is_worth_a_look() -> None:
    wide = replace(ACME, id="wide", pattern="(?:acme|globex)_[0-9]{4}", positive=("acme_5678", "globex_5678"))
    assert troubles(ACME, wide) == [(Trouble.SUBSET, "acme", "wide"), (Trouble.OVERLAP, "wide", "acme")]
    assert not any(problem.fault for problem in problems([ACME, wide]))


def test_a_rule_for_no_format_may_find_everything() -> None:
    assert (
        troubles(ACME, replace(ACME, id="any", pattern="[a-z]+_[0-9]{4}", generic=True, positive=("b_1234",)))
        == []
    )
