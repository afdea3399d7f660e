"""Walk JSON and hand every string of it to a visitor, which gives the string that shall stand there.

Taking text out and putting it back are one walk with two visitors. So no string can be sent that was not
judged, and nothing that was judged lands in another place: there is no second list of places to keep in step.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from adapters.errors import Unreadable
from firewall.core.nesting import nesting
from firewall.core.subject import Leaf, leaf

# Deeper than any request a person writes, and far from the interpreter's own limit of about 1,000 frames.
MAX_DEPTH = 64

# Words of JSON Schema. They are structure, so a schema yields leaves for what its author wrote only.
_SCHEMA_WORDS = frozenset(
    {
        *("type", "properties", "required", "items", "description", "title", "enum"),
        *("const", "default", "examples", "format", "pattern", "minimum", "maximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "additionalProperties", "anyOf"),
        *("oneOf", "allOf", "not", "$ref", "$defs", "definitions", "nullable"),
        *(
            "strict",
            "schema",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "prefixItems",
            "propertyNames",
        ),
        *("object", "array", "string", "number", "integer", "boolean", "null"),
    }
)
_PROSE = frozenset({"description", "title"})


class Visit(Protocol):
    """Sees one string and gives the one that shall stand in its place."""

    def __call__(self, slot: str, text: str, group: int, *, fixed: bool) -> str:
        """Give the text for this slot."""
        ...


@dataclass(slots=True)
class Collect:
    """A visitor that keeps every string as a leaf and changes none."""

    leaves: list[Leaf] = field(default_factory=list[Leaf])

    def __call__(self, slot: str, text: str, group: int, *, fixed: bool) -> str:
        """Keep it."""
        self.leaves.append(leaf(slot, well_formed(text, slot), None, group=group, fixed=fixed))
        return text


class Replace:
    """A visitor that puts judged leaves back, each in the slot it was taken from.

    Raises:
        ValueError: A leaf is missing, doubled or unknown, or a fixed one was altered.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._texts = {one.slot: one.text for one in leaves}
        self._used: set[str] = set()
        if len(self._texts) != len(leaves):
            raise ValueError("two leaves claim one slot")

    def __call__(self, slot: str, text: str, group: int, *, fixed: bool) -> str:  # noqa: ARG002 - as `Visit` has it
        """Give the judged text."""
        if slot not in self._texts:
            raise ValueError(f"no judged text for {slot}")
        self._used.add(slot)
        judged = self._texts[slot]
        if fixed and judged != text:
            raise ValueError(f"the text of {slot} is fixed and was altered")
        return judged

    def finish(self) -> None:
        """Make sure that every leaf found its place."""
        if len(self._used) != len(self._texts):
            raise ValueError("a leaf belongs to no slot of this subject")


def well_formed(text: str, where: str) -> str:
    """Give the text back if it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable("the text holds lone surrogates", where=where) from None
    return text


# The types most values are of, looked up first; whatever else there is takes the longer way.
_SCALARS = frozenset({type(None), str, bool, int, float})


def plain(value: object, *, depth: int = 0) -> object:
    """Give the same value as dicts, lists and scalars only; model objects are dumped.

    Raises:
        Unreadable: Something else is in it, or it is nested more than 64 deep.
    """
    if depth > MAX_DEPTH:
        raise Unreadable("nested too deep")
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return _plain_pairs(cast("dict[object, object]", value), depth)
    if kind is list:
        return [plain(one, depth=depth + 1) for one in cast("list[object]", value)]
    return _plain_other(value, depth)


def _plain_pairs(pairs: Mapping[object, object], depth: int) -> object:
    return {_key(key): plain(one, depth=depth + 1) for key, one in pairs.items()}


def _plain_other(value: object, depth: int) -> object:
    if isinstance(value, str | bool | int | float):
        return value
    dump = cast("Callable[[], object] | None", getattr(value, "model_dump", None))
    if dump is not None and not isinstance(value, type):
        return plain(dump(), depth=depth + 1)
    if isinstance(value, Mapping):
        return _plain_pairs(cast("Mapping[object, object]", value), depth)
    if isinstance(value, list | tuple):
        return [plain(one, depth=depth + 1) for one in cast("Sequence[object]", value)]
    raise Unreadable(f"a value of type {type(value).__name__} cannot be examined")


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise Unreadable("a key is not text")
    return key


class Lexeme(str):
    """A JSON number as it was written, so that judging it does not round it."""

    __slots__ = ()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("doubled key")
    return found


def _no_constant(_: str) -> object:
    raise ValueError("NaN and infinities are not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=Lexeme, parse_float=Lexeme
)


def parse_strict(text: str) -> object:
    """Parse JSON without doubled keys, NaN or numbers that would be rounded.

    Raises:
        ValueError: It is not such JSON.
        Unreadable: It is nested deeper than is examined.
    """
    if nesting(text) > MAX_DEPTH:
        raise Unreadable("nested too deep")
    return cast("object", _DECODER.decode(text))


def write(value: object) -> str:
    """Write what `parse_strict` read, numbers exactly as they were."""
    if isinstance(value, Lexeme):
        return str(value)
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value)
        return "{" + ", ".join(f"{write(key)}: {write(one)}" for key, one in pairs.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write(one) for one in cast("list[object]", value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Tree:
    """Visits every key, string and number of one JSON value under numbered slots.

    Keys are content (a model chose them), so slots count and never name them. Numbers are visited as they
    were written: `{"card": 4111111111111111}` holds no string and still says everything.
    """

    def __init__(self, visit: Visit, slot: str, group: int, *, schema: bool) -> None:
        self._visit, self._slot, self._group, self._schema = visit, slot, group, schema
        self._count = 0

    def walk(self, value: object, *, fixed: bool, depth: int = 0) -> object:
        """Give the same value with what the visitor said."""
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep", where=self._slot)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, object]", value)
            return {
                self._next(key, fixed=True): self._under(key, one, fixed, depth) for key, one in pairs.items()
            }
        if isinstance(value, list):
            items = cast("list[object]", value)
            return [self.walk(one, fixed=fixed, depth=depth + 1) for one in items]
        if isinstance(value, Lexeme):
            self._next(str(value), fixed=True)
            return value
        if isinstance(value, str):
            return self._next(value, fixed=fixed)
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._next(json.dumps(value), fixed=True)
        return value

    def _under(self, key: str, value: object, fixed: bool, depth: int) -> object:
        prose = self._schema and key in _PROSE and isinstance(value, str)
        return self.walk(value, fixed=fixed and not prose, depth=depth + 1)

    def _next(self, text: str, *, fixed: bool) -> str:
        if self._schema and text in _SCHEMA_WORDS:
            return text
        slot = f"{self._slot}.{self._count}"
        self._count += 1
        return self._visit(slot, text, self._group, fixed=fixed)


def visit_json_text(visit: Visit, slot: str, text: str, group: int) -> str:
    """Visit what a JSON text says instead of how it is written, and give the text to send.

    A redaction inside the raw text could cut a quotation mark away, and an escape (`u0040` after a backslash)
    would hide a value from every detector; both are gone when values are visited. Unaltered text is returned
    byte for byte. A text that is not strict JSON is visited whole: nothing can break in it.
    """
    try:
        value = parse_strict(text)
    except ValueError:
        return visit(slot, text, group, fixed=False)
    seen = Tree(visit, slot, group, schema=False).walk(value, fixed=False)
    return text if seen == value else write(seen)
