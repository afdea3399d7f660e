"""A stream is cut where it may be cut, and nothing of it is altered or lost."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from firewall.core.ports import Match
from firewall.streams import Cutter

SECRET = "globexquarterlynumbersoflastyear"


def scan(text: str) -> Sequence[Match]:
    start = text.find(SECRET)
    return [] if start < 0 else [Match(start=start, stop=start + len(SECRET), kind="EXCERPT", rule="excerpt")]


PIECES = st.lists(
    st.sampled_from(["One sentence that is long enough. ", "\n", "short ", SECRET, SECRET[:9], SECRET[9:]]),
    max_size=12,
)


@given(PIECES)
def test_the_stretches_together_are_the_stream_and_none_ends_inside_a_match(pieces: list[str]) -> None:
    cutter = Cutter(scan)
    out = [stretch for piece in pieces if (stretch := cutter.feed(piece))]
    out.append(cutter.finish())
    whole = "".join(pieces)
    assert "".join(out) == whole
    ends, position = list[int](), 0
    for stretch in out:
        position += len(stretch)
        ends.append(position)
    for match in scan(whole):
        assert not any(match.start < end < match.stop for end in ends)


def test_text_comes_before_the_stream_ends() -> None:
    cutter = Cutter(scan)
    early = "".join(cutter.feed(f"This is sentence number {n} of them all.\n") for n in range(5))
    assert early.startswith("This is sentence number 0")
    assert early != ""
