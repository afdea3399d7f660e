"""The law of grams: a run is found exactly if somebody's remembered text holds it."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.detect import grams
from firewall.detect.grams import GRAM, LONGEST, RUN, Grams
from firewall.detect.owners import Owner

ACME, GLOBEX = (
    Owner(
        label=Owned(tenant=TenantId(tenant), readers=Principals(ids=frozenset({PrincipalId("ann")}))),
        whole=False,
    )
    for tenant in ("acme", "globex")
)
# Texts that repeat themselves and each other, so that grams stand in many places; letters of every width.
TEXTS = st.one_of(
    st.text("ab", max_size=80),
    st.text("abж三", max_size=60),
    st.lists(st.sampled_from(["abcdefg0é", "aaaaaaaaaaaaaaa", "bцcd"]), max_size=12).map("".join),
)


def slowly(remembered: list[tuple[Owner, str]], text: str) -> dict[int, set[Owner]]:
    """Say from the definition alone who knows the run at each position."""
    runs = {start: text[start : start + RUN] for start in range(len(text) - RUN + 1)}
    known = {start: {owner for owner, held in remembered if run in held} for start, run in runs.items()}
    return {start: owners for start, owners in known.items() if owners}


def found(index: Grams, text: str) -> dict[int, set[Owner]]:
    known = index.find(text)
    return {
        start: {owner for owner in (ACME, GLOBEX) if any(each.includes(owner) for each in holders)}
        for start, holders in known.items()
    }


@given(
    texts=st.lists(st.tuples(st.sampled_from([ACME, GLOBEX]), TEXTS), max_size=16, unique=True),
    dropped=st.sets(st.integers(0, 15)),
    cuts=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 60), st.integers(0, 70)), max_size=6),
    between=st.sampled_from(["", "z", "жж"]),
)
@example(
    texts=[(ACME, f"{number:02}" + "a" * 30) for number in range(12)],
    dropped=set(range(9)),
    cuts=[(11, 3, 30)],
    between="",
)
def test_a_run_is_known_to_exactly_those_who_hold_it(
    texts: list[tuple[Owner, str]],
    dropped: set[int],
    cuts: list[tuple[int, int, int]],
    between: str,
) -> None:
    index = Grams()
    for owner, text in texts:
        index.add(owner, text)
    for number in dropped:
        if number < len(texts):
            index.remove(*texts[number])
    left = [each for number, each in enumerate(texts) if number not in dropped]
    question = between.join(texts[n][1][start : start + size] for n, start, size in cuts if n < len(texts))
    assert found(index, question) == slowly(left, question)
    for number, each in enumerate(texts):
        if number not in dropped:
            index.remove(*each)
    assert found(index, question) == {}


@given(seed=st.integers(0, 2**32), here=st.integers(0, 40), there=st.integers(0, 40))
def test_one_shared_run_is_found_wherever_it_begins_in_either_text(seed: int, here: int, there: int) -> None:
    draw = random.Random(seed)
    run = "".join(draw.choices("abcdefghijж", k=RUN))
    index = Grams()
    index.add(ACME, "x" * here + run + "y" * 9)
    assert found(index, "z" * there + run + "w" * 9) == {there: {ACME}}
    assert found(index, "z" * there + run[:-1] + "w" * 9) == {}


def nothing(_gram: str) -> int:
    return 0


@pytest.mark.parametrize("texts", [1, 12])
def test_a_collision_of_hashes_makes_nobody_know_what_they_do_not(
    texts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every gram is taken for every other one, where few places are kept and where many are.
    monkeypatch.setattr(grams, "hash", nothing, raising=False)
    draw = random.Random(texts)
    index, held = Grams(), ["".join(draw.choices("abcdefgh", k=30)) for _ in range(texts)]
    for text in held:
        index.add(ACME, text)
    index.add(GLOBEX, held[0])
    strange = "".join(draw.choices("abcdefgh", k=60))
    assert found(index, strange) == {}
    for text in held:
        assert found(index, strange + text) == slowly([(GLOBEX, held[0]), (ACME, text)], strange + text)


def test_the_longest_text_is_known_to_its_end() -> None:
    text = "".join(random.Random(7).choices("abcdefghij", k=LONGEST))
    index = Grams()
    for _ in range(3):
        index.add(GLOBEX, "q" * GRAM)
        index.remove(GLOBEX, "q" * GRAM)
    index.add(ACME, text)
    index.add(GLOBEX, text[1:])
    assert found(index, text[-RUN - 2 :]) == {start: {ACME, GLOBEX} for start in range(3)}
    assert found(index, text[:RUN]) == {0: {ACME}}
