"""Laws of folding: nothing is lost on the way back, and pieces fold like the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.detect.normal import PLAIN, SKELETON, Form

FORMS = pytest.mark.parametrize(
    "form", [pytest.param(PLAIN, id="plain"), pytest.param(SKELETON, id="skeleton")]
)
# What folds to several characters, to none, or to something of another length in another case.
AWKWARD = "İıßẞﬃﬀǅΐａＡ①½Ⅷ\u200b\u00ad\u0301\ufe0f\u2028\U000e0041\u202e\u2011\u3164٣K\ud800"
TEXT = st.text(st.one_of(st.sampled_from(AWKWARD + "aB9 -_./\n"), st.characters()), max_size=60)


@FORMS
@given(text=TEXT)
def test_a_span_covers_exactly_the_characters_that_gave_it(form: Form, text: str) -> None:
    normal = form.normal(text)
    assert len(normal.starts) == len(normal.text) == len(form.fold(text))
    for start in range(len(normal.text)):
        for stop in range(start + 1, len(normal.text) + 1):
            first, last = normal.span(start, stop)
            folded = form.fold(text[first:last])
            assert normal.text[start:stop] in folded
            # Neither end can be drawn in: its first and its last code point each give a character.
            assert form.fold(text[first])
            assert form.fold(text[last - 1])
            assert normal.starts[start] == first
            assert normal.starts[stop - 1] == last - 1


@FORMS
@given(one=TEXT, other=TEXT)
def test_pieces_fold_like_the_whole(form: Form, one: str, other: str) -> None:
    assert form.fold(one + other) == form.fold(one) + form.fold(other)


@FORMS
@given(text=TEXT)
def test_folding_twice_changes_nothing(form: Form, text: str) -> None:
    assert form.fold(form.fold(text)) == form.fold(text)


@given(text=TEXT)
def test_a_skeleton_is_letters_and_digits_only(text: str) -> None:
    assert all(char.isalnum() for char in SKELETON.fold(text))


@given(text=st.text(st.characters(codec="ascii")))
def test_plain_text_in_ascii_loses_its_control_characters_only(text: str) -> None:
    assert PLAIN.fold(text) == "".join(char for char in text if char.isprintable() or char in "\t\n\r")


@given(text=TEXT)
def test_what_is_hidden_between_characters_does_not_show(text: str) -> None:
    hidden = "\u200b".join(text)
    assert PLAIN.fold(hidden) == PLAIN.fold(text)
    assert SKELETON.fold("-\u00ad ".join(text)) == SKELETON.fold(text)
