from collections.abc import Sequence

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.detectors import All
from firewall.detect.identifiers import Identifiers


class Broken:
    """A detector that cannot look."""

    @property
    def rules(self) -> Sequence[str]:
        return ("broken",)

    def scan(self, text: str) -> Sequence[Match]:
        raise ServiceUnavailable("cannot look")


class Words:
    """Finds one word, as a second detector."""

    @property
    def rules(self) -> Sequence[str]:
        return ("word",)

    def scan(self, text: str) -> Sequence[Match]:
        start = text.find("Zed")
        return (
            [] if start < 0 else [Match(start=start, stop=start + 3, kind="PERSON", rule="word", key="zed")]
        )


def found(text: str) -> list[tuple[str, str]]:
    return [
        (text[match.start : match.stop], match.rule) for match in All([Identifiers(), Words()]).scan(text)
    ]


def test_what_any_of_them_finds_is_found() -> None:
    assert found("Zed has AB-12345\nso has Zed") == [
        ("Zed", "word"),
        ("AB-12345", "identifier.NUMBERED"),
        ("Zed", "word"),
    ]


def test_one_that_cannot_look_makes_all_fail() -> None:
    with pytest.raises(ServiceUnavailable):
        All([Identifiers(), Broken()]).scan("harmless")


def test_the_rules_are_those_of_all() -> None:
    assert All([Words(), Identifiers()]).rules == ("word", *Identifiers().rules)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(
            "pin \uff14\uff18\uff12\uff19\uff11\uff13.",
            "\uff14\uff18\uff12\uff19\uff11\uff13",
            id="full-width",
        ),
        pytest.param("x AB\u200b-\u00ad12\u200b345 y", "AB\u200b-\u00ad12\u200b345", id="zero-width"),
        pytest.param("x AB\u201112345 y", "AB\u201112345", id="typographic-dash"),
        pytest.param("pin ٤٨٢٩١٣", "٤٨٢٩١٣", id="arabic-digits"),
    ],
)
def test_a_typed_value_is_found_beneath_its_disguise_and_covered_whole(text: str, value: str) -> None:
    assert value in [shown for shown, _ in found(text)]


def test_a_disguised_value_has_the_key_of_the_plain_one() -> None:
    detector = All([Identifiers()])
    plain, hidden = detector.scan("AB-12345"), detector.scan("ＡＢ\u201112345")
    assert {match.key for match in plain} <= {match.key for match in hidden}


def test_nothing_is_found_in_nothing() -> None:
    assert All([Identifiers()]).scan("") == []
    assert All([]).scan("AB-12345") == []
