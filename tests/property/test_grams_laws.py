"""The law of grams: a run is found exactly if somebody's remembered text holds it."""

import codecs
import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.detect.excerpts import grams, places
from firewall.detect.excerpts.filter import Filter
from firewall.detect.excerpts.fingerprints import GRAM, Fingerprints, Keys
from firewall.detect.excerpts.grams import LONGEST, RUN, Grams
from firewall.detect.excerpts.owners import Holders, Owner
from firewall.detect.excerpts.texts import Texts
from firewall.detect.normal import SKELETON
from tests.fakes.plain_grams import PlainGrams

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
# Texts that repeat themselves and each other, so that grams stand in many places; letters of every width.
TEXTS = st.one_of(
    st.text("ab", max_size=80),
    st.text("abж三", max_size=60),
    st.lists(st.sampled_from(["abcdefg0é", "aaaaaaaaaaaaaaa", "bцcd"]), max_size=12).map("".join),
)


class Index:
    """The index, and each tenant's owner in it."""

    def __init__(self, tenants: int = 2) -> None:
        self.texts = Texts()
        self.grams = Grams(self.texts)
        names = [ACME, GLOBEX, *(TenantId(f"tenant{number}") for number in range(2, tenants))]
        self.owners = {
            name: Owner(
                label=Owned(tenant=name, readers=Principals(ids=frozenset({PrincipalId("ann")}))), whole=False
            )
            for name in names
        }

    def add(self, tenant: TenantId, text: str) -> None:
        self.grams.add(self.texts.add(self.owners[tenant], text), text)

    def add_many(self, entries: list[tuple[TenantId, str]]) -> None:
        fresh = self.texts.add_many([(self.owners[tenant], text) for tenant, text in entries])
        self.grams.add_many([number for number, _, _ in fresh], [text for _, _, text in fresh])

    def remove(self, tenant: TenantId, text: str) -> None:
        number = self.texts.number(self.owners[tenant], text)
        assert number is not None
        self.grams.remove(number, text)
        self.texts.remove(number)

    def found(self, known: dict[int, list[Holders]]) -> dict[int, set[TenantId]]:
        return {
            start: {
                name for name, owner in self.owners.items() if any(each.includes(owner) for each in holders)
            }
            for start, holders in known.items()
        }


def slowly(remembered: list[tuple[TenantId, str]], text: str) -> dict[int, set[TenantId]]:
    """Say from the definition alone who knows the run at each position."""
    runs = {start: text[start : start + RUN] for start in range(len(text) - RUN + 1)}
    known = {start: {tenant for tenant, held in remembered if run in held} for start, run in runs.items()}
    return {start: tenants for start, tenants in known.items() if tenants}


def found(index: Index, text: str) -> dict[int, set[TenantId]]:
    return index.found(index.grams.find(text))


@given(
    texts=st.lists(st.tuples(st.sampled_from([ACME, GLOBEX]), TEXTS), max_size=16, unique=True),
    dropped=st.sets(st.integers(0, 15)),
    cuts=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 60), st.integers(0, 70)), max_size=6),
    between=st.sampled_from(["", "z", "жж"]),
    together=st.booleans(),
)
@example(
    texts=[(ACME, f"{number:02}" + "a" * 30) for number in range(12)],
    dropped=set(range(9)),
    cuts=[(11, 3, 30)],
    between="",
    together=True,
)
def test_a_run_is_known_to_exactly_those_who_hold_it(
    texts: list[tuple[TenantId, str]],
    dropped: set[int],
    cuts: list[tuple[int, int, int]],
    between: str,
    together: bool,
) -> None:
    index = Index()
    if together:
        index.add_many(texts)
    else:
        for tenant, text in texts:
            index.add(tenant, text)
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
    index = Index()
    index.add(ACME, "x" * here + run + "y" * 9)
    assert found(index, "z" * there + run + "w" * 9) == {there: {ACME}}
    assert found(index, "z" * there + run[:-1] + "w" * 9) == {}


MIRRORS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
)


