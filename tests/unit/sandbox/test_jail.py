"""Reading in a tree that nothing leads out of."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.compartment import Compartment, Compartments
from sandbox.errors import (
    EntryFault,
    EntryUnavailable,
    EscapeFault,
    EscapeRefused,
    ReadOnlyRefused,
    SetupFault,
    SetupRefused,
)
from sandbox.held import Held
from sandbox.jail import Jail, fd_path
from sandbox.paths import ROOT, JailPath, parse
from sandbox.quota import Quota
from sandbox.resolve import Resolver, best_resolver
from tests.fakes.descriptors import open_count


def _fault(jail: Jail, text: str) -> EscapeFault | EntryFault:
    with pytest.raises((EscapeRefused, EntryUnavailable)) as refused:
        jail.open(parse(text))
    error = refused.value
    assert isinstance(error, EscapeRefused | EntryUnavailable)
    assert str(error) == error.fault.value
    return error.fault


def test_an_owner_reads_their_own_file(acme: Compartment) -> None:
    acme.own.writer.create(parse("a/b.txt"), b"mine")
    with acme.own.open(parse("/a/b.txt")) as file:
        assert file.read() == b"mine"
    assert acme.own.read(parse("a/b.txt"), max_bytes=4) == b"mine"


def test_another_tenants_file_is_missing_under_every_name(
    tmp_path: Path, acme: Compartment, globex: Compartment
) -> None:
    assert globex.own.read(parse("secret.txt"), max_bytes=99) == b"globex secret"
    assert _fault(acme.own, "secret.txt") is EntryFault.MISSING
    assert _fault(acme.own, f"{tmp_path}/base/by-sender") is EntryFault.MISSING


def test_a_file_larger_than_asked_is_refused_and_not_cut(acme: Compartment) -> None:
    acme.own.writer.create(parse("a"), b"12345")
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.read(parse("a"), max_bytes=4)
    assert refused.value.fault is EntryFault.TOO_LARGE


def test_a_hard_link_to_a_foreign_file_is_refused(
    tmp_path: Path, acme: Compartment, globex: Compartment, acme_files: Path
) -> None:
    foreign = next((tmp_path / "base/by-sender").glob("*/files/secret.txt"))
    os.link(foreign, acme_files / "mine.txt")
    assert _fault(acme.own, "mine.txt") is EscapeFault.HARD_LINK
    with pytest.raises(EscapeRefused):
        acme.own.writer.append(parse("mine.txt"), b"x")
    with pytest.raises(EscapeRefused):
        acme.own.writer.write(parse("mine.txt"), b"x")
    acme.own.writer.delete(parse("mine.txt"))
    assert globex.own.read(parse("secret.txt"), max_bytes=99) == b"globex secret"


@pytest.mark.parametrize("bit", [stat.S_ISUID, stat.S_ISGID], ids=["setuid", "setgid"])
def test_a_file_that_runs_as_somebody_else_is_refused(acme: Compartment, acme_files: Path, bit: int) -> None:
    (acme_files / "tool").write_bytes(b"#!")
    (acme_files / "tool").chmod(0o700 | bit)
    assert _fault(acme.own, "tool") is EscapeFault.SET_ID


def test_pipes_sockets_and_devices_are_refused_without_blocking(acme: Compartment, acme_files: Path) -> None:
    os.mkfifo(acme_files / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(acme_files, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/sock")
        os.close(here)
        assert _fault(acme.own, "pipe") is EscapeFault.SPECIAL
        assert _fault(acme.own, "sock") is EscapeFault.SPECIAL
    if os.geteuid() == 0:
        os.mknod(acme_files / "zero", stat.S_IFCHR | 0o600, os.makedev(1, 5))
        assert _fault(acme.own, "zero") is EscapeFault.SPECIAL


def test_links_are_listed_as_special_and_never_opened(acme: Compartment, acme_files: Path) -> None:
    (acme_files / "link").symlink_to("/etc/passwd")
    assert _fault(acme.own, "link") is EscapeFault.LINK
    (entry,) = acme.own.list(ROOT, max_entries=9)
    assert (entry.kind, entry.path) == ("special", parse("link"))
    seen = acme.own.stat(parse("link"))
    assert (seen.kind, seen.size_bytes) == ("special", 0)
    acme.own.writer.delete(parse("link"))
    assert Path("/etc/passwd").exists()


def test_a_directory_is_no_file(acme: Compartment) -> None:
    acme.own.writer.mkdirs(parse("d"))
    assert _fault(acme.own, "d") is EntryFault.IS_DIRECTORY
    assert _fault(acme.own, ".") is EntryFault.IS_DIRECTORY


def test_entries_are_described_and_listed_by_name(acme: Compartment) -> None:
    acme.own.writer.create(parse("b"), b"123")
    acme.own.writer.create(parse("a/c"), b"1")
    assert [(str(entry.path), entry.kind) for entry in acme.own.list(ROOT, max_entries=2)] == [
        ("a", "directory"),
        ("b", "file"),
    ]
    assert acme.own.stat(parse("b")).size_bytes == 3
    assert acme.own.stat(parse("a")).kind == "directory"
    assert acme.own.stat(ROOT).kind == "directory"
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.stat(parse("none"))
    assert refused.value.fault is EntryFault.MISSING


def test_more_entries_than_asked_are_refused_and_not_cut(acme: Compartment) -> None:
    for name in "abc":
        acme.own.writer.create(parse(name), b"")
    assert len(acme.own.list(ROOT, max_entries=3)) == 3
    with pytest.raises(EntryUnavailable) as refused:
        acme.own.list(ROOT, max_entries=2)
    assert refused.value.fault is EntryFault.TOO_LARGE


def test_a_name_that_is_no_unicode_is_listed_and_readable_by_its_bytes(
    acme: Compartment, acme_files: Path
) -> None:
    (acme_files / os.fsdecode(b"\xff.txt")).write_bytes(b"odd")
    (entry,) = acme.own.list(ROOT, max_entries=9)
    assert entry.path == JailPath(parts=(b"\xff.txt",))
    assert acme.own.read(entry.path, max_bytes=9) == b"odd"


def test_unicode_and_case_twins_are_files_of_their_own(acme: Compartment, globex: Compartment) -> None:
    for number, name in enumerate(["Caf\u00e9", "Cafe\u0301", "caf\u00e9", "\uff23af\u00e9"]):
        acme.own.writer.create(parse(name), str(number).encode())
    assert acme.own.read(parse("Cafe\u0301"), max_bytes=1) == b"1"
    for twin in ("SECRET.TXT", "\uff53ecret.txt", "secret.txt\u200b", "s\u0435cret.txt"):
        assert _fault(globex.own, twin) is EntryFault.MISSING


def test_a_path_for_stubborn_tools_means_the_open_file_whatever_its_name_becomes(acme: Compartment) -> None:
    acme.own.writer.create(parse("a"), b"first")
    with acme.own.open(parse("a")) as file:
        acme.own.writer.write(parse("a"), b"second")
        assert Path(fd_path(file)).read_bytes() == b"first"


def test_another_system_names_open_files_in_dev(acme: Compartment, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.own.writer.create(parse("a"), b"")
    monkeypatch.setattr("sys.platform", "darwin")
    with acme.own.open(parse("a")) as file:
        assert fd_path(file) == f"/dev/fd/{file.fileno()}"


def test_a_shared_tree_is_read_and_never_written(tmp_path: Path, resolver: Resolver) -> None:
    (tmp_path / "rules.txt").write_text("for all")
    with Jail.shared(tmp_path, resolver=resolver) as jail:
        assert jail.read(parse("rules.txt"), max_bytes=99) == b"for all"
        with pytest.raises(ReadOnlyRefused):
            jail.writer.write(parse("rules.txt"), b"x")


def test_a_missing_shared_tree_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(SetupRefused) as refused:
        Jail.shared(tmp_path / "none")
    assert refused.value.fault is SetupFault.BASE_UNUSABLE


def test_a_jail_takes_the_best_resolver_by_default(tmp_path: Path, quota: Quota) -> None:
    home = Held(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))
    with Jail.own(home, quota=quota) as own, Jail.shared(tmp_path) as shared:
        own.writer.create(parse("a"), b"1")
        assert shared.read(parse("files/a"), max_bytes=1) == b"1"
    assert best_resolver() is not None


def test_a_root_that_is_a_link_is_refused_and_nothing_stays_open(tmp_path: Path, quota: Quota) -> None:
    (tmp_path / "files").symlink_to("/")
    before = open_count()
    with pytest.raises(EntryUnavailable) as refused:
        Jail.own(Held(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)), quota=quota)
    del refused  # its traceback keeps what the refused one had opened
    assert open_count() == before


def test_closing_twice_or_never_leaks_nothing(tmp_path: Path, quota: Quota) -> None:
    before = open_count()
    jail = Jail.own(Held(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)), quota=quota)
    assert os.fstat(jail.fd)
    jail.close()
    jail.close()
    forgotten = Jail.shared(tmp_path)
    del forgotten
    assert open_count() == before


def test_a_closed_jail_never_works_in_the_tree_that_got_its_number(compartments: Compartments) -> None:
    closed = compartments.of(b"acme")
    number = closed.own.fd
    closed.close()
    with compartments.of(b"globex") as globex:
        globex.own.writer.create(parse("secret.txt"), b"globex secret")
        assert str(number) in os.listdir("/proc/self/fd")
        verbs: list[Callable[[], object]] = [
            lambda: closed.own.read(parse("secret.txt"), max_bytes=99),
            lambda: closed.own.list(ROOT, max_entries=9),
            lambda: closed.own.stat(ROOT),
            lambda: closed.own.glob(parse("*"), max_entries=9),
            lambda: closed.own.grep(lambda _: True, ROOT, max_entries=9, max_bytes=99, max_matches=9),
            lambda: closed.own.fd,
            lambda: closed.own.writer,
        ]
        for verb in verbs:
            with pytest.raises(EntryUnavailable) as refused:
                verb()
            assert refused.value.fault is EntryFault.CLOSED


def test_a_jail_closed_during_a_verb_still_ends_in_its_own_tree(compartments: Compartments) -> None:
    opened: list[Compartment] = []
    with compartments.of(b"acme") as acme:
        acme.own.writer.create(parse("a"), b"acme")
        acme.own.writer.create(parse("b"), b"acme")

        def close_and_reuse(line: bytes) -> bool:
            acme.close()
            opened.append(compartments.of(b"globex"))
            opened[-1].own.writer.write(parse("b"), b"globex secret")
            return True

        found = acme.own.grep(close_and_reuse, ROOT, max_entries=9, max_bytes=99, max_matches=9)
        assert [match.line for match in found] == [b"acme", b"acme"]


def test_the_base_of_the_compartments_is_out_of_reach(acme: Compartment, globex: Compartment) -> None:
    up = os.open(b"..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=acme.own.fd)
    assert "files" in os.listdir(up)
    os.close(up)
    forged = object.__new__(JailPath)
    object.__setattr__(forged, "parts", (b"..", b"files"))
    with pytest.raises(EscapeRefused):
        Jail.shared(f"/proc/self/fd/{acme.own.fd}", resolver=best_resolver()).open(forged)
