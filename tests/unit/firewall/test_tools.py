"""A tool says at start-up what its arguments are and whose its result is, or it is no tool."""

from collections.abc import Callable
from typing import Annotated, Any, Optional

import pytest

from firewall.core.errors import ToolUndeclared
from firewall.core.subject import ArgumentKind, Reads
from firewall.kinds import (
    Command,
    CurrentPrincipal,
    CurrentRealm,
    CurrentSession,
    CurrentTenant,
    CurrentTurn,
    PlacedRead,
    PlacedWrite,
    Query,
    ReadFile,
    ReadPath,
    Text,
    Url,
    WritePath,
)
from firewall.tools import Tool, ToolTable, declare


def of(tool: Tool) -> dict[str, ArgumentKind]:
    return dict(tool.spec.arguments)


def properties(tool: Tool) -> dict[str, Any]:
    found: Any = tool.parameters["properties"]
    return dict(found)


def everything(
    read: ReadPath,
    write: WritePath,
    url: Url,
    command: Command,
    query: Query,
    text: Text,
    file: ReadFile,
    placed: PlacedRead,
    put: PlacedWrite,
    plain: int,
    tenant: CurrentTenant,
    realm: CurrentRealm,
    who: CurrentPrincipal,
    session: CurrentSession,
    turn: CurrentTurn,
) -> str:
    """Do everything."""
    return ""


def test_every_argument_is_known_by_its_kind() -> None:
    assert of(declare(everything)) == {
        "read": ArgumentKind.READ_PATH,
        "write": ArgumentKind.WRITE_PATH,
        "url": ArgumentKind.URL,
        "command": ArgumentKind.COMMAND,
        "query": ArgumentKind.QUERY,
        "text": ArgumentKind.TEXT,
        "file": ArgumentKind.READ_FILE,
        "placed": ArgumentKind.PLACED_READ,
        "put": ArgumentKind.PLACED_WRITE,
        "plain": ArgumentKind.UNDECLARED,
        "tenant": ArgumentKind.BOUND_TENANT,
        "realm": ArgumentKind.BOUND_REALM,
        "who": ArgumentKind.BOUND_PRINCIPAL,
        "session": ArgumentKind.BOUND_SESSION,
        "turn": ArgumentKind.BOUND_TURN,
    }


def test_the_models_schema_shows_judged_arguments_as_text_and_bound_ones_not_at_all() -> None:
    shown = properties(declare(everything))
    assert set(shown) == {
        "read", "write", "url", "command", "query", "text", "file", "placed", "put", "plain",
    }  # fmt: skip
    assert all(each["type"] == "string" for name, each in shown.items() if name != "plain")
    assert "title" not in declare(everything).parameters
    assert all("title" not in each for each in shown.values())


def test_a_catalogue_entry_is_what_a_chat_completions_request_takes() -> None:
    assert declare(everything).catalogue_entry["type"] == "function"
    entry: Any = declare(everything).catalogue_entry["function"]
    assert entry["name"] == "everything"
    assert entry["description"] == "Do everything."
    assert entry["parameters"]["additionalProperties"] is False


def no_arguments() -> str:
    return ""


def test_a_tool_without_arguments_has_an_empty_schema() -> None:
    tool = declare(no_arguments, reads="public")
    assert tool.description == ""
    assert properties(tool) == {}
    assert tool.fits({})
    assert not tool.fits({"x": 1})


def takes_path(path: ReadPath) -> str:
    return path


def takes_tenant(tenant: CurrentTenant) -> str:
    return tenant


def takes_realm(realm: CurrentRealm) -> str:
    return realm


def takes_principal(who: CurrentPrincipal, tenant: CurrentTenant) -> str:
    return who


def takes_session(session: CurrentSession) -> str:
    return session


def takes_text(text: Text) -> str:
    return text


