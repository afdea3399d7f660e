"""Laws of typed values: what is skipped at a glance holds nothing, and segments end where it is said."""

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firewall.core.ports import Detector, Match
from firewall.detect.detectors import All, Glances
from firewall.detect.identifiers import Identifiers
from firewall.detect.pii.detector import PresidioDetector
from firewall.detect.segments import bounds
from tests.fakes.plain_detect import slowly

DETECTORS: tuple[Detector, ...] = (PresidioDetector(), Identifiers())
ACME, GLOBEX = "ann@acme.example", "GLX-48291"
VALUES = (
    *(
        ACME,
        GLOBEX,
        "AB1234",
        "AB12345",
        "ticket_48291",
        "AB 12345",
        "482913",
        "+49 30 901820",
        "10.0.0.7",
        "::1",
    ),
    *("fe80::1ff:fe23:4567:890a", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "078-05-1120"),
    *("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "abcdefab-abcd-abcd-abcd-abcdefabcdef"),
)
# What takes a value's looks away, and what stands around one.
WIDE = {code: code + 0xFEE0 for code in range(ord("!"), ord("~") + 1)}
DISGUISES = ("{}", "{:wide}", "{:hidden}", "{:dash}", "{:arabic}")
ODD = "\u0301\u200b\u00ad\u2011\u3000１Ａ＠：٤é三。！\n\t\x07 .!?\"')]-@:_#a9Z"
AROUND = st.text(st.sampled_from(ODD) | st.sampled_from("abc XYZ 0123.-"), max_size=14)


def disguised(value: str, how: str) -> str:
    match how:
        case "{:wide}":
            return value.translate(WIDE)
        case "{:hidden}":
            return "\u200b".join(value)
        case "{:dash}":
            return value.replace("-", "\u2011")
        case "{:arabic}":
            return "".join(chr(0x0660 + int(char)) if "0" <= char <= "9" else char for char in value)
        case _:
            return value


TEXTS = st.lists(
    AROUND | st.builds(disguised, st.sampled_from(VALUES), st.sampled_from(DISGUISES)), max_size=5
).map("".join)


class Unhurried:
    """The same detector, which never skips a text."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.rules = detector.rules

    def scan(self, text: str) -> Sequence[Match]:
        # A run of digits far away keeps every glance from excluding the text; it is taken out again.
        tail = "\n\n 99999999 a-b-c-d-e @"
        found = self._detector.scan(text + tail)
        return [match for match in found if match.stop <= len(text)]


@given(text=TEXTS)
@example(text="see abcdefab-abcd-abcd-abcd-abcdefabcdef. And more")
@example(text="４８２９１３")
@example(text="harmless words. Nothing else")
def test_what_is_skipped_at_a_glance_holds_nothing(text: str) -> None:
    found = All(DETECTORS).scan(text)
    assert set(found) == slowly(DETECTORS, text)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("detector", [pytest.param(each, id=type(each).__name__) for each in DETECTORS])
@given(text=TEXTS)
@example(text="see AB1234 now")
def test_an_excluded_text_and_all_its_pieces_have_no_match(detector: Detector, text: str) -> None:
    assert isinstance(detector, Glances)
    if not detector.excludes(text):
        return
    for start in range(len(text) + 1):
        assert detector.excludes(text[start:])
        assert detector.excludes(text[:start])
    assert not Unhurried(detector).scan(text)


def test_a_line_that_is_too_long_is_excluded_by_nobody_who_refuses_it() -> None:
    assert not PresidioDetector().excludes("a" * 100_001)
    assert PresidioDetector().excludes("a" * 100_000)


# What an end is, written without regard to how fast it is found.
_END = re.compile(r"\n|[\u3002\uff01\uff1f]|[a-z]{3}[.!?][\"')\]]{0,8}[ \t]{1,8}(?=[^\W\d_])")


def _wrapped(line: str) -> bool:
    """True if a line, with its break, is code that goes on, written without regard to speed."""
    bare = line.removesuffix("\n").rstrip(" \t\r")
    if bare.endswith("="):
        return True
    code = re.split("[ \t>:]", bare)[-1]
    return len(code) >= 16 and bool(re.fullmatch(r"[A-Za-z0-9+/_-]+", code)) and any(map(str.isalpha, code))


def _ends(text: str) -> Iterator[int]:
    line = segment = 0
    for found in _END.finditer(text):
        end = found.end()
        wrapped = text[end - 1] == "\n" and end - segment <= 4_096 and _wrapped(text[line:end])
        line = end
        if end < len(text) and not wrapped:
            yield end
            segment = end


@given(
    text=st.text(st.sampled_from("abcZé9三.!?\"')] \t\n。！？_") | st.characters(), max_size=60)
    | TEXTS
    | st.lists(
        st.sampled_from(
            ["QUJDREVGR0hJSktM", "Zz0+/_-=", "\n", "\r\n", "=\n", "1" * 20, " ", "> ", "abc. Xyz"]
        )
    ).map("".join)
)
@example(text="abc." + ")" * 8 + " " * 8 + "x abc." + ")" * 9 + " x abc." + " " * 9 + "x")
@example(text="QUJDREVGR0hJSktM\n" * 600)
@example(text="abc.! x abc!. x ab。c. x abc.\n abc. \nx")
def test_segments_end_where_their_definition_says(text: str) -> None:
    assert bounds(text) == list(_ends(text))
