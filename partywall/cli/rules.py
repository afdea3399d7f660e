"""`partywall rules`: the rules for secrets, their examples, and what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from firewall.detect.secrets.check import Problem, examples, problems
from firewall.detect.secrets.rules import Rule, load, packs
from partywall.cli.desk import AsJson, Exit, give, say, show

app = typer.Typer(no_args_is_help=True, help="The rules for secrets.")

Files = Annotated[
    list[Path] | None, typer.Argument(help="Files of rules, in TOML; see docs/detection/secrets.md.")
]

_COLUMNS = ("id", "provider", "kind", "validator", "source")
_TROUBLES = ("rule", "trouble", "other", "example", "source")


@app.command("list")
def list_(files: Files = None, as_json: AsJson = False) -> None:
    """List the rules of the named files, or the shipped ones."""
    rows = [_row(rule) for rule in _rules(files)]
    if as_json:
        give(rows)
    else:
        show("Rules", _COLUMNS, rows, empty="These files hold no rule.")


@app.command("test")
def try_(files: Files = None, as_json: AsJson = False) -> None:
    """Try every example of the named files, or of the shipped rules, on its own rule.

    Ends with 1 if a rule does not find a positive example of its own, or finds a negative one.
    """
    rules = _rules(files)
    _end(list(examples(rules)), as_json, f"{len(rules)} rules: every example holds.")


@app.command()
def check(files: Files = None, as_json: AsJson = False) -> None:
    """Look for faults in the shipped rules and the named files together.

    Ends with 1 if an example fails, or two rules have one id or one pattern. Rules that overlap and rules
    that are not linear are told and are no fault.
    """
    rules = [*packs(), *(rule for file in files or () for rule in load(file))]
    _end(list(problems(rules)), as_json, f"{len(rules)} rules: nothing is wrong.")


def _rules(files: Sequence[Path] | None) -> Sequence[Rule]:
    return [rule for file in files for rule in load(file)] if files else packs()


def _end(found: Sequence[Problem], as_json: bool, sound: str) -> None:
    rows = [_told(problem) for problem in found]
    if as_json:
        give(rows)
    elif rows:
        show("Rules", _TROUBLES, rows, empty="")
    faults = sum(problem.fault for problem in found)
    if faults:
        raise typer.Exit(Exit.FAULT)
    if not as_json:
        say(sound)


def _row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "provider": rule.provider,
        "description": rule.description,
        "kind": rule.kind,
        "validator": rule.validator or None,
        "entropy": rule.entropy,
        "generic": rule.generic,
        "source": rule.source,
    }


def _told(problem: Problem) -> dict[str, object]:
    return {
        "rule": problem.rule,
        "trouble": problem.trouble.value,
        "fault": problem.fault,
        "other": problem.other or None,
        "example": problem.number or None,
        "source": problem.source,
    }
