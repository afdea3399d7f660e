"""Laws of prose: what is skipped because it is prose holds nothing, and gates ask what they stand for."""

import random
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.ports import Detector
from firewall.detect import identifiers, prose
from firewall.detect.detectors import All
from firewall.detect.disguise import sight
from firewall.detect.disguise.views import undisguised
from firewall.detect.identifiers import Identifiers
from firewall.detect.normal import PLAIN
from firewall.detect.pii import needs, standard
from firewall.detect.pii.detector import DEFAULT_ENTITIES, PresidioDetector
from firewall.detect.pii.standard import Standard
from firewall.detect.prose import LONGEST, Proseless, is_prose, not_prose
from firewall.detect.secrets import gate
from firewall.detect.secrets.detector import asked
from firewall.detect.secrets.engines import finder
from firewall.detect.secrets.gate import Gate, Joined, Pattern, Plain, apart
from firewall.detect.secrets.stretch import STRETCH, stretched
from tests.fakes.plain_detect import unmasked_slowly
from tests.fakes.rulepack import detector as secrets
from tests.fakes.rulepack import shipped

# What they keep to themselves.
IDENTIFIERS, NEEDS, PROSE, STANDARD = (cast(Any, each) for each in (identifiers, needs, prose, standard))
ACME, GLOBEX = "the acme password is: swordfish-Heron", "dead::beef abcdefab-abcd-abcd-abcd-abcdefabcdef"
PRESIDIO = PresidioDetector(
    entities=(*(each for each in DEFAULT_ENTITIES if each not in standard.OWN), "URL")
)
DETECTORS: tuple[Detector, ...] = (Standard(PRESIDIO), Identifiers(), secrets())
WORDS = (
    *(
        "well ",
        "Done! ",
        "ok.\n",
        'it\'s (so) - "said"; why? ',
        "a.b",
        "www.acme.example",
        "::",
        "a:b:c:",
        "-",
    ),
    *("abcd-", "iPhone", "USAs", "ABCDEFGH", "supercalifragilistic", ACME, GLOBEX, "Basic YWNtZTpnbG9iZXg "),
    *("login: globex password swordfish", "é", "\x07", "4", "@", "\u00a0", "=", "mfa.", "abcdefabcdefabcd"),
)
TEXTS = st.lists(st.sampled_from(WORDS) | st.text("aBcz.:- '\n", max_size=6), max_size=8).map("".join)


def drawn(count: int, seed: int) -> Iterator[str]:
    """Yield examples of the rules with their digits and signs made letters here and there."""
    draw = random.Random(seed)
    examples = [text for rule in shipped() for text in (*rule.positive, *rule.negative)]
    for _ in range(count):
        text = draw.choice(examples)
        worded = re.sub(r"[^A-Za-z \n.,:'\"-]", lambda _: draw.choice("abcdefxyz"), text).lower()
        yield draw.choice((text, worded, " ".join(worded[at : at + 15] for at in range(0, len(worded), 15))))


@given(text=TEXTS)
@example(text=ACME)
@example(text=GLOBEX)
@example(text="see dead::beef there")
def test_what_is_found_in_prose_is_found_without_knowing_that_it_is(text: str) -> None:
    assert set(All(DETECTORS).scan(text)) == unmasked_slowly(DETECTORS, text)


def test_secrets_of_letters_alone_are_found_in_prose() -> None:
    one, skipped, found = All([secrets()]), 0, 0
    for text in drawn(3_000, seed=1):
        if not is_prose(text):
            continue
        wanted = unmasked_slowly([secrets()], text)
        assert set(one.scan(text)) == wanted, text
        skipped += 1
        found += bool(wanted)
    assert skipped > 300
    assert found > 10


@given(text=TEXTS, data=st.data())
@example(text="plain words, nothing else", data=None)
def test_prose_is_its_own_plain_form_and_so_is_every_piece(text: str, data: st.DataObject | None) -> None:
    if not is_prose(text):
        return
    assert PLAIN.fold(text) == text
    assert undisguised(text)
    if data is not None:
        start = data.draw(st.integers(0, len(text)))
        assert is_prose(text[start:])
        assert is_prose(text[:start])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("naïve", id="beyond-ascii"),
        pytest.param("at 4", id="a-digit"),
        pytest.param("a\x07b", id="a-control"),
        pytest.param("a_b", id="a-sign"),
        pytest.param("reAd", id="a-capital-inside"),
        pytest.param("ABCDEFGH", id="capitals-as-in-code"),
    ],
)
def test_what_may_hold_more_is_no_prose(text: str) -> None:
    assert not is_prose(text)
    assert is_prose('It\'s plain: well-known (so "far"); OK?\r\n\tYes!')


