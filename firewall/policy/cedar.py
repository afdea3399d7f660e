"""Cedar: parses, validates and evaluates policies; the one module that knows cedarpy.

Two of its ways would open the wall if they were taken as they are. A `forbid` whose condition fails is left
out, and the rest decides: here any error is `None`, which everybody above takes for a refusal. And its errors
repeat policies and values: none is handed on, but for those of a policy's own text.

Source: https://docs.cedarpolicy.com, cedarpy 4.12.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import cedarpy

from firewall.policy.actions import GROUPS

# It is typed, but for what its dictionaries hold.
_engine: Any = cedarpy
END = "unexpected end of input"
_VALIDATION = "Policy parse error: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one set of policies says.

    Attributes:
        allowed: True if a permit holds and no forbid does.
        reasons: `@id`s of the policies that decided; empty if nothing permits.
    """

    allowed: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, ready to be put to any set of policies.

    Attributes:
        action: What is about to be done; one of the schema's.
        request: As Cedar wants it, its context as JSON text.
        entities: What the request names.
    """

    action: str
    request: Mapping[str, Any]
    entities: Any

    def __repr__(self) -> str:
        return f"Question({self.action!r})"


@cache
def schema_text() -> str:
    """Give the schema that all policies are validated against."""
    return files("firewall.policy").joinpath("wall.cedarschema").read_text(encoding="utf-8")


@cache
def _schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(schema_text())


def question(
    action: str,
    principal: Mapping[str, str],
    resource: Mapping[str, str],
    context: Mapping[str, Any],
    entities: Sequence[Mapping[str, Any]],
) -> Question:
    """Make a question; the entities are read once, for all the sets that will be asked.

    Args:
        action: One of the schema's actions.
        principal: Type and id.
        resource: Type and id.
        context: As the schema says for the action.
        entities: What is named, with attributes, tags and parents.

    Raises:
        ValueError: Something of it is not what Cedar can read.
    """
    asked = _uid("Action", action)
    groups = [_uid("Action", name) for name, members in GROUPS.items() if action in members]
    # Without it `action in Action::"tool"` would be false of every call, and its forbid would never match.
    itself = {"uid": asked, "attrs": {}, "parents": groups}
    known = _engine.Entities.from_json_str(json.dumps([*entities, itself]))
    request: dict[str, Any] = {
        "principal": dict(principal),
        "action": asked,
        "resource": dict(resource),
        "context": json.dumps(context),
    }
    return Question(action=action, request=request, entities=known)


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


class Set:
    """Policies that are asked together, parsed once.

    Raises:
        ValueError: The text holds no policies.
    """

    __slots__ = ("_parsed",)

    def __init__(self, text: str) -> None:
        self._parsed = _engine.PolicySet.from_str(text)

    def answer(self, asked: Question) -> Answer | None:
        """Say what the policies say, or None where any of them could not be evaluated."""
        # The attack: a value for which one forbid's condition overflows. Cedar leaves that policy out and
        # allows what the others allow, so one error anywhere is no answer at all.
        try:
            found = _engine.is_authorized(dict(asked.request), self._parsed, asked.entities)
            if found.diagnostics.errors or found.decision not in _DECIDED:
                return None
            named: Mapping[str, str] = found.diagnostics.id_annotations_by_reason
            reasons = tuple(named[each] for each in found.diagnostics.reasons if each in named)
        except Exception:  # noqa: BLE001  what cannot be asked is not answered; the error may hold values
            return None
        return Answer(allowed=found.allowed, reasons=reasons)


_DECIDED = (_engine.Decision.Allow, _engine.Decision.Deny)


def fits(asked: Question) -> bool:
    """True if a question is what the schema says of its action; this takes longer than the answer."""
    try:
        known = _engine.Entities.from_json_str(str(asked.entities), _schema())
        found = _engine.is_authorized(dict(asked.request), _ANYTHING, known, _schema())
    except ValueError:
        return False
    return bool(found.allowed)


_ANYTHING = _engine.PolicySet.from_str("permit(principal, action, resource);")


def fault(text: str) -> str:
    """Say why a text is no policy, or give nothing."""
    try:
        _engine.PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return ""


def parsed(text: str) -> Mapping[str, Any] | None:
    """Give one policy as Cedar's JSON, or None for a template, or for other than one policy."""
    found = json.loads(_engine.policies_to_json_str(text))
    policies: list[Mapping[str, Any]] = list(found["staticPolicies"].values())
    return policies[0] if len(policies) == 1 and not found["templates"] else None


def invalid(text: str) -> str:
    """Say what of a policy the schema does not know, or give nothing."""
    result = _engine.validate_policies(text, _schema())
    if result.validation_passed:
        return ""
    said: str = result.errors[0].error if result.errors else "it does not fit the schema"
    return said.removeprefix(_VALIDATION).removeprefix("for policy `policy0`, ")
