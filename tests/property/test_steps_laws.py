"""A long text gives the same in steps as at once, wherever the steps end."""

from collections.abc import Sequence
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.core.ports import Detector, Match
from firewall.core.steps import Steps, at_once
from firewall.detect import blocks as cutting
from firewall.detect.blocks import blocks, scanning
from firewall.detect.detectors import All
from firewall.detect.disguise import unmasked
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts import windows
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.segments import bounds
from tests.fakes.stores import WordDetector

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, BOB = PrincipalId("ann"), PrincipalId("bob")
SPOKEN = [
    "the quarterly numbers are worse than anybody outside may know",
    "zebra-4417-lantern",
    "nobody has told the landlord about the second boiler yet",
]
PIECE = st.one_of(
    st.sampled_from([*SPOKEN, *(each[::-1] for each in SPOKEN), "ORD-1001", "ORD-2002", "ab==", "\n", ". B"]),
    st.text("abcdefghij .\n", max_size=40),
    st.text(max_size=8),
)
TEXTS = st.lists(PIECE, max_size=30).map("".join)


def private(tenant: TenantId, principal: PrincipalId) -> Owned:
    return Owned(tenant=tenant, readers=Principals(ids=frozenset({principal})))


def alone(tenant: TenantId, principal: PrincipalId) -> Audience:
    return Audience(
        tenant=tenant, principal=principal, person=True, room=None, private=True, members_only=False
    )


def planted() -> Excerpts:
    index = Excerpts()
    for number, text in enumerate(SPOKEN):
        index.learn(text, private((ACME, GLOBEX)[number % 2], (ANN, BOB)[number % 2]), whole=True)
    return index


INDEX = planted()
READERS = (alone(ACME, ANN), alone(GLOBEX, BOB))


def steps_of(steps: Steps[Sequence[Match]]) -> tuple[int, Sequence[Match]]:
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return count, ended.value
        count += 1


@given(text=TEXTS, block=st.integers(1, 60))
def test_blocks_are_whole_segments_and_lose_nothing(text: str, block: int) -> None:
    ends = {0, *bounds(text), len(text)}
    with mock.patch.object(cutting, "BLOCK", block):
        cut = list(blocks(text))
    assert "".join(text[start:stop] for start, stop in cut) == text
    for start, stop in cut:
        assert {start, stop} <= ends
        assert stop - start <= block or not any(start < end < stop for end in ends)


@settings(deadline=None)
@given(text=TEXTS, block=st.integers(1, 60))
def test_scanning_in_blocks_is_scanning(text: str, block: int) -> None:
    detector: Detector = All([WordDetector()])
    whole = detector.scan(text)
    with mock.patch.object(cutting, "BLOCK", block):
        assert at_once(scanning(detector, text)) == whole


@settings(deadline=None)
@given(text=TEXTS, window=st.integers(1, 60))
def test_looking_up_in_windows_is_looking_up(text: str, window: int) -> None:
    index = Unmasking(INDEX)
    for reader in READERS:
        whole = index.find(text, reader)
        with mock.patch.object(windows, "_WINDOW", window), mock.patch.object(unmasked, "_STEP", window):
            assert at_once(index.finding(text, reader)) == whole
            assert INDEX.find(text, reader) == at_once(INDEX.finding(text, reader))


def test_a_long_text_takes_many_steps_and_a_short_one_none() -> None:
    text = f"{SPOKEN[0]}. And so it goes on\n" * 10_000
    detector = All([WordDetector()])
    assert steps_of(scanning(detector, text[:16_000]))[0] == 0
    assert steps_of(scanning(detector, text))[0] >= len(text) // 16_384
    for reader in READERS:
        count, found = steps_of(Unmasking(INDEX).finding(text, reader))
        assert count >= len(text) // 32_768
        assert bool(found) == (reader is READERS[1])
        assert steps_of(Unmasking(INDEX).finding(text[:16_000], reader))[0] == 0


def test_a_long_text_is_learned_in_steps() -> None:
    index, text = Excerpts(), " ".join(f"word{number} and {number * 7919}" for number in range(20_000))
    steps = index.learning(text, private(ACME, ANN))
    assert sum(1 for _ in steps) > 50
    assert index.find(text[-500:], READERS[1])
    assert not index.find(text[-500:], READERS[0])
