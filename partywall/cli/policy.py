"""`partywall policy`: whether policies are sound, and whether they say what their examples expect."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from firewall.policy.rule import Rule, unique
from partywall.cli.desk import AsJson, ConfigPath, Exit, configuration, give, say, show
from partywall.config import Config
from partywall.policies import policies_of, read
from partywall.policy_examples import Tried, tried

app = typer.Typer(no_args_is_help=True, help="The rules that operators write, in Cedar.")

_COLUMNS = ("id", "effect", "mode", "severity", "obligation", "actions", "where")
_TRIED = ("example", "expected", "got", "rule", "shadow", "file")


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files of policies; without any, those of the configuration.")
    ] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Hold policies against the schema, and list them; named files are taken as one scope.

    Ends with 2 at the first that is refused; the error names the file, the line, the column and the remedy.
    """
    rules = _named(files) if files else _configured(configuration(config))
    rows = [_row(each) for each in rules]
    if as_json:
        give(rows)
        return
    show("Policies", _COLUMNS, rows, empty="There are no policies: name files, or see docs/policy.md.")
    if rules:
        say(f"{len(rules)} policies: nothing is wrong.")


@app.command("test")
def try_(
    files: Annotated[list[Path], typer.Argument(help="Files of examples, in TOML; see docs/policy.md.")],
    as_json: AsJson = False,
) -> None:
    """Put each example's request to the policies that its file names.

    Ends with 1 if one of them is answered otherwise than expected.
    """
    found = [(path, each) for path in files for each in tried(path)]
    failed = [(path, each) for path, each in found if not each.holds]
    if as_json:
        give([_told(path, each) for path, each in found])
    elif failed:
        show("Answered otherwise", _TRIED, [_told(path, each) for path, each in failed], empty="")
        say("Change the policy, or what the example expects.")
    if failed:
        raise typer.Exit(Exit.FAULT)
    if not as_json:
        say(f"{len(found)} examples: every one is answered as expected.")


def _named(files: Iterable[Path]) -> Sequence[Rule]:
    rules = [rule for file in files for rule in read(file)]
    unique(rules)
    return rules


def _configured(config: Config) -> Sequence[Rule]:
    policies = policies_of(config)
    scopes = [
        policies.deployment,
        *policies.tenants.values(),
        *policies.conversations.values(),
        *policies.tasks.values(),
    ]
    return [rule for scope in scopes if scope is not None for rule in scope.rules]


def _row(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "effect": rule.effect.value,
        "mode": "shadow" if rule.shadow else "enforce",
        "severity": rule.severity.value,
        "obligation": None if rule.duty is None else rule.duty.value,
        "actions": sorted(rule.actions),
        "reason": rule.reason or None,
        "where": f"{rule.source}:{rule.at.line}:{rule.at.column}",
    }


def _told(path: Path, each: Tried) -> dict[str, object]:
    return {
        "example": each.example.name,
        "expected": each.example.expect,
        "got": each.got,
        "rule": each.rule or None,
        "shadow": sorted(each.shadow),
        "holds": each.holds,
        "file": str(path),
    }
