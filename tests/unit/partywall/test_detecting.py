"""What the configuration says of personal data is what the detector does, under both sets of rules."""

from pathlib import Path
from typing import Literal

import pytest

from firewall.core.errors import ConfigError
from partywall.config import Config
from partywall.detecting import personal
from partywall.enforcement import policy_of
from partywall.settings.detection import Pii

YAML = """
recognizers:
  - {name: Ticket, supported_entity: TICKET, patterns: [{name: ticket, regex: 'T-[0-9]{4}', score: 0.8}]}
"""


@pytest.mark.parametrize("rules", ["standard", "presidio"])
@pytest.mark.parametrize("entities", [("CREDIT_CARD",), ("CREDIT_CARD", "EMAIL_ADDRESS")])
def test_what_an_operator_adds_works_under_both_sets_of_rules(
    tmp_path: Path, rules: Literal["standard", "presidio"], entities: tuple[str, ...]
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(YAML, encoding="utf-8")
    allowed = "4111 1111 1111 1111"
    pii = Pii(rules=rules, entities=entities, allow=(allowed,), deny=("Falcon",), recognizers=str(file))
    text = f"falcon T-1234, {allowed}, 5555 5555 5555 4444"
    found = [(each.kind, text[each.start : each.stop]) for each in personal(pii).scan(text)]
    assert found == [("DENIED_TERM", "falcon"), ("TICKET", "T-1234"), ("CREDIT_CARD", "5555 5555 5555 4444")]


def test_another_recogniser_in_the_same_file_is_another_policy(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    config = Config(pii=Pii(recognizers=str(file)))
    digests: set[str] = set()
    for content in (YAML, YAML.replace("0.8", "0.9")):
        file.write_text(content, encoding="utf-8")
        digests.add(policy_of(config, ["redaction"]))
    assert len(digests) == 2


def test_recognisers_that_cannot_be_read_are_the_operators_fault(tmp_path: Path) -> None:
    config = Config(pii=Pii(recognizers=str(tmp_path / "absent.yaml")))
    with pytest.raises(ConfigError, match="cannot be read"):
        policy_of(config, [])
