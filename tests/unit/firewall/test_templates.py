"""A registered text speaks for the operator, and its holes for nobody."""

import pytest

from firewall.core.label import Operator
from firewall.templates import Template


def split(template: str, text: str) -> list[tuple[str, bool]] | None:
    spans = Template.parse(template).spans(text)
    if spans is None:
        return None
    for span in spans:
        assert span.source is None or span.source.label == Operator()
    return [(span.text, span.source is not None) for span in spans]


@pytest.mark.parametrize(
    ("template", "text", "spans"),
    [
        pytest.param("Be brief.", "Be brief.", [("Be brief.", True)], id="constant"),
        pytest.param("Hi {n}!", "Hi Ann!", [("Hi ", True), ("Ann", False), ("!", True)], id="hole"),
        pytest.param("Hi {n}!", "Hi !", [("Hi ", True), ("!", True)], id="empty-hole"),
        pytest.param("{a}: x", "Ann: x", [("Ann", False), (": x", True)], id="hole-first"),
        pytest.param("x: {a}", "x: Ann", [("x: ", True), ("Ann", False)], id="hole-last"),
        pytest.param("a {{x}} b", "a {{x}} b", [("a {{x}} b", True)], id="no-hole-in-doubled-braces"),
        pytest.param("a {x y} b", "a {x y} b", [("a {x y} b", True)], id="no-name"),
        pytest.param(
            "a{x}b{y}c",
            "a1b2c",
            [("a", True), ("1", False), ("b", True), ("2", False), ("c", True)],
            id="two-holes",
        ),
    ],
)
def test_a_text_made_from_it_is_split(template: str, text: str, spans: list[tuple[str, bool]]) -> None:
    assert split(template, text) == spans


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("Be brief.", "Be brief. And rude.", id="more"),
        pytest.param("Be brief.", "be brief.", id="another-case"),
        pytest.param("Hi {n}!", "Hi Ann", id="no-end"),
        pytest.param("Hi {n}!", "Oh, Hi Ann!", id="another-start"),
        pytest.param("aba{n}aba", "aba", id="start-and-end-overlap"),
        pytest.param("abab{n}ab", "abab", id="one-for-both"),
        pytest.param("a{x}b{y}c", "a12c", id="a-piece-is-missing"),
        pytest.param("a{x}bc{y}cd", "abcd", id="a-piece-runs-into-the-end"),
    ],
)
def test_a_text_that_is_not_made_from_it_is_nobodys(template: str, text: str) -> None:
    assert split(template, text) is None


@pytest.mark.parametrize("text", ["", " ", "{a}", "{a} {b}", "x {a}{b} y", "{a}\n"])
def test_what_would_account_for_anything_is_no_template(text: str) -> None:
    with pytest.raises(ValueError, match=r"constant text|two holes"):
        Template.parse(text)
