"""Operators narrow, page, count, export and prune what was written down, and nothing of it holds a value."""

# pyarrow brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false

import asyncio
import csv
import io
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest

from firewall.core.errors import Denied
from firewall.core.message import Message
from partywall.cli import summaries
from partywall.exports import Format, sink
from partywall.messages import message
from partywall.parquet import GROUP
from partywall.wall import Wall
from partywall.wall import open as wall_of
from tests.fakes.commands import ran
from vault.summaries import Width

CONFIG = 'profile = "light"\n'
PLANTED = {"ACME": "ORCHID-4417-0093", "GLOBEX": "TULIP-8826-1177"}
DAY_MS = 86_400_000


def said(tenant: str, text: str) -> Message:
    return message(
        text, channel="own", realm=tenant, sender="ada", conversation="hall", kind="group", private=True
    )


async def refused(wall: Wall, tenant: str, value: str) -> None:
    async with wall.turn(said(tenant, f"please run it, {value}")) as turn:
        with pytest.raises(Denied):
            await turn.call_tool("exec", {"command": f"echo {value}"})
        await turn.reply(f"words of nobody {value}")


async def lived() -> None:
    async with wall_of("partywall.toml") as wall:
        for tenant, value in PLANTED.items():
            await refused(wall, tenant, value)
        # The same value once more, and in the other tenant too.
        await refused(wall, "ACME", PLANTED["ACME"])
        await refused(wall, "GLOBEX", PLANTED["ACME"])


