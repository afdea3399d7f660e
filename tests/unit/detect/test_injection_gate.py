"""What the gate asks for loses no sign, and a fast question about a mirror loses no mirror."""

import random
import re

import pytest

from firewall.detect.injection.asked import asked
from firewall.detect.injection.folding import folded
from firewall.detect.injection.heuristics import Heuristics
from firewall.detect.injection.mirrors import APART, leeted, maybe_apart
from firewall.detect.injection.rules import Sign, packs
from firewall.detect.secrets.engines import finder

HEURISTICS = Heuristics()
FINDERS = {sign.id: finder(sign.pattern) for sign in packs()}
LETTERS = "ab1470_ .*-,\n\u00e9\u043e"


@pytest.mark.parametrize("sign", packs(), ids=lambda sign: sign.id)
def test_what_is_asked_stands_in_every_match(sign: Sign) -> None:
    alternatives = [[finder(part) for part in parts] for parts in asked(sign.pattern)]
    assert all(alternatives)
    for other in packs():
        for text in (*other.positive, *other.negative):
            data = folded(text).data
            if next(FINDERS[sign.id].spans(data), None) is not None:
                assert any(
                    all(next(part.spans(data), None) is not None for part in parts) for parts in alternatives
                ), text


def test_with_the_gate_the_same_signs_are_found_as_without() -> None:
    rng = random.Random(7)
    every = [text for sign in packs() for text in (*sign.positive, *sign.negative)]
    for _ in range(300):
        data = folded(" ".join(rng.choices(every, k=3))).data
        found = [(hit.sign.id, hit.start, hit.stop) for hit in HEURISTICS.hits(data)]
        assert found == [(name, *span) for name, each in FINDERS.items() for span in each.spans(data)]


def test_the_fast_questions_about_mirrors_never_say_no_to_one() -> None:
    rng = random.Random(7)
    rows = digits = 0
    for _ in range(4000):
        plain = folded("".join(rng.choices(LETTERS, weights=[3] * 2 + [1] * 4 + [1, 5] + [1] * 7, k=30)))
        row = folded(rng.choice(" .-_*").join(plain.text))
        for each in (plain, row):
            if APART.search(each.text):
                rows += 1
                assert maybe_apart(each), each.text
        slow = re.search(r"[a-z][0134@$57]+[a-z]", plain.text) is not None
        digits += slow
        assert leeted(plain) == slow
    assert rows > 100
    assert digits > 100


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        pytest.param("secret|hidden", [1, 1], id="alternatives"),
        pytest.param("(?s)(?:a|secret).*zebra", [1], id="an-empty-branch-tells-nothing"),
        pytest.param("[0-9]{4}", [1], id="no-letters"),
    ],
)
def test_every_alternative_is_asked_for(pattern: str, parts: list[int]) -> None:
    assert [min(1, len(each)) for each in asked(pattern)] == parts