def test_a_detector_that_knows_no_gate_is_asked_itself() -> None:
    plain = PresidioDetector(entities=["EMAIL_ADDRESS"], deny=["falcon"])
    assert isinstance(plain, Proseless)
    assert plain.prose_gates is None
    (match,) = All([plain, Identifiers()]).scan("a falcon flies")
    assert (match.start, match.stop) == (2, 8)
    assert Standard(plain).prose_gates is None
    assert list(Standard(None).prose_gates or ()) == []


def test_a_line_that_is_refused_for_its_length_is_refused_though_it_is_prose() -> None:
    assert LONGEST < 100_000
    with pytest.raises(Exception, match="too long"):
        All(DETECTORS).scan("a" * 100_001)


def opens(made: Gate, text: str) -> bool:
    return made.opens(text.encode("ascii"))


DIGITS = st.text(
    st.sampled_from("0123456789") | st.sampled_from("abxAZ@.:-+ ()/_#%\n\x07fF"), max_size=40
) | st.sampled_from(["4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "AB 12345", "ab#1234", "::1"])


@given(text=DIGITS)
def test_a_gate_says_of_ascii_what_its_expression_says(text: str) -> None:
    for need in NEEDS._KNOWN.values():
        assert opens(apart([Pattern(regex=each) for each in need.gate]), text) is bool(need.met(text))
    assert IDENTIFIERS._hinted(text) is (IDENTIFIERS._HINT.search(text) is not None)
    assert STANDARD._six_digits(text) is (STANDARD._SIX_DIGITS.search(text) is not None)


@given(kinds=st.text("aA0+ .", max_size=30))
def test_a_token_is_evident_by_its_classes(kinds: str) -> None:
    bare, digits = kinds.replace(" ", ""), kinds.count("0")
    near = digits >= sight.LEAST_DIGITS and re.search("0(?:[^0]{0,24}0){5}", bare) is not None
    evident = any(each in kinds for each in ("aA", "AAa", "A" * 8, "a0", "0a", "A0", "0A"))
    assert sight.promising(kinds.encode()) is (near or evident)


@given(text=TEXTS | DIGITS)
def test_both_engines_know_the_same_prose(text: str) -> None:
    if text.isascii():
        assert Plain(PROSE._NOT_PROSE).opens(text.encode()) is not_prose().opens(text.encode())


def test_gates_of_either_kind_open_together(monkeypatch: pytest.MonkeyPatch) -> None:
    automatic = apart([Pattern(regex="acme")])
    monkeypatch.setattr(gate, "hyperscan", None)
    joined = Joined([automatic, apart([Pattern(regex="globex")])])
    assert joined.opens(b"an acme")
    assert joined.opens(b"a globex")
    assert not joined.opens(b"neither")


@pytest.mark.parametrize(
    ("pattern", "long"),
    [
        pytest.param("[a-z]{16}", True, id="a-class"),
        pytest.param("[a-z ]{16}", False, id="with-a-space"),
        pytest.param(r"[\w-]{10}(?:a{3}|b{4})\d{3}", True, id="side-by-side"),
        pytest.param(r"a{8}\s?a{8}", False, id="a-space-between"),
        pytest.param("(?:a|b){15}c", True, id="the-shorter-branch"),
        pytest.param("a{16}|b", False, id="one-branch-alone"),
        pytest.param("a{16}|b{17}", True, id="both-branches"),
        pytest.param("x{0,3}[a-z]{15}", False, id="what-may-be-missing"),
        pytest.param("(?:a{16} )?", False, id="all-of-it-may-be-missing"),
        pytest.param("(?:a{16} )+", True, id="inside-of-a-repetition"),
        pytest.param("(?:a{8} ){2}", False, id="a-space-in-a-repetition"),
        pytest.param("(?>a{16})", True, id="atomic"),
        pytest.param("[^a]{20}", False, id="a-class-of-all-others"),
        pytest.param("[[:space:]]{20}", False, id="a-class-of-posix"),
        pytest.param(r"\S{20}", False, id="not-understood"),
        pytest.param("(a", False, id="no-pattern"),
        pytest.param("[!-~]{20}", True, id="a-range"),
        pytest.param("[\t-~]{20}", False, id="a-range-with-spaces"),
        pytest.param("(?=a{20})b", False, id="a-look-ahead"),
    ],
)
def test_a_pattern_holds_a_stretch_if_it_is_written_so(pattern: str, long: bool) -> None:
    assert stretched(pattern) is long


def test_nothing_that_a_stretched_rule_finds_is_without_a_stretch() -> None:
    stretch = apart([STRETCH])
    rules = [rule for rule in shipped() if stretched(asked(rule).regex)]
    assert len(rules) > 400
    assert len(rules) < len(shipped())
    for rule in rules:
        find = finder(rule.pattern, caseless=rule.caseless)
        for text in rule.positive:
            data = text.encode("ascii", "replace")
            assert stretch.opens(data), rule.id
            assert all(stretch.opens(data[max(0, start - 90) : stop]) for start, stop in find.spans(data))
