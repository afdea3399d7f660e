"""`partywall policy`: what is listed, what fails, and with which code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from partywall.cli.app import app, main
from tests.fakes.services import ROOT

EXAMPLES = ROOT / "examples" / "policy"
RULES = """
@id("acme-only") @reason("globex has its own")
permit(principal, action, resource) when { context.tenant == "ACME" };
@id("late") @mode("shadow") forbid(principal, action, resource) when { context.time.hour > 20 };
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "own.cedar"
    path.write_text(RULES)
    return path


def ended(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(str(end.value.code))


def beside(path: Path, *examples: str) -> str:
    file = path.parent / "own.test.toml"
    file.write_text('tenant = ["own.cedar"]\n' + "".join(f"[[example]]\n{each}\n" for each in examples))
    return str(file)


def test_named_files_are_listed_as_one_scope(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(CliRunner().invoke(app, ["policy", "check", "--json", str(own)]).stdout)
    assert [(each["id"], each["effect"], each["mode"], each["where"]) for each in rows] == [
        ("acme-only", "permit", "enforce", f"{own}:2:1"),
        ("late", "forbid", "shadow", f"{own}:4:1"),
    ]
    assert rows[0]["reason"] == "globex has its own"
    shown = CliRunner().invoke(app, ["policy", "check", str(own)])
    assert shown.exit_code == 0
    assert "2 policies: nothing is wrong." in shown.stdout
    assert ended(["policy", "check", str(own), str(own)]) == 2
    assert "own.cedar, line 2, column 1: there is a policy 'acme-only'" in capsys.readouterr().err


def test_without_names_the_configured_ones_are_read(own: Path) -> None:
    empty = CliRunner().invoke(app, ["policy", "check"])
    assert "There are no policies" in empty.stdout
    config = own.parent / "partywall.toml"
    config.write_text(
        '[[tenant]]\nid = "ACME"\n[tenant.policy]\nfiles = ["own.cedar"]\n[[tenant]]\nid = "GLOBEX"\n'
    )
    rows = json.loads(CliRunner().invoke(app, ["policy", "check", "--json"]).stdout)
    assert [each["id"] for each in rows] == ["acme-only", "late"]


def test_a_fault_is_told_with_its_place(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('@id("a")\nforbid(principal, action, resource)\nwhen { context.nothing };')
    assert ended(["policy", "check", "own.cedar"]) == 2
    assert capsys.readouterr().err.startswith("error: own.cedar, line 3, column 16: ")


def test_examples_are_tried_for_both_tenants(own: Path) -> None:
    file = beside(
        own,
        'name = "acme"\ntenant = "ACME"\nexpect = "allow"\nshadow = []',
        'name = "globex"\ntenant = "GLOBEX"\nexpect = "deny"\nrule = "tenant:unpermitted"',
        'name = "late"\ntenant = "ACME"\nat = 2026-01-05T22:00:00Z\n'
        'expect = "allow"\nshadow = ["tenant.late"]',
    )
    tried = CliRunner().invoke(app, ["policy", "test", file])
    assert tried.exit_code == 0
    assert "3 examples: every one" in tried.stdout
    rows = json.loads(CliRunner().invoke(app, ["policy", "test", "--json", file]).stdout)
    assert [(each["got"], each["holds"]) for each in rows] == [
        ("allow", True),
        ("deny", True),
        ("allow", True),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param('tenant = "GLOBEX"\nexpect = "allow"', id="decision"),
        pytest.param('tenant = "GLOBEX"\nexpect = "deny"\nrule = "tenant.late"', id="rule"),
        pytest.param('tenant = "ACME"\nexpect = "allow"\nshadow = ["tenant.late"]', id="shadow"),
        pytest.param('tenant = "ACME"\nexpect = "redact"', id="obligation"),
    ],
)
def test_an_example_that_is_answered_otherwise_ends_with_1(own: Path, wrong: str) -> None:
    tried = CliRunner().invoke(app, ["policy", "test", beside(own, f'name = "other"\n{wrong}')])
    assert tried.exit_code == 1
    assert "other" in tried.stdout
    assert "Change the policy" in tried.stdout


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ('name = "x"', "expect"),
        ('name = "x"\nexpect = "maybe"', "expect"),
        ('name = "x"\nexpect = "deny"\nsender = ""', "no request"),
        ('name = "x"\nexpect = "deny"\narguments = { u = "no url" }\nkinds = { u = "url" }', "no request"),
        ("name = ", "TOML"),
    ],
)
def test_a_malformed_example_is_refused(
    own: Path, example: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(["policy", "test", beside(own, example)]) == 2
    assert words in capsys.readouterr().err


def test_an_example_can_be_of_every_kind(own: Path) -> None:
    read = 'read = ["room", "members", "files"]'
    each = f'name = "{{0}}"\ntenant = "ACME"\nsubject = "{{0}}"\nexpect = "allow"\n{read}\n'
    kinds = ["inbound", "model_call", "model_reply", "tool_call", "tool_result", "outbound"]
    file = beside(own, *map(each.format, kinds), each.format("inbound") + "file = { bytes = 3 }\n")
    assert CliRunner().invoke(app, ["policy", "test", file]).stdout.startswith("7 examples")


def test_the_shipped_examples_hold() -> None:
    for file in sorted(EXAMPLES.glob("*.toml")):
        assert CliRunner().invoke(app, ["policy", "test", str(file)]).exit_code == 0
    for file in sorted(EXAMPLES.glob("*.cedar")):
        assert CliRunner().invoke(app, ["policy", "check", str(file)]).exit_code == 0
