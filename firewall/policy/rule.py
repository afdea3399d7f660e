"""A rule: one policy with what its annotations say, read and held against the schema at load."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from firewall.core.errors import ConfigError
from firewall.core.verdict import Severity
from firewall.policy import cedar
from firewall.policy.actions import ACTIONS, GROUPS, REDACTED
from firewall.policy.text import Place, Statement, named, statements, torn


class Effect(StrEnum):
    """What a policy does where it matches."""

    PERMIT = "permit"
    FORBID = "forbid"


class Duty(StrEnum):
    """What must happen for what a rule matches to pass."""

    REDACT = "redact"
    APPROVE = "approve"


_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MODES = ("enforce", "shadow")
_LONGEST_REASON = 200
ANNOTATIONS = ("id", "mode", "severity", "reason", "obligation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One policy of a file.

    Attributes:
        id: Its own, unique in its scope.
        effect: Permit or forbid.
        actions: All actions it can match.
        text: As it stands in the file.
        source: The file's name, as the operator wrote it.
        at: Where in the file it begins.
        shadow: True if it is only watched.
        severity: How urgent a denial by it is.
        reason: Why the rule is there, in the operator's words.
        duty: What must happen where it matches; such a rule neither permits nor forbids.
    """

    id: str
    effect: Effect
    actions: frozenset[str]
    text: str
    source: str
    at: Place
    shadow: bool = False
    severity: Severity = Severity.HIGH
    reason: str = ""
    duty: Duty | None = None


def rules(text: str, source: str) -> tuple[Rule, ...]:
    """Read the policies of a file.

    Args:
        text: What stands in it.
        source: What errors call it.

    Raises:
        ConfigError: Something is no policy, does not fit the schema, or has an annotation that is missing,
            unknown or malformed; the message names the file, the line and the column.
    """
    found = [_rule(each, source) for each in statements(text)]
    if not found:
        # A file that was emptied by mistake would switch its rules off without a word.
        _refuse(
            source, Place(line=1, column=1), "there is no policy in it; write one, or take it out of `files`"
        )
    unique(found)
    return tuple(found)


def unique(found: Sequence[Rule]) -> None:
    """Demand that no two rules of a scope have one id.

    Raises:
        ConfigError: Two have; records could not tell them apart.
    """
    first: dict[str, Rule] = {}
    for each in found:
        other = first.setdefault(each.id, each)
        if other is not each:
            _refuse(
                each.source,
                each.at,
                f"there is a policy {each.id!r} in {other.source}, line {other.at.line}; name one otherwise",
            )


def _rule(statement: Statement, source: str) -> Rule:
    said = cedar.fault(statement.text)
    if said:
        _refuse(source, torn(statement, said), f"this is no policy: {said}")
    tree = cedar.parsed(statement.text)
    if tree is None:
        _refuse(source, statement.at, "a template decides nothing; write the policy out")
    said = cedar.invalid(statement.text)
    if said:
        _refuse(source, named(statement, said), f"{said}; the schema is in docs/policy.md")
    notes = {str(key): value or "" for key, value in tree.get("annotations", {}).items()}
    for name, fault in _faults(notes, tree):
        _refuse(source, named(statement, f"@{name}"), fault)
    return Rule(
        id=notes["id"],
        effect=Effect(tree["effect"]),
        actions=_actions(tree["action"]),
        text=statement.text,
        source=source,
        at=statement.at,
        shadow=notes.get("mode") == "shadow",
        severity=Severity(notes.get("severity", Severity.HIGH)),
        reason=notes.get("reason", ""),
        duty=Duty(notes["obligation"]) if "obligation" in notes else None,
    )


def _faults(notes: Mapping[str, str], tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what is wrong with the annotations: the one that it is about, and the remedy."""
    for name in notes.keys() - set(ANNOTATIONS):
        yield name, f"there is no annotation @{name}; there are @{', @'.join(ANNOTATIONS)}"
    if not _ID.fullmatch(notes.get("id", "")):
        yield "id", 'a policy needs an @id("…") of 1 to 64 small letters, digits, dots, - and _'
    if notes.get("mode", "enforce") not in _MODES:
        yield "mode", f"@mode must be one of {', '.join(_MODES)}"
    if notes.get("severity", Severity.HIGH) not in list(Severity):
        yield "severity", f"@severity must be one of {', '.join(Severity)}"
    reason = notes.get("reason", "-")
    if not 0 < len(reason) <= _LONGEST_REASON or not reason.isprintable():
        yield "reason", f"@reason must be 1 to {_LONGEST_REASON} characters on one line"
    if "obligation" in notes:
        yield from _duty_faults(notes["obligation"], tree)


def _duty_faults(duty: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if duty not in list(Duty):
        yield "obligation", f"@obligation must be one of {', '.join(Duty)}"
    if tree["effect"] != Effect.PERMIT:
        yield "obligation", "an obligation stands on a permit: what a forbid matches does not pass at all"
    if duty == Duty.REDACT and not _actions(tree["action"]) <= REDACTED:
        where = ", ".join(sorted(REDACTED))
        yield "obligation", f"only text can be redacted: name one of {where} as the action"


def _actions(scope: Mapping[str, Any]) -> frozenset[str]:
    """Give every action that a policy's head admits."""
    if scope["op"] == "All":
        return ACTIONS
    listed = scope["entities"] if "entities" in scope else [scope["entity"]]
    names = [str(each["id"]) for each in listed]
    if scope["op"] == "==":
        return frozenset(names) & ACTIONS
    return frozenset(each for name in names for each in GROUPS.get(name, {name})) & ACTIONS


def _refuse(source: str, at: Place, what: str) -> NoReturn:
    raise ConfigError(f"{source}, line {at.line}, column {at.column}: {what}")
