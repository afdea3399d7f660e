from pathlib import Path

import pytest

from firewall.core.errors import ConfigError
from firewall.detect.secrets.detector import SecretDetector
from firewall.detect.secrets.engines import linear, looks_around
from firewall.detect.secrets.rules import Rule, load
from tests.fakes.rulepack import shipped

GOOD = """
[[rule]]
id = "acme-badge"
provider = "ACME"
description = "Badge"
pattern = 'acme_[0-9]{6}'
positive = ["acme_482913"]
negative = ["acme_48291"]

[[assigned]]
id = "globex-code"
provider = "GLOBEX"
description = "Code"
words = ["globex"]
value = '[a-f0-9]{12}'
positive = ["globex_code = a81f00c3d9e2"]
negative = ["globex_code = a81f00c3d9"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def found(rules: list[Rule], text: str) -> list[tuple[str, str]]:
    return [(m.rule, text[m.start : m.stop]) for m in SecretDetector(rules).scan(text)]


def test_an_operators_rules_are_found(tmp_path: Path) -> None:
    rules = list(load(write(tmp_path, GOOD)))
    assert found(rules, "my badge is acme_482913") == [("secret.acme-badge", "acme_482913")]
    assert found(rules, "GLOBEX_CODE=a81f00c3d9e2") == [("secret.globex-code", "a81f00c3d9e2")]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("acme_[0-9]{6}", "acme_[0-9{6}", "own.toml: rule 'acme-badge': pattern", id="no-regex"),
        pytest.param("acme_[0-9]{6}", "\u0430cme", "'acme-badge': pattern: .* ASCII", id="not-ascii"),
        pytest.param("acme_[0-9]{6}", "(?<!x)acme_[0-9]{6}", "'acme-badge': keywords", id="looks-around"),
        pytest.param("acme_[0-9]{6}", r"(a)cme_\1[0-9]{6}", "'acme-badge': keywords", id="refers-back"),
        pytest.param('id = "acme-badge"', 'id = "Acme Badge"', r"rule 'Acme Badge': .*\$\.id", id="id"),
        pytest.param('id = "acme-badge"', "id = 7", r"rule number 1: .*\$\.id", id="no-id"),
        pytest.param('provider = "ACME"', "", "'acme-badge': .*provider", id="field-missing"),
        pytest.param(
            'provider = "ACME"',
            'provider = "ACME"\nregexp = "x"',
            "'acme-badge': .*regexp",
            id="unknown-field",
        ),
        pytest.param('provider = "ACME"', 'provider = "ACME"\nentropy = 9', r"\$\.entropy", id="range"),
        pytest.param(
            'provider = "ACME"',
            'provider = "ACME"\nvalidator = "luhn"',
            "validator: there is none",
            id="validator",
        ),
        pytest.param(
            'provider = "ACME"', 'provider = "ACME"\nkind = "BADGE"', "kind: must be one of", id="kind"
        ),
        pytest.param('positive = ["acme_482913"]', "positive = []", r"\$\.positive", id="no-example"),
        pytest.param('words = ["globex"]', "", "assigned 'globex-code': .*words", id="assigned"),
        pytest.param("[[rule]]", "[[rules]]", "not 'rules'", id="unknown-table"),
        pytest.param("[[rule]]", "[rule]", "two brackets", id="one-bracket"),
        pytest.param("[[rule]]", "rule = [1]\n[x]", "own.toml", id="no-table"),
        pytest.param("[[rule]]", "[[rule", "own.toml: ", id="no-toml"),
    ],
)
def test_a_wrong_file_says_where_and_what(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load(write(tmp_path, GOOD.replace(old, new, 1)))


def test_an_entry_that_is_no_table_is_told_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rule number 1"):
        load(write(tmp_path, "rule = [1]"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"own\.toml: the rules cannot be read"):
        load(path)


@pytest.mark.parametrize("pattern", ["(?<![a-z])acme_[0-9]{6}", r"([a-z])cme_(?!\1)[0-9]{6}"])
def test_a_rule_that_looks_around_is_asked_for_by_its_keywords(tmp_path: Path, pattern: str) -> None:
    text = GOOD.replace("pattern = 'acme_[0-9]{6}'", f"pattern = '{pattern}'\nkeywords = ['ACME_']")
    rules = list(load(write(tmp_path, text)))
    assert rules[0].gate == "acme_"
    assert found(rules, "acme_482913") == [("secret.acme-badge", "acme_482913")]
    assert SecretDetector(rules).excludes("globex_482913")


def test_two_rules_of_one_id_are_refused(tmp_path: Path) -> None:
    rules = load(write(tmp_path, GOOD))
    with pytest.raises(ConfigError, match="acme-badge"):
        SecretDetector([*rules, rules[0]])


def test_the_shipped_rules_are_many_and_linear_and_look_at_nothing_beside_them() -> None:
    rules = shipped()
    assert len({rule.id for rule in rules}) == len(rules)
    assert len([rule for rule in rules if not rule.generic]) >= 400
    assert len({rule.provider for rule in rules}) >= 200
    assert [rule.id for rule in rules if not linear(rule.pattern, caseless=rule.caseless)] == []
    assert [rule.id for rule in rules if looks_around(rule.gate)] == []
