"""What an operator adds counts in every text, within its bounds, or is refused when it is loaded."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.pii.detector import PresidioDetector
from firewall.detect.pii.standard import Standard

TICKETS = """
recognizers:
  - name: Tickets
    supported_entity: TICKET
    supported_language: en
    patterns:
      - {name: ticket, regex: '\\bT-[0-9]{4}\\b', score: 0.8}
  - name: Karten
    supported_entity: KARTE
    supported_language: de
    deny_list: [Karte]
"""


def kinds(found: Sequence[Match], text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.stop]) for each in found]


def file(folder: Path, content: str) -> Path:
    path = folder / "recognizers.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_a_term_that_is_denied_is_found_in_whatever_case_and_only_as_a_word() -> None:
    detector = PresidioDetector(entities=(), deny=["Project Falcon", "C++"])
    text = "PROJECT falcon, in C++, and the project falconry"
    assert kinds(detector.scan(text), text) == [("DENIED_TERM", "PROJECT falcon"), ("DENIED_TERM", "C++")]
    assert detector.rules == ("pii.DENIED_TERM",)
    assert not detector.excludes(text)
    assert detector.excludes("a falcon")


def test_no_part_of_a_denied_term_is_lost_to_what_it_overlaps() -> None:
    standard = Standard(PresidioDetector(entities=("EMAIL_ADDRESS",), deny=["ask ann@acme.example.com"]))
    text = "ask ann@acme.example.com now"
    assert kinds(standard.scan(text), text) == [
        ("DENIED_TERM", "ask ann@acme.example.com"),
        ("EMAIL_ADDRESS", "ann@acme.example.com"),
    ]


@pytest.mark.parametrize("term", ["", "  ", "one\ntwo", "It is done. Next", "line\n"])
def test_a_term_that_no_detector_could_see_is_refused(term: str) -> None:
    with pytest.raises(ConfigError, match="number 2"):
        PresidioDetector(deny=["fine", term])


def test_what_is_allowed_is_no_finding_where_it_stands_exactly_so() -> None:
    text = "help@acme.example.com, Help@acme.example.com and bob@globex.org"
    exact = PresidioDetector(entities=("EMAIL_ADDRESS",), allow=["help@acme.example.com"])
    assert [value for _, value in kinds(exact.scan(text), text)] == [
        "Help@acme.example.com",
        "bob@globex.org",
    ]


def test_the_host_of_an_allowed_address_is_no_link_and_an_allowed_number_is_none() -> None:
    others = PresidioDetector(entities=("EMAIL_ADDRESS", "URL"))
    standard = Standard(others, allow=["help@acme.example.com", "415-555-0132"])
    text = "help@acme.example.com or 415-555-0132 or 415-555-0133"
    assert kinds(standard.scan(text), text) == [("PHONE_NUMBER", "415-555-0133")]


def test_recognisers_of_a_file_look_beside_the_kinds_that_are_named(tmp_path: Path) -> None:
    detector = PresidioDetector(entities=("US_SSN",), recognisers=file(tmp_path, TICKETS))
    text = "Karte T-1234 of 536-90-4399"
    assert kinds(detector.scan(text), text) == [("TICKET", "T-1234"), ("US_SSN", "536-90-4399")]
    assert detector.rules == ("pii.US_SSN", "pii.TICKET")
    assert not detector.excludes("nothing is known of what a ticket holds")


def test_a_pattern_of_a_file_that_never_ends_is_stopped(tmp_path: Path) -> None:
    slow = TICKETS.replace("\\bT-[0-9]{4}\\b", "x[^y]*x[^y]*x[^y]*x[^y]*z")
    detector = PresidioDetector(recognisers=file(tmp_path, slow), timeout_s=0.05)
    with pytest.raises(ServiceUnavailable, match="too long"):
        detector.scan("x" * 5_000)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("recognizers: [", id="no-yaml"),
        pytest.param("[]", id="a-list"),
        pytest.param("recognisers: []", id="another-name"),
        pytest.param("recognizers: [7]", id="no-recogniser"),
        pytest.param("recognizers: []", id="none"),
        pytest.param(TICKETS.replace("[0-9]{4}", "[0-9"), id="no-pattern"),
        pytest.param(TICKETS.replace(": en", ": fr"), id="no-language-of-ours"),
        pytest.param(TICKETS.replace("supported_entity: TICKET", "kind: TICKET"), id="unknown-field"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"recognizers\.yaml"):
        PresidioDetector(recognisers=file(tmp_path, content))


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: FileNotFoundError"):
        PresidioDetector(recognisers=tmp_path / "absent.yaml")