@pytest.fixture(autouse=True)
def turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two refused turns in each of two tenants."""
    monkeypatch.chdir(tmp_path)
    Path("partywall.toml").write_text(CONFIG)
    asyncio.run(lived())


def tenant_of(name: str) -> str:
    return json.dumps(["own", name, "hall"], separators=(",", ":"))


def listed(*words: str) -> list[dict[str, object]]:
    done = ran("violations", "list", "--json", *words)
    assert done.code == 0, done.err
    rows: list[dict[str, object]] = json.loads(done.out)
    return rows


def test_every_field_of_a_record_finds_it_again() -> None:
    rows = listed()
    assert len(rows) == 8
    one = next(row for row in rows if row["kind"] == "denial" and row["tenant"] == tenant_of("ACME"))
    for option in ("conversation", "session", "turn", "ref", "subject", "layer", "reason", "rule", "kind"):
        found = listed(f"--{option}", str(one[option]))
        assert one in found, option
        assert all(row[option] == one[option] for row in found), option
    assert listed("--receipt", str(one["seq"]), "--tenant", tenant_of("ACME")) == [one]
    assert listed("--mode", "enforce") == rows
    assert listed("--mode", "shadow") == []
    assert {row["severity"] for row in listed("--severity", "high")} <= {"high", "critical"}
    assert listed("--until", "2001-01-01") == []


def test_a_conversation_is_named_by_its_place_in_its_tenant() -> None:
    place = "own/bot/ACME/hall"
    found = listed("--conversation", place, "--tenant", tenant_of("ACME"))
    assert len(found) == 4
    assert len({row["conversation"] for row in found}) == 1
    assert listed("--conversation", place, "--tenant", tenant_of("GLOBEX")) == []
    assert ran("violations", "list", "--conversation", place).code == 2
    assert ran("violations", "list", "--conversation", "a/b", "--tenant", "ACME").code == 2


def test_the_same_value_has_one_mark_in_a_tenant_and_another_in_the_next() -> None:
    marks: dict[str, list[object]] = {}
    for row in listed("--kind", "denial"):
        marks.setdefault(str(row["tenant"]), []).append(row["touched"])
    acme, globex = marks[tenant_of("ACME")], marks[tenant_of("GLOBEX")]
    assert acme[0] == acme[1] != []
    assert globex[0] != globex[1]
    assert acme[0] not in globex
    (mark,) = json.loads(json.dumps(acme[0]))
    assert {row["tenant"] for row in listed("--touched", mark)} == {tenant_of("ACME")}


def test_pages_follow_each_other_without_a_gap() -> None:
    rows = listed()
    seen: list[dict[str, object]] = []
    after = 0
    while page := listed("--after", str(after), "--limit", "3"):
        seen += page
        after = int(str(page[-1]["id"]))
    assert seen == rows
    shown = ran("violations", "list", "--after", "0", "--limit", "3").out
    assert f"--after {rows[2]['id']}" in shown
    assert "--after" not in ran("violations", "list", "--after", str(rows[5]["id"]), "--limit", "3").out


def test_csv_and_parquet_say_what_json_lines_say() -> None:
    rows = listed()
    assert ran("violations", "export", "--format", "csv", "-o", "v.csv").code == 0
    sheet = list(csv.DictReader(io.StringIO(Path("v.csv").read_text(), newline="")))
    assert [list(row) for row in sheet] == [list(row) for row in rows]
    assert [(row["id"], row["tenant"], row["touched"]) for row in sheet] == [
        (str(row["id"]), row["tenant"], " ".join(json.loads(json.dumps(row["touched"])))) for row in rows
    ]
    assert ran("violations", "export", "--format", "parquet", "-o", "v.parquet").code == 0
    table = pq.read_table("v.parquet").to_pylist()
    assert [{**row, "at": None} for row in table] == [{**row, "at": None} for row in rows]
    assert table[0]["at"].isoformat()[:19] == str(rows[0]["at"])[:19]
    assert ran("violations", "export", "--format", "parquet").code == 2


def test_an_export_of_nothing_is_an_empty_file_of_its_format() -> None:
    none = ("--since", "2999-01-01")
    for form in Format:
        assert ran("violations", "export", "--format", form.value, "-o", form.value, *none).code == 0
    assert Path("jsonl").read_bytes() == b""
    assert len(Path("csv").read_text().splitlines()) == 1
    assert pq.read_table("parquet").num_rows == 0


def test_without_the_extra_parquet_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "partywall.parquet", raising=False)
    done = ran("violations", "export", "--format", "parquet", "-o", "v.parquet")
    assert (done.code, "partywall[parquet]" in done.err) == (2, True)


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_sheet_is_a_formula(text: str) -> None:
    out = io.BytesIO()
    with sink(Format.CSV, out, ("rule", "n", "none")) as sheet:
        sheet.put({"rule": text, "n": -5, "none": None})
    (_, row) = csv.reader(io.StringIO(out.getvalue().decode(), newline=""))
    assert row == [f"'{text}", "-5", ""]


def test_a_large_export_is_written_as_it_comes(tmp_path: Path) -> None:
    rows = 2 * GROUP + 5
    with (tmp_path / "big").open("wb") as stream, sink(Format.PARQUET, stream, ("id", "at", "rule")) as taker:
        for n in range(rows):
            taker.put({"id": n, "at": "2026-01-31T12:00:00Z", "rule": "r"})
            if n == GROUP + 1:
                assert stream.tell() > 0
    found = pq.ParquetFile(tmp_path / "big")
    assert (found.metadata.num_rows, found.metadata.num_row_groups) == (rows, 3)


def test_a_summary_counts_as_the_list_does() -> None:
    rows = listed()
    tree = json.loads(ran("violations", "summary", "--json").out)
    assert {each["rule"]: each["count"] for each in tree["rules"]} == {
        str(rule): sum(row["rule"] == rule for row in rows) for rule in {row["rule"] for row in rows}
    }
    assert {(each["tenant"], each["count"]) for each in tree["senders"]} == {
        (tenant_of("ACME"), 4),
        (tenant_of("GLOBEX"), 4),
    }
    assert sum(each["count"] for each in tree["trend"]) == 8
    alone = json.loads(ran("violations", "summary", "--json", "--tenant", tenant_of("ACME")).out)
    assert sum(each["count"] for each in alone["layers"]) == 4
    shown = ran("violations", "summary", "--by", "hour", "--top", "1").out
    assert "8 records match" in shown
    assert "█" in shown
    assert ran("violations", "summary", "--since", "2999-01-01").out == "0 records match.\n"


def test_a_trend_shows_the_steps_in_which_nothing_happened() -> None:
    trend = ((0, 1), (3 * DAY_MS, 4))
    shown = [(row["day"], row["count"], len(str(row["trend"]))) for row in bars(trend)]
    assert shown == [("1970-01-01", 1, 10), ("1970-01-02", 0, 0), ("1970-01-03", 0, 0), ("1970-01-04", 4, 40)]


def bars(trend: tuple[tuple[int, int], ...]) -> list[dict[str, object]]:
    return summaries.bars(trend, Width.DAY)


def test_pruning_asks_how_long_and_keeps_what_is_younger_or_untold() -> None:
    assert ran("violations", "prune").code == 2
    done = ran("violations", "prune", "--keep-days", "1")
    assert (done.code, done.out[:2]) == (0, "0 ")
    Path("partywall.toml").write_text(f"{CONFIG}[records]\nkeep_days = 30\n")
    assert "older than 30 days" in ran("violations", "prune").out
    assert len(listed()) == 8


def test_no_planted_value_is_on_disk_in_a_log_an_export_or_a_backup(caplog: pytest.LogCaptureFixture) -> None:
    vault = ("--tenant", tenant_of("ACME"), "--readers", "members", "--value-file", "-")
    assert ran("vault", "add", "badge", *vault, stdin=b"LILAC-5561-7720").code == 0
    asyncio.run(lived())
    shown = [
        ran("violations", "list"),
        ran("violations", "list", "--json", "--all"),
        ran("violations", "summary", "--json"),
        *(ran("violations", "export", "--all", "--format", form.value, "-o", f"e.{form}") for form in Format),
        ran("tenants"),
        ran("doctor", "--json"),
        ran("backup", "state.tar"),
        ran("restore", "state.tar"),
    ]
    assert [done.code for done in shown] == [0] * len(shown)
    files = [path for path in Path().rglob("*") if path.is_file()]
    assert {"partywall.db", "state.tar", "e.csv", "e.parquet"} <= {path.name for path in files}
    places = {str(path): path.read_bytes() for path in files}
    places |= {f"output {n}": (done.out + done.err).encode() for n, done in enumerate(shown)}
    places["log"] = caplog.text.encode()
    values = [*PLANTED.values(), "LILAC-5561-7720"]
    spelt = [form.encode(code) for form in values for code in ("utf-8", "utf-16-le")]
    spelt += [form.lower().encode() for form in values]
    assert [name for name, data in places.items() for value in spelt if value in data] == []
