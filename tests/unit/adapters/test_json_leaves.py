"""Values are plain before anything is taken out of them, whatever type a client gave them."""

from collections import OrderedDict
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest

from adapters.errors import Unreadable
from adapters.json_leaves import MAX_DEPTH, plain

ACME, GLOBEX = "acme-amber-1", "globex-cobalt-2"


class Name(StrEnum):
    """Text by another name."""

    ACME = ACME


class Answer:
    """What a client's model is: something that can be dumped."""

    def model_dump(self) -> dict[str, Any]:
        return {"said": (ACME, GLOBEX)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            {"a": [ACME, 1, 1.5, True, None]}, {"a": [ACME, 1, 1.5, True, None]}, id="plain-already"
        ),
        pytest.param([Name.ACME], [ACME], id="a-kind-of-text"),
        pytest.param((ACME, (GLOBEX,)), [ACME, [GLOBEX]], id="tuples"),
        pytest.param(OrderedDict[str, str](a=ACME), {"a": ACME}, id="a-kind-of-dict"),
        pytest.param({"a": MappingProxyType({"b": GLOBEX})}, {"a": {"b": GLOBEX}}, id="a-mapping"),
        pytest.param({"a": [Answer()]}, {"a": [{"said": [ACME, GLOBEX]}]}, id="a-model-inside"),
    ],
)
def test_a_value_is_the_same_in_dicts_lists_and_scalars(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_what_is_given_is_a_copy() -> None:
    given = {"a": [ACME]}
    found = plain(given)
    given["a"].append(GLOBEX)
    assert found == {"a": [ACME]}


def deep(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": {ACME}}, id="a-set"),
        pytest.param(Answer, id="a-class"),
        pytest.param({1: ACME}, id="a-key-that-is-no-text"),
        pytest.param(OrderedDict[int, str]({1: ACME}), id="the-same-in-a-kind-of-dict"),
        pytest.param(deep(MAX_DEPTH + 1), id="too-deep"),
    ],
)
def test_what_cannot_be_examined_is_refused(value: object) -> None:
    with pytest.raises(Unreadable) as refused:
        plain(value)
    assert ACME not in str(refused.value)


def test_the_deepest_value_that_is_examined_passes() -> None:
    assert plain(deep(MAX_DEPTH)) == deep(MAX_DEPTH)
