"""Laws of judged text: remembering what passed spares scans and changes no verdict."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.message import Part
from firewall.core.ports import Match
from firewall.core.session import Turn
from firewall.core.subject import ModelReply
from firewall.core.verdict import Allow, Verdict
from firewall.detect.judged import Judged
from firewall.detect.keys import Keys
from firewall.layers.redaction import Redaction
from tests.fakes.clock import FrozenClock, at_once
from tests.fakes.stores import KnownTexts, WordDetector
from tests.fakes.tenants import ACME, GLOBEX, all_members, case, line, outbound, part, turn

SECRET = b"a key of thirty-two bytes, drawn"
TURNS = (turn("ann"), turn("bob"), turn("ann", GLOBEX))
TEXTS = ("all is well", "", "order ORD-1001", "ORD-2002 and ORD-1001", "\ud800 odd", "globexquarterlynumbers")
READ = ((), (part("about ORD-1001"),))


class Counting:
    """Finds the listed words and counts how often it was asked."""

    def __init__(self, *words: str) -> None:
        self._found = WordDetector(words=words)
        self.rules = self._found.rules
        self.looked = 0

    def scan(self, text: str) -> Sequence[Match]:
        self.looked += 1
        return self._found.scan(text)


def layer(judged: Judged | None, *words: str, rules: str = "") -> tuple[Redaction, Counting]:
    detector = Counting(*(words or ("ORD-1001", "ORD-2002")))
    known = KnownTexts([("globexquarterlynumbers", all_members(GLOBEX))])
    made = Redaction(excerpts=known, detector=detector, keys=Keys(WordDetector()), judged=judged, rules=rules)
    return made, detector


def memory(clock: FrozenClock | None = None, *, sessions: int = 2, texts: int = 2) -> Judged:
    return Judged(secret=SECRET, clock=clock or FrozenClock(), keep_s=60.0, sessions=sessions, texts=texts)


def said(by: Redaction, text: str, of: Turn = TURNS[0], read: tuple[Part, ...] = ()) -> Verdict:
    return at_once(by.judge(case(ModelReply(leaves=(line(text),)), of, read=read)))


@given(
    st.lists(
        st.tuples(st.sampled_from(TURNS), st.sampled_from(TEXTS), st.sampled_from(READ), st.integers(0, 40)),
        max_size=30,
    )
)
def test_with_the_memory_every_verdict_is_what_it_is_without(
    steps: list[tuple[Turn, str, tuple[Part, ...], int]],
) -> None:
    clock = FrozenClock()
    (remembering, spared), (forgetful, asked) = layer(memory(clock)), layer(None)
    for who, text, read, seconds in steps:
        clock.pass_s(seconds)
        assert said(remembering, text, who, read) == said(forgetful, text, who, read)
    assert spared.looked <= asked.looked


def test_an_answer_that_passed_is_not_scanned_again_when_it_is_sent() -> None:
    by, detector = layer(memory())
    assert said(by, "all is well") == Allow()
    assert at_once(by.judge(case(outbound(line("all is well")), TURNS[0]))) == Allow()
    assert detector.looked == 1


@pytest.mark.parametrize(
    "other", [pytest.param(1, id="another-principal"), pytest.param(2, id="another-tenant")]
)
def test_what_passed_in_one_session_is_scanned_in_another(other: int) -> None:
    by, detector = layer(memory())
    said(by, "all is well")
    said(by, "all is well", TURNS[other])
    assert detector.looked == 2


def test_what_passed_under_one_set_of_rules_is_scanned_under_another() -> None:
    judged = memory()
    old, _ = layer(judged, "nothing", rules="old")
    new, detector = layer(judged, "ORD-1001", rules="new")
    assert said(old, "order ORD-1001") == Allow()
    assert said(new, "order ORD-1001") != Allow()
    assert detector.looked == 1


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("order ORD-1001", id="what-is-cut"),
        pytest.param("globexquarterlynumbers", id="what-holds-an-excerpt-of-somebody-else"),
    ],
)
def test_what_does_not_pass_as_it_stands_is_never_remembered(text: str) -> None:
    judged = memory()
    by, detector = layer(judged)
    assert said(by, text) == said(by, text) != Allow()
    assert detector.looked == 2
    assert not judged.knows(TURNS[0], "", text)


def test_a_value_that_this_turn_may_read_is_cut_in_one_that_may_not() -> None:
    by, _ = layer(memory())
    assert said(by, "order ORD-1001", read=READ[1]) == Allow()
    assert said(by, "order ORD-1001") != Allow()


def test_what_was_learned_meanwhile_is_found_in_remembered_text() -> None:
    by, detector = layer(memory())
    assert said(by, "the rest of it") == Allow()
    assert isinstance(by.excerpts, KnownTexts)
    by.excerpts.learn("the rest of it", all_members(GLOBEX))
    assert said(by, "the rest of it") != Allow()
    assert detector.looked == 1


def test_the_memory_is_bounded_in_time_and_number_and_keeps_no_text() -> None:
    clock = FrozenClock()
    judged = memory(clock)
    for text in ("one", "two", "three"):
        judged.passed(TURNS[0], "", text)
    assert [judged.knows(TURNS[0], "", text) for text in ("one", "two", "three")] == [False, True, True]
    for who in TURNS[1:]:
        judged.passed(who, "", "mine")
    assert [judged.knows(who, "", "mine") for who in TURNS] == [False, True, True]
    assert not judged.knows(TURNS[0], "", "three")
    clock.pass_s(59.9)
    assert judged.knows(TURNS[1], "", "mine")
    clock.pass_s(0.2)
    assert not judged.knows(TURNS[1], "", "mine")
    assert "mine" not in repr(judged)
    assert SECRET.decode() not in repr(judged)


def test_no_tenant_can_spell_another_ones_session() -> None:
    judged = memory()
    for tenant in (ACME, GLOBEX):
        judged.passed(turn("ann", tenant), "", f"of {tenant}")
    assert judged.knows(turn("ann"), "", f"of {ACME}")
    assert not judged.knows(turn("ann"), "", f"of {GLOBEX}")
    assert not judged.knows(turn("ann", GLOBEX), "", f"of {ACME}")
