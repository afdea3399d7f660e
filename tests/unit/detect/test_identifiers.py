import pytest

from firewall.detect.identifiers import Identifiers


def found(text: str) -> list[str]:
    return [text[match.start : match.stop] for match in Identifiers().scan(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("order AB-12345 is late", "AB-12345", id="order"),
        pytest.param("AB12345.", "AB12345", id="no-dash"),
        pytest.param("order ab-12345", "ab-12345", id="lower-case"),
        pytest.param("see INV-2024-00123 now", "INV-2024-00123", id="several-groups"),
        pytest.param("TICKET#12345", "TICKET#12345", id="hash-sign"),
        pytest.param("ref AB 12345", "AB 12345", id="space"),
        pytest.param("pin 482913", "482913", id="six-digits"),
        pytest.param("9" * 40, "9" * 40, id="a-longer-run-is-no-way-out"),
        pytest.param(
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", id="uuid"
        ),
    ],
)
def test_an_id_is_known_by_its_shape(text: str, value: str) -> None:
    assert value in found(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("in 2024 we met 3 times", id="year-and-count"),
        pytest.param("June 2024, utf-8, gpt-4, python3", id="ordinary-names"),
        pytest.param("pi is 3.14159265", id="fraction"),
        pytest.param("12,345 items", id="grouped-number"),
        pytest.param("", id="nothing"),
    ],
)
def test_ordinary_text_has_no_ids(text: str) -> None:
    assert found(text) == []


def test_one_id_in_two_spellings_has_one_key() -> None:
    spellings = ["AB-12345", "ab-12345", "AB12345"]
    assert {match.key for text in spellings for match in Identifiers().scan(text)} == {"ab12345"}


def test_matches_come_in_order_with_their_rules() -> None:
    detector = Identifiers()
    matches = detector.scan("1234567 then AB-12345")
    assert [match.start for match in matches] == sorted(match.start for match in matches)
    assert {match.rule for match in matches} <= set(detector.rules)
    assert {match.kind for match in matches} == {"ID"}


@pytest.mark.parametrize("fill", ["A", "1-", "a1", "A-", "0-0", "AAAAAAAAAAAAAAA1234-"])
def test_hostile_text_is_read_in_one_pass(fill: str) -> None:
    # Quadratic patterns would take minutes here and run into the test's own timeout.
    Identifiers().scan(fill * (200_000 // len(fill)))