@pytest.mark.parametrize(
    ("function", "declared", "reads"),
    [
        pytest.param(takes_path, None, Reads.OWN, id="a-path-is-the-owners"),
        pytest.param(takes_principal, None, Reads.OWN, id="a-principal-is-stricter-than-a-tenant"),
        pytest.param(takes_session, None, Reads.OWN, id="a-session"),
        pytest.param(takes_tenant, None, Reads.TENANT, id="a-tenant"),
        pytest.param(takes_realm, None, Reads.TENANT, id="a-realm"),
        pytest.param(takes_text, "own", Reads.OWN, id="declared-own"),
        pytest.param(takes_text, "tenant", Reads.TENANT, id="declared-tenant"),
        pytest.param(takes_text, "public", Reads.PUBLIC, id="declared-public"),
    ],
)
def test_whose_a_result_is_follows_or_is_declared(
    function: Callable[..., object], declared: str | None, reads: Reads
) -> None:
    assert declare(function, reads=declared).spec.reads is reads


def written(source: str) -> Callable[..., object]:
    """Make a tool from source that no type checker would let stand here."""
    namespace: dict[str, Any] = {"Text": Text}
    exec(source, namespace)  # noqa: S102  the tests' own words
    made: Callable[..., object] = namespace["tool"]
    return made


def starred(*texts: Text) -> str:
    return ""


def keywords(**texts: Text) -> str:
    return ""


def positional(text: Text, /) -> str:
    return text


@pytest.mark.parametrize(
    ("function", "options"),
    [
        pytest.param(takes_text, {}, id="nothing-says-whose-the-result-is"),
        pytest.param(takes_text, {"reads": "everybody"}, id="no-such-reader"),
        pytest.param(takes_text, {"reads": ""}, id="an-empty-reader-is-no-default"),
        pytest.param(written("def tool(text) -> str: return text"), {"reads": "own"}, id="no-annotation"),
        pytest.param(starred, {"reads": "own"}, id="star-args"),
        pytest.param(keywords, {"reads": "own"}, id="star-kwargs"),
        pytest.param(positional, {"reads": "own"}, id="positional-only"),
        pytest.param(takes_text, {"reads": "own", "name": ""}, id="empty-name"),
        pytest.param(takes_text, {"reads": "own", "name": "a" * 65}, id="long-name"),
        pytest.param(takes_text, {"reads": "own", "name": "a b"}, id="space-in-name"),
        pytest.param(takes_text, {"reads": "own", "name": "a\u200bb"}, id="zero-width-in-name"),
        pytest.param(takes_text, {"reads": "own", "name": "a\x00"}, id="nul-in-name"),
        pytest.param(written("tool = lambda text: text"), {"reads": "own"}, id="lambda"),
    ],
)
def test_a_misused_declaration_stops_at_start_up(
    function: Callable[..., object], options: dict[str, Any]
) -> None:
    with pytest.raises(ToolUndeclared):
        declare(function, **options)


def optional_tenant(text: Text, tenant: CurrentTenant | None = None) -> str:
    return str(tenant)


def old_optional_tenant(text: Text, tenant: Optional[CurrentTenant] = None) -> str:  # noqa: UP045  as bots write
    return str(tenant)


def optional_path(path: ReadPath | None = None) -> str:
    return str(path)


def many_paths(paths: list[ReadPath]) -> str:
    return str(paths)


def mapped_paths(paths: dict[str, ReadPath]) -> str:
    return str(paths)


def optional_command(command: Command | None = None) -> str:
    return str(command)


def two_kinds(tenant: Annotated[CurrentTenant, ArgumentKind.TEXT]) -> str:
    return tenant


def number(path: Annotated[int, ArgumentKind.READ_PATH]) -> str:
    return str(path)


def nothing_or_path(path: Annotated[str | None, ArgumentKind.READ_PATH] = None) -> str:
    return str(path)


@pytest.mark.parametrize(
    "function",
    [
        number,
        nothing_or_path,
        optional_tenant,
        old_optional_tenant,
        optional_path,
        many_paths,
        mapped_paths,
        optional_command,
        two_kinds,
    ],
)
def test_a_kind_that_cannot_be_honoured_is_refused(function: Callable[..., object]) -> None:
    # Read as undeclared, a bound argument would stand in the model's schema, and "tenant": "GLOBEX" be taken.
    with pytest.raises(ToolUndeclared):
        declare(function, reads="tenant")


