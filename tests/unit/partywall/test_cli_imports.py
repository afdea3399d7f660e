"""Files of values: read in bounded memory, refused by line, and never quoted."""

import io
import tracemalloc
from pathlib import Path

import pytest

from firewall.core.errors import MisuseError
from partywall.cli.imports import MAX_LINE_BYTES, Format, ImportFault, format_of, pairs

SECRET = "hunter2-0451-secret"


def read(data: bytes, form: Format) -> list[tuple[str, str]]:
    return list(pairs(io.BytesIO(data), form, prefix="line", read=lambda _: None))


@pytest.mark.parametrize(
    ("form", "data"),
    [
        pytest.param(Format.CSV, b'value,name,note\r\n1,a,x\r\n"2,\n3",b,\r\n\r\n', id="csv"),
        pytest.param(
            Format.JSONL,
            b'{"name": "a", "value": "1"}\n\n{"value": "2,\\n3", "name": "b", "x": 1}',
            id="jsonl",
        ),
        pytest.param(Format.CSV, b'\xef\xbb\xbfname,value\na,1\nb,"2,\n3"\n', id="csv-with-a-mark"),
    ],
)
def test_the_same_entries_in_each_format(form: Format, data: bytes) -> None:
    assert read(data, form) == [("a", "1"), ("b", "2,\n3")]


def test_a_text_file_names_its_lines() -> None:
    assert read(b"one\n\ntwo\r\n", Format.TEXT) == [("line-1", "one"), ("line-3", "two")]


@pytest.mark.parametrize(
    ("form", "data", "line"),
    [
        pytest.param(Format.JSONL, b'{"name": "a", "value": "1"}\n{"name": "b"}', 2, id="a-field-is-missing"),
        pytest.param(Format.JSONL, f'{{"name": "a", "value": "{SECRET}"'.encode(), 1, id="cut-off"),
        pytest.param(Format.JSONL, b"[" * 100_000, 1, id="nested-without-end"),
        pytest.param(Format.JSONL, b'{"name": "a", "value": 7}', 1, id="no-text"),
        pytest.param(Format.JSONL, b'{"name": " ", "value": "1"}', 1, id="an-empty-name"),
        pytest.param(Format.JSONL, b'{"name": "a", "value": ""}', 1, id="an-empty-value"),
        pytest.param(Format.JSONL, b'{"name": "' + b"n" * 513 + b'", "value": "1"}', 1, id="a-long-name"),
        pytest.param(Format.TEXT, f"ok\n{SECRET}\xff".encode("latin-1"), 2, id="no-utf-8"),
        pytest.param(Format.TEXT, f"ok\n{SECRET}\0".encode(), 2, id="nul"),
        pytest.param(Format.TEXT, b"x" * 1_000_001, 1, id="a-long-value"),
        pytest.param(Format.TEXT, b"x" * (MAX_LINE_BYTES + 1), 1, id="one-endless-line"),
        pytest.param(Format.CSV, f"key,secret\na,{SECRET}\n".encode(), 1, id="csv-without-a-header"),
        pytest.param(Format.CSV, f"name,value\na,{SECRET},x\n".encode(), 2, id="too-many-columns"),
        pytest.param(Format.CSV, f'name,value\na,"{SECRET}\n'.encode(), 2, id="an-open-quote"),
        pytest.param(Format.CSV, f'name,value\na,"{SECRET}"x\n'.encode(), 2, id="text-behind-a-quote"),
    ],
)
def test_a_malformed_file_names_its_line_and_none_of_its_content(
    form: Format, data: bytes, line: int
) -> None:
    with pytest.raises(ImportFault) as raised:
        read(data, form)
    assert raised.value.line == line
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in repr(error)
        error = error.__cause__ or error.__context__


def test_an_empty_file_has_no_entries() -> None:
    assert [read(b"", form) for form in Format] == [[], [], []]


@pytest.mark.parametrize("form", list(Format))
def test_a_large_file_is_read_line_by_line(form: Format, tmp_path: Path) -> None:
    lines = {
        Format.CSV: ("name,value\n", "a,{}\n"),
        Format.JSONL: ("", '{{"name": "a", "value": "{}"}}\n'),
        Format.TEXT: ("", "{}\n"),
    }
    header, line = lines[form]
    path = tmp_path / "large"
    with path.open("w") as file:
        file.write(header)
        file.writelines(line.format("v" * 10_000) for _ in range(2_000))
    seen: list[int] = []
    tracemalloc.start()
    with path.open("rb") as stream:
        count = sum(1 for _ in pairs(stream, form, prefix="x", read=seen.append))
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert seen[-1] == path.stat().st_size > 20_000_000
    # `seen` itself is the largest thing kept.
    assert peak < 2_000_000


def test_an_open_quote_does_not_gather_the_rest_of_a_large_file() -> None:
    class Endless(io.RawIOBase):
        served = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.served += 1
            if self.served > 1_000:
                return b""
            if self.served == 1:
                return b"name,value\n"
            return (b'a,"' if self.served == 2 else b"") + b"x" * 100_000 + b"\n"

    stream = Endless()
    with pytest.raises(ImportFault):
        list(pairs(stream, Format.CSV, prefix="x", read=lambda _: None))  # type: ignore[arg-type]
    assert stream.served <= 3 + MAX_LINE_BYTES // 100_000


def test_the_ending_says_the_format_or_the_option_must() -> None:
    assert [format_of(Path(name)) for name in ("a.CSV", "b.ndjson", "c.txt")] == list(Format)
    with pytest.raises(MisuseError, match="--format"):
        format_of(Path("secrets.xlsx"))
