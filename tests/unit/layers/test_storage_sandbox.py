"""Every path a model names is placed in the compartment of the turn that named it, or refused."""

import pytest

from firewall.core.subject import ArgumentKind, Json, Subject, ToolCall
from firewall.core.verdict import Allow, Deny, ReasonCode, RewritePath, Verdict
from firewall.layers.storage_sandbox import StorageSandbox
from tests.fakes.clock import at_once
from tests.fakes.stores import FlatPaths
from tests.fakes.tenants import GLOBEX, case, every_kind, spec, tool_call, turn

LAYER = StorageSandbox(paths=FlatPaths())
PATHS = [each for each in ArgumentKind if each.is_path]


def judged(subject: Subject) -> Verdict:
    verdict = at_once(LAYER.judge(case(subject)))
    # The other tenant's model, asking for the same, hears the same: a path means a place, never a person's.
    assert at_once(LAYER.judge(case(subject, turn(tenant=GLOBEX)))) == verdict
    return verdict


def reason(subject: Subject) -> ReasonCode | None:
    verdict = judged(subject)
    return verdict.reason if isinstance(verdict, Deny) else None


def call(kind: ArgumentKind, value: Json) -> ToolCall:
    return tool_call(spec(path=kind), {"path": value})


def test_the_kinds_of_path_are_known() -> None:
    assert {each.value for each in PATHS} == {
        "read_path", "write_path", "read_file", "placed_read", "placed_write",
    }  # fmt: skip
    assert {each for each in PATHS if each.writes} == {ArgumentKind.WRITE_PATH, ArgumentKind.PLACED_WRITE}


@pytest.mark.parametrize("kind", PATHS)
def test_a_placed_path_passes_and_any_other_is_rewritten(kind: ArgumentKind) -> None:
    assert judged(call(kind, "notes/a.txt")) == Allow()
    expected = Allow(obligations=(RewritePath(argument="path", path="etc/passwd"),))
    assert judged(call(kind, "/etc/passwd")) == expected


def test_all_paths_of_a_call_are_rewritten_together() -> None:
    both = tool_call(
        spec(a=ArgumentKind.READ_PATH, b=ArgumentKind.WRITE_PATH, c=ArgumentKind.READ_PATH),
        {"a": "/x", "b": "/y", "c": "z"},
    )
    assert judged(both) == Allow(
        obligations=(RewritePath(argument="a", path="x"), RewritePath(argument="b", path="y"))
    )


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize(
    "value", ["../b", "a/../../b", "/", "", 7, True, ["a"], {"path": "a"}, 1.5], ids=repr
)
def test_what_names_no_file_here_is_refused(kind: ArgumentKind, value: Json) -> None:
    assert reason(call(kind, value)) is ReasonCode.PATH_REFUSED


@pytest.mark.parametrize("kind", PATHS)
def test_a_shared_file_is_read_and_never_written(kind: ArgumentKind) -> None:
    expected = ReasonCode.PATH_REFUSED if kind.writes else None
    assert reason(call(kind, "shared/handbook")) is expected


def test_one_refused_path_refuses_the_call_whatever_the_others_are() -> None:
    both = tool_call(
        spec(a=ArgumentKind.READ_PATH, b=ArgumentKind.READ_PATH), {"a": "/x", "b": "../GLOBEX/secrets"}
    )
    assert reason(both) is ReasonCode.PATH_REFUSED


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", ["a", "/etc/passwd"], {"a": {"b": ["/etc/passwd"]}}, {"/etc/passwd": 1}, [[["x/y"]]]],
    ids=repr,
)
def test_an_undeclared_argument_that_looks_like_a_path_is_refused(value: Json) -> None:
    assert reason(call(ArgumentKind.UNDECLARED, value)) is ReasonCode.UNDECLARED_PATH


@pytest.mark.parametrize("value", ["hello", 7, 1.5, True, None, [], {}, ["a", 1], {"a": "b"}], ids=repr)
def test_an_undeclared_argument_that_does_not_passes(value: Json) -> None:
    assert judged(call(ArgumentKind.UNDECLARED, value)) == Allow()


@pytest.mark.parametrize(
    "kind", [ArgumentKind.TEXT, ArgumentKind.URL, ArgumentKind.COMMAND, ArgumentKind.QUERY]
)
def test_what_was_declared_as_something_else_is_judged_elsewhere(kind: ArgumentKind) -> None:
    assert judged(call(kind, "/etc/passwd")) == Allow()


def test_an_argument_that_is_left_out_names_nothing() -> None:
    assert judged(tool_call(spec(path=ArgumentKind.READ_PATH), {})) == Allow()


def test_a_tool_nobody_declared_has_no_safe_paths() -> None:
    assert reason(tool_call(None, {"path": "a"})) is ReasonCode.UNKNOWN_TOOL


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_what_is_no_tool_call_is_not_its_to_allow(subject: Subject) -> None:
    expected = None if isinstance(subject, ToolCall) else ReasonCode.UNKNOWN_SUBJECT
    assert reason(subject) is expected


def test_no_refusal_tells_the_path() -> None:
    assert "GLOBEX" not in repr(judged(call(ArgumentKind.READ_PATH, "../GLOBEX/secrets")))
