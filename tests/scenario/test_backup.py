"""A deployment is backed up while a bot writes, verified, and restored whole or not at all."""

import asyncio
import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from firewall.core.errors import StoreUnavailable
from partywall.runtime import KeyedIds, SystemClock
from tests.fakes.commands import Ran, ran
from tests.fakes.services import ROOT
from tests.fakes.vaults import ACME, GLOBEX, denial, judgement, turn
from vault.ledger import Filter
from vault.open import Vault, open_vault
from vault.swap import Swap, swapped, undone

SECRET = "ORCHID-4417-0093"
HOME = Path(".partywall")
DATABASE = HOME / "partywall.db"
FILES = HOME / "files"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the defaults of the configuration hold."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def opened() -> Vault:
    return await open_vault(str(DATABASE), clock=SystemClock(), ids_factory=KeyedIds)


async def lived(rule: str) -> None:
    async with await opened() as vault:
        for tenant in (ACME, GLOBEX):
            await vault.tenants.seen(turn(tenant).principal)
            await vault.records.record(judgement(turn(tenant), denial(rule)))


def kept(name: str, text: str) -> Path:
    """Put a file into a compartment."""
    path = FILES / "by-sender" / name / "files" / "note.txt"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    return path


async def rules() -> set[tuple[str, str]]:
    async with await opened() as vault:
        for tenant in (ACME, GLOBEX):
            await vault.records.verify(tenant)
        return {(one.tenant, one.record.rule) for one in await vault.records.violations(Filter())}


def seen() -> tuple[set[tuple[str, str]], dict[str, str]]:
    found = asyncio.run(rules())
    return found, {path.parts[-3]: path.read_text() for path in FILES.rglob("*.txt")}


BEFORE = ({("ACME", "first"), ("GLOBEX", "first")}, {"a": "acme's", "g": "globex's"})


@pytest.fixture
def backed_up() -> Path:
    """A backup of two tenants' state, and a state that went on since."""
    asyncio.run(lived("first"))
    kept("a", "acme's")
    kept("g", "globex's")
    done = ran("backup", "state.tar")
    assert done.code == 0, done.err
    assert "2 tenants, 2 receipts" in done.out
    asyncio.run(lived("second"))
    kept("a", "changed")
    kept("n", "new")
    return Path("state.tar")


def test_what_is_restored_is_the_state_that_was_backed_up(backed_up: Path) -> None:
    after = seen()
    done = ran("restore", str(backed_up))
    assert done.code == 0, done.err
    assert seen() == BEFORE
    assert after != BEFORE
    assert not [path for path in HOME.iterdir() if path.name.startswith(".partywall-")]
    assert ran("doctor", "--json").out.count('"receipts", "state": "ok"') == 1


def test_the_state_before_is_kept_whole(backed_up: Path) -> None:
    after = seen()
    assert ran("restore", str(backed_up)).code == 0
    (database,) = HOME.glob("partywall.db.before-restore-*")
    (files,) = HOME.glob("files.before-restore-*")
    os.replace(database, DATABASE)
    FILES.rename(HOME / "away")
    files.rename(FILES)
    assert seen() == after


def test_a_backup_restores_where_there_was_nothing(backed_up: Path) -> None:
    HOME.rename("lost")
    assert ran("restore", str(backed_up)).code == 4
    HOME.mkdir(mode=0o700, exist_ok=True)
    os.link("lost/master.key", HOME / "master.key")
    assert ran("restore", str(backed_up)).code == 0
    assert seen() == BEFORE


def test_a_backup_is_its_owners_and_holds_no_key(backed_up: Path) -> None:
    key = (HOME / "master.key").read_bytes()
    assert stat.S_IMODE(backed_up.stat().st_mode) == 0o600
    assert key not in backed_up.read_bytes()
    assert ran("backup", "other.tar", "--master-key", "other.key").code == 0
    assert Path("other.key").read_bytes() == key
    assert stat.S_IMODE(os.stat("other.key").st_mode) == 0o600
    assert key not in Path("other.tar").read_bytes()


def test_nothing_is_written_over(backed_up: Path) -> None:
    whole = backed_up.read_bytes()
    assert ran("backup", str(backed_up)).code == 2
    Path("taken.key").touch()
    assert ran("backup", "new.tar", "--master-key", "taken.key").code == 2
    assert backed_up.read_bytes() == whole
    assert not Path("new.tar").exists()