def test_an_annotation_that_names_nothing_is_a_misuse_not_a_crash() -> None:
    with pytest.raises(ToolUndeclared):
        declare(written("def tool(text: 'Missing') -> str: return text"), reads="own")


@pytest.mark.parametrize("parameter", ["_hidden", "__base__", "__config__", "schema", "model_config", "copy"])
def test_a_parameters_name_never_breaks_the_schema(parameter: str) -> None:
    try:
        tool = declare(written(f"def tool({parameter}: Text) -> str: return ''"), reads="own")
    except ToolUndeclared:
        return
    assert properties(tool).keys() == {parameter}
    assert tool.fits({parameter: "x"})
    assert not tool.fits({parameter: 1})


def lookup(text: Text, count: int = 3) -> str:
    return text * count


@pytest.mark.parametrize(
    ("arguments", "fit"),
    [
        pytest.param({"text": "a"}, True, id="default"),
        pytest.param({"text": "a", "count": 1}, True, id="all"),
        pytest.param({"count": 1}, False, id="missing"),
        pytest.param({"text": "a", "count": "1"}, False, id="text-for-a-number"),
        pytest.param({"text": "a", "count": True}, False, id="truth-for-a-number"),
        pytest.param({"text": "a", "count": 1.0}, False, id="fraction-for-a-number"),
        pytest.param({"text": None}, False, id="null"),
        pytest.param({"text": ["a"]}, False, id="list"),
        pytest.param({"text": "a", "extra": 1}, False, id="extra"),
        pytest.param({"text": "a", "__class__": "x"}, False, id="dunder"),
    ],
)
def test_arguments_fit_exactly_or_not(arguments: dict[str, Any], fit: bool) -> None:
    assert declare(lookup, reads="own").fits(arguments) is fit


def test_a_bound_argument_from_a_model_does_not_fit() -> None:
    assert not declare(takes_tenant).fits({"tenant": "GLOBEX"})


def rows() -> list[dict[str, int]]:
    return []


def anything() -> Any:
    return None


def nothing() -> None:
    return None


@pytest.mark.parametrize(
    ("function", "value", "kept"),
    [
        pytest.param(rows, [{"a": 1}], True, id="as-promised"),
        pytest.param(rows, [{"a": "1"}], False, id="not-as-promised"),
        pytest.param(rows, "text", False, id="another-type"),
        pytest.param(anything, object(), True, id="anything"),
        pytest.param(nothing, "text", True, id="promises-nothing"),
        pytest.param(written("def tool(): return 3"), 3, True, id="no-promise"),
    ],
)
def test_a_result_is_what_its_function_promised(
    function: Callable[..., object], value: object, kept: bool
) -> None:
    assert declare(function, reads="own").returns(value) is kept


def test_a_result_nested_beyond_reason_is_not_what_was_promised() -> None:
    def nested() -> dict[str, "Any"]:
        return {}

    deep: Any = {}
    for _ in range(100_000):
        deep = {"x": deep}
    tool = declare(nested, reads="own")
    assert tool.returns(deep) in (True, False)


def test_a_name_stands_for_one_tool() -> None:
    table = ToolTable()
    table.add(declare(takes_text, name="lookup", reads="own"))
    table.add(declare(takes_text, name="lookup", reads="own"))
    with pytest.raises(ToolUndeclared, match="lookup"):
        table.add(declare(takes_path, name="lookup"))
    assert [tool.spec.name for tool in table] == ["lookup"]
    assert table.get("Lookup") is None
    assert table.get("lookup") is not None


def test_a_tool_is_not_loosened_by_declaring_it_again() -> None:
    table = ToolTable()
    table.add(declare(takes_text, name="lookup", reads="own"))
    with pytest.raises(ToolUndeclared):
        table.add(declare(takes_text, name="lookup", reads="public"))
    found = table.get("lookup")
    assert found is not None
    assert found.spec.reads is Reads.OWN