@given(
    texts=st.lists(st.text("abCD 0-é", max_size=70), max_size=6, unique=True),
    cut=st.tuples(st.integers(0, 5), st.integers(0, 40), st.integers(0, 60)),
    around=st.text("xy Z.é", max_size=20),
    mirror=st.sampled_from(MIRRORS),
    together=st.booleans(),
)
def test_what_is_excluded_is_known_to_nobody_in_any_mirror(
    texts: list[str],
    cut: tuple[int, int, int],
    around: str,
    mirror: Callable[[str], str],
    together: bool,
) -> None:
    index = Index()
    held = {SKELETON.fold(text): ACME for text in texts}
    if together:
        index.add_many([(tenant, text) for text, tenant in held.items()])
    else:
        for text, tenant in held.items():
            index.add(tenant, text)
    number, start, size = cut
    question = around + mirror((texts[number] if number < len(texts) else "")[start : start + size]) + around
    if index.grams.excludes(question):
        skeleton = SKELETON.fold(question)
        assert not any(found(index, form(skeleton)) for form in MIRRORS)
    assert question.isascii() or not index.grams.excludes(question)


def test_a_text_of_nobodys_is_excluded_and_a_long_one_is_looked_up() -> None:
    index = Index()
    index.add(ACME, "thequickbrownfoxjumpsoverthelazydog")
    assert index.grams.excludes("Nothing of the kind was ever said by anybody at all.")
    assert not index.grams.excludes("He said: The QUICK brown-fox jumps over the lazy dog!")
    assert not index.grams.excludes("x" * (LONGEST + 1))
    assert index.grams.excludes("short")


def test_texts_that_differ_in_their_middles_have_different_fingerprints() -> None:
    # Halves that are alike from the outside in, one a letter more where the other is one less.
    letters = "abcdefghijkl"
    made = [
        "12345"
        + "".join(three)
        + "".join(letters[11 - letters.index(each)] for each in three[::-1])
        + "54321"
        for three in itertools.product(letters, repeat=3)
    ]
    fingerprints = Fingerprints()
    keys = {int(fingerprints(text)[0]) >> 32 for text in made}
    # Each is the mirror of one other, and has its fingerprint.
    assert len(keys) == len({min(text, text[::-1]) for text in made})


@given(
    singly=st.lists(st.integers(0, 2**64 - 1), max_size=20),
    together=st.lists(st.integers(0, 2**64 - 1), max_size=20),
    others=st.lists(st.integers(0, 2**64 - 1), max_size=40),
    room=st.sampled_from([0, 1_000_000]),
)
@example(singly=[0, 2**64 - 1], together=[2**32, 2**63], others=[], room=0)
def test_a_filter_calls_nothing_unknown_that_was_added(
    singly: list[int], together: list[int], others: list[int], room: int
) -> None:
    one = Filter(room)
    for key in singly:
        one.add(key)
    one.fill(np.array([key >> 32 for key in together], np.uint32))
    asked = [*others, *singly, *together]
    maybe = set(one.maybe(np.array(asked, np.uint64)).tolist())
    assert maybe >= set(range(len(others), len(asked)))
    assert all(one.has(key) for key in (*singly, *together))
    # In an empty one nothing is known.
    assert not len(Filter(room).maybe(np.array(asked, np.uint64)))


class Alike(Fingerprints):
    """Fingerprints that are nearly all alike."""

    def __call__(self, text: str) -> Keys:
        return super().__call__(text) & np.uint64(1 << 63)

    def of_skeleton(self, text: str) -> Keys:
        return super().of_skeleton(text) & np.uint64(1 << 63)

    def many(self, text: str, at: NDArray[np.intp]) -> Keys:
        return super().many(text, at) & np.uint64(1 << 63)

    def pairs(self, left: Keys, right: Keys) -> Keys:
        return super().pairs(left, right) & np.uint64(1 << 63)


