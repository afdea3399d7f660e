"""Laws of the excerpt index: what is shared is found in any looks, and nothing else is."""

import codecs
from dataclasses import dataclass
from itertools import zip_longest

from hypothesis import assume, example, given
from hypothesis import strategies as st

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Label, Members, Operator, Owned, Principals, admits
from firewall.core.steps import at_once
from firewall.detect.excerpts.grams import RUN
from firewall.detect.excerpts.index import Excerpts, Quota
from firewall.detect.normal import SKELETON

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, BOB = PrincipalId("ann"), PrincipalId("bob")


def private(tenant: TenantId, principal: PrincipalId) -> Owned:
    return Owned(tenant=tenant, readers=Principals(ids=frozenset({principal})))


def alone(tenant: TenantId, principal: PrincipalId) -> Audience:
    return Audience(
        tenant=tenant, principal=principal, person=True, room=None, private=True, members_only=False
    )


ANNS, BOBS = private(ACME, ANN), private(GLOBEX, BOB)
FOR_ANN, FOR_BOB = alone(ACME, ANN), alone(GLOBEX, BOB)

# Few letters, so that texts share runs by themselves; enough to be no repetition.
LETTERS = st.text("abcdefghij0123 ", max_size=120)
# The same with letters beyond ASCII, full-width ones, and marks that are no letters.
SPELLED = LETTERS | st.text("abcdef0123éжяａ１三 \u0301\u200b", max_size=120)
PROSE = st.text(
    st.one_of(st.sampled_from("abcdefgh01 .-\n"), st.characters(exclude_categories=["Cs"])), max_size=60
)
SECRET = st.text("abcdefghijklmnop0123456789", min_size=RUN, max_size=90)


@dataclass(frozen=True)
class Disguise:
    """One way of writing a character so that a reader still reads it."""

    between: str
    wide: bool
    upper: bool

    def __call__(self, text: str) -> str:
        shown = text.upper() if self.upper else text
        if self.wide:
            shown = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in shown)
        return self.between.join(shown)


DISGUISES = st.builds(
    Disguise,
    between=st.sampled_from(
        ["", " ", "-", "\u200b", "\u00ad", "\n", "._", "\u0301", "\U000e0041\u202e", " | "]
    ),
    wide=st.booleans(),
    upper=st.booleans(),
)


def rich(text: str) -> bool:
    return all(len(set(text[i : i + RUN])) >= 6 for i in range(len(text) - RUN + 1))


def covered(index: Excerpts, text: str, audience: Audience) -> set[int]:
    return {place for match in index.find(text, audience) for place in range(match.start, match.stop)}


@given(before=PROSE, after=PROSE, secret=SECRET, disguise=DISGUISES, data=st.data())
def test_any_run_of_23_is_found_whatever_its_looks(
    before: str, after: str, secret: str, disguise: Disguise, data: st.DataObject
) -> None:
    assume(rich(secret))
    start = data.draw(st.integers(0, len(secret) - RUN))
    stop = data.draw(st.integers(start + RUN, len(secret)))
    index = Excerpts()
    index.learn(secret, ANNS)
    shown = disguise(secret[start:stop])
    found = covered(index, before + shown + after, FOR_BOB)
    assert found >= set(range(len(before), len(before) + len(shown.rstrip("\u0301"))))
    assert covered(index, before + shown + after, FOR_ANN) == set()


@given(
    value=st.sampled_from(["AB-12345", "Ansel Masson", "482913", "kx7-Q2 99"]),
    before=PROSE,
    after=PROSE,
    disguise=DISGUISES,
)
def test_a_vault_value_is_found_whole_whatever_its_looks(
    value: str, before: str, after: str, disguise: Disguise
) -> None:
    index = Excerpts()
    index.learn(value, ANNS, whole=True)
    assert index.keeps(value)
    shown = disguise(value)
    found = covered(index, before + shown + after, FOR_BOB)
    letters = {len(before) + i for i, c in enumerate(shown) if c.isalnum()}
    assert letters <= found
    assert covered(index, before + shown + after, FOR_ANN) == set()


