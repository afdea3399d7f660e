"""What operators get wrong, in processes of their own: one line that says what to do, and no content."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from partywall.cli import desk
from tests.fakes.commands import process, ran
from tests.fakes.services import ROOT
from vault.open import open_vault

SECRET = "ORCHID-4417-0093"
DATABASE = Path(".partywall/partywall.db")
NOBODY = 65_534


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept(tenant: str = "ACME") -> None:
    assert ran("vault", "add", "a", "-t", tenant, "-r", "members", stdin=SECRET.encode()).code == 0


def test_init_writes_what_loads_and_replaces_nothing(folder: Path) -> None:
    done = process("init", cwd=folder)
    assert (done.code, done.err) == (0, "")
    written = (folder / "partywall.toml").read_text()
    assert process("doctor", cwd=folder).code == 0
    again = process("init", cwd=folder)
    assert again.code == 2
    assert "already" in again.err
    assert (folder / "partywall.toml").read_text() == written
    assert ran("init", "other.toml").code == 0
    assert ran("init", "none/other.toml").code == 2


def test_a_planted_link_is_not_followed(folder: Path) -> None:
    (folder / "partywall.toml").symlink_to(folder / "victim")
    assert ran("init").code == 2
    assert not (folder / "victim").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param('profil = "strict"', "line 1: profil is not a setting", id="unknown"),
        pytest.param('profile = "light"\nprofile = "light"', "line 2: .*only once", id="doubled"),
        pytest.param("[store", "line 1: this is not TOML", id="no-toml"),
    ],
)
def test_a_wrong_configuration_names_the_line(text: str, words: str, folder: Path) -> None:
    (folder / "partywall.toml").write_text(text)
    done = ran("tenants")
    assert done.code == 2
    assert re.search(words, done.err)
    assert done.err.count("\n") == 1


def test_a_named_configuration_that_is_missing_is_not_replaced_by_the_defaults(folder: Path) -> None:
    done = ran("tenants", "--config", "none.toml")
    assert done.code == 2
    assert "partywall init" in done.err


def test_a_wrong_a_missing_and_a_shared_master_key_are_refused(folder: Path) -> None:
    kept()
    key = folder / ".partywall" / "master.key"
    right = key.read_bytes()
    key.write_bytes(bytes(32))
    wrong = ran("vault", "show", "a", "-t", "ACME")
    key.write_bytes(b"short")
    short = ran("vault", "show", "a", "-t", "ACME")
    key.write_bytes(right)
    key.chmod(0o644)
    shared = ran("vault", "show", "a", "-t", "ACME")
    key.unlink()
    missing = ran("vault", "show", "a", "-t", "ACME")
    assert [done.code for done in (wrong, short, shared, missing)] == [4] * 4
    assert "chmod 600" in shared.err
    assert "restore" in missing.err
    assert not key.exists()
    assert not any(SECRET in done.out for done in (wrong, short, shared, missing))


def test_a_named_key_file_that_cannot_be_read_is_refused(folder: Path) -> None:
    kept()
    (folder / "partywall.toml").write_text('[store]\nmaster_key_file = "none"\n')
    done = ran("vault", "list", "-t", "ACME")
    assert (done.code, "store.master_key_file" in done.err) == (4, True)


def test_a_newer_database_is_refused_and_stays_as_it_is(folder: Path) -> None:
    kept()
    with sqlite3.connect(DATABASE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = DATABASE.read_bytes()
    done = ran("vault", "list", "-t", "ACME")
    assert (done.code, "upgrade the program" in done.err) == (4, True)
    assert DATABASE.read_bytes() == before


@contextmanager
def powerless() -> Generator[None]:
    """Be somebody whom the modes of files bind; root is bound by none."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_database_is_refused_in_one_line(folder: Path) -> None:
    kept()
    state = folder / ".partywall"
    if os.geteuid() == 0:
        for path in (state, *state.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        for above in (folder, *folder.parents[:2]):
            above.chmod(0o711)
    for path in state.glob("partywall.db*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    state.chmod(0o500)
    with powerless():
        done = ran("vault", "add", "b", "-t", "ACME", "-r", "members", stdin=SECRET.encode())
    state.chmod(0o700)
    assert done.code == 3, done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


def test_a_file_that_is_no_database_is_refused(folder: Path) -> None:
    (folder / "notes").write_text(SECRET * 100)
    (folder / "partywall.toml").write_text('[store]\npath = "notes"\n')
    done = ran("tenants")
    assert (done.code, SECRET in done.err) == (4, False)


def test_two_processes_on_one_file_lose_nothing(folder: Path) -> None:
    kept()

    async def add(number: int) -> int:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "partywall",
            *(
                "vault",
                "import",
                f"{number}.txt",
                "-t",
                f"T{number % 2}",
                "-r",
                "members",
                "--prefix",
                str(number),
            ),
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await child.wait()

    async def both() -> list[int]:
        return await asyncio.gather(*(add(number) for number in range(3)))

    for number in range(3):
        (folder / f"{number}.txt").write_text("".join(f"ORCHID-{line:04d}-{number}\n" for line in range(700)))
    assert asyncio.run(both()) == [0, 0, 0]
    assert ran("vault", "list", "-t", "T0", "--json").out.count("codepoints") == 1_400
    assert ran("vault", "list", "-t", "T1", "--json").out.count("codepoints") == 700


def test_a_locked_database_is_said_to_be_locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept()
    monkeypatch.setattr(desk, "open_vault", partial(open_vault, busy_timeout_s=0.01))
    holder = sqlite3.connect(DATABASE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    done = ran("vault", "add", "b", "-t", "ACME", "-r", "members", stdin=SECRET.encode())
    holder.execute("ROLLBACK")
    holder.close()
    assert (done.code, "another process" in done.err) == (3, True)


@pytest.mark.parametrize(
    "words",
    [("--help",), ("vault", "--help"), ("violations", "--help"), ("init", "--help"), ("replay", "--help")],
    ids=" ".join,
)
def test_help_is_given(words: tuple[str, ...]) -> None:
    done = ran(*words)
    assert done.code == 0
    assert "Usage" in done.out


@pytest.mark.parametrize(
    "words", [("tenant",), ("vault", "add"), ("violations", "list", "--kind", "x"), ("why",)]
)
def test_wrong_use_ends_with_2(words: tuple[str, ...]) -> None:
    assert ran(*words).code == 2


def test_commands_do_not_load_what_they_do_not_need(folder: Path) -> None:
    script = (
        "import sys\n"
        "from partywall.cli.app import main\n"
        "for line in sys.argv[1:]:\n"
        "    try: main(line.split())\n"
        "    except SystemExit as ended: assert ended.code == 0, (line, ended.code)\n"
        "heavy = {'litellm', 'presidio_analyzer', 'spacy', 'openai', 'mcp', 'slack_bolt', 'telegram'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    kept()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script,
            "doctor",
            "vault list -t ACME",
            "violations list",
            "tenants",
            "init x.toml",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stderr


def test_a_traceback_never_shows_local_variables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept()

    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("vault.entries.Entries.show", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        ran("vault", "show", "a", "-t", "ACME")
