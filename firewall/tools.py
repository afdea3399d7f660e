"""Tools as they declare themselves at start-up: kinds of arguments, and whose their results are."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from firewall.core.errors import ToolUndeclared
from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind, Json, Reads, ToolSpec

MAX_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A declared tool.

    Attributes:
        spec: What the layers judge by.
        description: For the model, from the function's docstring.
        parameters: JSON Schema of the arguments the model may give; bound ones are absent.
        function: The function itself; it may be synchronous.
    """

    spec: ToolSpec
    description: str
    parameters: Mapping[str, Json]
    function: Callable[..., object]
    model: type[BaseModel]
    result: TypeAdapter[object] | None

    @property
    def catalogue_entry(self) -> dict[str, Json]:
        """This tool as a chat-completions request describes it."""
        function: dict[str, Json] = {
            "name": self.spec.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }
        return {"type": "function", "function": function}

    def fits(self, arguments: Mapping[str, Json]) -> bool:
        """True if the arguments match the schema exactly, without conversion."""
        try:
            self.model.model_validate(dict(arguments), strict=True)
        except (ValidationError, RecursionError):
            return False
        return True

    def returns(self, value: object) -> bool:
        """True if the value is what the function's annotation promises."""
        if self.result is None:
            return True
        try:
            self.result.validate_python(value, strict=True)
        except (ValidationError, RecursionError):
            return False
        return True


def declare(
    function: Callable[..., object],
    *,
    name: str | None = None,
    reads: str | None = None,
    effect: bool = False,
    owner: str | None = None,
) -> Tool:
    """Read a tool's declaration from its signature.

    Args:
        function: Synchronous or asynchronous; every parameter needs an annotation.
        name: What the model calls it; the function's own name by default.
        reads: `own`, `tenant` or `public`: whose the result is. Needed only where neither a bound argument
            nor a path says it.
        effect: True if it changes something outside the wall's own stores.
        owner: Field in which each row of the result names its tenant; the wall compares it.

    Raises:
        ToolUndeclared: A parameter has no annotation or is `*args`, or nothing says whose the result is.
    """
    called = name if name is not None else getattr(function, "__name__", "")
    if not called or len(called) > MAX_NAME or not called.replace("_", "a").replace("-", "a").isalnum():
        raise ToolUndeclared(f"a tool's name is 1 to {MAX_NAME} letters, digits, `_` or `-`")
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise ToolUndeclared(f"tool {called!r}: an annotation names something that is not there") from error
    kinds: dict[str, ArgumentKind] = {}
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ToolUndeclared(f"tool {called!r}: every argument must have a name of its own")
        if parameter.name not in hints:
            raise ToolUndeclared(f"tool {called!r}: argument {parameter.name!r} needs an annotation")
        kind = _kind(called, parameter.name, hints[parameter.name])
        kinds[parameter.name] = kind
        if not kind.bound:
            shown = str if kind is ArgumentKind.READ_FILE else hints[parameter.name]
            default = ... if parameter.default is parameter.empty else parameter.default
            # Under a name of ours: `schema` or `model_config` would mean something to the model class.
            fields[f"argument_{len(fields)}"] = (shown, Field(default, alias=parameter.name))
    model = create_model(called, __config__=ConfigDict(extra="forbid"), **fields)
    returned = hints.get("return")
    return Tool(
        spec=ToolSpec(
            name=called,
            arguments=kinds,
            reads=_reads(called, kinds, reads),
            effect=effect,
            owner_key=owner,
        ),
        description=inspect.getdoc(function) or "",
        parameters=_schema(model),
        function=function,
        model=model,
        result=None if returned in (None, type(None), Any, object) else TypeAdapter[object](returned),
    )


def _kind(tool: str, name: str, annotation: object) -> ArgumentKind:
    """Read an argument's kind; one that could not be honoured exactly is refused.

    In `CurrentTenant | None` or `list[ReadPath]` the kind is hidden inside: the argument would stand in the
    model's schema and be taken from the model, unjudged.
    """
    outer = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    kinds = [each for each in outer if isinstance(each, ArgumentKind)]
    if len(kinds) + _nested(annotation) > 1 or (not kinds and _nested(annotation)):
        raise ToolUndeclared(
            f"tool {tool!r}: argument {name!r} has a kind inside another type; write the kind alone, "
            "and give an optional argument a default of that kind"
        )
    if kinds and get_args(annotation)[0] not in (str, BinaryIO, Turn):
        raise ToolUndeclared(f"tool {tool!r}: argument {name!r} has a kind that belongs to text alone")
    return kinds[0] if kinds else ArgumentKind.UNDECLARED


def _nested(annotation: object) -> int:
    """Count the kinds anywhere below the outermost annotation."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    return sum(_nested(each) + _outer(each) for each in inner)


def _outer(annotation: object) -> int:
    if get_origin(annotation) is not Annotated:
        return 0
    return sum(isinstance(each, ArgumentKind) for each in get_args(annotation)[1:])


def _reads(name: str, kinds: Mapping[str, ArgumentKind], declared: str | None) -> Reads:
    if declared is not None:
        try:
            return Reads(declared)
        except ValueError:
            raise ToolUndeclared(f"tool {name!r}: reads is 'own', 'tenant' or 'public'") from None
    used = set(kinds.values())
    if used & {ArgumentKind.BOUND_PRINCIPAL, ArgumentKind.BOUND_SESSION, ArgumentKind.BOUND_TURN}:
        return Reads.OWN
    if used & {ArgumentKind.BOUND_TENANT, ArgumentKind.BOUND_REALM}:
        return Reads.TENANT
    if any(kind.is_path for kind in used):
        return Reads.OWN
    raise ToolUndeclared(
        f"tool {name!r}: nothing says whose its result is; write @wall.tool(reads='own'|'tenant'|'public')"
    )


def _schema(model: type[BaseModel]) -> dict[str, Json]:
    schema: dict[str, Json] = json.loads(json.dumps(model.model_json_schema()))
    schema.pop("title", None)
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for each in properties.values():
            if isinstance(each, dict):
                each.pop("title", None)
    return schema


class ToolTable:
    """Every declared tool by its name; a name stands for one tool."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}

    def add(self, tool: Tool) -> None:
        """Make a tool known.

        Raises:
            ToolUndeclared: Another tool has this name already; which one a model means could not be told.
        """
        known = self._tools.get(tool.spec.name)
        if known is not None and (known.function, known.spec) != (tool.function, tool.spec):
            raise ToolUndeclared(f"two tools are called {tool.spec.name!r}; rename one of them")
        self._tools[tool.spec.name] = tool

    def get(self, name: str) -> Tool | None:
        """Give the tool of exactly this name, or None."""
        return self._tools.get(name)

    def __iter__(self) -> Iterator[Tool]:
        return iter(tuple(self._tools.values()))
