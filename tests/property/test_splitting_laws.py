"""Laws of splitting: each piece fits, nothing but white space is lost, and no character is torn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partywall.splitting import pieces, units

TEXTS = st.text(st.sampled_from("ab .\n\t\u00e9e\u0301\U0001f600\u200d\U0001f469\u4e2d"), max_size=200)


@given(text=TEXTS, most=st.integers(2, 40))
def test_each_piece_fits_and_the_pieces_are_the_text(text: str, most: int) -> None:
    found = pieces(text, most)
    assert all(0 < units(piece) <= most for piece in found)
    assert all(piece.strip() for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(text=TEXTS)
def test_what_fits_is_one_piece_as_it_was(text: str) -> None:
    assert pieces(text, 1_000) == ([text] if text.strip() else [])


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        pytest.param("one two three", 8, ["one two", "three"], id="at-a-word"),
        pytest.param("First. Second one.", 10, ["First.", "Second", "one."], id="at-a-sentence"),
        pytest.param("a b c\nd e f", 8, ["a b c", "d e f"], id="at-a-line-before-a-word"),
        pytest.param("aaaaaa", 4, ["aaaa", "aa"], id="hard-where-nothing-ends"),
        pytest.param("aaae\u0301b", 4, ["aaa", "e\u0301b"], id="not-before-what-combines"),
        pytest.param(
            "aa\U0001f469\u200d\U0001f469b", 5, ["aa", "\U0001f469\u200d\U0001f469", "b"], id="joined"
        ),
        pytest.param("\U0001f600" * 3, 5, ["\U0001f600" * 2, "\U0001f600"], id="an-emoji-counts-two"),
        pytest.param(" \n ", 2, [], id="white-space-is-nothing"),
    ],
)
def test_a_text_is_cut_where_something_ends(text: str, most: int, expected: list[str]) -> None:
    assert pieces(text, most) == expected
