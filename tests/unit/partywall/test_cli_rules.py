"""`partywall rules`: what is listed, what fails, and with which code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from partywall.cli.app import app, main

OWN = """
[[rule]]
id = "{id}"
provider = "ACME"
description = "Badge"
pattern = 'acmebadge_[0-9]{{6}}'
positive = ["{positive}"]
negative = ["globex_482913"]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN.format(id="acme-badge", positive="acmebadge_482913"))
    return path


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    path = tmp_path / "failing.toml"
    path.write_text(OWN.format(id="github-pat", positive="globex"))
    return path


def test_the_shipped_rules_are_listed() -> None:
    rows = json.loads(CliRunner().invoke(app, ["rules", "list", "--json"]).stdout)
    assert len(rows) >= 400
    assert {"id", "provider", "kind", "validator"} <= rows[0].keys()


def test_the_rules_of_a_file_are_listed(own: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "list", str(own)])
    assert "acme-badge" in result.stdout
    assert result.exit_code == 0


def test_the_shipped_examples_hold() -> None:
    result = CliRunner().invoke(app, ["rules", "test"])
    assert "every example holds" in result.stdout
    assert result.exit_code == 0


def test_an_example_that_fails_ends_with_one(failing: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "test", str(failing), "--json"])
    (row,) = json.loads(result.stdout)
    assert (row["rule"], row["trouble"], row["example"]) == ("github-pat", "positive_missed", 1)
    assert result.exit_code == 1


def test_a_sound_file_passes_beside_the_shipped_rules(own: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "check", str(own)])
    assert "nothing is wrong" in result.stdout
    assert result.exit_code == 0


def test_an_id_that_is_taken_is_a_fault(failing: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "check", str(failing), "--json"])
    assert "same_id" in {row["trouble"] for row in json.loads(result.stdout) if row["fault"]}
    assert result.exit_code == 1


def test_a_malformed_file_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.toml").write_text("[[rule]]\nid = 1\n")
    with pytest.raises(SystemExit) as ended:
        main(["rules", "test", str(tmp_path / "bad.toml")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: bad.toml: rule number 1")
