"""The digest of what enforces: equal for equal rules, another for others, and nothing of a tenant in it."""

from pathlib import Path

import pytest

from firewall.core.receipt import Mode
from partywall.config import Config, load
from partywall.enforcement import mode_of, policy_of

LAYERS = ("tenant_boundary", "redaction")


def of(**settings: object) -> Config:
    return load(settings)


def test_equal_rules_have_one_digest_however_they_were_written() -> None:
    assert policy_of(of(), LAYERS) == policy_of(of(profile="standard", serve=["human"]), LAYERS)
    assert len(policy_of(of(), LAYERS)) == 64


@pytest.mark.parametrize(
    "changed",
    [
        {"profile": "strict"},
        {"limits": {"layer_cpu_s": 1.5}},
        {"serve": ["human", "bot"]},
        {"attachments": {"max_count": 1}},
        {"pii": {"threshold": 0.5}},
    ],
)
def test_other_rules_have_another(changed: dict[str, object]) -> None:
    assert policy_of(of(**changed), LAYERS) != policy_of(of(), LAYERS)


def test_other_rules_for_secrets_have_another_digest(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    badge = (
        '[[rule]]\nid = "acme-badge"\nprovider = "ACME"\ndescription = "Badge"\npattern = "ACME-[0-9]{8}"\n'
        'keywords = ["acme-"]\npositive = ["ACME-12345678"]\nnegative = ["ACME-1"]\n'
    )
    file.write_text(badge)
    config = of(secrets={"rules": [str(file)]})
    before = policy_of(config, LAYERS)
    file.write_text(badge.replace("{8}", "{7,8}"))
    assert len({before, policy_of(config, LAYERS), policy_of(of(), LAYERS)}) == 3


def test_the_layers_and_their_order_are_in_it() -> None:
    assert len({policy_of(of(), each) for each in (LAYERS, LAYERS[::-1], LAYERS[:1])}) == 3


def test_what_one_tenant_is_granted_does_not_show_in_anothers_receipts() -> None:
    tenants = [{"id": "ACME", "tools": {"grants": ["exec"]}}, {"id": "GLOBEX"}]
    assert policy_of(of(tenant=tenants), LAYERS) == policy_of(of(), LAYERS)


def test_detectors_only_watch_in_observe() -> None:
    assert {each: mode_of(of(profile=each)) for each in ("strict", "standard", "light", "observe")} == {
        "strict": Mode.ENFORCE,
        "standard": Mode.ENFORCE,
        "light": Mode.ENFORCE,
        "observe": Mode.SHADOW,
    }
