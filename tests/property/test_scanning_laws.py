"""Laws of scanning: what is skipped for speed changes no finding, and the work grows with the text alone."""

import base64
import codecs
import gzip
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Detector, Match
from firewall.detect.detectors import All
from firewall.detect.disguise.views import views
from firewall.detect.excerpts.listed import Foreign
from firewall.detect.identifiers import Identifiers
from partywall.scanning import Scanner
from tests.fakes.plain_detect import scanned_slowly, unmasked_slowly

ACME, GLOBEX = "ORD-48291177", "heron plan of 7391"
DETECTORS: tuple[Detector, ...] = (Identifiers(), Foreign([GLOBEX, "4417-0093"]))
WAYS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b32encode(text.encode()).decode().lower().rstrip("="),
    lambda text: base64.b85encode(text.encode()).decode(),
    lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
    lambda text: text.encode().hex(":"),
    lambda text: " ".join(str(ord(char)) for char in text),
    "\u200b".join,
    lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
)
WORDS = (
    "well ",
    "Done! ",
    "ok.\n",
    "the weather stays. ",
    "iPhone12 ",
    "é\n",
    "\x07",
    "=\n",
    " = \n",
    "。",
    "4c ",
)


def in_disguise(way: Callable[[str], str], value: str) -> str:
    return way(value)


TEXTS = st.lists(
    st.sampled_from(WORDS)
    | st.builds(in_disguise, st.sampled_from(WAYS), st.sampled_from((ACME, GLOBEX)))
    | st.text(st.sampled_from("aA0+=/. \n%\\x41é"), max_size=8),
    max_size=12,
).map("".join)


@settings(max_examples=60)
@given(text=TEXTS, times=st.sampled_from((1, 1, 30)))
@example(text="fine.\n", times=200)
@example(text="fine. Fine.\n" * 70 + ACME + "\n" + "é fine\n" * 9, times=1)
def test_glances_at_many_segments_together_lose_no_finding(text: str, times: int) -> None:
    text = "quiet words.\n" * times + text + "\nand more. " * times
    try:
        wanted = unmasked_slowly(DETECTORS, text)
    except ServiceUnavailable:
        with pytest.raises(ServiceUnavailable):
            All(DETECTORS).scan(text)
        return
    found = All(DETECTORS).scan(text)
    assert set(found) == wanted
    assert len(found) == len(wanted)


@settings(max_examples=60)
@given(text=TEXTS)
@example(text="é= \n")
@example(text=f"{ACME} {ACME[::-1]} {base64.b64encode(ACME.encode()).decode()}")
def test_a_scanner_tells_what_the_plain_one_tells(text: str) -> None:
    try:
        wanted = scanned_slowly(DETECTORS, text)
    except ServiceUnavailable:
        with pytest.raises(ServiceUnavailable):
            Scanner(DETECTORS).scan(text)
        return
    found = Scanner(DETECTORS).scan(text).findings
    assert sorted((each.start, each.stop, each.rule, each.via) for each in found) == wanted
    for each in found:
        assert 0 <= each.start < each.stop <= len(text)


class Counted:
    """Finds ids, and counts the characters that it was shown."""

    def __init__(self) -> None:
        self._ids = Identifiers()
        self.rules = self._ids.rules
        self.shown = self.glanced = 0

    def excludes(self, text: str) -> bool:
        self.glanced += len(text)
        return self._ids.excludes(text)

    def scan(self, text: str) -> Sequence[Match]:
        self.shown += len(text)
        return self._ids.scan(text)


def test_a_detector_is_shown_only_what_stands_near_a_value() -> None:
    counted = Counted()
    text = "quiet words and no more.\n" * 2_000 + f"see {ACME}\n" + "quiet é words.\n" * 2_000
    assert {match.stop for match in All([counted]).scan(text)} == {50_004 + len(ACME)}
    assert counted.shown < 400
    assert counted.glanced < 6 * len(text)


@pytest.mark.parametrize("line", [f"{ACME}\n", "12 345 67\n", "é 482 917 66 x\n"])
def test_the_work_of_detectors_grows_with_the_text_and_no_faster(line: str) -> None:
    def work(size: int) -> int:
        counted = Counted()
        All([counted]).scan((line * size)[:size])
        return counted.shown + counted.glanced

    assert work(16_000) <= 5 * work(4_000)


def dense(rng: random.Random, size: int) -> str:
    """Give lines of digits in groups, which may be a number of some kind anywhere."""
    return "\n".join(" ".join(str(rng.randrange(10, 99_999)) for _ in range(12)) for _ in range(size // 64))


RNG = random.Random(5)
BAD = {
    "base64-of-base64": base64.b64encode(base64.b64encode(ACME.encode() * 2_000)).decode(),
    "random-base64": base64.b64encode(RNG.randbytes(30_000)).decode(),
    "a-bomb": base64.b64encode(gzip.compress(b"\0" * 20_000_000, mtime=0)).decode(),
    "a-bomb-in-a-bomb": base64.b64encode(gzip.compress(gzip.compress(b"\0" * 20_000_000), mtime=0)).decode(),
    "bytes-that-are-no-utf-8": RNG.randbytes(20_000).decode("utf-8", "surrogateescape"),
    "one-long-line": "".join(RNG.choices("abcdefghij", k=60_000)),
    "dense-digits": dense(RNG, 20_000),
    "one-line-of-digits": "".join(RNG.choices("0123456789", k=20_000)),
    "deep-brackets": "[" * 60_000,
    "backslashes": "\\" * 60_000,
    "percents": "%25" * 8_000,
    "entities-of-entities": "&amp;amp;" * 3_000,
    "soft-breaks": "= \n" * 8_000,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_examined_within_its_bounds_or_refused(name: str) -> None:
    text = BAD[name]
    try:
        read = sum(len(view.text) for view in views(text))
        found = Scanner(DETECTORS).scan(text + f"\n{ACME}\n")
    except ServiceUnavailable:
        return
    # Of each code point of the text eight may be read in disguise, and each of these in seven mirrors.
    assert read <= 8 * (8 * len(text) + 65_536)
    assert [each for each in found.findings if each.kind == "ID" and each.start == len(text) + 1]


def test_what_was_said_once_is_not_compared_with_everything_said_before() -> None:
    lines = "".join(f"{ACME[:4]}{number:08}\n" for number in range(3_000))
    found = Scanner(DETECTORS).scan(lines).findings
    assert len({each.stop for each in found if not each.via}) == 3_000