def naive(texts: list[tuple[str, Owned]], text: str, audience: Audience) -> set[int]:
    """Say from the definition alone which skeleton characters are foreign."""
    skeleton = SKELETON.fold(text)
    foreign: set[int] = set()
    own: set[int] = set()
    for start in range(len(skeleton) - RUN + 1):
        run = skeleton[start : start + RUN]
        knows = [label for known, label in texts if run in SKELETON.fold(known)]
        if knows and len(set(run)) >= 6:
            target = own if any(admits(label, audience) for label in knows) else foreign
            target.update(range(start, start + RUN))
    return foreign - own


@given(
    texts=st.lists(
        st.tuples(SPELLED, st.sampled_from([ANNS, BOBS, Owned(tenant=GLOBEX, readers=Members())])),
        max_size=14,
    ),
    cuts=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 110), st.integers(10, 60)), max_size=6),
    dropped=st.sets(st.sampled_from([ANNS, BOBS]), max_size=1),
)
@example(texts=[("abcdefghij0123abcdefghij0123", ANNS)] * 3, cuts=[(0, 0, 23)], dropped=set())
def test_find_is_what_its_definition_says(
    texts: list[tuple[str, Owned]], cuts: list[tuple[int, int, int]], dropped: set[Owned]
) -> None:
    index = Excerpts()
    for text, label in texts:
        index.learn(text, label)
    for label in dropped:
        index.forget(label)
    left = [(text, label) for text, label in texts if label not in dropped]
    question = " ".join(texts[n][0][a : a + m] for n, a, m in cuts if n < len(texts))
    normal = SKELETON.normal(question)
    for audience in (FOR_ANN, FOR_BOB):
        expected = {normal.starts[place] for place in naive(left, question, audience)}
        assert {p for p in covered(index, question, audience) if question[p].isalnum()} == expected


LABELS = st.sampled_from([ANNS, BOBS, Owned(tenant=GLOBEX, readers=Members()), Operator()])
SAID = st.lists(st.tuples(SPELLED | st.just("AB-12345"), LABELS, st.booleans()), max_size=16)


@given(
    said=SAID,
    cuts=st.lists(st.tuples(st.integers(0, 15), st.integers(0, 110), st.integers(6, 60)), max_size=6),
    pages=st.integers(1, 9),
    quota=st.sampled_from([60, 150, 200_000]),
)
@example(said=[("abcdefghij0123abcdefghij0123", ANNS, False)] * 3, cuts=[(0, 0, 28)], pages=2, quota=60)
def test_many_at_once_are_known_as_one_after_the_other(
    said: list[tuple[str, Label, bool]], cuts: list[tuple[int, int, int]], pages: int, quota: int
) -> None:
    one, many = (Excerpts(Quota(label=quota)) for _ in range(2))
    for text, label, whole in said:
        one.learn(text, label, whole=whole)
    for start in range(0, len(said), pages):
        many.learn_many(said[start : start + pages])
    many.learn_many([])
    while many.settle():
        pass
    question = " ".join(said[n][0][a : a + m] for n, a, m in cuts if n < len(said))
    for text in (question, *(text for text, _, _ in said)):
        for audience in (FOR_ANN, FOR_BOB):
            assert many.find(text, audience) == one.find(text, audience)
    for label in (ANNS, BOBS):
        many.forget(label)
    many.forget_tenant(GLOBEX)
    assert many.find(question, alone(TenantId("other"), ANN)) == []


@given(phrase=SECRET, tails=st.lists(SECRET, min_size=12, max_size=20, unique=True), which=st.integers(0, 11))
def test_a_phrase_with_many_endings_hides_none_of_them(phrase: str, tails: list[str], which: int) -> None:
    index = Excerpts()
    head = phrase[:16]
    for tail in tails:
        index.learn(head + tail, ANNS)
    run = (head + tails[which])[:RUN]
    assume(len(set(run)) >= 6)
    assert covered(index, run, FOR_BOB) == set(range(RUN))
    # The phrase with an ending that nobody gave it is 22 shared characters at most.
    assert covered(index, run[: RUN - 1] + "z", FOR_BOB) == set()
    index.forget(ANNS)
    assert covered(index, run, FOR_BOB) == set()


