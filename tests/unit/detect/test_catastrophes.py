"""A pattern of an operator's that needs exponential time is refused when it is read, or stopped and named."""

from pathlib import Path
from typing import Any

import pytest
import regex as _regex  # type: ignore[import-untyped]  # regex ships no types
from typer.testing import CliRunner

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.pii.detector import PresidioDetector
from firewall.detect.secrets.detector import SecretDetector
from firewall.detect.secrets.engines import linear
from firewall.detect.secrets.gate import Hyperscan, Pattern, Plain
from firewall.detect.secrets.rules import load
from partywall.cli.app import app

regex: Any = _regex
# Each blows up in a backtracking engine; RE2 takes the first three.
LINEAR = ("(a+)+$", "(a|aa)+$", "(a|a?)+$")
BACK = r"(x+x+)+\1y"
HOSTILE = "x" * 200 + "!y"
RULE = """[[rule]]
id = "acme-badge"
provider = "ACME"
description = "Badge"
pattern = '{pattern}'
{keywords}
positive = ["{positive}"]
negative = ["none"]
"""
YAML = """recognizers:
  - name: Badges
    supported_entity: BADGE
    patterns: [{{name: slow, regex: '{pattern}', score: 0.8}}]
"""


def rule(folder: Path, pattern: str, keywords: str = "", positive: str = "a") -> Path:
    file = folder / "acme.toml"
    file.write_text(RULE.format(pattern=pattern, keywords=keywords, positive=positive), encoding="utf-8")
    return file


@pytest.mark.parametrize("pattern", [*LINEAR, BACK])
def test_a_rule_that_looks_around_or_back_without_keywords_is_refused_by_its_name(
    tmp_path: Path, pattern: str
) -> None:
    with pytest.raises(ConfigError, match=r"acme\.toml: rule 'acme-badge': keywords: .* needs keywords"):
        load(rule(tmp_path, pattern))
    ended = CliRunner().invoke(app, ["rules", "check", str(rule(tmp_path, pattern))])
    assert isinstance(ended.exception, ConfigError) or ended.exit_code == 2


@pytest.mark.parametrize("pattern", LINEAR)
def test_what_re2_takes_is_looked_for_in_linear_time(tmp_path: Path, pattern: str) -> None:
    rules = load(rule(tmp_path, pattern, 'keywords = ["a"]'))
    assert linear(rules[0].pattern)
    # In a backtracking engine this text takes longer than anybody waits.
    assert SecretDetector(rules).scan("a" * 50_000 + "!") == []


def test_what_only_a_backtracking_engine_takes_is_stopped_and_named(tmp_path: Path) -> None:
    rules = load(rule(tmp_path, BACK, 'keywords = ["x"]\nedge = "none"', positive="xxxxy"))
    assert not linear(rules[0].pattern)
    with pytest.raises(ServiceUnavailable, match=r"'acme-badge' of acme\.toml took too long.*RE2") as raised:
        SecretDetector(rules, timeout_s=0.05).scan(HOSTILE)
    assert HOSTILE not in str(raised.value)


def test_the_check_tells_rules_that_are_not_linear(tmp_path: Path) -> None:
    file = rule(tmp_path, BACK, 'keywords = ["x"]', positive="xxxxy")
    told = CliRunner().invoke(app, ["rules", "check", "--json", str(file)]).stdout
    assert '"rule": "acme-badge", "trouble": "not_linear"' in told


@pytest.mark.parametrize("pattern", [*LINEAR, "((a{1,99}){1,99}){1,99}", "(?:a|b|c){1,30000}x"])
def test_the_gate_misses_nothing_that_hyperscan_finds_too_much(pattern: str) -> None:
    asked = [Pattern(regex=pattern), Pattern(regex="needle")]
    for gate in (Hyperscan(asked), Plain(asked) if linear(pattern) else Hyperscan(asked)):
        assert 0 in gate.hits(b"abcax" if pattern.endswith("x") else b"aaa")
        assert 1 in gate.hits(b"b" * 20_000 + b"needle")


@pytest.mark.parametrize("pattern", ["(a+)+$", "x[^y]*x[^y]*x[^y]*x[^y]*z"])
def test_a_recogniser_that_never_ends_is_stopped_and_named(tmp_path: Path, pattern: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(YAML.format(pattern=pattern), encoding="utf-8")
    detector = PresidioDetector(entities=("US_SSN",), recognisers=file, timeout_s=0.05)
    text = ("a" if "a+" in pattern else "x") * 5_000 + "!"
    with pytest.raises(ServiceUnavailable, match="the pattern 'slow' of Badges took too long") as raised:
        detector.scan(text)
    assert text not in str(raised.value)


def test_these_really_never_end() -> None:
    with pytest.raises(TimeoutError):
        regex.search("x[^y]*x[^y]*x[^y]*x[^y]*z", "x" * 5_000, timeout=0.05)
    with pytest.raises(TimeoutError):
        regex.search(BACK.encode(), HOSTILE.encode(), timeout=0.05)
