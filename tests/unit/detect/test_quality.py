"""How much is found of what others marked, and how little else: floors, below what was measured."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from firewall.core.ports import Detector
from firewall.detect.detectors import All
from partywall.detecting import personal
from partywall.settings.detection import Pii
from tests.fakes.services import data_root, needs

pytestmark = needs("data")

ENTITIES = (
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "IP_ADDRESS",
    "CRYPTO",
    "URL",
)
CALLED = {"DOMAIN_NAME": "URL"}


@pytest.fixture(scope="module")
def standard() -> Detector:
    return All([personal(Pii(entities=ENTITIES))])


def rows(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(data_root() / name, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def agree(one: tuple[int, int], two: tuple[int, int]) -> bool:
    """True if two stretches share half of what they cover together."""
    both = min(one[1], two[1]) - max(one[0], two[0])
    return both * 2 >= max(one[1], two[1]) - min(one[0], two[0])


def test_structured_values_are_found_and_little_else(standard: Detector) -> None:
    right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for row in rows("pii/presidio_generated_large.jsonl.gz"):
        found = [(each.kind, (each.start, each.stop)) for each in standard.scan(row["text"])]
        for span in row["spans"]:
            kind, at = CALLED.get(span["type"], span["type"]), (span["start"], span["end"])
            if kind not in ENTITIES:
                continue
            hit = next((each for each in found if each[0] == kind and agree(each[1], at)), None)
            (missed if hit is None else right)[kind] += 1
            found = [each for each in found if each is not hit]
        wrong.update(kind for kind, _ in found)
    hits = right.total()
    assert hits > 500
    assert 5 * hits / (5 * hits + 4 * missed.total() + wrong.total()) >= 0.97
    for kind in right:
        assert right[kind] / (right[kind] + missed[kind]) >= 0.98
        assert right[kind] / (right[kind] + wrong[kind]) >= 0.95


def test_lines_of_real_chat_hold_hardly_any(standard: Detector) -> None:
    kinds = Counter[str]()
    for row in rows("chat/ubuntu_irc_test.jsonl.gz"):
        kinds.update(each.kind for each in standard.scan(row["text"]))
    assert kinds["URL"] > 1_000
    assert kinds["PHONE_NUMBER"] <= 6
    assert kinds["CREDIT_CARD"] == 0


def test_what_presidio_tests_its_own_cards_phones_and_links_with_is_found(standard: Detector) -> None:
    kinds = {
        "phone_recognizer": "PHONE_NUMBER",
        "credit_card_recognizer": "CREDIT_CARD",
        "url_recognizer": "URL",
    }
    wanted = [row for row in rows("pii/presidio_recognizer_vectors.jsonl.gz") if row["recognizer"] in kinds]
    assert len(wanted) > 50
    for row in wanted:
        found = any(each.kind == kinds[row["recognizer"]] for each in standard.scan(row["text"]))
        assert found == bool(row["label"]), row["id"]
