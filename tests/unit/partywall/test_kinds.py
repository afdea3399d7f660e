"""What a file is, told by its bytes."""

import io
import sys
import zipfile

import pytest

from adapters.content import text_of
from partywall.kinds import BINARY, extension, media_type

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)


def office() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", "word/document.xml"):
            archive.writestr(name, "x")
    return packed.getvalue()


def archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("a.txt", "x")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "claimed", "kind"),
    [
        pytest.param(PNG, "text/plain", "image/png", id="an-image-called-text"),
        pytest.param(
            b"\x7fELF\x02\x01\x01" + bytes(60),
            "image/png",
            "application/x-executable",
            id="a-program-called-image",
        ),
        pytest.param(b"MZ\x90\0\3\0\0\0" + bytes(80), "", "application/x-msdownload", id="a-windows-program"),
        pytest.param(archive(), "text/plain", "application/zip", id="an-archive"),
        pytest.param(b"%PDF-1.7\nall of it is text", "text/plain", "application/pdf", id="a-pdf-of-text"),
        pytest.param(b"BMW is a car", "image/bmp", "text/plain", id="text-that-begins-like-an-image"),
        pytest.param(b"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv", id="text-as-it-claims"),
        pytest.param(b"<script>alert(1)</script>", "text/html", "text/plain", id="no-claim-makes-it-a-page"),
        pytest.param(b"<svg onload='x'/>", "image/svg+xml", "text/plain", id="nor-an-image"),
        pytest.param("Grüße".encode(), "", "text/plain", id="no-claim"),
        pytest.param(b"\x00\x01\x02\x03", "text/plain", BINARY, id="neither"),
        pytest.param("Grüße".encode("latin-1"), "text/plain", BINARY, id="text-in-another-encoding"),
        pytest.param(b"", "image/png", "text/plain", id="empty"),
    ],
)
def test_a_kind_is_what_the_bytes_say(content: bytes, claimed: str, kind: str) -> None:
    assert media_type(content, claimed) == kind


def test_a_document_is_told_from_an_archive() -> None:
    assert media_type(office(), "").startswith("application/vnd.openxmlformats-officedocument.")


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("image/png", ".png"),
        ("text/csv", ".csv"),
        ("text/plain", ".txt"),
        ("audio/ogg", ".ogg"),
        ("what/ever", ""),
    ],
)
def test_a_kind_gives_the_ending_of_a_name(kind: str, ending: str) -> None:
    assert extension(kind) == ending


def test_text_is_what_a_reader_can_read() -> None:
    assert text_of("a\tb\r\nc – d".encode()) == "a\tb\r\nc – d"
    assert text_of(b"a\0b") is None
    assert text_of(b"\xff\xfe") is None


def steps(content: bytes) -> int:
    """Count the calls that it takes to tell what some bytes are."""
    counted = list[str]()
    before = sys.getprofile()
    sys.setprofile(lambda _, event, __: counted.append(event))
    try:
        media_type(content, "text/plain")
    finally:
        sys.setprofile(before)
    return len(counted)


@pytest.mark.parametrize("piece", [b"acme, globex\n", PNG, b"\0", "Grüße".encode()], ids=range(4))
def test_a_long_file_takes_no_more_steps_than_a_short_one_so_that_nobody_waits_for_it(piece: bytes) -> None:
    assert steps(piece * 1_000) == steps(piece * 2_000)


@pytest.mark.parametrize("number", range(32))
def test_only_what_moves_the_line_stands_below_a_space_in_a_text(number: int) -> None:
    content = b"acme" + bytes([number]) + b"globex"
    assert text_of(content) == (content.decode() if chr(number) in "\t\n\r\f" else None)
