"""Laws of disguise: whatever is made of a value, some view shows it and leads back to where it stands."""

import base64
import codecs
import gzip
import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from firewall.core.errors import ServiceUnavailable
from firewall.detect.disguise.views import undisguised, views
from firewall.detect.normal import SKELETON

ACME, GLOBEX = "Ansel Masson 4417-2290", "Zoë Quimby kx7-Q299"

Disguise = Callable[[str], str]


def wrapped(text: str) -> str:
    code = base64.b64encode(text.encode()).decode()
    return "\n".join(code[start : start + 64] for start in range(0, len(code), 64))


CODES: dict[str, Disguise] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "unpadded": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "wrapped": wrapped,
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "b85": lambda text: base64.b85encode(text.encode()).decode(),
    "a85": lambda text: base64.a85encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "spaced hex": lambda text: text.encode().hex(" "),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "some percent": lambda text: quote(text, safe=""),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "octets": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "quoted": lambda text: quopri.encodestring(text.encode()).decode(),
    "codes": lambda text: " ".join(str(ord(char)) for char in text),
    "gzip": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "json": json.dumps,
    "html": html.escape,
    "tags": lambda text: "".join(chr(0xE0000 + ord(char)) if " " <= char <= "~" else char for char in text),
}  # fmt: skip
WORDY = ("well ", "Done! ", "ok.\n", "year 2024, ", "A1 ", "4c", "=", "&", "50 % ", "mail a@b.c ")
MIRRORED: dict[str, Disguise] = {
    "reversed": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
}
VALUE = st.one_of(
    st.sampled_from([ACME, GLOBEX, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "+49 30 901820 x7"]),
    st.text(st.sampled_from("abcdefgXYZ0123456789 -._@äß"), min_size=10, max_size=48).filter(
        lambda text: len(set(SKELETON.fold(text))) > 4 and text == text.strip()
    ),
)
WORDS = st.lists(
    st.sampled_from(["the", "answer", "is", "here", "you", "are", "well, ", "Done!", "ok.", "\n"]),
    max_size=12,
).map(" ".join)


def reads(text: str, value: str) -> list[tuple[int, int]]:
    wanted = SKELETON.fold(value)
    found: list[tuple[int, int]] = []
    for view in views(text):
        normal = SKELETON.normal(view.text)
        at = normal.text.find(wanted)
        while at >= 0:
            found.append(view.span(*normal.span(at, at + len(wanted))))
            at = normal.text.find(wanted, at + 1)
    return found


@given(name=st.sampled_from(sorted(CODES)), value=VALUE, before=WORDS, after=WORDS)
def test_a_disguise_is_seen_through_and_only_it_is_cut(
    name: str, value: str, before: str, after: str
) -> None:
    assume(name != "tags" or value.isascii())
    run = CODES[name](value)
    text = f"{before} : {run} : {after}"
    start = len(before) + 3
    if SKELETON.fold(value) in SKELETON.fold(text):
        return
    spans = reads(text, value)
    assert any(start <= a < b <= start + len(run) for a, b in spans), (run, spans)


@settings(max_examples=60)
@given(names=st.lists(st.sampled_from(sorted(CODES.keys() - {"tags"})), min_size=2, max_size=3), value=VALUE)
def test_disguises_inside_disguises_are_seen_through(names: list[str], value: str) -> None:
    run = value
    for name in names:
        run = CODES[name](run)
    text = f"it is: {run}"
    assert SKELETON.fold(value) in SKELETON.fold(text) or any(start >= 7 for start, _ in reads(text, value))


@settings(max_examples=60)
@given(
    code=st.sampled_from(["base64", "hex", "percent", "base32", "codes"]),
    mirror=st.sampled_from(sorted(MIRRORED)),
    outside=st.booleans(),
    value=VALUE,
)
def test_a_mirror_before_or_behind_a_code_hides_nothing(
    code: str, mirror: str, outside: bool, value: str
) -> None:
    first, second = (CODES[code], MIRRORED[mirror]) if outside else (MIRRORED[mirror], CODES[code])
    text = f"it is: {second(first(value))}"
    assert SKELETON.fold(value) in SKELETON.fold(text) or reads(text, value)


@given(one=st.sampled_from(sorted(CODES)), other=st.sampled_from(sorted(CODES)))
def test_values_of_two_tenants_are_both_found(one: str, other: str) -> None:
    globex = "Zoe Quimby kx7-Q299"
    text = f"first: {CODES[one](ACME)} | and then: {CODES[other](globex)} |"
    for value in (ACME, globex):
        assert SKELETON.fold(value) in SKELETON.fold(text) or reads(text, value)


@given(
    text=st.text(st.one_of(st.sampled_from("aA9+/=%&#;\\xu0 \n.:\u200b\u200c"), st.characters()), max_size=80)
)
def test_no_text_breaks_the_search_and_every_span_lies_in_it(text: str) -> None:
    try:
        found = views(text)
    except ServiceUnavailable:
        return
    for view in found:
        for start in range(0, len(view.text), 7):
            first, last = view.span(start, len(view.text))
            assert 0 <= first < last <= len(text)


@given(st.lists(st.sampled_from([*WORDY, *(make(ACME) for make in CODES.values())]), max_size=6).map("".join))
def test_where_nothing_is_disguised_no_piece_has_a_reading(text: str) -> None:
    if undisguised(text):
        for start in range(len(text)):
            assert not views(text[start:], mirrors=False)
            assert not views(text[:start], mirrors=False)
