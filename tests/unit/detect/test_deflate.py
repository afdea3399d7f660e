"""Compressed bytes in disguise: all that any tool unpacks is read, and nothing is spread out without end."""

import base64
import gzip
import io
import random
import struct
import zlib

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.detect.disguise import readings
from firewall.detect.disguise.deflate import Inflated, bodies, inflate
from firewall.detect.disguise.views import views

ACME = "the orchid opens with four four one seven under the stairs"
GLOBEX = "our merger with the glass works is announced on tuesday"
SAID = ACME.encode()


def code(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bare(data: bytes, *, ended: bool = True) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(zlib.Z_FINISH if ended else zlib.Z_FULL_FLUSH)


def named(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile("orchid.txt", "wb", fileobj=out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def headed(flags: int, fields: bytes) -> bytes:
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields + bare(SAID) + bytes(8)


def spans(text: str, value: str = ACME) -> list[tuple[int, int]]:
    return [
        view.span(view.text.index(value), view.text.index(value) + len(value))
        for view in views(text, mirrors=False)
        if value in view.text
    ]


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(gzip.compress(SAID)), id="gzip-in-gzip"),
        pytest.param(zlib.compress(gzip.compress(SAID)), id="gzip-in-zlib"),
        pytest.param(gzip.compress(b"\0\1\2" + zlib.compress(SAID) + b"\3"), id="zlib-among-bytes-in-gzip"),
        pytest.param(named(SAID), id="gzip-with-a-name"),
        pytest.param(headed(4, struct.pack("<H", 3) + b"\1\2\3"), id="gzip-with-more-fields"),
        pytest.param(headed(16, b"a comment\0"), id="gzip-with-a-comment"),
        pytest.param(headed(2, b"\1\2"), id="gzip-with-a-checked-head"),
        pytest.param(gzip.compress(SAID)[:-8] + bytes(8), id="gzip-with-a-wrong-sum"),
        pytest.param(zlib.compress(SAID)[:-4] + bytes(4), id="zlib-with-a-wrong-sum"),
        pytest.param(zlib.compress(SAID)[:-4], id="zlib-without-a-sum"),
        pytest.param(
            zlib.compress(SAID + random.Random(3).randbytes(900))[:600] + b"\xff" * 200, id="broken-off"
        ),
        pytest.param(bare(SAID), id="bare"),
    ],
)
def test_what_any_tool_unpacks_is_read_and_all_of_its_run_is_cut(packed: bytes) -> None:
    text = f"see {code(packed)} (that is all)"
    found = spans(text)
    assert found, [view.via for view in views(text)]
    assert all(start >= 4 and stop <= text.index(" (") for start, stop in found)
    assert any(stop - start >= len(code(packed)) - 3 for start, stop in found)
    assert spans(text, GLOBEX) == []


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(bare(bytes(20_000_000) + SAID), id="bare"),
        pytest.param(gzip.compress(bytes(20_000_000) + SAID), id="gzip"),
        pytest.param(zlib.compress(bytes(20_000_000) + SAID), id="zlib"),
        pytest.param(gzip.compress(gzip.compress(bytes(20_000_000) + SAID)), id="gzip-in-gzip"),
    ],
)
def test_a_bomb_is_refused_and_never_passed_by(bomb: bytes) -> None:
    with pytest.raises(ServiceUnavailable, match="too much to examine"):
        views(code(bomb))


def test_streams_one_inside_the_other_have_an_end() -> None:
    packed = SAID
    for _ in range(8):
        packed = gzip.compress(packed)
    assert spans(code(packed))
    with pytest.raises(ServiceUnavailable, match="too deep") as raised:
        views(code(gzip.compress(packed)))
    assert ACME not in str(raised.value)


def tower(count: int, size: int) -> bytes:
    """Give many headers, each of which skips the others and says much; the last block is none."""
    heads = (
        b"\x78\x9c\0" + struct.pack("<HH", left, left ^ 0xFFFF)
        for left in (7 * (count - each - 1) for each in range(count))
    )
    return b"".join(heads) + bare(bytes(size), ended=False) + b"\x07"


@pytest.mark.parametrize("count", [100, 1_000])
def test_headers_that_share_their_bytes_cost_no_more_than_may_be_read(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = 0

    def counting(data: memoryview, most: int) -> Inflated:
        nonlocal said
        found = inflate(data, most)
        said += len(found.data)
        return found

    # Each of them stays below what one alone may say; all together were 300 MB of a text of 10 KB.
    text = code(tower(count, 2 * (8 * 10 * count + 65_536)))
    monkeypatch.setattr(readings, "inflate", counting)
    with pytest.raises(ServiceUnavailable, match=r"too (much|deep) to examine"):
        views(text)
    assert said <= 8 * (8 * len(text) + 65_536)


def test_headers_without_a_stream_cost_something_each() -> None:
    with pytest.raises(ServiceUnavailable, match="too much to examine"):
        views(code(b"\x78\x9c" * 40_000))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x78\x9d" + bytes(20), id="no-header-of-zlib"),
        pytest.param(b"\x1f\x8b\x08\0", id="a-gzip-that-ends-in-its-header"),
        pytest.param(b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 70_000, id="a-name-without-an-end"),
    ],
)
def test_what_is_no_header_is_passed_over(data: bytes) -> None:
    assert list(bodies(data)) == []


def test_no_more_than_was_asked_for_is_spread_out() -> None:
    assert len(inflate(memoryview(bare(bytes(1_000_000))), 1_000).data) == 1_000
    assert inflate(memoryview(bare(SAID)), 1_000) == Inflated(SAID, ended=True)
    assert inflate(memoryview(b""), 1_000) == Inflated(b"")
