import itertools

import pytest

from firewall.detect.segments import bounds


def parts(text: str) -> list[str]:
    ends = [0, *bounds(text), len(text)]
    return [text[start:stop] for start, stop in itertools.pairwise(ends)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("one\ntwo", ["one\n", "two"], id="line-break"),
        pytest.param("It ends here. And goes on", ["It ends here. ", "And goes on"], id="sentence"),
        pytest.param('He said "yes sir." And left', ['He said "yes sir." ', "And left"], id="closing-quote"),
        pytest.param("終わり。次", ["終わり。", "次"], id="ideographic-full-stop"),
        pytest.param("Dr. Smith", ["Dr. Smith"], id="short-abbreviation-goes-on"),
        pytest.param("call ext. 123", ["call ext. 123"], id="a-digit-follows"),
        pytest.param("212. 555. 5555", ["212. 555. 5555"], id="no-letters-before"),
        pytest.param("ends here. ", ["ends here. "], id="the-next-letter-is-not-there-yet"),
        pytest.param("ends here.\n\nNext", ["ends here.\n", "\n", "Next"], id="a-gap-holds-no-line-break"),
        pytest.param(
            "QUJDREVGR0hJSktM\nTU5P\nx", ["QUJDREVGR0hJSktM\nTU5P\n", "x"], id="wrapped-code-goes-on"
        ),
        pytest.param(
            "so: QUJDREVGR0hJSktM\nTU5P\nx", ["so: QUJDREVGR0hJSktM\nTU5P\n", "x"], id="behind-words"
        ),
        pytest.param("one=\ntwo\nx", ["one=\ntwo\n", "x"], id="a-soft-break-goes-on"),
        pytest.param("1" * 20 + "\n2\n", ["1" * 20 + "\n", "2\n"], id="digits-are-no-code"),
    ],
)
def test_a_segment_ends_where_no_typed_value_goes_on(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


def test_the_end_of_the_text_is_no_end_of_its_own() -> None:
    assert bounds("one\n") == []
    assert bounds("") == []
