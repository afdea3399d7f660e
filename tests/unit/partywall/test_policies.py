"""Policies of a configuration: where they are read from, what the digest and the doctor say of them."""

from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import ConfigError
from firewall.core.ids import TenantId
from firewall.policy.scope import Level
from partywall.config import Config, load
from partywall.doctor import State
from partywall.enforcement import policy_of
from partywall.policies import examined, policies_of

RULE = '@id("{id}") forbid(principal, action, resource);'
ASKING = '@id("ask") {mode} @obligation("approve") permit(principal, action, resource);'
LAYERS = ("tenant_boundary", "redaction")
PLACE = {"channel": "slack", "realm": "T1", "id": "C1"}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("all", "acme", "place", "job"):
        (tmp_path / f"{name}.cedar").write_text(RULE.format(id=name))
    return tmp_path


def of(**policy: object) -> Config:
    tenants: list[dict[str, Any]] = [{"id": "ACME", "policy": {"files": ["acme.cedar"]}}, {"id": "GLOBEX"}]
    return load({"tenant": tenants, "policy": policy})


def test_each_scope_has_its_own_files() -> None:
    found = policies_of(
        of(
            files=["all.cedar"],
            conversation=[{**PLACE, "files": ["place.cedar"]}, {**PLACE, "id": "C2"}],
            task=[{"job": "digest", "files": ["job.cedar"]}, {"job": "empty"}],
        )
    )
    assert found.deployment is not None
    assert found.tenants.keys() == {TenantId("ACME")}
    assert found.conversations.keys() == {("slack", "T1", "C1")}
    assert found.tasks.keys() == {"digest"}
    scopes = [found.deployment, *found.tenants.values(), *found.conversations.values(), *found.tasks.values()]
    assert [(each.level, each.rules[0].id) for each in scopes] == [
        (Level.DEPLOYMENT, "all"),
        (Level.TENANT, "acme"),
        (Level.CONVERSATION, "place"),
        (Level.TASK, "job"),
    ]
    assert all(each.acts for each in scopes)


def test_in_observe_every_rule_is_only_watched() -> None:
    found = policies_of(load({"profile": "observe", "policy": {"files": ["all.cedar"]}}))
    assert found.deployment is not None
    assert not found.deployment.acts


@pytest.mark.parametrize(
    "policy",
    [
        {"conversation": [PLACE, PLACE]},
        {"task": [{"job": "digest"}, {"job": "digest"}]},
        {"conversation": [{**PLACE, "id": ""}]},
        {"file": "all.cedar"},
    ],
)
def test_a_malformed_section_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="policy"):
        of(**policy)


def test_a_file_that_cannot_be_read_is_refused_by_its_name(files: Path) -> None:
    (files / "bytes.cedar").write_bytes(b"\xff")
    for name, words in (("none.cedar", "No such file"), ("bytes.cedar", "UTF-8"), (".", "directory")):
        with pytest.raises(ConfigError, match=f"{name}: .*{words}"):
            policies_of(of(files=[name]))
        with pytest.raises(ConfigError, match=words):
            policy_of(of(files=[name]), LAYERS)


def test_everybodys_rules_are_in_the_digest_and_a_tenants_are_not(files: Path) -> None:
    before = {
        policy_of(of(), LAYERS),
        policy_of(of(files=["all.cedar"]), LAYERS),
        policy_of(of(task=[{"job": "all", "files": ["all.cedar"]}]), LAYERS),
        policy_of(of(task=[{"job": "other", "files": ["all.cedar"]}]), LAYERS),
    }
    assert len(before) == 4
    (files / "all.cedar").write_text(RULE.format(id="other"))
    assert policy_of(of(files=["all.cedar"]), LAYERS) not in before
    (files / "acme.cedar").write_text(RULE.format(id="changed"))
    assert policy_of(of(conversation=[{**PLACE, "files": ["place.cedar"]}]), LAYERS) in before


def test_the_doctor_says_how_many_act_what_cannot_be_approved_and_what_is_wrong(files: Path) -> None:
    (none,) = examined(load({}))
    assert (none.state, none.detail) == (State.OK, "none")
    (files / "all.cedar").write_text(
        "\n".join((ASKING.format(mode=""), RULE.format(id="x").replace("@id", '@mode("shadow") @id')))
    )
    counted, waiting = examined(of(files=["all.cedar"]))
    assert (counted.state, counted.detail) == (State.OK, "3 in 2 scopes, 1 of them only watched")
    assert waiting.state is State.WARNING
    assert waiting.detail.startswith("ask: ")
    (files / "all.cedar").write_text(ASKING.format(mode='@mode("shadow")'))
    assert [each.state for each in examined(of(files=["all.cedar"]))] == [State.OK]
    (files / "acme.cedar").write_text("forbid")
    (fault,) = examined(of())
    assert fault.state is State.FAULT
    assert "acme.cedar, line 1, column 1" in fault.detail