def test_sealed_data_stays_sealed() -> None:
    asyncio.run(lived("first"))
    entry = ("vault", "add", "badge", "--tenant", "ACME", "--readers", "members")
    assert ran(*entry, "--value-file", "-", stdin=SECRET.encode()).code == 0
    assert ran("backup", "state.tar").code == 0
    assert SECRET.encode() not in Path("state.tar").read_bytes()
    assert ran("vault", "remove", "badge", "--tenant", "ACME").code == 0
    assert ran("restore", "state.tar").code == 0
    assert ran("vault", "show", "badge", "--tenant", "ACME").out.strip() == SECRET


async def test_a_bot_goes_on_writing_while_it_is_backed_up() -> None:
    await lived("first")
    stopped = asyncio.Event()

    async def writing(vault: Vault) -> int:
        count = 0
        while not stopped.is_set() or count < 50:
            count += 1
            await vault.records.record(judgement(turn(ACME, number=count), denial(f"r{count}")))
        return count

    async with await opened() as vault:
        busy = asyncio.create_task(writing(vault))
        done = await asyncio.to_thread(process, "backup", "state.tar")
        stopped.set()
        count = await busy
        assert done.code == 0, done.err
        refused = await asyncio.to_thread(process, "restore", "state.tar")
        assert (refused.code, "stop the bot" in refused.err) == (3, True)
        assert await vault.records.verify(ACME) == count + 1
    restored = await asyncio.to_thread(process, "restore", "state.tar")
    assert restored.code == 0, restored.err
    assert {("ACME", "first"), ("GLOBEX", "first")} <= await rules()


