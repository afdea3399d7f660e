"""A model request or reply as leaves, and how judged leaves go back into it."""

import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import cast

from adapters.errors import Unreadable
from adapters.json_leaves import Collect, Replace, Tree, Visit, plain, visit_json_text
from firewall.core.subject import Leaf

# Groups below zero belong to no message, so nothing that drops messages can drop them.
REQUEST = -1

JsonObject = dict[str, object]
_TOKEN = re.compile(r"[A-Za-z0-9._:/@-]{0,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """Everything of one request, reply or chunk that says something.

    Attributes:
        leaves: Every string, in reading order; nobody accounts for any of them yet.
        exchanges: Groups of messages that stay or go together.
        system: Messages that claim to be the operator's.
        tools: Names offered to the model, in order.
    """

    leaves: tuple[Leaf, ...]
    exchanges: tuple[frozenset[int], ...] = ()
    system: frozenset[int] = frozenset()
    tools: tuple[str, ...] = ()


@dataclass(slots=True)
class Walk:
    """One pass over a payload: what it visits, and what it learns about the structure on the way."""

    visit: Visit
    dropped: AbstractSet[int] = frozenset()
    exchanges: list[set[int]] = field(default_factory=list[set[int]])
    system: set[int] = field(default_factory=set[int])
    tools: list[str] = field(default_factory=list[str])

    def text(self, group: int, *, fixed: bool = False) -> "Rule":
        """Give a rule for strings of this group."""

        def rule(where: str, value: object) -> object:
            if not isinstance(value, str):
                raise Unreadable("text was expected", where=where)
            return self.visit(where, value, group, fixed=fixed)

        return rule

    def json_text(self, group: int) -> "Rule":
        """Give a rule for strings that hold JSON, such as the arguments of a call."""

        def rule(where: str, value: object) -> object:
            if not isinstance(value, str):
                raise Unreadable("text was expected", where=where)
            return visit_json_text(self.visit, where, value, group)

        return rule

    def schema(self, group: int) -> "Rule":
        """Give a rule for a JSON Schema: descriptions are text, everything else in it is fixed."""
        return lambda where, value: Tree(self.visit, where, group, schema=True).walk(value, fixed=True)


# A rule turns a value into the one to send; a table of rules is the closed list of an object's fields.
Rule = Callable[[str, object], object]


def table(rules: Mapping[str, Rule]) -> Rule:
    """Give a rule for objects: one rule per field, in the object's own order.

    A field without a rule is refused: it would reach the model unjudged.
    """

    def rule(where: str, value: object) -> object:
        found = as_object(value, where)
        unknown = found.keys() - rules.keys()
        if unknown:
            known = ", ".join(rules)
            raise Unreadable(
                f"{len(unknown)} fields are not covered; the covered ones are {known}", where=where
            )
        return {key: rules[key](f"{where}.{key}" if where else key, one) for key, one in found.items()}

    return rule


def each(item: Rule) -> Rule:
    """Give a rule for lists."""
    return lambda where, value: [item(f"{where}.{i}", one) for i, one in enumerate(as_list(value, where))]


def either(kind: type, yes: Rule, no: Rule) -> Rule:
    """Give a rule that treats values of one JSON type by one rule and all others by another."""
    return lambda where, value: (yes if isinstance(value, kind) else no)(where, value)


def optional(rule: Rule) -> Rule:
    """Let null pass too."""
    return lambda where, value: None if value is None else rule(where, value)


def by_type(tables: Mapping[str, Mapping[str, Rule]]) -> Rule:
    """Give a rule for objects whose `type` names their table."""

    def rule(where: str, value: object) -> object:
        kind = as_object(value, where).get("type")
        if not isinstance(kind, str) or kind not in tables:
            raise Unreadable(
                f"this type is not covered; the covered ones are {', '.join(tables)}", where=where
            )
        return table({"type": word(kind), **tables[kind]})(where, value)

    return rule


def as_object(value: object, where: str) -> JsonObject:
    """Give an object, or refuse."""
    if not isinstance(value, dict):
        raise Unreadable("an object was expected", where=where)
    return cast("JsonObject", value)


def as_list(value: object, where: str) -> list[object]:
    """Give a list, or refuse."""
    if not isinstance(value, list):
        raise Unreadable("a list was expected", where=where)
    return cast("list[object]", value)


def keep(where: str, value: object) -> object:
    """Let a number, a truth value or nothing pass: they are settings, not text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    raise Unreadable("a number, true, false or null was expected", where=where)


def absent(where: str, value: object) -> object:
    """Let a field pass that says nothing; what it could say is not covered."""
    if value in (None, [], {}):
        return value
    raise Unreadable("this field is not covered and must be empty", where=where)


def token(where: str, value: object) -> object:
    """Let a short program name pass (a model, a reply's id): no room for a sentence, no character for one."""
    if value is None or (isinstance(value, str) and _TOKEN.fullmatch(value)):
        return value
    raise Unreadable("a short name of letters, digits and ._:/@- was expected", where=where)


def word(*words: str | None) -> Rule:
    """Let one of these words pass."""

    def rule(where: str, value: object) -> object:
        if (value is None or isinstance(value, str)) and value in words:
            return value
        raise Unreadable("an unknown word; known are " + ", ".join(str(one) for one in words), where=where)

    return rule


Shape = Callable[[Walk, JsonObject], object]


def flatten(shape: Shape, payload: Mapping[str, object]) -> Flat:
    """Take every string out of a payload."""
    collect = Collect()
    walk = Walk(visit=collect)
    shape(walk, as_object(plain(payload), ""))
    return Flat(
        leaves=tuple(collect.leaves),
        exchanges=tuple(frozenset(one) for one in walk.exchanges if len(one) > 1),
        system=frozenset(walk.system),
        tools=tuple(walk.tools),
    )


def rebuild(
    shape: Shape,
    payload: Mapping[str, object],
    flat: Flat,
    leaves: Sequence[Leaf],
    dropped: AbstractSet[int] = frozenset(),
) -> JsonObject:
    """Put judged strings back, without the messages that were dropped.

    Raises:
        ValueError: The leaves are not those of this payload, a fixed one differs, or an exchange is split.
    """
    if any(group < 0 for group in dropped):
        raise ValueError("what belongs to the request itself cannot be dropped")
    if any(0 < len(one & dropped) < len(one) for one in flat.exchanges):
        raise ValueError("a tool call and its results stay or go together")
    replace = Replace([one for one in leaves if one.group not in dropped])
    rebuilt = shape(Walk(visit=replace, dropped=dropped), as_object(plain(payload), ""))
    replace.finish()
    return as_object(rebuilt, "")
