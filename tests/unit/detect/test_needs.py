"""A need leaves out only what no recogniser could find; without one, a recogniser always looks."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.detect.pii.detector import DEFAULT_ENTITIES, PresidioDetector
from firewall.detect.pii.needs import need_of, numbers, words

ODD = st.sampled_from(
    [*"0123456789@.:-+ ()/abxK#,", "\u0130", "\u017f", "\u212a", "\u0661", "\uff11", "\u4e2d"]
)


@pytest.fixture(scope="module")
def asked() -> Any:
    return cast(Any, PresidioDetector(entities=(*DEFAULT_ENTITIES, "URL")))._asked["en"]


def test_every_kind_that_is_looked_for_by_default_has_a_need(asked: Any) -> None:
    # After an upgrade of Presidio a need is gone where a pattern has changed: then read it off the new one.
    assert [each.recogniser.name for each in asked if each.need is None] == []
    assert len(asked) == len(DEFAULT_ENTITIES) + 1


def test_patterns_that_are_changed_have_no_need(asked: Any) -> None:
    recogniser = next(each.recogniser for each in asked if each.recogniser.name == "UsSsnRecognizer")
    flags = int(recogniser.global_regex_flags)
    patterns = [(flags, str(pattern.regex)) for pattern in recogniser.patterns]
    assert need_of(patterns) is not None
    assert need_of(patterns[1:]) is None
    assert need_of([(0, pattern) for _, pattern in patterns]) is None
    assert need_of([*patterns[:-1], (flags, patterns[-1][1] + "x")]) is None


@given(text=st.lists(ODD, max_size=60).map("".join), data=st.data())
def test_what_is_excluded_in_a_text_is_excluded_in_each_piece(
    presidio: PresidioDetector, text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    assert presidio.excludes(text[start:stop]) or not presidio.excludes(text)


@pytest.mark.parametrize(
    ("term", "text", "met"),
    [
        pytest.param("Project Falcon", "the PROJECT falcon plan", True, id="in-another-case"),
        pytest.param("Project Falcon", "the projects", False, id="only-a-part"),
        pytest.param("kiosk", "\u212aIO\u017f\u212a", True, id="letters-that-fold-to-ascii"),
        pytest.param("Straße", "STRAẞE", True, id="letters-beyond-ascii"),
        pytest.param("a.b", "axb", False, id="a-mark-is-itself"),
    ],
)
def test_a_term_is_met_in_whatever_case(term: str, text: str, met: bool) -> None:
    assert bool(words(["zebra", term]).met(text)) is met


def test_too_few_digits_are_no_telephone_number() -> None:
    need = numbers(["US", "DE"])
    assert need.met("1640")
    assert not need.met("164, 0 or 0:164")