def process(*words: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "partywall", *words],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=100,
    )
    return Ran(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[512 + 5_000] ^= 1
    path.write_bytes(data)


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20_000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def alien(path: Path) -> None:
    path.write_bytes(b"no tar" * 1_000)


def rewritten(path: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes]]) -> None:
    """Write the tar again with members as somebody would make them who knows the format."""
    out = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            stream = old.extractfile(member)
            changed, data = change(member, stream.read() if stream else b"")
            changed.size = len(data) if changed.isreg() else 0
            new.addfile(changed, io.BytesIO(data))
    path.write_bytes(out.getvalue())


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[Path], None]:
    def change(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name.endswith("a/files/note.txt"):
            member.name, member.type, member.linkname = name, kind, link
        return member, data

    return lambda path: rewritten(path, change)


def newer(path: Path) -> None:
    def change(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name == "manifest.json":
            data = json.dumps({**json.loads(data), "format": 2}).encode()
        return member, data

    rewritten(path, change)


BAD: dict[str, Callable[[Path], None]] = {
    "a-bit": flipped,
    "its-end": shortened,
    "everything": emptied,
    "another-file": alien,
    "a-newer-format": newer,
    "a-path-out": named("files/../../../escaped.txt"),
    "an-absolute-path": named("/tmp/partywall-escaped.txt"),
    "a-symlink": named("files/link", tarfile.SYMTYPE, "/etc"),
    "a-hard-link": named("files/link", tarfile.LNKTYPE, "database"),
    "a-device": named("files/null", tarfile.CHRTYPE),
    "a-second-database": named("database"),
    "another-folder": named("elsewhere/x"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_backup_changes_nothing(backed_up: Path, case: str, here: Path) -> None:
    before = seen()
    BAD[case](backed_up)
    done = ran("restore", str(backed_up))
    assert done.code == 4, done.err
    assert "backup" in done.err
    assert seen() == before
    assert not (here / "escaped.txt").exists()
    assert not Path("/tmp/partywall-escaped.txt").exists()
    assert not [path for path in HOME.iterdir() if "before-restore" in path.name]


def test_a_backup_whose_chain_is_broken_is_neither_taken_nor_restored() -> None:
    asyncio.run(lived("first"))
    connection = sqlite3.connect(DATABASE, isolation_level=None)
    connection.execute("UPDATE records SET rule = 'other' WHERE tenant = 'ACME'")
    connection.close()
    done = ran("backup", "state.tar")
    assert done.code == 4
    assert not Path("state.tar").exists()


def test_a_damaged_database_is_replaced_and_kept(backed_up: Path) -> None:
    DATABASE.write_bytes(b"damaged " * 4_096)
    assert ran("violations", "list").code == 4
    assert ran("restore", str(backed_up)).code == 0
    assert seen() == BEFORE
    (damaged,) = HOME.glob("partywall.db.before-restore-*")
    assert damaged.read_bytes().startswith(b"damaged ")


def test_a_backup_that_is_not_there_is_named_before_a_key_that_is_not_there_either() -> None:
    done = ran("restore", "nowhere.tar")
    assert (done.code, done.err) == (3, "error: there is no backup of that name\n")
    assert not HOME.exists()


def test_a_backup_of_another_key_is_refused(backed_up: Path) -> None:
    before = seen()
    HOME.rename("away")
    asyncio.run(lived("elsewhere"))
    assert ran("restore", str(backed_up)).code == 4
    assert {rule for _, rule in seen()[0]} == {"elsewhere"}
    assert before != seen()


def test_what_cannot_be_backed_up_says_what_to_do() -> None:
    assert ran("backup", "state.tar").code in (3, 4)
    Path("partywall.toml").write_text('profile = "light"\n[store]\npath = ":memory:"\n')
    assert "ends with the bot" in ran("backup", "state.tar").err
    Path("partywall.toml").write_text(
        'profile = "light"\n[store]\npath = "postgresql://bot@127.0.0.1/wall"\nmaster_key_file = "k"\n'
    )
    Path("k").write_bytes(bytes(32))
    done = ran("backup", "state.tar")
    assert (done.code, "pg_dump" in done.err) == (2, True)
    assert "pg_dump" in ran("restore", "state.tar").err


def test_links_in_a_compartment_are_left_out_and_counted() -> None:
    asyncio.run(lived("first"))
    kept("a", "acme's").with_name("link").symlink_to("/etc/passwd")
    found = json.loads(ran("backup", "state.tar", "--json").out)
    assert (found["files"], found["left_out"]) == (1, 1)
    assert b"root:" not in Path("state.tar").read_bytes()


# After each of these steps of a swap the process dies.
STEPS = ("_quiet", "_noted", "link", "rename-1", "rename-2", "rename-3")
KILLED = """
import os, sys
from vault import swap
from partywall.cli.app import main
step = sys.argv[1]
def dying(work, count):
    left = [count]
    def run(*given, **named):
        done = work(*given, **named)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 9)
        return done
    return run
class Dying:
    def __getattr__(self, name):
        return getattr(os, name)
if step.startswith("_"):
    setattr(swap, step, dying(getattr(swap, step), 1))
else:
    name, _, count = step.partition("-")
    swap.os = Dying()
    # The note is renamed into its place before.
    setattr(swap.os, name, dying(getattr(os, name), int(count or 1) + (name == "rename")))
main(["restore", "state.tar"])
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_restore_that_is_killed_leaves_the_old_state_or_the_new_one(backed_up: Path, step: str) -> None:
    old = seen()
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=100,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    # Only the last renaming makes it the new one.
    assert seen() == (BEFORE if step == "rename-3" else old)
    assert not list(HOME.glob("*.restoring"))
    assert ran("restore", str(backed_up)).code == 0
    assert seen() == BEFORE


def test_a_note_that_cannot_be_read_keeps_the_database_closed(backed_up: Path) -> None:
    before = seen()
    note = DATABASE.with_name("partywall.db.restoring")
    note.write_text("{}")
    assert ran("violations", "list").code == 4
    assert ran("restore", str(backed_up)).code == 4
    note.unlink()
    assert seen() == before


def test_a_swap_that_fails_in_between_is_undone(tmp_path: Path) -> None:
    asyncio.run(lived("first"))
    kept("a", "acme's")
    kept("g", "globex's")
    names = {name: str(tmp_path / name) for name in ("fresh", "kept", "kept_files", "fresh_files")}
    Path(names["fresh"]).touch()
    wanted = Swap(database=str(DATABASE.absolute()), files=str(FILES.absolute()), **names)
    with pytest.raises(StoreUnavailable):
        swapped(wanted)
    undone(DATABASE.absolute())
    assert seen() == BEFORE


def test_a_backup_that_is_killed_leaves_no_file_of_that_name() -> None:
    asyncio.run(lived("first"))
    killed = (
        "import os\nfrom partywall import backups\nfrom partywall.cli.app import main\n"
        "backups.written = lambda *given: os.kill(os.getpid(), 9)\nmain(['backup', 'state.tar'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", killed],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=100,
    )
    assert done.returncode == -signal.SIGKILL
    assert not Path("state.tar").exists()
    assert ran("backup", "state.tar").code == 0
    assert {tenant for tenant, _ in asyncio.run(rules())} == {"ACME", "GLOBEX"}
