"""Laws of streaming: the pieces are the redacted whole, and nothing leaves that a match could still claim."""

import base64
import codecs
import itertools
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import ServiceUnavailable
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.core.ports import Match
from firewall.detect.detectors import All
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.identifiers import Identifiers
from firewall.detect.marker import merged, redacted
from firewall.detect.segments import bounds
from firewall.detect.stream import Holdback

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, BOB = PrincipalId("ann"), PrincipalId("bob")
SPEECH = (
    "The quarterly numbers of the northern plant fell short. Please tell nobody before Friday\n"
    "at noon, not even Zed."
)
CODE = "kx7-Q2 99"
FOR_BOB = Audience(tenant=GLOBEX, principal=BOB, person=True, room=None, private=True, members_only=False)
TYPED = All([Identifiers()])


def lines(start: int, stop: int) -> str:
    return "".join(f"{letter}{chr(ord(letter) ^ 1)}\n" for letter in "abcdefghijklmnopqrstuvwxyz"[start:stop])


def planted() -> Excerpts:
    index = Excerpts()
    index.learn(SPEECH, Owned(tenant=ACME, readers=Principals(ids=frozenset({ANN}))))
    index.learn(CODE, Owned(tenant=ACME, readers=Principals(ids=frozenset({ANN}))), whole=True)
    # Short lines, of which both know the middle: whose a line is depends on several lines before it.
    index.learn(lines(3, 26), Owned(tenant=ACME, readers=Principals(ids=frozenset({ANN}))))
    index.learn(lines(0, 13), Owned(tenant=GLOBEX, readers=Principals(ids=frozenset({BOB}))))
    # What Bob may read begins like Ann's text, so that a match ends in the middle of a stretch.
    index.learn(SPEECH[:45], Owned(tenant=GLOBEX, readers=Principals(ids=frozenset({BOB}))))
    return index


UNMASKED = Unmasking(planted())
DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
}


def scan(text: str) -> Sequence[Match]:
    return [*TYPED.scan(text), *UNMASKED.find(text, FOR_BOB)]


def excerpt(start: int, length: int) -> str:
    return SPEECH[start : start + length]


def disguised(name: str, text: str) -> str:
    return DISGUISES[name](text)


EXCERPT = st.builds(excerpt, st.integers(0, len(SPEECH)), st.integers(5, 70))
DISGUISED = st.builds(
    disguised, st.sampled_from(sorted(DISGUISES)), EXCERPT | st.sampled_from([CODE, "AB-12345", "1234567"])
)
SCRAP = st.one_of(
    EXCERPT,
    DISGUISED,
    st.builds(lines, st.integers(0, 6), st.integers(8, 26)),
    st.sampled_from(
        [
            "AB-12345", "1234567", "12", "word. Next", "ends here. ", "\n", " ", ". ", CODE, "kx7", "Q299",
            "\u200b", "e\u0301", "\u00ad", "\r\n", "\t", "。", "[", "[REDACTED:ID]", "[REDACTED:",
            "REDACTED:EXCERPT]", "\uff11\uff12\uff13\uff14\uff15\uff16", "ＡＢ－",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "a plain and harmless sentence that is long enough. And",
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
WHOLE = st.lists(SCRAP, max_size=14).map("".join)


def chunks_of(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[a:b] for a, b in itertools.pairwise(places)]


CUTS = st.lists(st.integers(1, 400), max_size=40)


@given(text=WHOLE, cuts=CUTS)
def test_the_pieces_are_the_redacted_whole(text: str, cuts: list[int]) -> None:
    stream = Holdback(scan)
    pieces = [stream.feed(chunk) for chunk in chunks_of(text, cuts)]
    assert "".join(pieces) + stream.finish() == redacted(text, scan(text))[0]


@given(text=WHOLE)
def test_one_character_at_a_time_gives_the_same(text: str) -> None:
    stream = Holdback(scan)
    assert "".join(map(stream.feed, text)) + stream.finish() == redacted(text, scan(text))[0]


@given(said=WHOLE, later=WHOLE)
def test_what_was_released_is_released_whatever_follows(said: str, later: str) -> None:
    stream = Holdback(scan)
    released = stream.feed(said)
    assert redacted(said + later, scan(said + later))[0].startswith(released)
    assert released + stream.feed(later) + stream.finish() == redacted(said + later, scan(said + later))[0]


@given(text=WHOLE, cuts=CUTS)
def test_no_foreign_character_leaves_in_any_piece(text: str, cuts: list[int]) -> None:
    stream = Holdback(scan)
    out = "".join(stream.feed(chunk) for chunk in chunks_of(text, cuts)) + stream.finish()
    assert CODE not in out
    assert SPEECH[60:100] not in out
    for disguise in DISGUISES.values():
        assert disguise(CODE) not in out
        assert disguise(SPEECH[60:100]) not in out


@given(one=WHOLE, other=WHOLE)
def test_where_segments_end_is_decided_by_what_came_before(one: str, other: str) -> None:
    assert set(bounds(one)) <= set(bounds(one + other))
    new = set(bounds(one + other)) - set(bounds(one))
    assert all(end >= len(one) - 18 for end in new)


@given(text=WHOLE)
def test_typed_values_depend_on_their_own_segment_alone(text: str) -> None:
    ends = [0, *bounds(text), len(text)]
    alone = {
        (start + match.start, start + match.stop, match.rule)
        for start, stop in itertools.pairwise(ends)
        for match in TYPED.scan(text[start:stop])
    }
    assert alone == {(match.start, match.stop, match.rule) for match in TYPED.scan(text)}


@given(text=WHOLE)
def test_a_marker_is_never_matched_again(text: str) -> None:
    once = redacted(text, scan(text))[0]
    for match in merged(scan(once)):
        cut = once[match.start : match.stop]
        assert "[REDACTED:" not in cut or "[REDACTED:" in text


@given(
    values=st.lists(st.sampled_from(["AB-12345", "1234567", CODE, SPEECH[50:], "harmless words"]), max_size=8)
)
def test_redacting_twice_changes_nothing(values: list[str]) -> None:
    once = redacted("; ".join(values), scan("; ".join(values)))[0]
    assert redacted(once, scan(once)) == (once, ())


@given(
    spans=st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from(["ID", "EXCERPT"])), max_size=9
    )
)
def test_merging_loses_no_character_and_adds_none(spans: list[tuple[int, int, str]]) -> None:
    matches = [Match(start=a, stop=a + n, kind=kind, rule=kind.lower()) for a, n, kind in spans]
    joined = merged(matches)
    before = {place for match in matches for place in range(match.start, match.stop)}
    assert {place for match in joined for place in range(match.start, match.stop)} == before
    assert all(left.stop <= right.start for left, right in itertools.pairwise(joined))
    assert merged(joined) == joined


@given(fill=st.sampled_from(["a", " ", "\n", "\u200b", "1", "[", "a. B"]), size=st.integers(1, 40))
def test_what_cannot_be_decided_is_bounded_and_never_released(fill: str, size: int) -> None:
    stream = Holdback(scan, max_held=100)
    out: list[str] = []
    text = fill * size
    whole = redacted(text * 12, scan(text * 12))[0]
    try:
        out.extend(stream.feed(text) for _ in range(12))
    except ServiceUnavailable:
        with pytest.raises(ServiceUnavailable):
            stream.finish()
        with pytest.raises(ServiceUnavailable):
            stream.feed("more")
    else:
        out.append(stream.finish())
        assert "".join(out) == whole
    assert whole.startswith("".join(out))
