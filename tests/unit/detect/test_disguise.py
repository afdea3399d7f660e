"""What is read in a text, where it leads back to, and what is refused."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.detect.disguise.ascii85 import runs
from firewall.detect.disguise.views import LIMITS, MIRRORS, Limits, View, views
from firewall.detect.normal import SKELETON

ACME, GLOBEX = "Ansel Masson 4417-2290", "Zoë Quimby kx7-Q299"
SECRET = ACME.encode()


def spans(text: str, value: str = ACME) -> dict[tuple[str, ...], tuple[int, int]]:
    """Give where the value is read, by what was undone."""
    wanted = SKELETON.fold(value)
    found: dict[tuple[str, ...], tuple[int, int]] = {}
    for view in views(text):
        normal = SKELETON.normal(view.text)
        at = normal.text.find(wanted)
        if at >= 0:
            found[view.via] = view.span(*normal.span(at, at + len(wanted)))
    return found


def bits(data: bytes) -> str:
    return "".join("\u200b\u200c"[byte >> (7 - place) & 1] for byte in data for place in range(8))


WRAPPED = "\n".join(base64.b64encode(SECRET * 8).decode()[start : start + 76] for start in range(0, 240, 76))
TAGGED = "".join(chr(0xE0000 + byte) for byte in SECRET)
SELECTED = "".join(chr(0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16) for byte in SECRET)


@pytest.mark.parametrize(
    ("run", "via"),
    [
        pytest.param(base64.b64encode(SECRET).decode(), ("base64",), id="base64"),
        pytest.param(base64.b64encode(SECRET).decode().rstrip("="), ("base64",), id="base64-unpadded"),
        pytest.param(base64.urlsafe_b64encode(SECRET).decode(), ("base64",), id="base64-for-addresses"),
        pytest.param("/path/" + base64.b64encode(SECRET).decode(), ("base64",), id="base64-glued-to-a-path"),
        pytest.param(WRAPPED, ("base64",), id="base64-in-lines"),
        pytest.param(base64.b64encode(ACME.encode("utf-16-le")).decode(), ("base64",), id="base64-of-utf-16"),
        pytest.param(base64.b64encode(ACME.encode("utf-32-le")).decode(), ("base64",), id="base64-of-utf-32"),
        pytest.param(ACME.encode("utf-32-be").hex(), ("hex",), id="hex-of-utf-32"),
        pytest.param(base64.b32encode(SECRET).decode(), ("base32",), id="base32"),
        pytest.param(base64.b32encode(SECRET).decode().lower(), ("base32",), id="base32-in-small-letters"),
        pytest.param(base64.b85encode(SECRET).decode(), ("base85",), id="base85-of-rfc-1924"),
        pytest.param(base64.a85encode(SECRET).decode(), ("base85",), id="ascii85"),
        pytest.param(base64.a85encode(SECRET, adobe=True).decode(), ("base85",), id="ascii85-in-its-frame"),
        pytest.param(SECRET.hex(), ("hex",), id="hex"),
        pytest.param(SECRET.hex(" ").upper(), ("hex",), id="hex-with-spaces"),
        pytest.param(SECRET.hex(":"), ("hex",), id="hex-with-colons"),
        pytest.param(", ".join(f"0x{byte:02x}" for byte in SECRET), ("hex",), id="hex-in-source"),
        pytest.param("".join(f"\\x{byte:02x}" for byte in SECRET), ("escapes",), id="hex-escapes"),
        pytest.param("".join(f"\\{byte:03o}" for byte in SECRET), ("escapes",), id="octal-escapes"),
        pytest.param("".join(f"\\u{byte:04x}" for byte in SECRET), ("escapes",), id="unicode-escapes"),
        pytest.param("".join(f"\\u{{{byte:x}}}" for byte in SECRET), ("escapes",), id="braced-escapes"),
        pytest.param("".join(f"\\U{byte:08x}" for byte in SECRET), ("escapes",), id="long-escapes"),
        pytest.param("".join(f"%{byte:02x}" for byte in SECRET), ("percent",), id="percent"),
        pytest.param(
            "".join(f"%25{byte:02x}" for byte in SECRET), ("percent", "percent"), id="percent-twice"
        ),
        pytest.param("".join(f"&#{byte};" for byte in SECRET), ("entities",), id="decimal-entities"),
        pytest.param("".join(f"&#x{byte:x}" + ";" for byte in SECRET), ("entities",), id="hex-entities"),
        pytest.param(" ".join(map(str, SECRET)), ("codes",), id="character-codes"),
        pytest.param("[" + ", ".join(map(str, SECRET)) + "]", ("codes",), id="character-codes-in-a-list"),
        pytest.param(
            "".join(f"={byte:02X}" for byte in SECRET), ("quoted-printable",), id="quoted-printable"
        ),
        pytest.param(
            base64.b64encode(gzip.compress(SECRET, mtime=0)).decode(), ("base64", "compressed"), id="gzip"
        ),
        pytest.param(base64.b64encode(zlib.compress(SECRET)).decode(), ("base64", "compressed"), id="zlib"),
        pytest.param(
            base64.b64encode(zlib.compress(SECRET, wbits=-15)).decode(),
            ("base64", "compressed"),
            id="deflate",
        ),
        pytest.param(TAGGED, ("tags",), id="tag-characters"),
        pytest.param(SELECTED, ("selectors",), id="variation-selectors"),
        pytest.param(bits(SECRET), ("zero-width",), id="bits-of-zero-width"),
        pytest.param(ACME[::-1], ("reversed",), id="reversed"),
        pytest.param("Nafry Znffba 4417-2290", ("rot13",), id="rot13"),
    ],
)
def test_a_disguise_is_undone_and_nothing_beside_it_is_cut(run: str, via: tuple[str, ...]) -> None:
    before, after = "Sure, here it is: ", " (and no more)"
    text = before + run + after
    found = {
        found_via: span for found_via, span in spans(text).items() if tuple(v for v in found_via if v) == via
    }
    assert found, spans(text)
    start, stop = found[via]
    assert len(before) <= start < stop <= len(text) - len(after)
    assert spans(text, GLOBEX) == {}


@pytest.mark.parametrize("encode", [base64.b85encode, base64.a85encode], ids=["rfc-1924", "ascii85"])
@pytest.mark.parametrize("before", ["a", "See.", "One#1", "Choose.Which?", "https://a.example/", "abcdefghi"])
def test_base85_that_words_are_glued_to_is_read_from_where_it_begins(
    encode: Callable[[bytes], bytes], before: str
) -> None:
    run = encode(SECRET).decode()
    assert spans(before + run)["base85",] == (len(before), len(before + run))
    assert spans(before + run, GLOBEX) == {}


@pytest.mark.parametrize("encode", [base64.b85encode, base64.a85encode], ids=["rfc-1924", "ascii85"])
def test_base85_between_words_that_are_glued_to_it_is_read(encode: Callable[[bytes], bytes]) -> None:
    run = encode(SECRET + b" and more").decode()
    (start, stop) = next(iter(spans(f"Choose.{run}Which?").values()))
    assert len("Choose.") <= start < stop <= len("Choose." + run)


@pytest.mark.parametrize("said", [b"words and \xff\xfe ", b"Ax", b"\0\0\0\0AAAA", b"    ....", b"~>z"])
def test_base85_is_decoded_in_every_step_and_the_work_grows_no_faster_than_it(said: bytes) -> None:
    def work(times: int) -> int:
        run = base64.a85encode(said * times, foldspaces=True).decode()
        return sum(len(each.data) for each in runs(f"xy{run}", lambda _: True))

    assert work(2_000) <= 5 * work(500) + 1_000


@pytest.mark.parametrize("before", [bytes(4), b"head\xff\xff\xff\xff" + bytes(8), b"head" + b" " * 8])
def test_ascii85_is_read_across_the_signs_that_shorten_it(before: bytes) -> None:
    packed = zlib.compress(SECRET + b"\0\0\1" + random.Random(5).randbytes(99))
    for said in (SECRET, packed):
        run = base64.a85encode(before + said, foldspaces=True).decode()
        assert set(run) & set("zy")
        assert spans(f"it is: {run}"), run


def test_four_spaces_inside_of_a_value_are_no_end_of_it() -> None:
    run = base64.a85encode(b"name    Ansel Masson        4417-2290", foldspaces=True).decode()
    assert spans(f"it is: {run}")["base85",] == (7, 7 + len(run))


def test_codes_behind_a_full_stop_are_read_whole_and_the_places_of_a_number_are_none() -> None:
    assert ("codes",) in spans("See." + " ".join(map(str, SECRET)))
    assert ("codes",) not in spans("3." + " ".join(map(str, SECRET)))


@pytest.mark.parametrize("before", ["example/", "a/", "path/to/"])
def test_base64_of_base64_that_an_address_is_glued_to_is_read(before: str) -> None:
    run = base64.b64encode(base64.b64encode(b"Ansel Masson 17")).decode()
    assert ("base64", "base64") in spans(f"https://a.example/{before}{run}", "Ansel Masson 17")


def test_the_quads_of_a_finding_are_cut_and_those_beside_it_stay() -> None:
    code = base64.b64encode(b"nothing to see " + SECRET + b", nor here at all").decode()
    start, stop = spans(code)["base64",]
    assert (start, stop) == (20, 52)
    assert base64.b64decode(code[:start]) == b"nothing to see "


def test_leet_is_read_as_letters() -> None:
    assert ("leet",) in spans("it is 4n53l m4550n's", "Ansel Masson")


def test_a_text_inside_a_text_inside_a_text_is_read() -> None:
    inner = json.dumps({"note": json.dumps({"name": "Zo\u00eb Quimby kx7-Q299"})})
    text = "see " + base64.b64encode(gzip.compress(inner.encode(), mtime=0)).decode()
    assert spans(text, GLOBEX)
    assert all(span[0] >= 4 for span in spans(text, GLOBEX).values())


def test_values_of_two_tenants_in_one_text_are_both_found_each_in_its_place() -> None:
    one, other = SECRET.hex(), base64.b64encode(GLOBEX.encode()).decode()
    text = f"first {one}, then {other}."
    (acme,), (globex,) = spans(text).values(), spans(text, GLOBEX).values()
    assert acme == (6, 6 + len(one))
    assert text[slice(*globex)].rstrip("=") == other.rstrip("=")


@pytest.mark.parametrize("cut", [" ", "\n", "\u200b", "\r\n  "])
def test_a_broken_run_is_read(cut: str) -> None:
    code = base64.b64encode(SECRET).decode()
    broken = cut.join(code[start : start + 4] for start in range(0, len(code), 4))
    assert ("base64",) in spans(f"x: {broken}")


def test_words_coded_one_by_one_are_read_together() -> None:
    assert spans("Sm9obg== U21pdGg=", "John Smith")


def test_runs_with_other_words_between_them_are_never_put_together() -> None:
    half, rest = base64.b64encode(SECRET[:12]).decode(), base64.b64encode(SECRET[12:]).decode()
    assert spans(f"{half}. That was one. {rest}") == {}


@pytest.mark.parametrize(
    "text",
    [
        "a plain sentence of no interest, with a Capital and a comma",
        "the 2nd of 14 was 3.5 at IPv4 in 2026",
        "%zz &nosuchthing; \\q &#99999999; \\ud83d \\U99999999 =zz",
        "\udc80\ud800 lone surrogates a1",
        "H4sIAAAAAAAAAwvJSFUoLM1MzlZIKspM",
        "0x 0x1 \\x4 %4 &#x; =\n",
        "",
    ],
)
def test_what_is_no_encoding_is_no_reading_and_no_error(text: str) -> None:
    for view in views(text):
        assert view.text
        assert isinstance(view, View)


def test_plain_words_have_no_readings_but_the_mirrors() -> None:
    assert {view.via for view in views("shall we meet at noon?")} == {
        ("reversed",),
        ("rot13",),
        ("reversed", "rot13"),
    }


def test_a_bomb_is_refused_before_it_is_spread_out() -> None:
    bomb = base64.b64encode(gzip.compress(b"\0" * 50_000_000, mtime=0)).decode()
    with pytest.raises(ServiceUnavailable, match="too much to examine"):
        views(bomb)


def test_what_is_too_deep_is_refused_and_names_no_content() -> None:
    run = ACME
    for _ in range(LIMITS.depth + 1):
        run = base64.b64encode(run.encode()).decode()
    with pytest.raises(ServiceUnavailable, match="too deep") as raised:
        views(run)
    assert run[:12] not in str(raised.value)
    assert views(run, Limits(depth=LIMITS.depth + 1))


def test_too_many_readings_are_refused() -> None:
    with pytest.raises(ServiceUnavailable, match="more than 2 ways"):
        views("a&amp;b%41 c", Limits(views=2))


@pytest.mark.parametrize("fill", ["(", "%", "&", "\\", "=\n", "a1", "1 ", "A7", '"=:', "\u200b\u200c", "x!1"])
def test_work_grows_with_the_text_and_no_faster(fill: str) -> None:
    def work(size: int) -> int:
        return sum(len(view.text) for view in views((fill * size)[:size]))

    assert work(16_000) <= 5 * work(4_000) + 1_000


def test_base64_of_base64_costs_what_it_holds() -> None:
    code = base64.b64encode(base64.b64encode(SECRET * 1_000)).decode()
    read = [view for view in views(code) if not MIRRORS & set(view.via)]
    assert sum(len(view.text) for view in read) <= 2 * len(code)


def test_no_view_shows_its_words_in_a_traceback() -> None:
    assert all("Ansel" not in repr(view) for view in views(SECRET.hex()))