@pytest.mark.parametrize("least", [0, 4_096])
@pytest.mark.parametrize("texts", [1, 12])
def test_a_collision_of_fingerprints_makes_nobody_know_what_they_do_not(
    texts: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every gram is taken for about every other one, among those that were merged and those that were not.
    monkeypatch.setattr(grams, "Fingerprints", Alike)
    monkeypatch.setattr(places, "_LEAST", least)
    draw = random.Random(texts)
    index, held = Index(), ["".join(draw.choices("abcdefgh", k=30)) for _ in range(texts)]
    for text in held:
        index.add(ACME, text)
    index.add(GLOBEX, held[0])
    strange = "".join(draw.choices("abcdefgh", k=60))
    assert found(index, strange) == {}
    for text in held:
        assert found(index, strange + text) == slowly([(GLOBEX, held[0]), (ACME, text)], strange + text)


def test_the_longest_text_is_known_to_its_end() -> None:
    text = "".join(random.Random(7).choices("abcdefghij", k=LONGEST))
    index = Index()
    for _ in range(3):
        index.add(GLOBEX, "q" * GRAM)
        index.remove(GLOBEX, "q" * GRAM)
    index.add(ACME, text)
    index.add(GLOBEX, text[1:])
    assert found(index, text[-RUN - 2 :]) == {start: {ACME, GLOBEX} for start in range(3)}
    assert found(index, text[:RUN]) == {0: {ACME}}


ALPHABETS = ["ab", "abc", "abж三", "abcdefgh"]
CASES = 40


def drawn(draw: random.Random, alphabet: str, seen: list[str]) -> str:
    """Give a text that repeats itself or one that was seen, here and there with another letter."""
    text = "".join(draw.choices(alphabet, k=draw.choice((5, 15, 16, 22, 23, 24, 31, 60, 90))))
    if seen and draw.random() < 0.7:
        other = draw.choice(seen)
        cut = draw.randrange(len(other))
        text = draw.choice((other[cut:] + text, text + other[:cut], other[: cut + 30] + text + other))
    return draw.choice((text, text, text[: len(text) // 2] * 3))[:LONGEST]


@pytest.mark.parametrize(
    ("least", "rows"),
    [
        pytest.param(0, 1 << 16, id="all-merged-at-once"),
        pytest.param(3, 4, id="merged-by-few-rows"),
        pytest.param(3, 11, id="merged-in-steps"),
        pytest.param(4_096, 1 << 16, id="not-merged"),
    ],
)
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_packed_grams_find_what_plain_ones_find(
    alphabet: str, least: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_LEAST", least)
    monkeypatch.setattr(places, "_ROWS", rows)
    # One step for each text, so that there is always a merge under way.
    monkeypatch.setattr(places, "_REWRITTEN", 0 if rows < 1 << 16 else 64)
    draw = random.Random(f"{alphabet}{least}{rows}")
    for _ in range(CASES // 40):
        index, plain = Index(12), PlainGrams()
        held: dict[tuple[TenantId, str], None] = {}
        for _ in range(40):
            if held and draw.random() < 0.35:
                tenant, text = draw.choice(list(held))
                del held[tenant, text]
                index.remove(tenant, text)
                plain.remove(index.owners[tenant], text)
            else:
                entries = drawn_many(draw, alphabet, index, held)
                held |= dict.fromkeys(entries)
                if len(entries) == 1:
                    index.add(*entries[0])
                else:
                    index.add_many(entries)
                for tenant, text in entries:
                    plain.add(index.owners[tenant], text)
            question = drawn(draw, alphabet, [text for _, text in held])
            assert found(index, question) == index.found(plain.find(question))
        if draw.random() < 0.5:
            while index.grams.settle():
                pass
            question = "zz".join(text for _, text in held)
            assert found(index, question) == index.found(plain.find(question))
        for tenant, text in held:
            index.remove(tenant, text)
            assert found(index, text) == {} or len(held) > 1
        assert all(found(index, text) == {} for _, text in held)


def drawn_many(
    draw: random.Random, alphabet: str, index: Index, held: dict[tuple[TenantId, str], None]
) -> list[tuple[TenantId, str]]:
    """Give one text, or a dozen, that their tenants do not hold yet."""
    entries: dict[tuple[TenantId, str], None] = {}
    for _ in range(draw.choice((1, 1, 12))):
        seen = [text for _, text in [*held, *entries]]
        entries[draw.choice(list(index.owners)), drawn(draw, alphabet, seen)] = None
    return [entry for entry in entries if entry not in held]


def test_a_place_that_goes_while_its_columns_are_merged_is_gone_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "_LEAST", 8)
    monkeypatch.setattr(places, "_ROWS", 5)
    draw = random.Random(5)
    index = Index()
    texts = ["".join(draw.choices("abcdefghij", k=60)) for _ in range(40)]
    for text in texts:
        index.add(ACME, text)
        index.add(GLOBEX, text)
    gone = 0
    while index.grams.settle():
        if gone < len(texts):
            index.remove(ACME, texts[gone])
            gone += 1
    assert gone > 20
    everybody = {GLOBEX, ACME}
    for number, text in enumerate(texts):
        whose = {GLOBEX} if number < gone else everybody
        assert found(index, text) == dict.fromkeys(range(60 - RUN + 1), whose)
