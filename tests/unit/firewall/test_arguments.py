"""What a model writes as arguments is one plain JSON object, or nothing."""

import json
from typing import Any

import pytest

from firewall.arguments import MAX_BYTES, MAX_DEPTH, parsed


def nested(depth: int) -> str:
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param("", {}, id="nothing-is-no-arguments"),
        pytest.param("{}", {}, id="empty"),
        pytest.param(' {"a": 1} ', {"a": 1}, id="spaces"),
        pytest.param('{"a": {"b": [true, null, 1.5]}}', {"a": {"b": [True, None, 1.5]}}, id="nested"),
        pytest.param({"a": [1, {"b": "c"}]}, {"a": [1, {"b": "c"}]}, id="values"),
        pytest.param('{"a": "[[[[{{{{"}', {"a": "[[[[{{{{"}, id="brackets-in-text"),
        pytest.param(nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH)), id="deepest"),
    ],
)
def test_a_well_formed_object_is_read_as_it_stands(raw: Any, value: Any) -> None:
    assert parsed(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("[]", id="list"),
        pytest.param("1", id="number"),
        pytest.param("null", id="null"),
        pytest.param('"text"', id="text"),
        pytest.param("{", id="cut"),
        pytest.param("{'a': 1}", id="python"),
        pytest.param('{"a": 1} {"b": 2}', id="two-objects"),
        pytest.param('{"a": 1, "a": 2}', id="doubled-key"),
        pytest.param('{"a": 1, "\\u0061": 2}', id="doubled-by-an-escape"),
        pytest.param('{"x": {"a": 1, "a": 1}}', id="doubled-inside"),
        pytest.param('{"a": NaN}', id="nan"),
        pytest.param('{"a": Infinity}', id="infinity"),
        pytest.param('{"a": -Infinity}', id="negative-infinity"),
        pytest.param('{"a": 1e999}', id="a-number-that-overflows-to-infinity"),
        pytest.param('{"a": -1e999}', id="a-number-that-overflows-below"),
        pytest.param({"a": float("nan")}, id="nan-value"),
        pytest.param({"a": float("inf")}, id="infinite-value"),
        pytest.param({1: "a", "1": "b"}, id="keys-that-become-one"),
        pytest.param({"a": object()}, id="no-value-of-json"),
        pytest.param({("a", "b"): 1}, id="no-key-of-json"),
        pytest.param('{"a": ' + "9" * 5000 + "}", id="a-number-of-5000-digits"),
        pytest.param(nested(MAX_DEPTH + 1), id="one-too-deep"),
        pytest.param(nested(10_000), id="ten-thousand-deep"),
        pytest.param('{"a":' * 10_000 + "1" + "}" * 10_000, id="ten-thousand-objects"),
        pytest.param(
            '{"t": "' + "]" * 200 + '", "a": ' + "[" * 100 + "]" * 100 + "}", id="hidden-by-brackets"
        ),
        pytest.param(
            '{"t": "\\"' + "}" * 200 + '", "a": ' + "[" * 100 + "]" * 100 + "}", id="hidden-by-quotes"
        ),
        pytest.param('{"a": "' + "x" * MAX_BYTES + '"}', id="over-a-megabyte"),
        pytest.param('{"a": "' + "\U0001f600" * (MAX_BYTES // 2) + '"}', id="a-megabyte-counted-in-bytes"),
        pytest.param({"a": "x" * MAX_BYTES}, id="values-over-a-megabyte"),
    ],
)
def test_anything_else_is_nothing(raw: Any) -> None:
    assert parsed(raw) is None


def test_values_that_contain_themselves_are_nothing() -> None:
    endless: dict[str, Any] = {}
    endless["a"] = endless
    assert parsed(endless) is None


def test_what_is_read_is_a_copy_that_the_caller_can_no_longer_change() -> None:
    given: dict[str, Any] = {"a": ["x"]}
    read = parsed(given)
    given["a"].append("/etc/passwd")
    assert read == {"a": ["x"]}