@given(mine=LETTERS, theirs=LETTERS, question=LETTERS)
def test_the_answer_changes_only_where_a_real_excerpt_stands(mine: str, theirs: str, question: str) -> None:
    without, with_theirs = Excerpts(), Excerpts()
    for index in (without, with_theirs):
        index.learn(mine, BOBS)
    with_theirs.learn(theirs, ANNS)
    assert without.find(question, FOR_BOB) == []
    skeleton, known = SKELETON.fold(question), SKELETON.fold(theirs)
    shares = any(skeleton[i : i + RUN] in known for i in range(len(skeleton) - RUN + 1))
    if not shares:
        assert with_theirs.find(question, FOR_BOB) == []


@given(text=SECRET, claims=st.permutations([ANNS, BOBS]))
def test_what_two_tenants_own_is_foreign_to_neither(text: str, claims: list[Owned]) -> None:
    index = Excerpts()
    for label in claims:
        index.learn(text, label)
    assert not index.find(text, FOR_ANN)
    assert not index.find(text, FOR_BOB)


@given(text=SECRET)
def test_operator_text_is_never_learned(text: str) -> None:
    index = Excerpts()
    index.learn(text, Operator(), whole=True)
    assert not index.find(text, FOR_BOB)


@given(flood=st.lists(st.text("abcdefghijklmnop", min_size=30, max_size=80), min_size=1, max_size=30))
def test_one_tenants_flood_pushes_out_nobody_elses(flood: list[str]) -> None:
    index = Excerpts(quota=Quota(label=200, tenant=300))
    kept = "zyxwvu9876543210zyxwvutsrq"
    index.learn(kept, BOBS)
    for number, text in enumerate(flood):
        index.learn(text, private(ACME, PrincipalId(f"p{number % 5}")))
    assert covered(index, kept, FOR_ANN) == set(range(len(kept)))


def _stretches(index: Excerpts, text: str) -> set[tuple[int, int, str]]:
    return {(match.start, match.stop, match.key) for match in index.find(text, FOR_BOB)}


@given(
    known=st.lists(LETTERS | SECRET, min_size=1, max_size=4),
    value=st.text("abkx0127", min_size=8, max_size=14),
    texts=st.lists(SPELLED | PROSE, max_size=3),
    places=st.lists(st.tuples(st.integers(0, 200), st.integers(6, 90)), max_size=3),
    rotate=st.booleans(),
    turn=st.booleans(),
    shared=st.booleans(),
)
def test_the_mirrors_of_a_text_are_found_as_if_each_were_looked_at_alone(
    known: list[str],
    value: str,
    texts: list[str],
    places: list[tuple[int, int]],
    rotate: bool,
    turn: bool,
    shared: bool,
) -> None:
    index = Excerpts()
    for each in known:
        index.learn(each, ANNS)
    index.learn(value, ANNS, whole=True)
    if shared:
        index.learn(known[0][:40], BOBS)
    pieces = [known[0][start : start + size] for start, size in places] + [value]
    text = " ".join(piece for pair in zip_longest(texts, pieces, fillvalue="") for piece in pair)
    text = codecs.encode(text, "rot13") if rotate else text
    text = text[::-1] if turn else text
    alone_each = _stretches(index, text) | _stretches(index, codecs.encode(text, "rot13"))
    backwards = _stretches(index, text[::-1])
    alone_each |= {(len(text) - stop, len(text) - start, key) for start, stop, key in backwards}
    found = {(match.start, match.stop, match.key) for match in at_once(index.finding_mirrored(text, FOR_BOB))}
    assert found == alone_each


@given(secret=SECRET, public=LETTERS, start=st.integers(0, 100), size=st.integers(RUN, 90))
def test_public_text_is_nobodys_and_what_goes_beyond_it_is_not(
    secret: str, public: str, start: int, size: int
) -> None:
    assume(rich(secret))
    index = Excerpts()
    index.learn(secret, ANNS)
    before = covered(index, secret, FOR_BOB)
    part = secret[start : start + size]
    index.approve(part)
    free: set[int] = set(range(start, start + len(part))) if len(part) >= RUN else set()
    assert covered(index, secret, FOR_BOB) == before - free
    index.approve(public)
    assert len(SKELETON.fold(public)) < RUN or not covered(index, public, FOR_BOB)
    index.forget_tenant(ACME)
    assert not covered(index, secret, FOR_BOB)
