"""How deep a JSON text nests, whatever its strings hold and whether it is JSON at all."""

import pytest

from firewall.core.nesting import nesting


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param('{"a": [1, {"b": 2}]}', 3, id="plain"),
        pytest.param('["]]]]", ["[[[["]]', 2, id="brackets-in-strings"),
        pytest.param('["\\"]]", []]', 2, id="escaped-quotation-mark"),
        pytest.param("[" * 10_000, 10_000, id="never-closed"),
        pytest.param('[["' + '\\"' * 100_000, 2, id="string-never-closed"),
        pytest.param('[["\\', 2, id="ends-in-an-escape"),
        pytest.param("]]][[", 0, id="closed-before-opened"),
    ],
)
def test_the_deepest_place_counts(text: str, depth: int) -> None:
    assert nesting(text) == depth
