"""An operator keeps values for two tenants, lists, imports and removes them, on a real database file."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.commands import ran

Run = Callable[..., tuple[int, str, str]]
SECRET = "ORCHID-4417-0093"
ADA = "principal:slack/T1/U1"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder of its own and give its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: bytes = b"", screen: bool = False) -> tuple[int, str, str]:
        done = ran(*words, stdin=stdin, screen=screen)
        return done.code, done.out, done.err

    return run


def test_a_value_is_kept_listed_without_it_shown_on_purpose_and_removed(run: Run) -> None:
    add = ("vault", "add", "badge", "--tenant", "ACME", "--readers", ADA)
    code, out, err = run(*add, stdin=f"{SECRET}\n".encode())
    assert (code, err) == (0, "")
    assert SECRET not in out
    code, out, _ = run("vault", "list", "-t", "ACME", "--json")
    (row,) = json.loads(out)
    assert (row["name"], row["readers"], row["codepoints"]) == ("badge", [ADA], len(SECRET))
    assert SECRET not in out
    assert run("vault", "list", "-t", "ACME")[1].count("badge") == 1
    assert run("vault", "show", "badge", "-t", "ACME")[1] == f"{SECRET}\n"
    assert json.loads(run("vault", "show", "badge", "-t", "ACME", "--json")[1])[0]["value"] == SECRET
    assert run("vault", "remove", "badge", "-t", "ACME")[0] == 0
    assert run("vault", "show", "badge", "-t", "ACME")[0] == 1


def test_another_tenant_sees_nothing_of_it(run: Run) -> None:
    run("vault", "add", "badge", "-t", "ACME", "-r", "members", stdin=SECRET.encode())
    assert json.loads(run("vault", "list", "-t", "GLOBEX", "--json")[1]) == []
    assert run("vault", "show", "badge", "-t", "GLOBEX")[0] == 1
    assert run("vault", "remove", "badge", "-t", "GLOBEX")[0] == 1
    assert run("vault", "show", "badge", "-t", "ACME")[1] == f"{SECRET}\n"


def test_readers_have_no_default_and_a_wrong_form_keeps_nothing(run: Run) -> None:
    code, _, err = run("vault", "add", "badge", "-t", "ACME", stdin=SECRET.encode())
    assert code == 2
    assert "--readers" in err
    code, _, err = run("vault", "add", "badge", "-t", "ACME", "-r", "everyone", stdin=SECRET.encode())
    assert code == 2
    assert "members" in err
    assert not Path(".partywall").exists()


def test_a_value_cannot_be_an_argument(run: Run) -> None:
    code, _, err = run("vault", "add", "badge", SECRET, "-t", "ACME", "-r", "members")
    assert code == 2
    assert not Path(".partywall").exists()
    assert "--value " not in err


def test_a_value_comes_from_a_file_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(f"{SECRET}\n")
    assert run("vault", "add", "a", "-t", "ACME", "-r", "members", "--value-file", "value")[0] == 0
    assert run("vault", "show", "a", "-t", "ACME")[1] == f"{SECRET}\n"
    code, _, err = run("vault", "add", "a", "-t", "ACME", "-r", "members", "--value-file", "none")
    assert (code, "cannot be read" in err) == (2, True)
    code, _, err = run("vault", "add", "a", "-t", "ACME", "-r", "members", stdin=SECRET.encode() + b"\xff")
    assert (code, SECRET in err) == (2, False)


def test_a_value_that_cannot_be_recognised_is_kept_with_a_warning(run: Run) -> None:
    code, _, err = run("vault", "add", "name", "-t", "ACME", "-r", "members", stdin=b"Thomas")
    assert code == 0
    assert "too ordinary" in err
    assert "Thomas" not in err
    assert run("vault", "add", "name", "-t", "ACME", "-r", "members", stdin=SECRET.encode())[2] == ""


def test_a_misspelt_tenant_is_refused_where_tenants_are_configured(run: Run, tmp_path: Path) -> None:
    (tmp_path / "partywall.toml").write_text('[[tenant]]\nid = "ACME"\n[[tenant]]\nid = "GLOBEX"\n')
    code, _, err = run("vault", "add", "a", "-t", "ACNE", "-r", "members", stdin=SECRET.encode())
    assert code == 2
    assert "'ACME', 'GLOBEX'" in err
    assert run("vault", "add", "a", "-t", "GLOBEX", "-r", "members", stdin=SECRET.encode())[0] == 0


@pytest.mark.parametrize("kind", ["csv", "jsonl", "txt"])
def test_a_file_is_imported_whole(kind: str, run: Run, tmp_path: Path) -> None:
    rows = [(f"n{number}", f"ORCHID-{number:04d}-0093") for number in range(1_203)]
    text = {
        "csv": "name,value\n" + "".join(f"{name},{value}\n" for name, value in rows),
        "jsonl": "".join(json.dumps({"name": name, "value": value}) + "\n" for name, value in rows),
        "txt": "".join(f"{value}\n" for _, value in rows),
    }[kind]
    (tmp_path / f"values.{kind}").write_text(text)
    code, out, err = run("vault", "import", f"values.{kind}", "-t", "ACME", "-r", "members", "--prefix", "n")
    assert (code, err) == (0, "")
    assert "1203 entries kept" in out
    listed = json.loads(run("vault", "list", "-t", "ACME", "--json")[1])
    assert len(listed) == 1_203
    assert run("vault", "show", listed[7]["name"], "-t", "ACME")[1] == "ORCHID-0007-0093\n"


def test_a_malformed_line_says_its_number_and_how_many_entries_stand(run: Run, tmp_path: Path) -> None:
    lines = [
        json.dumps({"name": f"n{number}", "value": f"ORCHID-{number:04d}-0093"}) for number in range(1_200)
    ]
    lines[1_100] = f'{{"name": "n", "value": "{SECRET}"'
    path = tmp_path / "values.jsonl"
    path.write_text("\n".join(lines))
    code, _, err = run("vault", "import", str(path), "-t", "ACME", "-r", "members")
    assert code == 2
    assert "line 1101:" in err
    assert "1000 entries before it stand" in err
    assert SECRET not in err
    assert len(json.loads(run("vault", "list", "-t", "ACME", "--json")[1])) == 1_000
    path.write_text("\n".join(lines[:1_100]))
    assert run("vault", "import", str(path), "-t", "ACME", "-r", "members")[0] == 0
    assert len(json.loads(run("vault", "list", "-t", "ACME", "--json")[1])) == 1_100


def test_a_malformed_first_batch_keeps_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"ORCHID-4417\n\xff\n")
    code, _, err = run("vault", "import", "v.txt", "-t", "ACME", "-r", "members")
    assert (code, "nothing was kept" in err) == (2, True)
    assert json.loads(run("vault", "list", "-t", "ACME", "--json")[1]) == []


def test_a_format_that_the_ending_does_not_say_must_be_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "v.list").write_text(f"{SECRET}\n")
    assert "--format" in run("vault", "import", "v.list", "-t", "ACME", "-r", "members")[2]
    assert run("vault", "import", "v.list", "-t", "ACME", "-r", "members", "--format", "text")[0] == 0
    assert "cannot be read" in run("vault", "import", "none.txt", "-t", "ACME", "-r", "members")[2]


def test_after_a_rotation_the_values_are_the_same_and_no_key_is(run: Run) -> None:
    for tenant in ("ACME", "GLOBEX"):
        run("vault", "add", "a", "-t", tenant, "-r", "members", stdin=SECRET.encode())
    before = keys()
    code, out, _ = run("vault", "rotate-key", "-t", "ACME")
    assert (code, "1 entries sealed anew" in out) == (0, True)
    after = keys()
    assert len(before - after) == 1
    assert len(before & after) == len(before) - 1
    for tenant in ("ACME", "GLOBEX"):
        assert run("vault", "show", "a", "-t", tenant)[1] == f"{SECRET}\n"


def keys() -> set[tuple[object, ...]]:
    with sqlite3.connect(".partywall/partywall.db") as connection:
        rows = set[tuple[object, ...]](connection.execute("SELECT id, tenant FROM keys"))
    connection.close()
    return rows


def test_a_terminal_is_shown_no_control_characters(run: Run) -> None:
    run("vault", "add", "a\x1b[2Jb", "-t", "ACME", "-r", "members", stdin=b"ORCHID\x1b[2J-4417\nsecond")
    assert "\x1b[2J" not in run("vault", "list", "-t", "ACME")[1]
    assert run("vault", "show", "a\x1b[2Jb", "-t", "ACME")[1] == "ORCHID\x1b[2J-4417\nsecond\n"
    assert (
        run("vault", "show", "a\x1b[2Jb", "-t", "ACME", screen=True)[1] == "ORCHID\\u001b[2J-4417\nsecond\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("vault", "list", "-t", "ACME"),
        ("vault", "show", "a", "-t", "ACME"),
        ("vault", "remove", "a", "-t", "ACME"),
        ("vault", "rotate-key", "-t", "ACME"),
        ("violations", "list"),
        ("tenants",),
        ("why", "0123456789abcdef"),
    ],
    ids=" ".join,
)
def test_a_look_makes_no_database(words: tuple[str, ...], run: Run) -> None:
    code, _, err = run(*words)
    assert code == 3
    assert "--config" in err
    assert not Path(".partywall").exists()


def test_a_database_in_memory_cannot_be_looked_into(run: Run, tmp_path: Path) -> None:
    (tmp_path / "partywall.toml").write_text('[store]\npath = ":memory:"\n')
    assert run("tenants")[0] == 2
