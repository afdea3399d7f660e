"""Laws of placeholders: what is hidden comes back as it was, in any chunking, and nothing else comes back."""

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.ids import derived
from firewall.core.message import operator_part
from firewall.core.ports import Match
from firewall.core.subject import ModelCall
from firewall.detect.keys import key_of
from firewall.detect.own import OwnValues
from firewall.obligations import unmarked
from firewall.placeholders import Placeholders
from firewall.restoring import Restoring
from firewall.tokens import LONGEST, tokens
from tests.fakes.tenants import line, mixed, part

ACME, GLOBEX = b"acme" * 8, b"globex" * 8
FOUND = (
    ("EMAIL_ADDRESS", re.compile(r"\w+@\w+\.com", re.IGNORECASE)),
    ("PHONE_NUMBER", re.compile(r"[0-9][0-9 -]{3,}[0-9]")),
    # Overlaps the others, and may begin and end inside words and markers.
    ("PERSON", re.compile(r"zed.{0,6}", re.IGNORECASE)),
)


class Patterns:
    """Finds what three patterns do, which overlap."""

    @property
    def rules(self) -> Sequence[str]:
        return tuple(f"pii.{kind}" for kind, _ in FOUND)

    def scan(self, text: str) -> Sequence[Match]:
        return [
            Match(
                start=hit.start(),
                stop=hit.end(),
                kind=kind,
                rule=f"pii.{kind}",
                key=key_of(kind, hit.group()),
            )
            for kind, pattern in FOUND
            for hit in pattern.finditer(text)
        ]


def session(secret: bytes, read: Sequence[str] = ()) -> Placeholders:
    return Placeholders(OwnValues(Patterns()), lambda *fields: derived(secret, "test", *fields), lambda: read)


def hidden(placeholders: Placeholders, *texts: str) -> list[str]:
    leaves = tuple(line(text, part(text), slot=str(number)) for number, text in enumerate(texts))
    return [each.text for each in placeholders.hide(ModelCall(leaves=leaves))[0].leaves]


TOKEN = next(iter(re.findall(r"Pw\w+", hidden(session(ACME), "bob@corp.com")[0])))
PIECES = st.sampled_from(
    (
        *(
            "bob@corp.com",
            "BOB@corp.com",
            "Bob@Corp.COM",
            "zed@corp.com",
            "zedbob@corp.com",
            "12345",
            "123-45",
        ),
        *(
            "zed",
            "Zed",
            "[REDACTED:EMAIL_ADDRESS]",
            "PwEmailAddress",
            "pwid",
            "Pw",
            "P",
            "é",
            "\n",
            " ",
            ", ",
        ),
        *(TOKEN, TOKEN.upper(), TOKEN[:9], TOKEN[9:], "x", "0", "\ud800", "ſ", "\u212a", "&lt;", "\\_"),
    )
)
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join)


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_what_is_hidden_is_restored_as_it_was(texts: list[str], before: str) -> None:
    placeholders = session(ACME, [before])
    assert [placeholders.restored(each) for each in hidden(placeholders, *texts)] == texts


@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_nothing_that_is_found_is_left(texts: list[str], before: str) -> None:
    placeholders = session(ACME, [before])
    values = {text[match.start : match.stop] for text in texts for match in Patterns().scan(text)}
    for each in hidden(placeholders, *texts):
        without = "".join(re.split(r"Pw(?:EmailAddress|PhoneNumber|Person|Other)[0-9a-z]{13}", each))
        words = set(re.findall(r"[\w@.-]+", without))
        assert not values & words


@given(TEXTS, st.data())
def test_a_stream_is_restored_as_the_whole_in_every_chunking(text: str, data: st.DataObject) -> None:
    placeholders = session(ACME)
    said = hidden(placeholders, text)[0]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=8)))
    stream, out, fed = Restoring(placeholders), "", 0
    for start, stop in zip((0, *cuts), (*cuts, len(said)), strict=True):
        before = len(out)
        out += stream.feed(said[start:stop])
        fed = stop
        assert before <= len(out)
        assert fed - len(said) < LONGEST
    assert out + stream.finish() == placeholders.restored(said) == text


@given(TEXTS, TEXTS)
def test_another_session_restores_nothing_of_it(text: str, own: str) -> None:
    theirs, mine = session(ACME), session(GLOBEX, [own])
    said = hidden(theirs, text)[0]
    hidden(mine, own, text)
    made = {body for _, _, body in tokens(said)} - {body for _, _, body in tokens(text + own)}
    assert mine.restored(said) == said or not made


def test_another_session_restores_nothing_though_it_holds_the_same_value() -> None:
    theirs, mine = session(ACME), session(GLOBEX)
    said = hidden(theirs, "bob@corp.com")[0]
    assert hidden(mine, "bob@corp.com")[0] != said
    assert mine.restored(said) == mine.resolved(said) == said


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_equal_values_have_equal_placeholders_whatever_came_before(texts: list[str]) -> None:
    first, second = (
        hidden(session(ACME), *texts, "bob@corp.com"),
        hidden(session(ACME, texts), "bob@corp.com"),
    )
    assert first[-1] == second[-1]


def test_spellings_of_one_value_differ_at_the_end_alone() -> None:
    one, other = hidden(session(ACME), "bob@corp.com", "BOB@corp.com")
    assert one != other
    assert one[:-3] == other[:-3]


@given(TEXTS, TEXTS)
def test_an_operators_text_is_never_altered(constant: str, said: str) -> None:
    leaf = mixed((constant + "\n", operator_part(constant)), ("\n" + said, part(said)))
    if any(
        match.stop > len(constant) for match in Patterns().scan(leaf.text) if match.start <= len(constant)
    ):
        return
    judged, _ = session(ACME).hide(ModelCall(leaves=(leaf,)))
    assert judged.leaves[0].text.startswith(constant + "\n")


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_what_was_restored_once_is_not_restored_again(texts: list[str]) -> None:
    placeholders = session(ACME, texts)
    for each in texts:
        assert placeholders.resolved(placeholders.restored(hidden(placeholders, each)[0])) == each


def test_nothing_is_marked_for_a_value_of_ones_own() -> None:
    _, told = session(ACME).hide(ModelCall(leaves=(line("bob@corp.com zed", part("x")),)))
    assert [(each.rule, each.count, each.violation, each.touched) for each in told] == [
        ("pii.EMAIL_ADDRESS", 1, False, unmarked([])),
        ("pii.PERSON", 1, False, unmarked([])),
    ]
